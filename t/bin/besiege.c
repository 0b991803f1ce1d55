/* SPDX-License-Identifier: ISC */
/*
 * Play tables of hostile sessions to a program, and say what went wrong: a
 * line for each row that failed, with what was said and logged, and at the
 * end how many rows there were. besiege --help has the options, table.h the
 * form of the tables.
 */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "siege/assault.h"
#include "siege/judge.h"
#include "siege/table.h"
#include "base/log.h"
#include "base/text.h"

static const char usage[] =
"usage: besiege [OPTION...] TABLE... -- PROGRAM ARGUMENT...\n"
"Each row has a session of its own, with --spool-dir behind the arguments.\n"
"  -d DIR   where to make the spools (.)\n"
"  -j N     so many sessions at a time (2)\n"
"  -l       list the rows, and do nothing\n"
"  -m KIB   the memory that each may use\n"
"  -p       POP3, not SMTP\n"
"  -s DIR   what is in each spool at first\n"
"  -t       print the name of each row and how many ms it has taken\n";

static void
put_octets(const char *what, const struct buf *b)
{
	struct buf out = { 0 };

	text_printable(&out, buf_text(b), b->n < 2000 ? b->n : 2000);
	printf("  %s: %s\n", what, buf_text(&out));
	buf_free(&out);
}

/* All octets, or the first so many. */
static bool
play(const struct siege *s, const struct row *row, size_t octets, bool half)
{
	struct buf wrong = { 0 };
	struct outcome o;
	bool good;

	assault(s, row, octets, &o);
	judge(s, row, &o, half, &wrong);
	if (s->times) {
		printf("%s %lld\n", row->name, (long long)o.ticks);
		fflush(stdout);
	}
	good = wrong.n == 0;
	if (!good) {
		printf("%s: %s", row->where, row->name);
		if (half)
			printf(", %zu octets of it", octets);
		printf("\n%s", wrong.s);
		put_octets("said", &o.said);
		put_octets("log", &o.log);
		fflush(stdout);
	}
	outcome_free(&o);
	buf_free(&wrong);
	return good;
}

static unsigned
play_row(const struct siege *s, const struct row *row)
{
	struct buf input = { 0 };
	unsigned failed = 0;
	size_t n = 0;

	if (row->cut) {
		fill(&input, row->input);
		n = input.n;
		buf_free(&input);
	}
	for (size_t i = 1; i < n; i++)
		failed += !play(s, row, i, true);
	failed += !play(s, row, SIZE_MAX, false);
	return failed;
}

/* The rows that are left over when divided so. */
static int
work(const struct siege *s, const struct table *t, size_t jobs, size_t job)
{
	unsigned failed = 0;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (size_t i = job; i < t->n; i += jobs)
		failed += play_row(s, &t->rows[i]);
	return failed > 0;
}

static int
play_all(const struct siege *s, const struct table *t, size_t jobs)
{
	int status, failed = 0;

	fflush(stdout);
	for (size_t i = 0; i < jobs; i++) {
		pid_t p = fork();

		if (p < 0)
			die(EX_OSERR, "cannot fork");
		if (p == 0)
			exit(work(s, t, jobs, i));
	}
	while (wait(&status) > 0)
		failed |= status != 0;
	printf("%zu rows\n", t->n);
	return failed;
}

int
main(int argc, char **argv)
{
	struct siege s = { .work = "." };
	struct table t = { 0 };
	size_t jobs = 2;
	bool list = false;
	int c;

	while ((c = getopt(argc, argv, "+d:j:lm:ps:t")) != -1)
		switch (c) {
		case 'd': s.work = optarg; break;
		case 'j': jobs = strtoul(optarg, NULL, 10); break;
		case 'l': list = true; break;
		case 'm': s.memory = strtol(optarg, NULL, 10); break;
		case 'p': s.pop = true; break;
		case 's': s.model = optarg; break;
		case 't': s.times = true; break;
		default: fputs(usage, stderr); return EX_USAGE;
		}
	for (; optind < argc && strcmp(argv[optind], "--") != 0; optind++)
		table_read(&t, argv[optind]);
	for (size_t i = 0; list && i < t.n; i++)
		puts(t.rows[i].name);
	if (list)
		return 0;
	if (optind + 1 >= argc || jobs == 0 || t.n == 0) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	s.program = argv + optind + 1;
	signal(SIGPIPE, SIG_DFL);
#ifdef M_MMAP_THRESHOLD
	/* what is given back is gone, and not a part of the next child */
	mallopt(M_MMAP_THRESHOLD, 65536);
#endif
	return play_all(&s, &t, jobs);
}
