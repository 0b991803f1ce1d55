/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "wire/net.h"

static void
targets(void **state)
{
	static const struct {
		const char *s, *host, *port;    /* host NULL: refused */
	} t[] = {
		{ "localhost:25", "localhost", "25" },
		{ "mail.example.org:submission", "mail.example.org",
		    "submission" },
		{ "127.0.0.1:10025", "127.0.0.1", "10025" },
		{ "[::1]:25", "::1", "25" },
		{ "[fe80::1%eth0]:25", "fe80::1%eth0", "25" },
		{ "[h]:25", "h", "25" },
		{ "", NULL, NULL }, { "localhost", NULL, NULL },
		{ ":25", NULL, NULL }, { "localhost:", NULL, NULL },
		{ ":", NULL, NULL }, { "::1:25", NULL, NULL },
		{ "fe80::1", NULL, NULL }, { "[]:25", NULL, NULL },
		{ "[::1]", NULL, NULL }, { "a b:25", NULL, NULL },
		{ "[::1]]:25", NULL, NULL }, { "[[::1]:25", NULL, NULL },
		{ "[a]b]:25", NULL, NULL }, { "a]:25", NULL, NULL },
		{ "a:2 5", NULL, NULL }, { "a/b:25", NULL, NULL },
		{ "user@host:25", NULL, NULL }, { "host:25@socks:1080", NULL,
		    NULL },
		{ "h:65535", "h", "65535" }, { "h:65536", NULL, NULL },
		{ "h:0", NULL, NULL }, { "h:025", NULL, NULL },
		{ "h:-1", NULL, NULL }, { "h:+1", NULL, NULL },
		{ "host\n:25", NULL, NULL }, { "\x1b:25", NULL, NULL },
	};
	struct net_target target;

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		assert_row(i, net_parse(&target, t[i].s) ==
		    (t[i].host != NULL));
		if (!t[i].host)
			continue;
		assert_string_equal(target.host, t[i].host);
		assert_string_equal(target.port, t[i].port);
	}
}

static void
lengths(void **state)
{
	struct net_target target;
	char text[400];

	(void)state;
	memset(text, 'a', sizeof text);
	snprintf(text + 255, 4, ":25");
	assert_true(net_parse(&target, text));
	assert_int_equal(strlen(target.host), 255);
	memset(text, 'a', sizeof text);
	snprintf(text + 256, 4, ":25");
	assert_false(net_parse(&target, text));
	snprintf(text, sizeof text, "h:s%030d", 1);
	assert_true(net_parse(&target, text));
	snprintf(text, sizeof text, "h:s%031d", 1);
	assert_false(net_parse(&target, text));
}

static void
connects(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	struct net_target t;
	struct buf why = { 0 };
	char ip[64], text[32];
	int door = socket(AF_INET, SOCK_STREAM, 0), fd;

	(void)state;
	assert_int_equal(bind(door, (void *)&a, n), 0);
	assert_int_equal(listen(door, 1), 0);
	assert_int_equal(getsockname(door, (void *)&a, &n), 0);
	snprintf(text, sizeof text, "127.0.0.1:%d", ntohs(a.sin_port));
	assert_true(net_parse(&t, text));
	fd = net_connect(&t, 5, ip, &why);
	assert_true(fd >= 0);
	assert_string_equal(ip, "127.0.0.1");
	assert_text(&why, "");
	assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	close(door);

	fd = net_connect(&t, 5, ip, &why);
	assert_int_equal(fd, -1);
	assert_says(&why, "cannot connect to 127.0.0.1:");
	assert_says(&why, ": Connection refused");
	buf_free(&why);
}

static void
an_unknown_service(void **state)
{
	struct net_target t;
	struct buf why = { 0 };
	char ip[64];

	(void)state;
	assert_true(net_parse(&t, "127.0.0.1:no-such-service"));
	assert_int_equal(net_connect(&t, 5, ip, &why), -1);
	assert_says(&why, "dns error: 127.0.0.1:no-such-service: ");
	buf_free(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets),
		cmocka_unit_test(lengths),
		cmocka_unit_test(connects),
		cmocka_unit_test(an_unknown_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
