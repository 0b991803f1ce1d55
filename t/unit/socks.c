/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <sys/socket.h>

#include "wire/socks.h"

static void
where_to(void **state)
{
	static const struct {
		const char *s, *host, *port, *proxy, *proxy_port;
	} t[] = {
		{ "h:25", "h", "25", "", "" },
		{ "far.test:smtp@localhost:9050", "far.test", "smtp",
		    "localhost", "9050" },
		{ "[::1]:25@[::1]:socks", "::1", "25", "::1", "socks" },
		{ "h@p:1", NULL }, { "h:25@", NULL }, { "h:25@p", NULL },
		{ "@p:1", NULL }, { "h:25@p:1@q:2", NULL }, { "", NULL },
		{ "h:25@p:0", NULL }, { "h:25@p :1", NULL },
		{ "h:25\n@p:1", NULL },
	};
	struct net_target to, proxy;

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		assert_row(i, socks_parse(&to, &proxy, t[i].s) ==
		    (t[i].host != NULL));
		if (!t[i].host)
			continue;
		assert_string_equal(to.host, t[i].host);
		assert_string_equal(to.port, t[i].port);
		assert_string_equal(proxy.host, t[i].proxy);
		assert_string_equal(proxy.port, t[i].proxy_port);
	}
}

static void
the_question(void **state)
{
	static const char want[] = "\x04\x01\x09\xdd\0\0\0\x01\0far.test";
	struct buf b = { 0 };

	(void)state;
	socks_request(&b, "far.test", 2525);
	assert_int_equal(b.n, sizeof want);
	assert_memory_equal(b.s, want, sizeof want);
	buf_free(&b);
}

static void
the_answer(void **state)
{
	unsigned char reply[SOCKS_REPLY] = { 0, 90, 1, 2, 3, 4, 5, 6 };

	(void)state;
	assert_null(socks_refusal(reply));
	for (int code = 0; code < 256; code++) {
		reply[1] = (unsigned char)code;
		assert_row(code, !socks_refusal(reply) == (code == 90));
	}
	reply[1] = 90;
	reply[0] = 4;
	assert_string_equal(socks_refusal(reply), "invalid response");
}

/* The answer in pieces, with what the host says right behind it. */
static bool
ask(const char *port, const char *answer, size_t n, size_t piece, bool end,
    char rest[16], struct buf *why)
{
	struct net_target to = { .host = "far.test" };
	int pair[2];
	ssize_t left;
	bool ok;

	snprintf(to.port, sizeof to.port, "%s", port);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (size_t at = 0; at < n; at += piece)
		assert_true(send(pair[1], answer + at,
		    n - at < piece ? n - at : piece, 0) > 0);
	if (end)
		assert_int_equal(shutdown(pair[1], SHUT_WR), 0);
	ok = socks_ask(pair[0], &to, 1, why);
	left = recv(pair[0], rest, 15, MSG_DONTWAIT);
	rest[left > 0 ? left : 0] = '\0';
	close(pair[0]);
	close(pair[1]);
	return ok;
}

static void
not_an_octet_more(void **state)
{
	struct buf why = { 0 };
	char rest[16];

	(void)state;
	for (size_t piece = 1; piece < 20; piece++) {
		assert_true(ask("25", "\0\x5a......220 x", 13, piece, false,
		    rest, &why));
		assert_string_equal(rest, "220 x");
	}
	assert_true(ask("smtp", "\0\x5a......", 8, 8, true, rest, &why));
	buf_free(&why);
}

static void
what_goes_wrong(void **state)
{
	struct buf why = { 0 };
	char rest[16];

	(void)state;
	assert_false(ask("25", "\0\x5b......220 x", 13, 13, true, rest, &why));
	assert_text(&why, "socks error: far.test:25: request rejected");
	assert_false(ask("25", "\x05\0......", 8, 8, true, rest, &why));
	assert_text(&why, "socks error: far.test:25: invalid response");
	assert_false(ask("25", "\0\x5a.....", 7, 7, true, rest, &why));
	assert_text(&why, "socks error: far.test:25: incomplete response");
	assert_false(ask("25", "", 0, 1, true, rest, &why));
	assert_text(&why, "socks error: far.test:25: hung up");
	assert_false(ask("25", "\0\x5a.....", 7, 7, false, rest, &why));
	assert_text(&why, "socks error: far.test:25: Connection timed out");
	assert_false(ask("no-such", "", 0, 1, true, rest, &why));
	assert_text(&why, "dns error: far.test:no-such: invalid service name");
	buf_free(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_to),
		cmocka_unit_test(the_question),
		cmocka_unit_test(the_answer),
		cmocka_unit_test(not_an_octet_more),
		cmocka_unit_test(what_goes_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
