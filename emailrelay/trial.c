/* SPDX-License-Identifier: ISC */
#include "relay.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/helper.h"
#include "base/program.h"

enum { TRIAL_SECONDS = 90 };    /* a program may be asked for a password */

/* What a program says on stderr, without its name and the rank of it. */
static void
pass_on(const char *program, char *said, bool fatal)
{
	static const char *const ranks[] = { ": error: ", ": warning: " };
	char *line, *text, *at;

	while ((line = strsep(&said, "\n")) != NULL) {
		if (!*line)
			continue;
		text = line;
		for (size_t i = 0; i < 2; i++)
			if ((at = strstr(line, ranks[i])) != NULL)
				text = at + strlen(ranks[i]);
		if (fatal && (!said || !*said))
			die(EX_CONFIG, "exception: %s: %s", program, text);
		log_warning("%s: %s", program, text);
	}
	if (fatal)
		die(EX_CONFIG, "exception: %s does not run", program);
}

/* With nothing on stdin a server sees a client that has gone, and a sender
 * no ids. */
static void
try(const struct service *s)
{
	static const char *const quiet[] = { "log", "log-format", "log-time",
		"verbose", "debug", "syslog", "poll" };
	struct helper_result r = { 0 };
	struct list words = { 0 };
	const char *word;
	bool skip;

	list_add(&words, "/bin/sh");
	list_add(&words, "-c");
	list_add(&words, "unset SLUICE_LOG SLUICE_VERBOSE SLUICE_DEBUG "
	    "SLUICE_SYSLOG SLUICE_LOG_FORMAT SLUICE_LOG_TIME SLUICE_POLL; "
	    "exec \"$0\" \"$@\" 3<&- 2>&1 >/dev/null");
	list_add(&words, s->path.s);
	for (size_t i = 0; i < s->options.n; i++) {
		word = list_get(&s->options, i);
		skip = false;
		for (size_t q = 0; q < sizeof quiet / sizeof quiet[0]; q++)
			skip |= option_is(word, quiet[q]);
		if (!skip)
			list_add(&words, word);
	}
	list_add(&words, "--no-syslog");
	if (s->kind == SENDER)
		list_add(&words, "-");
	helper_ask(&r, &words, environ, "", 0, TRIAL_SECONDS);
	if (r.timed_out || r.code != EX_OK || r.output.n)
		pass_on(s->program, r.output.n ? r.output.s : NULL,
		    r.timed_out || r.code != EX_OK);
	buf_free(&r.output);
	list_free(&words);
}

/* May the user that mail is dealt with as do that with it? */
static bool
user_may(const struct config *conf, const char *path, bool directory, int how)
{
	int status = -1;
	pid_t pid = fork();
	struct stat st;

	if (pid == 0) {
		program_become(conf->common.user);
		_exit(stat(path, &st) == 0 &&
		    S_ISDIR(st.st_mode) == directory &&
		    access(path, how) == 0 ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static const char *
user_name(const struct config *conf)
{
	return geteuid() == 0 ? conf->common.user : "the user";
}

/* Who forwards when a client has gone is not root any more. */
static void
try_secrets(const struct config *conf)
{
	const char *file = conf->client_auth;

	if (!file || (!conf->on_disconnect && !conf->immediate))
		return;
	if (strncmp(file, "file:", 5) == 0)
		file += 5;
	if (!strchr(file, ':') && !user_may(conf, file, false, R_OK))
		die(EX_CONFIG, "exception: cannot read secrets file: reading "
		    "\"%s\" for client secrets: '%s' has to be able to",
		    file, user_name(conf));
}

void
plan_try(const struct plan *p, const struct config *conf)
{
	unsigned done = 0;

	if (!user_may(conf, conf->common.spool_dir, true, W_OK | X_OK))
		die(EX_NOINPUT, "exception: invalid spool directory: %s: it "
		    "is none, or '%s' may not write there",
		    conf->common.spool_dir, user_name(conf));
	try_secrets(conf);
	for (size_t i = 0; i < p->n; i++) {
		/* what comes from a descriptor can be read only once */
		if (!(done & 1u << p->services[i].kind) &&
		    !(conf->client_auth &&
		    strncmp(conf->client_auth, "fd:", 3) == 0))
			try(&p->services[i]);
		done |= 1u << p->services[i].kind;
	}
}
