/* SPDX-License-Identifier: ISC */
#include "judge/judge.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

/* What follows the prefix, or NULL. */
static const char *
behind(const char *spec, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(spec, prefix, n) == 0 ? spec + n : NULL;
}

bool
judge_open(struct judge *j, const char *spec, struct buf *why)
{
	const char *target = behind(spec, "net:"), *code = behind(spec, "exit:");
	uint64_t n;

	*j = (struct judge){ .spec = spec };
	buf_clear(why);
	if (target) {
		j->net = net_parse(&j->hail.target, target);
		if (!j->net)
			buf_printf(why, "invalid host:service format: %s",
			    spec);
		return j->net;
	}
	if (code) {
		if (text_number(code, 0, 255, &n))
			j->code = (int)n;
		else
			buf_printf(why, "no exit code from 0 to 255: %s",
			    spec);
		return why->n == 0;
	}
	if (!helper_parse(&j->words, spec))
		buf_printf(why, "invalid executable path -- must be "
		    "absolute: %s", spec);
	return why->n == 0;
}

void
judge_close(struct judge *j)
{
	hail_close(&j->hail);
	list_free(&j->words);
}

void
judge_check(const struct judge *j)
{
	const char *path;
	struct stat st;

	if (j->words.n == 0)
		return;
	path = list_get(&j->words, 0);
	errno = EACCES;
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) ||
	    eaccess(path, X_OK) < 0)
		log_warning("cannot run '%s': %s", path, strerror(errno));
}

static bool
has_ended(const char *path, const struct helper_result *r, unsigned seconds)
{
	if (r->error)
		log_error("cannot run '%s': %s", path, strerror(r->error));
	else if (r->timed_out)
		log_error("'%s' was killed: not ready in %u seconds", path,
		    seconds);
	else if (r->signal)
		log_error("'%s' was killed by signal %d", path, r->signal);
	else
		return true;
	return false;
}

bool
judge_run(const struct judge *j, const struct list *arguments,
    unsigned seconds, struct helper_result *r)
{
	struct list words = { 0 };
	bool ok;

	if (j->words.n == 0) {
		buf_set(&r->output, "");
		r->code = j->code;
		return true;
	}
	for (size_t i = 0; i < j->words.n; i++)
		list_add(&words, list_get(&j->words, i));
	for (size_t i = 0; i < arguments->n; i++)
		list_add(&words, list_get(arguments, i));
	helper_run(r, &words, seconds);
	ok = has_ended(list_get(&words, 0), r, seconds);
	list_free(&words);
	return ok;
}
