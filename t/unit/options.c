/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <fcntl.h>
#include <sysexits.h>

#include "base/options.h"

static const char *const words[] = { "normalize", "reject", "keep", NULL };

struct config {
	struct options_common common;
	bool anonymous;
	uint64_t size;
	uint64_t idle;
	unsigned newline;
	const char *forward_to;
	struct list filters;
};

static const struct option_row rows[] = {
	OPTIONS_LOG(struct config),
	OPTIONS_SPOOL(struct config),
	{ "anonymous", OPTION_FLAG, offsetof(struct config, anonymous) },
	{ "size", OPTION_NUMBER, offsetof(struct config, size),
	    .max = 1000 },
	{ "idle-timeout", OPTION_SECONDS, offsetof(struct config, idle),
	    .min = 5, .max = 3600 },
	{ "bare-newline", OPTION_WORD, offsetof(struct config, newline),
	    .words = words },
	{ "forward-to", OPTION_TEXT, offsetof(struct config, forward_to),
	    .down = true },
	{ "filter", OPTION_LIST, offsetof(struct config, filters) },
};

static const struct option_set set = {
	.program = "toy", .purpose = "Shows options.", .usage = "[id ...]",
	.rows = rows, .n = COUNT(rows)
};

enum { ARGS = 12 };

/* Read words, separated by blanks, as a command line; prints what came of
 * it. */
static void
show(void *arg)
{
	struct config c = { .common.spool_dir = "/spool", .size = 7 };
	char *argv[ARGS] = { NULL }, *rest = need_copy(arg);
	int argc = 0, first;

	argv[argc++] = need_copy("toy");
	while (argc < ARGS && (argv[argc] = strtok_r(rest, " ", &rest)))
		argc++;
	log_open("toy", "toy");
	first = options_read(&set, &c.common, argc, argv);
	printf("spool=%s anonymous=%d size=%d idle=%d newline=%u to=%s "
	    "verbose=%d first=%d down=",
	    c.common.spool_dir, c.anonymous, (int)c.size, (int)c.idle,
	    c.newline, c.forward_to ? c.forward_to : "-",
	    c.common.log.verbose, first);
	for (size_t i = 0; i < c.common.down.n; i++)
		printf("%s%s", i ? "," : "", list_get(&c.common.down, i));
	printf("\nfilters:");
	for (size_t i = 0; i < c.filters.n; i++)
		printf(" %s", list_get(&c.filters, i));
	putchar('\n');
}

struct row {
	const char *args;
	int status;
	const char *says;       /* a part of it */
};

static void
try(const struct row *t, size_t n)
{
	struct buf out = { 0 };
	char args[200];

	for (size_t i = 0; i < n; i++) {
		snprintf(args, sizeof args, "%s", t[i].args);
		assert_row(i, in_child(show, args, &out) == t[i].status);
		assert_says(&out, t[i].says);
	}
	buf_free(&out);
}

static void
command_lines(void **state)
{
	static const struct row t[] = {
		{ "", 0, "spool=/spool anonymous=0 size=7 idle=0 newline=0 "
		    "to=- verbose=0 first=1 down=\n" },
		{ "--spool-dir /x", 0, "spool=/x" },
		{ "--spool-dir=/x", 0, "spool=/x" },
		{ "-s /x", 0, "spool=/x" },
		{ "-s/x", 0, "spool=/x" },
		{ "--spool-dir=", 0, "spool= " },
		{ "--spool-dir=a=b", 0, "spool=a=b" },
		{ "--spool-dir=/x --spool-dir=/y -s /z", 0, "spool=/x" },
		{ "-vA", 0, "anonymous=1 size=7 idle=0 newline=0 to=- "
		    "verbose=1" },
		{ "-vAs /x", 0, "spool=/x anonymous=1" },
		{ "-M 12", 0, "size=12" },
		{ "--size=0", 0, "size=0" },
		{ "--idle-timeout 2m", 0, "idle=120" },
		{ "--bare-newline=keep", 0, "newline=2" },
		{ "--anonymous id1 --size=3", 0, "size=7" },
		{ "--anonymous id1 --size=3", 0, "first=2" },
		{ "-z /a --filter=/b -A --filter /a", 0,
		    "\nfilters: /a /b /a\n" },
		{ "-- -v", 0, "verbose=0 first=2" },
		{ "- -v", 0, "verbose=0 first=1" },
		{ "--forward-to=h:25 -v -A", 0,
		    "down=--forward-to=h:25,--verbose\n" },
		{ "--version", 0, "toy (Sluice) " },
		{ "--help", 0, "usage: toy [options] [id ...]\n" },
		{ "-h", 0, "--bare-newline=<normalize|reject|keep>" },
	};

	(void)state;
	try(t, COUNT(t));
}

static void
wrong_command_lines(void **state)
{
	static const struct row t[] = {
		{ "--bogus", EX_USAGE, "unknown option" },
		{ "--spool-dirr=/x", EX_USAGE,
		    "unknown option --spool-dirr=/x, did you mean --spool-dir?" },
		{ "--verbos", EX_USAGE, "did you mean --verbose?" },
		{ "-%", EX_USAGE, "unknown option -%" },
		{ "-A%", EX_USAGE, "unknown option -%" },
		{ "--spool=/x", EX_USAGE, "unknown option" },
		{ "--anon", EX_USAGE, "unknown option" },
		{ "--pop", EX_USAGE, "unknown option" },
		{ "--spool-dir", EX_USAGE, "no value supplied" },
		{ "-s", EX_USAGE, "no value supplied for -s" },
		{ "--anonymous=yes", EX_USAGE, "anonymous" },
		{ "--size=1001", EX_USAGE, "from 0 to 1000" },
		{ "--size=x", EX_USAGE, "does not take \"x\"" },
		{ "--size=", EX_USAGE, "does not take \"\"" },
		{ "--size=-1", EX_USAGE, "a number" },
		{ "--idle-timeout=4", EX_USAGE, "from 5s to 3600s" },
		{ "--idle-timeout=2h", EX_USAGE, "from 5s to 3600s" },
		{ "--bare-newline=no", EX_USAGE, "normalize reject keep" },
	};

	(void)state;
	try(t, COUNT(t));
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
files(void **state)
{
	static const struct {
		const char *text, *args;
		int status;
		const char *says;
	} t[] = {
		{ "", "", 0, "spool=/spool" },
		{ "# comment\n\n  \t\nspool-dir /f\n", "", 0, "spool=/f" },
		{ "  spool-dir\t /f  \r\nanonymous\n", "", 0,
		    "spool=/f anonymous=1" },
		{ "spool-dir /a b c\n", "", 0, "spool=/a b c " },
		{ "size 9", "", 0, "size=9" },
		{ "size 9\nsize 8\n", "", 0, "size=9" },
		{ "size 9\nspool-dir /f\n", "--size=8 ", 0,
		    "spool=/f anonymous=0 size=8" },
		{ "forward-to a:1\nverbose\n", "", 0,
		    "down=--forward-to=a:1,--verbose\n" },
		{ "forward-to a:1\n", "--forward-to=b:1 ", 0,
		    "down=--forward-to=b:1\n" },
		{ "filter /a b\nverbose\nfilter /c\n", "", 0,
		    "\nfilters: /a b /c\n" },
		{ "filter /a\nfilter /b\n", "-z /c -z /d ", 0,
		    "\nfilters: /c /d\n" },
		{ "pop-port 110\nas-server\n", "", 0, "spool=/spool" },
		{ "# 1\nbogus 1\n", "", EX_CONFIG, "/conf:2: unknown" },
		{ "spool-dirr /x\n", "", EX_CONFIG,
		    "did you mean spool-dir?" },
		{ "config /x\n", "", EX_CONFIG, ":1: unknown option config" },
		{ "--size 1\n", "", EX_CONFIG, ":1: unknown" },
		{ "spool-dir\n", "", EX_CONFIG, "no value supplied" },
		{ "anonymous yes\n", "", EX_CONFIG, "takes no value" },
		{ "size much\n", "", EX_CONFIG, "does not take \"much\"" },
	};
	struct buf out = { 0 };
	char dir[64], args[200], conf[80];

	(void)state;
	scratch_make(dir);
	snprintf(conf, sizeof conf, "%s/conf", dir);
	for (size_t i = 0; i < COUNT(t); i++) {
		write_file(conf, t[i].text);
		snprintf(args, sizeof args, "%s--config %s", t[i].args, conf);
		assert_row(i, in_child(show, args, &out) == t[i].status);
		assert_says(&out, t[i].says);
	}
	snprintf(args, sizeof args, "--config=%s/none", dir);
	assert_int_equal(in_child(show, args, &out), EX_CONFIG);
	assert_says(&out, "/none': No such file");
	buf_free(&out);
	scratch_remove(dir);
}

static void
long_lines(void **state)
{
	struct buf text = { 0 }, out = { 0 };
	char dir[64], args[100];

	(void)state;
	scratch_make(dir);
	buf_puts(&text, "spool-dir /");
	while (text.n < 5000)
		buf_putc(&text, 'x');
	snprintf(args, sizeof args, "%s/conf", dir);
	write_file(args, text.s);
	snprintf(args, sizeof args, "--config=%s/conf", dir);
	assert_int_equal(in_child(show, args, &out), EX_CONFIG);
	assert_says(&out, ":1: line too long");
	buf_free(&text);
	buf_free(&out);
	scratch_remove(dir);
}

static void
may_be_missing(void *path)
{
	struct config c = { .size = 7 };

	options_file(&set, &c.common, path);
	printf("size=%d\n", (int)c.size);
}

static void
a_file_that_need_not_be_there(void **state)
{
	struct buf out = { 0 };
	char dir[64], conf[80];

	(void)state;
	scratch_make(dir);
	snprintf(conf, sizeof conf, "%s/conf", dir);
	assert_int_equal(in_child(may_be_missing, conf, &out), 0);
	assert_text(&out, "size=7\n");
	write_file(conf, "size 8\n");
	assert_int_equal(in_child(may_be_missing, conf, &out), 0);
	assert_text(&out, "size=8\n");
	write_file(conf, "size x\n");
	assert_int_equal(in_child(may_be_missing, conf, &out), EX_CONFIG);
	buf_free(&out);
	scratch_remove(dir);
}

static void
the_catalogue_is_sorted(void **state)
{
	const struct option_entry *o = option_catalogue;

	(void)state;
	for (size_t i = 0; o[i].name; i++) {
		assert_row(i, !o[i + 1].name ||
		    strcmp(o[i].name, o[i + 1].name) < 0);
		assert_true(option_find(o[i].name) == &o[i]);
		assert_row(i, o[i].help && *o[i].help);
	}
	assert_null(option_find("bogus"));
	assert_null(option_find(""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_lines),
		cmocka_unit_test(wrong_command_lines),
		cmocka_unit_test(files),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(a_file_that_need_not_be_there),
		cmocka_unit_test(the_catalogue_is_sorted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
