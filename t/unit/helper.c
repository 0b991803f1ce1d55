/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "base/date.h"
#include "base/helper.h"

static void
options_are_taken_apart(void **state)
{
	static const struct {
		const char *option;
		bool ok;
		const char *words;      /* each in brackets */
	} t[] = {
		{ "/bin/true", true, "[/bin/true]" },
		{ "/bin/echo one two", true, "[/bin/echo][one][two]" },
		{ " /bin/echo   one ", true, "[/bin/echo][one]" },
		{ "/a\\ b/c d\\ e", true, "[/a b/c][d e]" },
		{ "/a \\ ", true, "[/a][ ]" },
		{ "/a \"b c\" 'd'", true, "[/a][\"b][c\"]['d']" },
		{ "/a \\b $HOME * \\\\", true, "[/a][\\b][$HOME][*][\\\\]" },
		{ "/a \\\\ b", true, "[/a][\\ b]" },
		{ "/a\tb", true, "[/a\tb]" },
		{ "/a \\", true, "[/a][\\]" },
		{ "rel/f", false, "[rel/f]" },
		{ "\\ /f", false, "[ /f]" },
		{ "", false, "" },
		{ "   ", false, "" },
	};
	struct list words = { 0 };
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		assert_row(i, helper_parse(&words, t[i].option) == t[i].ok);
		buf_clear(&out);
		for (size_t k = 0; k < words.n; k++)
			buf_printf(&out, "[%s]", list_get(&words, k));
		assert_text(&out, t[i].words);
	}
	list_free(&words);
	buf_free(&out);
}

/* Run a shell script within so many seconds. */
static void
run(struct helper_result *r, const char *script, unsigned seconds)
{
	struct list words = { 0 };

	list_add(&words, "/bin/sh");
	list_add(&words, "-c");
	list_add(&words, script);
	helper_run(r, &words, seconds);
	list_free(&words);
}

static void
codes_and_output(void **state)
{
	static const struct {
		const char *script, *output;
		int code;
	} t[] = {
		{ "exit 0", "", 0 },
		{ "exit 1", "", 1 },
		{ "exit 255", "", 255 },
		{ "echo hello; echo there; exit 3", "hello\nthere\n", 3 },
		{ "echo no >&2; echo yes", "yes\n", 0 },
		{ "cat; echo end", "end\n", 0 },
		{ "echo $PATH", "/usr/bin:/bin\n", 0 },
		{ "printf %s \"$IFS\" | od -An -c | tr -d ' '", "\\t\\n\n", 0 },
		{ "umask", "0177\n", 0 },
		{ "exec >&-; exit 4", "", 4 },
	};
	struct helper_result r = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		run(&r, t[i].script, 60);
		assert_row(i, r.code == t[i].code && !r.timed_out &&
		    !r.error && !r.signal);
		assert_text(&r.output, t[i].output);
	}
	buf_free(&r.output);
}

static void
nothing_is_inherited(void **state)
{
	struct helper_result r = { 0 };
	int a = open("/dev/null", O_RDONLY), b = fcntl(a, F_DUPFD, 50);

	(void)state;
	setenv("SECRET", "x", 1);
	run(&r, "exec ls /proc/self/fd", 60);
	/* the last one is the directory that ls reads */
	assert_text(&r.output, "0\n1\n2\n3\n");
	run(&r, "env", 60);
	assert_null(strstr(buf_text(&r.output), "SECRET"));
	close(a);
	close(b);
	buf_free(&r.output);
}

static void
who_talks_without_end_is_not_blocked(void **state)
{
	struct helper_result r = { 0 };

	(void)state;
	run(&r, "yes | head -c 3000000; exit 9", 60);
	assert_int_equal(r.code, 9);
	assert_int_equal(r.output.n, HELPER_OUTPUT);
	buf_free(&r.output);
}

static void
a_child_that_keeps_the_pipe_is_not_waited_for(void **state)
{
	struct helper_result r = { 0 };
	int64_t began = date_ticks();

	(void)state;
	run(&r, "sleep 60 & echo $!; exit 5", 50);
	assert_int_equal(r.code, 5);
	assert_true(date_ticks() - began < 30000);
	kill((pid_t)atoi(buf_text(&r.output)), SIGKILL);
	buf_free(&r.output);
}

/* Is there such a process, and is it no zombie? */
static bool
lives(pid_t pid)
{
	char path[40], line[400] = "";
	const char *p;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (!fgets(line, sizeof line, f))
		line[0] = '\0';
	fclose(f);
	p = strrchr(line, ')');
	return p && p[2] != 'Z' && p[2] != 'X';
}

static void
who_hangs_is_killed_with_his_children(void **state)
{
	struct helper_result r = { 0 };
	int64_t until = date_ticks() + 20000;
	pid_t child;

	(void)state;
	run(&r, "trap '' TERM INT HUP; sleep 600 & echo $!; wait", 1);
	assert_true(r.timed_out);
	assert_int_equal(r.code, HELPER_CRASHED);
	assert_int_equal(r.signal, 0);
	child = (pid_t)atoi(buf_text(&r.output));
	assert_true(child > 1);
	/* its end may take a moment to show */
	while (lives(child) && date_ticks() < until)
		continue;
	assert_false(lives(child));
	buf_free(&r.output);
}

static void
signals_and_what_cannot_be_run(void **state)
{
	struct helper_result r = { 0 };
	struct list words = { 0 };

	(void)state;
	run(&r, "kill -9 $$", 60);
	assert_int_equal(r.signal, SIGKILL);
	assert_int_equal(r.code, HELPER_CRASHED);
	list_add(&words, "/nowhere/at/all");
	helper_run(&r, &words, 60);
	assert_int_equal(r.error, ENOENT);
	assert_int_equal(r.code, HELPER_CRASHED);
	list_clear(&words);
	list_add(&words, "/etc/passwd");
	helper_run(&r, &words, 60);
	assert_int_equal(r.error, EACCES);
	list_free(&words);
	buf_free(&r.output);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_taken_apart),
		cmocka_unit_test(codes_and_output),
		cmocka_unit_test(nothing_is_inherited),
		cmocka_unit_test(who_talks_without_end_is_not_blocked),
		cmocka_unit_test(a_child_that_keeps_the_pipe_is_not_waited_for),
		cmocka_unit_test(who_hangs_is_killed_with_his_children),
		cmocka_unit_test(signals_and_what_cannot_be_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
