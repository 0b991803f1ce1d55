/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "wire/peer.h"

static const char *const names[] = {
	"PROTO", "TCPREMOTEIP", "TCPREMOTEPORT", "TCPREMOTEHOST",
	"TCP6REMOTEIP", "TCP6REMOTEPORT", "SSLREMOTEIP", "REMOTE_ADDR",
	"REMOTE_PORT", "RELAYCLIENT", "TCPLOCALIP", "TCPLOCALPORT",
	"TCP6LOCALIP", "TCP6LOCALPORT",
};

/* "A=1 B=2", and nothing else of ours */
static void
set_environment(const char *text)
{
	char *copy = need_copy(text), *rest = copy, *word, *equals;

	for (size_t i = 0; i < COUNT(names); i++)
		unsetenv(names[i]);
	while ((word = strtok_r(rest, "|", &rest)) != NULL) {
		equals = strchr(word, '=');
		*equals = '\0';
		setenv(word, equals + 1, 1);
	}
	free(copy);
}

static void
from_the_environment(void **state)
{
	static const struct {
		const char *environment;
		const char *ip, *port, *name;
		bool local, trusted;
	} t[] = {
		{ "", "127.0.0.1", "", "unknown[127.0.0.1]", true, false },
		{ "TCPREMOTEIP=192.0.2.1|TCPREMOTEPORT=1234", "192.0.2.1",
		    "1234", "unknown[192.0.2.1]", false, false },
		{ "PROTO=TCP|TCPREMOTEIP=192.0.2.1|TCPREMOTEHOST=a.example",
		    "192.0.2.1", "", "a.example[192.0.2.1]", false, false },
		{ "PROTO=SSL|SSLREMOTEIP=192.0.2.2|TCPREMOTEIP=192.0.2.1",
		    "192.0.2.2", "", "unknown[192.0.2.2]", false, false },
		{ "PROTO=TCP6|TCP6REMOTEIP=2001:db8::1|TCP6REMOTEPORT=25",
		    "2001:db8::1", "25", "unknown[2001:db8::1]", false,
		    false },
		{ "TCPREMOTEIP=::ffff:192.0.2.1", "192.0.2.1", "",
		    "unknown[192.0.2.1]", false, false },
		{ "TCPREMOTEIP=::ffff:127.0.0.1", "127.0.0.1", "",
		    "unknown[127.0.0.1]", true, false },
		{ "TCPREMOTEIP=fe80::1%eth0", "fe80::1", "",
		    "unknown[fe80::1]", false, false },
		{ "TCPREMOTEIP=127.9.9.9", "127.9.9.9", "",
		    "unknown[127.9.9.9]", true, false },
		{ "TCPREMOTEIP=::1", "::1", "", "unknown[::1]", true, false },
		{ "REMOTE_ADDR=192.0.2.3|REMOTE_PORT=99", "192.0.2.3", "99",
		    "unknown[192.0.2.3]", false, false },
		{ "TCPREMOTEIP=192.0.2.1|RELAYCLIENT=", "192.0.2.1", "",
		    "unknown[192.0.2.1]", false, true },
		{ "TCPREMOTEIP=192.0.2.1|TCPREMOTEPORT=70000", "192.0.2.1",
		    "", "unknown[192.0.2.1]", false, false },
		{ "TCPREMOTEIP=192.0.2.1|TCPREMOTEHOST=a b\r\nX: y",
		    "192.0.2.1", "", "unknown[192.0.2.1]", false, false },
		{ "TCPREMOTEIP=192.0.2.1|TCPREMOTEHOST=",
		    "192.0.2.1", "", "unknown[192.0.2.1]", false, false },
		/* what is no address is passed over */
		{ "TCPREMOTEIP=nonsense|REMOTE_ADDR=192.0.2.3", "192.0.2.3",
		    "", "unknown[192.0.2.3]", false, false },
		{ "TCPREMOTEIP=1.2.3.4 ", "127.0.0.1", "",
		    "unknown[127.0.0.1]", true, false },
		{ "TCPREMOTEIP=127.1", "127.0.0.1", "", "unknown[127.0.0.1]",
		    true, false },
	};
	struct peer p;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	for (size_t i = 0; i < COUNT(t); i++) {
		set_environment(t[i].environment);
		peer_find(&p, fd[0]);
		if (strcmp(p.ip, t[i].ip) != 0)
			print_error("row %zu\n", i);
		assert_string_equal(p.ip, t[i].ip);
		assert_string_equal(p.port, t[i].port);
		assert_string_equal(p.name, t[i].name);
		assert_row(i, p.local == t[i].local);
		assert_row(i, p.trusted == t[i].trusted);
	}
	close(fd[0]);
	close(fd[1]);
}

static void
values_that_are_too_long(void **state)
{
	struct peer p;
	char text[600];
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	memset(text, 'a', sizeof text);
	text[sizeof text - 1] = '\0';
	for (size_t i = 0; i < COUNT(names); i++) {
		set_environment("");
		setenv("TCPREMOTEIP", "192.0.2.1", 1);
		setenv(names[i], text, 1);
		peer_find(&p, fd[0]);
		assert_string_equal(p.ip, strcmp(names[i], "TCPREMOTEIP") ?
		    "192.0.2.1" : "127.0.0.1");
		assert_string_equal(p.host, "");
	}
	close(fd[0]);
	close(fd[1]);
}

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* A connection to ourselves; the server's side. */
static int
connection(const union address *to, socklen_t n, int *client)
{
	union address a = *to;
	int door = socket(a.any.sa_family, SOCK_STREAM, 0), fd;

	if (door < 0 || bind(door, &a.any, n) < 0) {
		close(door);
		return -1;
	}
	assert_int_equal(listen(door, 1), 0);
	assert_int_equal(getsockname(door, &a.any, &n), 0);
	*client = socket(a.any.sa_family, SOCK_STREAM, 0);
	assert_int_equal(connect(*client, &a.any, n), 0);
	fd = accept(door, NULL, NULL);
	close(door);
	return fd;
}

static void
from_the_socket(void **state)
{
	const union address v4 = { .v4 = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(0x7f000001) } };
	const union address v6 = { .v6 = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT } };
	char local[PEER_END], remote[PEER_END], near[PEER_END], far[PEER_END];
	struct peer p;
	int fd, client = -1;

	(void)state;
	set_environment("");
	fd = connection(&v4, sizeof v4.v4, &client);
	assert_true(fd >= 0);
	peer_find(&p, fd);
	assert_string_equal(p.ip, "127.0.0.1");
	assert_true(p.local && *p.port);
	peer_ends(&p, fd, local, remote);
	assert_string_equal(remote + strlen("127.0.0.1:"), p.port);
	peer_sockets(client, far, near);
	assert_string_equal(local, near);
	assert_string_equal(remote, far);
	set_environment("TCPREMOTEIP=192.0.2.9");
	peer_find(&p, fd);
	assert_string_equal(p.ip, "192.0.2.9");
	assert_false(p.local);
	close(fd);
	close(client);

	set_environment("");
	fd = connection(&v6, sizeof v6.v6, &client);
	if (fd < 0)
		skip();
	peer_find(&p, fd);
	assert_string_equal(p.ip, "::1");
	assert_true(p.local);
	peer_ends(&p, fd, local, remote);
	assert_memory_equal(local, "[::1]:", 6);
	assert_memory_equal(remote, "[::1]:", 6);
	close(fd);
	close(client);
}

static void
from_a_unix_socket(void **state)
{
	struct peer p;
	int pair[2];

	(void)state;
	set_environment("");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	peer_find(&p, pair[0]);
	assert_string_equal(p.name, "unknown[127.0.0.1]");
	assert_true(p.local);
	peer_find(&p, -1);
	assert_true(p.local);
	close(pair[0]);
	close(pair[1]);
}

static void
for_somebody_else(void **state)
{
	static const struct {
		const char *environment, *ip, *name;
		bool local;
	} t[] = {
		{ "", "192.0.2.7", "unknown[192.0.2.7]", false },
		{ "", "::ffff:192.0.2.7", "unknown[192.0.2.7]", false },
		{ "", "2001:db8::7", "unknown[2001:db8::7]", false },
		{ "", "127.0.0.1", "unknown[127.0.0.1]", true },
		{ "TCPREMOTEIP=192.0.2.1|TCPREMOTEHOST=proxy|RELAYCLIENT=",
		    "127.0.0.1", "unknown[127.0.0.1]", false },
	};
	struct peer p;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	for (size_t i = 0; i < COUNT(t); i++) {
		set_environment(t[i].environment);
		peer_find(&p, fd[0]);
		peer_become(&p, t[i].ip, "4711");
		assert_string_equal(p.name, t[i].name);
		assert_string_equal(p.port, "4711");
		assert_row(i, p.local == t[i].local && !p.trusted);
		assert_string_equal(p.host, "");
	}
	close(fd[0]);
	close(fd[1]);
}

static void
ends_of_who_came(void **state)
{
	static const struct {
		const char *environment, *local, *remote;
	} t[] = {
		{ "TCPREMOTEIP=192.0.2.1|TCPREMOTEPORT=99|"
		    "TCPLOCALIP=192.0.2.9|TCPLOCALPORT=25", "192.0.2.9:25",
		    "192.0.2.1:99" },
		{ "PROTO=TCP6|TCP6REMOTEIP=2001:db8::1|TCP6REMOTEPORT=99|"
		    "TCP6LOCALIP=::1|TCP6LOCALPORT=25", "[::1]:25",
		    "[2001:db8::1]:99" },
		{ "TCPREMOTEIP=::ffff:192.0.2.1|TCPREMOTEPORT=99|"
		    "TCPLOCALIP=::ffff:192.0.2.9|TCPLOCALPORT=25",
		    "192.0.2.9:25", "192.0.2.1:99" },
		{ "REMOTE_ADDR=192.0.2.3|REMOTE_PORT=99", "",
		    "192.0.2.3:99" },
		{ "TCPREMOTEIP=192.0.2.1|TCPLOCALIP=192.0.2.9", "", "" },
		{ "TCPREMOTEIP=192.0.2.1|TCPREMOTEPORT=99|TCPLOCALIP=x|"
		    "TCPLOCALPORT=y", "", "192.0.2.1:99" },
		{ "", "", "" },
	};
	char local[PEER_END], remote[PEER_END];
	struct peer p;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	for (size_t i = 0; i < COUNT(t); i++) {
		set_environment(t[i].environment);
		peer_find(&p, fd[0]);
		peer_ends(&p, fd[0], local, remote);
		assert_string_equal(local, t[i].local);
		assert_string_equal(remote, t[i].remote);
	}
	close(fd[0]);
	close(fd[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_the_environment),
		cmocka_unit_test(values_that_are_too_long),
		cmocka_unit_test(from_the_socket),
		cmocka_unit_test(from_a_unix_socket),
		cmocka_unit_test(for_somebody_else),
		cmocka_unit_test(ends_of_who_came),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
