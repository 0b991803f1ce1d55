/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/log.h"
#include "judge/filter.h"
#include "judge/verify.h"

static void
specs(void **state)
{
	static const struct {
		const char *spec, *why; /* NULL: it is fine */
	} t[] = {
		{ "/bin/true", NULL },
		{ "/bin/true with words", NULL },
		{ "net:localhost:99", NULL },
		{ "net:[::1]:99", NULL },
		{ "exit:0", NULL },
		{ "exit:255", NULL },
		{ "exit:256", "no exit code" },
		{ "exit:", "no exit code" },
		{ "exit:-1", "no exit code" },
		{ "net:localhost", "invalid host:service format" },
		{ "net:", "invalid host:service format" },
		{ "rel/f", "invalid executable path -- must be absolute: "
		    "rel/f" },
		{ "", "must be absolute" },
	};
	struct buf why = { 0 };
	struct judge j;

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		assert_row(i, judge_open(&j, t[i].spec, &why) == !t[i].why);
		if (t[i].why)
			assert_says(&why, t[i].why);
		judge_close(&j);
	}
	buf_free(&why);
}

static void
filter_codes(void **state)
{
	/* server: a accept, d abandon, r reject, + rescan; client: ! stop */
	static const struct {
		int code;
		const char *server, *client;
	} t[] = {
		{ 0, "a", "a" }, { 1, "r", "r" }, { 99, "r", "r" },
		{ 100, "d", "d" }, { 101, "a", "a" }, { 102, "d+", "a!" },
		{ 103, "a+", "a" }, { 104, "d", "d" }, { 105, "a", "a" },
		{ 106, "d+", "a!" }, { 107, "a+", "a" }, { 108, "r", "r" },
		{ 127, "r", "r" }, { 255, "r", "r" },
	};
	const struct buf none = { 0 };
	char got[8];

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		for (int side = 0; side < 2; side++) {
			struct verdict v = { 0 };

			verdict_read(&v, (enum filter_side)side, t[i].code,
			    &none);
			snprintf(got, sizeof got, "%c%s%s",
			    "adrf"[v.judgement], v.rescan ? "+" : "",
			    v.stop ? "!" : "");
			assert_row(i, strcmp(got, side == FILTER_SERVER ?
			    t[i].server : t[i].client) == 0);
			buf_free(&v.reason);
		}
	}
}

static void
filter_reasons(void **state)
{
	static const char none[] = "pre-processing failed";
	static const struct {
		const char *output, *reason;
		int code;
	} t[] = {
		{ "", none, 0 },
		{ "<<no>>", "no", 0 },
		{ "<<no>>\n", "no", 0 },
		{ "[[no]]\n", "no", 0 },
		{ "one\n<<two>>\n<<three>>\n", "two", 0 },
		{ "one\r\n<<two>>\r\n", "two", 0 },
		{ "one\r<<two>>\r", "two", 0 },
		{ "[[a >> b]]", "a >> b", 0 },
		{ "<<a ]] b>>", "a ]] b", 0 },
		{ "<<a>> and more >>", "a", 0 },
		{ "<<>>\n<<x>>\n", none, 0 },
		{ " <<no>>\n", none, 0 },
		{ "<<no\n>>\n", none, 0 },
		{ "<<no]]\n", none, 0 },
		{ "<>>\n<<\n[[\n", none, 0 },
		{ "<<no\nnext\n[[yes]]", "yes", 0 },
		{ "<<a\tb\033c>>", "a\\tb\\x1Bc", 0 },
		{ "<<550 go away>>", "go away", 550 },
		{ "<<450 later>>", "later", 450 },
		{ "<<550 5.7.1 go>>", "5.7.1 go", 550 },
		{ "<<250 fine>>", "250 fine", 0 },
		{ "<<354 go on>>", "354 go on", 0 },
		{ "<<600 what>>", "600 what", 0 },
		{ "<<550>>", "550", 0 },
		{ "<<550 >>", "550 ", 0 },
		{ "<<5500 x>>", "5500 x", 0 },
	};
	struct verdict v = { 0 };
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		buf_set(&out, t[i].output);
		verdict_read(&v, FILTER_SERVER, 1, &out);
		assert_row(i, v.code == t[i].code);
		assert_text(&v.reason, t[i].reason);
	}
	buf_clear(&out);
	buf_add(&out, "\0\n<<a\0b>>", 9);
	verdict_read(&v, FILTER_SERVER, 1, &out);
	assert_text(&v.reason, "a\\x00b");
	buf_free(&out);
	buf_free(&v.reason);
}

/* One letter for each of enum verified. */
static const char letters[] = "LRNTAF";

static void
verifier_programs(void **state)
{
	static const struct {
		int code;
		const char *output;
		char verified;
		const char *address, *text;
	} t[] = {
		{ 0, "Full Name <x@y>\nbox\n", 'L', "box",
		    "Full Name <x@y>" },
		{ 0, "\nbox", 'L', "box", "" },
		{ 0, "N\r\nbox\r\nmore\r\n", 'L', "box", "N" },
		{ 0, "N\na b|c\n", 'L', "a b|c", "N" },
		{ 0, "N\nb\tc\n", 'F', "", "" },
		{ 0, "N\n\nthird\n", 'F', "", "" },
		{ 1, "\nme@x.test\n", 'R', "me@x.test", "" },
		{ 1, "a\n me@x.test \nb\n", 'R', "me@x.test", "a" },
		{ 1, "\nme\n", 'R', "me", "" },
		{ 1, "\nme@x.test>\n", 'F', "", "" },
		{ 1, "\na|b@x.test\n", 'F', "", "" },
		{ 1, "\nm\303\251@x.test\n", 'F', "", "" },
		{ 1, "", 'F', "", "" },
		{ 0, "\n\n", 'F', "", "" },
		{ 1, "only this\n", 'N', "", "only this" },
		{ 0, "only this", 'N', "", "only this" },
		{ 2, "", 'N', "", "2" },
		{ 2, "who is that\n", 'N', "", "who is that" },
		{ 2, "a\nb\r\nc  \n\n", 'N', "", "a b c" },
		{ 2, "a\033[2J", 'N', "", "a\\x1B[2J" },
		{ 3, "later\n", 'T', "", "later" },
		{ 3, "", 'T', "", "3" },
		{ 4, "x", 'N', "", "x" },
		{ 99, "", 'N', "", "99" },
		{ 100, "", 'A', "", "100" },
		{ 100, "one\ntwo\n", 'A', "", "one two" },
		{ 101, "", 'N', "", "101" },
		{ 126, "x\ny\n", 'F', "", "" },
		{ 127, "", 'F', "", "" },
		{ 139, "", 'F', "", "" },
		{ 255, "", 'F', "", "" },
		{ 255, "no", 'N', "", "no" },
	};
	struct verify_answer a = { 0 };
	struct buf out = { 0 };

	(void)state;
	log_open("judge", NULL);
	for (size_t i = 0; i < COUNT(t); i++) {
		buf_set(&out, t[i].output);
		verify_read(&a, t[i].code, &out, false);
		assert_row(i, letters[a.verified] == t[i].verified);
		if (t[i].verified != 'F') {
			assert_text(&a.address, t[i].address);
			assert_text(&a.text, t[i].text);
		}
	}
	buf_set(&out, "\nm\303\251@x.test\n");
	verify_read(&a, 1, &out, true);
	assert_int_equal(a.verified, VERIFY_REMOTE);
	buf_clear(&out);
	buf_add(&out, "\na@b\0c\n", 7);
	verify_read(&a, 1, &out, false);
	assert_int_equal(a.verified, VERIFY_FAIL);
	buf_free(&out);
	buf_free(&a.address);
	buf_free(&a.text);
}

static void
verifier_servers(void **state)
{
	static const struct {
		const char *line;
		char verified;
		const char *address, *text;
	} t[] = {
		{ "0|postmaster|Local Postmaster <postmaster@localhost>", 'L',
		    "postmaster", "Local Postmaster <postmaster@localhost>" },
		{ "0|box|", 'L', "box", "" },
		{ "0|box|a|b", 'L', "box", "a|b" },
		{ "0|box", 'F', "", "" },
		{ "0||x", 'F', "", "" },
		{ "1|me@x.test", 'R', "me@x.test", "" },
		{ "1|me@x.test|whoever", 'R', "me@x.test", "whoever" },
		{ "1|me@x.test\r", 'F', "", "" },
		{ "1|", 'F', "", "" },
		{ "1", 'F', "", "" },
		{ "2|no", 'N', "", "no" },
		{ "2|no|really", 'N', "", "no|really" },
		{ "2", 'F', "", "" },
		{ "250", 'F', "", "" },
		{ "3|address unavailable", 'T', "", "address unavailable" },
		{ "4|x", 'N', "", "x" },
		{ "100", 'A', "", "100" },
		{ "", 'F', "", "" },
		{ "ok", 'F', "", "" },
		{ "256|x", 'F', "", "" },
		{ "-1|x", 'F', "", "" },
		{ " 1|a@b", 'F', "", "" },
	};
	struct verify_answer a = { 0 };

	(void)state;
	log_open("judge", NULL);
	for (size_t i = 0; i < COUNT(t); i++) {
		verify_read_line(&a, t[i].line, false);
		assert_row(i, letters[a.verified] == t[i].verified);
		if (t[i].verified != 'F') {
			assert_text(&a.address, t[i].address);
			assert_text(&a.text, t[i].text);
		}
	}
	buf_free(&a.address);
	buf_free(&a.text);
}

static void
questions_that_are_not_asked(void **state)
{
	static const struct {
		const char *one, *two;
	} t[] = {
		{ "a\nb", NULL }, { "a\rb", NULL }, { "a", "b\n" },
		{ "a|b", "c" }, { "a", "b|c" }, { "a", "\033" },
	};
	struct hail h = { .target = { "127.0.0.1", "1" } };
	struct list fields = { 0 };
	struct buf why = { 0 };
	const char *answer;

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		list_clear(&fields);
		list_add(&fields, t[i].one);
		if (t[i].two)
			list_add(&fields, t[i].two);
		assert_row(i, hail_ask(&h, &fields, 5, &answer, &why) ==
		    HAIL_FAILED);
		assert_says(&why, "not asked");
	}
	list_free(&fields);
	buf_free(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(specs),
		cmocka_unit_test(filter_codes),
		cmocka_unit_test(filter_reasons),
		cmocka_unit_test(verifier_programs),
		cmocka_unit_test(verifier_servers),
		cmocka_unit_test(questions_that_are_not_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
