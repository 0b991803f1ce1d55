/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <sysexits.h>

#include "base/log.h"

enum { TEXT, JSON };

static struct log_config
quiet(unsigned format)
{
	return (struct log_config){ .no_syslog = true, .format = format };
}

static void
begin(struct log_config conf)
{
	log_open("toy", "sluice/toy");
	log_configure(&conf);
}

static void
say_all(void *arg)
{
	const struct log_config *conf = arg;

	begin(*conf);
	log_error("an error");
	log_warning("a warning");
	log_info("an info");
	log_detail("a detail");
	log_debug("a debug");
	log_event("event", "key", "value", NULL);
}

static void
levels(void **state)
{
	static const struct {
		bool events, verbose, debug;
		const char *want;       /* the tags are left out */
	} t[] = {
		{ false, false, false, "error: an error\nwarning: a warning\n" },
		{ true, false, false, "error: an error\nwarning: a warning\n"
		    "an info\nkey=value\n" },
		{ true, true, false, "error: an error\nwarning: a warning\n"
		    "an info\na detail\nkey=value\n" },
		{ false, true, false, "error: an error\nwarning: a warning\n"
		    "an info\na detail\nkey=value\n" },
		{ true, true, true, "error: an error\nwarning: a warning\n"
		    "an info\na detail\na debug\nkey=value\n" },
	};
	struct buf out = { 0 }, plain = { 0 };
	char *line, *rest;

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct log_config conf = quiet(TEXT);

		conf.events = t[i].events;
		conf.verbose = t[i].verbose;
		conf.debug = t[i].debug;
		assert_int_equal(in_child(say_all, &conf, &out), 0);
		buf_clear(&plain);
		rest = out.s;
		while ((line = strtok_r(rest, "\n", &rest)) != NULL) {
			assert_memory_equal(line, "sluice/toy[", 11);
			buf_printf(&plain, "%s\n", strstr(line, "]: ") + 3);
		}
		assert_text(&plain, t[i].want);
	}
	buf_free(&out);
	buf_free(&plain);
}

static void
say_foul(void *arg)
{
	struct log_config conf = quiet(*(unsigned *)arg);

	conf.events = true;
	begin(conf);
	log_subject("emailrelay.1.2.3");
	log_info("a\r\nb\x1b[31m\x7f\xff \"%s\"", "gr\xc3\xbc\\");
	log_subject(NULL);
	log_event("gone", "from", "<a\n@b>", "to", "", "none", NULL,
	    "relay", "h", "reply", "550 \t no", NULL);
}

static void
nothing_foul_gets_into_a_line(void **state)
{
	unsigned format = TEXT;
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(in_child(say_foul, &format, &out), 0);
	assert_says(&out, "]: emailrelay.1.2.3: "
	    "a\\r\\nb\\x1B[31m\\x7F\\xFF \"gr\xc3\xbc\\\"\n");
	assert_non_null(strstr(out.s,
	    "]: from=<\\x3Ca\\n@b\\x3E>, to=<>, relay=h (550 \\t no)\n"));
	buf_free(&out);
}

static void
json_lines(void **state)
{
	unsigned format = JSON;
	struct buf out = { 0 };
	char *second;

	(void)state;
	assert_int_equal(in_child(say_foul, &format, &out), 0);
	second = strchr(out.s, '\n');
	assert_non_null(second);
	*second++ = '\0';
	assert_memory_equal(out.s, "{\"time\":\"2", 10);
	assert_says(&out, "\"level\":\"info\",\"prog\":\"toy\"");
	assert_says(&out, ",\"qid\":\"emailrelay.1.2.3\"");
	assert_says(&out, ",\"text\":\"a\\u000d\\u000ab\\u001b[31m"
	    "\\u007f\\u00ff \\\"gr\xc3\xbc\\\\\\\"\"}");
	assert_null(strstr(second, "qid"));
	assert_non_null(strstr(second, ",\"event\":\"gone\",\"from\":"
	    "\"<a\\u000a@b>\",\"to\":\"\",\"relay\":\"h\","
	    "\"reply\":\"550 \\u0009 no\"}\n"));
	buf_free(&out);
}

static void
say_much(void *arg)
{
	char text[10001];

	(void)arg;
	begin(quiet(TEXT));
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	log_error("%s", text);
}

static void
lines_have_a_limit(void **state)
{
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(in_child(say_much, NULL, &out), 0);
	assert_true(out.n > 1900 && out.n < 2100);
	assert_string_equal(out.s + out.n - 6, "x ...\n");
	buf_free(&out);
}

static void
say_when(void *arg)
{
	struct log_config conf = quiet(TEXT);

	(void)arg;
	conf.time = true;
	setenv("TZ", "UTC0", 1);
	begin(conf);
	log_error("now");
}

static void
time_in_front(void **state)
{
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(in_child(say_when, NULL, &out), 0);
	assert_int_equal(out.s[10], 'T');
	assert_memory_equal(out.s + 19, "+00:00 sluice/toy[", 18);
	buf_free(&out);
}

static void
die_with_words(void *arg)
{
	begin(quiet(TEXT));
	die_saying(arg);
	die(EX_NOPERM, "cannot open '%s'", "x");
}

static void
the_farewell(void **state)
{
	struct buf out = { 0 };
	char farewell[] = "421 4.3.0 later\r\n";

	(void)state;
	assert_int_equal(in_child(die_with_words, farewell, &out), EX_NOPERM);
	assert_says(&out, "]: error: cannot open 'x'\n"
	    "421 4.3.0 later\r\n");
	assert_int_equal(in_child(die_with_words, NULL, &out), EX_NOPERM);
	/* a process id may have it in it, with no blank behind */
	assert_null(strstr(out.s, "421 "));
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels),
		cmocka_unit_test(nothing_foul_gets_into_a_line),
		cmocka_unit_test(json_lines),
		cmocka_unit_test(lines_have_a_limit),
		cmocka_unit_test(time_in_front),
		cmocka_unit_test(the_farewell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
