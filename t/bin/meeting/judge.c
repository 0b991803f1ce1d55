/* SPDX-License-Identifier: ISC */
#include "meeting.h"

#include <ctype.h>
#include <dirent.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/text.h"

static bool
matches(const char *regex, const char *text)
{
	regex_t re;
	bool yes;

	if (regcomp(&re, regex, REG_EXTENDED | REG_NOSUB))
		die(EX_DATAERR, "not a regular expression: %s", regex);
	yes = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return yes;
}

static bool
whole(const char *regex, const char *text)
{
	struct buf b = { 0 };
	bool yes;

	buf_printf(&b, "^(%s)$", regex);
	yes = matches(b.s, text);
	buf_free(&b);
	return yes;
}

/* See state in t/send.bash. A message that is there is whole. */
static const char *
state(struct run *run, int n)
{
	static const char *const kinds[] = { ".bad", ".busy", "" };
	const char *found = NULL;
	struct buf text = { 0 };
	char name[80];

	for (size_t i = 0; i < 3 && !found; i++) {
		snprintf(name, sizeof name,
		    "spool/emailrelay.7.1000.%d.envelope%s", n, kinds[i]);
		if (get_file(run, name, &text))
			found = *kinds[i] ? kinds[i] + 1 :
			    strstr(text.s, "\nX-Sluice-Deferred: ") ?
			    "deferred" : "ready";
	}
	if (found && !strstr(text.s, "\nX-MailRelay-End: 1\r\n"))
		buf_printf(&run->wrong, "%s is damaged\n", name);
	snprintf(name, sizeof name, "spool/emailrelay.7.1000.%d.content", n);
	if (get_file(run, name, &text) != (found != NULL))
		buf_printf(&run->wrong, "message %d is not whole\n", n);
	buf_free(&text);
	return found ? found : "gone";
}

static void
look_around(struct run *run)
{
	static const char *const ours[] = {
		".content", ".envelope", ".bad", ".counters", "."
	};
	struct buf spool = { 0 };
	struct dirent *e;
	DIR *d;

	path_of(&spool, run, "spool");
	d = opendir(spool.s);
	while (d && (e = readdir(d))) {
		const char *kind = strrchr(e->d_name, '.');
		bool known = false;

		for (size_t i = 0; kind && i < 5; i++)
			known |= strcmp(kind, ours[i]) == 0;
		if (!known)
			buf_printf(&run->wrong, "left behind: %s\n", e->d_name);
	}
	if (d)
		closedir(d);
	buf_free(&spool);
}

/* How many lines match. */
static unsigned
lines_like(char *text, const char *regex)
{
	unsigned n = 0;
	char *line;

	while ((line = strsep(&text, "\n")))
		n += (*line || text) && matches(regex, line);
	return n;
}

static unsigned
arrived(const struct run *run)
{
	struct buf got = { 0 };
	struct dirent *e;
	unsigned n = 0;
	DIR *d;

	path_of(&got, run, "got");
	d = opendir(got.s);
	while (d && (e = readdir(d)))
		n += strstr(e->d_name, ".wire") != NULL;
	if (d)
		closedir(d);
	buf_free(&got);
	return n;
}

static void
check(struct run *run, const char *what)
{
	struct buf said = { 0 };
	unsigned long want, got;
	char *regex;

	if (text_starts(what, "arrived:")) {
		if (arrived(run) != (unsigned)atoi(what + strlen("arrived:")))
			buf_printf(&run->wrong, "%u arrived, not %s\n",
			    arrived(run), what);
		return;
	}
	if (text_starts(what, "unlogged:")) {
		if (strstr(run->log.s, what + strlen("unlogged:")))
			buf_printf(&run->wrong, "%s\n", what);
		return;
	}
	want = strtoul(what + strlen("said:"), &regex, 10);
	get_file(run, "got/said", &said);
	got = lines_like(said.s, regex + 1);
	if (got != want)
		buf_printf(&run->wrong, "%lu lines were said, not %s\n", got,
		    what);
	buf_free(&said);
}

void
judge(struct run *run)
{
	struct buf states = { 0 };
	char status[16];

	for (int n = 1; n <= MESSAGES; n++)
		buf_printf(&states, "%s%s", n > 1 ? " " : "", state(run, n));
	snprintf(status, sizeof status, "%d", WIFEXITED(run->status) ?
	    WEXITSTATUS(run->status) : 128 + WTERMSIG(run->status));
	if (!whole(run->row->states, states.s))
		buf_printf(&run->wrong, "%s, not %s\n", states.s,
		    run->row->states);
	if (!whole(run->row->status, status))
		buf_printf(&run->wrong, "status %s, not %s\n", status,
		    run->row->status);
	if (!matches(run->row->log, run->log.s))
		buf_printf(&run->wrong, "not logged: %s\n", run->row->log);
	for (size_t i = 0; i < run->log.n; i++)
		if (iscntrl((unsigned char)run->log.s[i]) &&
		    run->log.s[i] != '\n')
			buf_puts(&run->wrong, "the log is not printable\n");
	if (!text_utf8(run->log.s, run->log.n))
		buf_puts(&run->wrong, "the log is not UTF-8\n");
	look_around(run);
	for (size_t i = 0; i < run->row->checks.n; i++)
		check(run, list_get(&run->row->checks, i));
	buf_free(&states);
}
