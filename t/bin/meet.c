/* SPDX-License-Identifier: ISC */
/*
 * meet DIR JOBS PROGRAM ARGUMENT...: let smtp-send, which is the program, send
 * two messages to servers that are told on stdin, each in a spool of its own,
 * several at a time. A server is a row of strings, each with a NUL behind it,
 * and ends with an empty one:
 *
 *   what becomes of the messages    `ready gone`, a regular expression
 *   the exit status                 likewise
 *   what is logged                  likewise
 *   send:OPTION                     another argument of smtp-send
 *   said:N:REGEX                    so many lines of the dialogue match
 *   arrived:N                       so many texts have come, to their end
 *   unlogged:TEXT                   is not in the log
 *   ...                             any other is an option of answer(1)
 *
 * Besides, each run takes less than fifteen seconds, its log and report are
 * printable, and nothing but whole messages is left in the spool.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "meeting/meeting.h"
#include "base/log.h"
#include "base/text.h"

static char *
next_string(FILE *f)
{
	char *s = NULL;
	size_t cap = 0;

	if (getdelim(&s, &cap, '\0', f) < 0)
		return NULL;
	return s;
}

static bool
read_row(FILE *f, struct row *r)
{
	char *s;

	*r = (struct row){ .states = next_string(f) };
	r->status = next_string(f);
	r->log = next_string(f);
	while (r->log && (s = next_string(f)) && *s) {
		if (text_starts(s, "send:"))
			list_add(&r->send, s + strlen("send:"));
		else if (text_starts(s, "said:") ||
		    text_starts(s, "arrived:") || text_starts(s, "unlogged:"))
			list_add(&r->checks, s);
		else
			list_add(&r->answer, s);
		free(s);
	}
	return r->log != NULL;
}

static void
report(const struct run *run)
{
	const struct row *r = run->row;
	struct buf said = { 0 };

	get_file(run, "got/said", &said);
	for (size_t i = 0; i < r->answer.n; i++)
		printf("%s%.300s", i ? " " : "answer ", list_get(&r->answer, i));
	printf("\n%s%.3000s\nsaid:\n%.1000s\n", run->wrong.s, run->log.s,
	    said.s);
	fflush(stdout);
	buf_free(&said);
}

static bool
play(const struct row *row, const char *where, char **program)
{
	struct run run = { .row = row, .program = program };
	bool good;

	run_start(&run, where);
	judge(&run);
	good = run.wrong.n == 0;
	if (!good)
		report(&run);
	run_end(&run);
	return good;
}

int
main(int argc, char *argv[])
{
	unsigned long jobs = argc > 3 ? strtoul(argv[2], NULL, 10) : 0;
	int status, failed = 0;
	struct row *rows = NULL;
	size_t n = 0;

	if (jobs == 0)
		die(EX_USAGE, "usage: meet DIR JOBS PROGRAM ARGUMENT... <ROWS");
	do {
		rows = reallocarray(rows, n + 1, sizeof *rows);
		if (!rows)
			die(EX_OSERR, "no memory");
	} while (read_row(stdin, &rows[n]) && ++n);
	for (size_t job = 0; job < jobs; job++) {
		if (fork() != 0)
			continue;
		for (size_t i = job; i < n; i += jobs)
			failed |= !play(&rows[i], argv[1], argv + 3);
		exit(failed);
	}
	while (wait(&status) > 0)
		failed |= status != 0;
	printf("%zu servers\n", n);
	return failed;
}
