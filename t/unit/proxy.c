/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <sys/socket.h>

#include "wire/proxy.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define BYTES(s) s, sizeof s - 1
#define ZEROS16 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define ZEROS72 ZEROS16 ZEROS16 ZEROS16 ZEROS16 "\0\0\0\0\0\0\0\0"
#define DB8 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0"
#define SIXES "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

static const struct {
	const char *s;
	size_t n;
	const char *ip, *port;
} good[] = {
	{ BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 4711 25\r\n"),
	    "192.0.2.1", "4711" },
	{ BYTES("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
	    "255.255.255.255", "65535" },
	{ BYTES("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"), "0.0.0.0", "0" },
	{ BYTES("PROXY TCP6 2001:db8::1 ::1 4711 25\r\n"), "2001:db8::1",
	    "4711" },
	{ BYTES("PROXY TCP6 " SIXES " " SIXES " 65535 65535\r\n"), SIXES,
	    "65535" },
	{ BYTES("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"),
	    "::ffff:192.0.2.1", "1" },
	{ BYTES("PROXY UNKNOWN\r\n"), "", "" },
	{ BYTES("PROXY UNKNOWN \r\n"), "", "" },
	/* the longest there can be: 107 octets */
	{ BYTES("PROXY UNKNOWN " SIXES " " SIXES " 65535 65535\r\n"),
	    "", "" },
	{ BYTES("PROXY UNKNOWN whatever\n\x01 is said\r\n"), "", "" },

	{ BYTES(SIGNATURE "\x21\x11\0\x0c" "\xc0\0\x02\x01" "\xc0\0\x02\x02"
	    "\x12\x67\0\x19"), "192.0.2.1", "4711" },
	{ BYTES(SIGNATURE "\x21\x21\0\x24" DB8 "\x01" DB8 "\x02"
	    "\x12\x67\0\x19"), "2001:db8::1", "4711" },
	/* TLVs: an authority, and one that makes no sense */
	{ BYTES(SIGNATURE "\x21\x11\0\x14" "\xc0\0\x02\x01" "\xc0\0\x02\x02"
	    "\x12\x67\0\x19" "\x02\0\x01x" "\xea\xff\xff\xff"),
	    "192.0.2.1", "4711" },
	{ BYTES(SIGNATURE "\x21\x31\0\xd8" ZEROS72 ZEROS72 ZEROS72), "", "" },
	{ BYTES(SIGNATURE "\x21\0\0\0"), "", "" },
	{ BYTES(SIGNATURE "\x21\0\0\x02" "xx"), "", "" },
	{ BYTES(SIGNATURE "\x20\0\0\0"), "", "" },
	{ BYTES(SIGNATURE "\x20\x11\0\x0c" "\xc0\0\x02\x01" "\xc0\0\x02\x02"
	    "\x12\x67\0\x19"), "", "" },
	{ BYTES(SIGNATURE "\x20\xff\0\x01" "x"), "", "" },
};

static void
headers(void **state)
{
	struct proxy_header h;
	size_t more;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_row(i, proxy_parse(&h, good[i].s, good[i].n, &more) ==
		    PROXY_DONE);
		assert_string_equal(h.ip, good[i].ip);
		assert_string_equal(h.port, good[i].port);
	}
}

/* Any part of it may become one, and asks for no octet behind its end. */
static void
cut_anywhere(void **state)
{
	struct proxy_header h;
	size_t more;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		for (size_t n = 0; n < good[i].n; n++) {
			assert_row(i, proxy_parse(&h, good[i].s, n, &more) ==
			    PROXY_MORE);
			assert_row(i, more > 0 && n + more <= good[i].n);
		}
	}
}

static void
followed_by_something(void **state)
{
	struct proxy_header h;
	struct buf b = { 0 };
	size_t more;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		buf_clear(&b);
		buf_add(&b, good[i].s, good[i].n);
		buf_putc(&b, 'x');
		assert_row(i, proxy_parse(&h, b.s, b.n, &more) ==
		    PROXY_WRONG);
	}
	buf_free(&b);
}

static const struct {
	const char *s;
	size_t n;
} bad[] = {
	{ BYTES("E") },
	{ BYTES("EHLO c.test\r\n") },
	{ BYTES("proxy UNKNOWN\r\n") },
	{ BYTES("PROXY\r\n") },
	{ BYTES("PROXY \r\n") },
	{ BYTES("PROXY UNKNOWNX\r\n") },
	{ BYTES("PROXY UNKNOWN\nEHLO x\r\n") },
	{ BYTES("PROXY UNKNOWN\rx") },
	{ BYTES("PROXY UNKNOWN\0\r\n") },
	{ BYTES("PROXY  TCP4 192.0.2.1 192.0.2.2 4711 25\r\n") },
	{ BYTES("PROXY TCP4  192.0.2.1 192.0.2.2 4711 25\r\n") },
	{ BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 4711 25 \r\n") },
	{ BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 4711 25 x\r\n") },
	{ BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 4711\r\n") },
	{ BYTES("PROXY TCP4 192.0.2.1\r\n") },
	{ BYTES("PROXY TCP4\r\n") },
	{ BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 4711 25\n\r\n") },
	{ BYTES("PROXY TCP4\t192.0.2.1 192.0.2.2 4711 25\r\n") },
	{ BYTES("PROXY TCP4 192.0.2 192.0.2.2 4711 25\r\n") },
	{ BYTES("PROXY TCP4 192.0.2.256 192.0.2.2 4711 25\r\n") },
	{ BYTES("PROXY TCP4 192.0.2.01 192.0.2.2 4711 25\r\n") },
	{ BYTES("PROXY TCP4 192.0.2.1 mx.test 4711 25\r\n") },
	{ BYTES("PROXY TCP4 ::1 ::1 4711 25\r\n") },
	{ BYTES("PROXY TCP6 192.0.2.1 192.0.2.2 4711 25\r\n") },
	{ BYTES("PROXY TCP6 fe80::1%lo fe80::1 4711 25\r\n") },
	{ BYTES("PROXY TCP5 192.0.2.1 192.0.2.2 4711 25\r\n") },
	{ BYTES("PROXY UDP4 192.0.2.1 192.0.2.2 4711 25\r\n") },
	{ BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 65536 25\r\n") },
	{ BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 -1 25\r\n") },
	{ BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 04711 25\r\n") },
	{ BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 4711 smtp\r\n") },
	/* one octet too long, with its end and without */
	{ BYTES("PROXY UNKNOWN  " SIXES " " SIXES " 65535 65535\r\n") },
	{ BYTES("PROXY UNKNOWN  " SIXES " " SIXES " 65535 65535") },

	{ BYTES("\r\n\r\n\0\r\nQUIT\r") },
	{ BYTES(SIGNATURE "\x11") },
	{ BYTES(SIGNATURE "\x22") },
	{ BYTES(SIGNATURE "\x2f") },
	{ BYTES(SIGNATURE "\x21\x11\0\0") },
	{ BYTES(SIGNATURE "\x21\x11\0\x0b" "\xc0\0\x02\x01" "\xc0\0\x02\x02"
	    "\x12\x67\0") },
	{ BYTES(SIGNATURE "\x21\x21\0\x0c" "\xc0\0\x02\x01" "\xc0\0\x02\x02"
	    "\x12\x67\0\x19") },
	{ BYTES(SIGNATURE "\x21\x12\0\x0c" "\xc0\0\x02\x01" "\xc0\0\x02\x02"
	    "\x12\x67\0\x19") },
	{ BYTES(SIGNATURE "\x21\x13\0\x01x") },
	{ BYTES(SIGNATURE "\x21\x41\0\x01x") },
	{ BYTES(SIGNATURE "\x21\x01\0\x01x") },
	{ BYTES(SIGNATURE "\x21\x31\0\x01x") },
	/* a block of 4097 octets */
	{ BYTES(SIGNATURE "\x21\x11\x0f\xf1") },
	{ BYTES(SIGNATURE "\x20\0\xff\xff") },
};

static void
what_is_none(void **state)
{
	struct proxy_header h;
	size_t more;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_row(i, proxy_parse(&h, bad[i].s, bad[i].n, &more) ==
		    PROXY_WRONG);
}

static void
the_longest_block(void **state)
{
	static char s[PROXY_BLOCK + 1] = SIGNATURE "\x20\0\x0f\xf0";
	struct proxy_header h;
	size_t more;

	(void)state;
	assert_int_equal(proxy_parse(&h, s, PROXY_BLOCK - 1, &more),
	    PROXY_MORE);
	assert_int_equal(more, 1);
	assert_int_equal(proxy_parse(&h, s, PROXY_BLOCK, &more), PROXY_DONE);
}

/* --- reading --- */

static void
send_all(int fd, const char *p, size_t n)
{
	assert_true(write(fd, p, n) == (ssize_t)n);
}

static void
nothing_behind_it_is_read(void **state)
{
	struct proxy_header h;
	struct io io;
	char next[16];
	int pair[2];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		send_all(pair[1], good[i].s, good[i].n);
		send_all(pair[1], BYTES("NOOP\r\n"));
		io_open(&io, pair[0], pair[0], 5);
		assert_row(i, proxy_read(&h, &io) == NULL);
		assert_string_equal(h.ip, good[i].ip);
		assert_int_equal(io_buffered(&io), 0);
		assert_int_equal(recv(pair[0], next, sizeof next, 0), 6);
		assert_memory_equal(next, "NOOP\r\n", 6);
		io_close(&io);
		close(pair[1]);
	}
}

/* What is said of the octets, after which the other side ends or stays. */
static const char *
read_from(const char *p, size_t n, bool stays)
{
	struct proxy_header h;
	const char *wrong;
	struct io io;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	send_all(pair[1], p, n);
	if (!stays)
		shutdown(pair[1], SHUT_WR);
	io_open(&io, pair[0], pair[0], 1);
	wrong = proxy_read(&h, &io);
	io_close(&io);
	close(pair[1]);
	return wrong;
}

static void
what_is_wrong(void **state)
{
	(void)state;
	assert_string_equal(read_from("", 0, false), "");
	assert_string_equal(read_from("", 0, true), "timed out");
	assert_string_equal(read_from(BYTES("PROXY"), false),
	    "connection closed");
	assert_string_equal(read_from(BYTES("PROXY TCP4 "), true),
	    "timed out");
	assert_string_equal(read_from(BYTES("EHLO c.test\r\n"), true),
	    "that is none");
	assert_null(read_from(BYTES("PROXY UNKNOWN\r\n"), true));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(followed_by_something),
		cmocka_unit_test(what_is_none),
		cmocka_unit_test(the_longest_block),
		cmocka_unit_test(nothing_behind_it_is_read),
		cmocka_unit_test(what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
