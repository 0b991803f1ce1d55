/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "wire/tls.h"

/* In place of tls-io: a program that goes on for as long as nobody ends it. */
static const struct tls_config server = { .program = "/bin/sleep",
	.certificate = "x", .certificate_fd = -1, .key_fd = -1 };

static unsigned
ask_about(const struct tls_config *conf, unsigned what, size_t n,
    pid_t *relay, const char *trusted)
{
	struct petition p = { .what = what };
	unsigned answer;

	list_add(&p.words, "");
	list_add(&p.words, trusted);

	for (size_t i = 0; i < n; i++)
		p.fds[p.n++] = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_true(tls_attend(conf, &p, relay));
	assert_int_equal(p.n, 0);
	answer = p.what;
	petition_free(&p);
	return answer;
}

static unsigned
ask(const struct tls_config *conf, unsigned what, size_t n, pid_t *relay)
{
	return ask_about(conf, what, n, relay, "");
}

static pid_t
somebody(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

/* Who has been ended is ended once, since his number may be somebody else's
 * then. */
static void
ends_one_only_once(void **state)
{
	pid_t pid = somebody(), relay = pid;

	(void)state;
	assert_int_equal(ask(&server, TLS_ASK_STOP, 0, &relay), 0);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
	assert_int_equal(relay, 0);
	assert_int_equal(ask(&server, TLS_ASK_STOP, 0, &relay), 0);
}

/* Who asks may not be himself any more. */
static void
starts_one_for_a_client(void **state)
{
	const struct tls_config none = { .certificate_fd = -1, .key_fd = -1 };
	pid_t relay = 0, first;

	(void)state;
	assert_int_equal(ask(&none, TLS_ASK_START, 4, &relay), EINVAL);
	assert_int_equal(ask(&server, TLS_ASK_START, 3, &relay), EINVAL);
	assert_int_equal(relay, 0);
	assert_int_equal(ask(&server, TLS_ASK_START, 4, &relay), 0);
	first = relay;
	assert_true(first > 0);
	assert_int_equal(ask(&server, TLS_ASK_START, 4, &relay), EALREADY);
	assert_int_equal(relay, first);
	ask(&server, TLS_ASK_STOP, 0, &relay);
	assert_int_equal(ask(&server, TLS_ASK_START, 4, &relay), 0);
	ask(&server, TLS_ASK_STOP, 0, &relay);
}

/* A file of the asker's choice is not read for him. */
static void
trusts_what_it_is_told_to(void **state)
{
	static const struct {
		const char *trusted;
		unsigned answer;
	} rows[] = {
		{ "", 0 }, { TLS_SYSTEM, 0 }, { "/ca.pem", 0 },
		{ "/etc/shadow", EACCES }, { "/ca.pem/..", EACCES }
	};
	struct tls_config conf = server;
	pid_t relay = 0;

	(void)state;
	conf.client = true;
	conf.trusted = "/ca.pem";
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_row(i, ask_about(&conf, TLS_ASK_START, 4, &relay,
		    rows[i].trusted) == rows[i].answer);
		ask(&conf, TLS_ASK_STOP, 0, &relay);
	}
	conf.trusted = NULL;
	assert_int_equal(ask_about(&conf, TLS_ASK_START, 4, &relay,
	    "/ca.pem"), EACCES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_one_only_once),
		cmocka_unit_test(starts_one_for_a_client),
		cmocka_unit_test(trusts_what_it_is_told_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
