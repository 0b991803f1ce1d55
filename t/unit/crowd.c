/* SPDX-License-Identifier: ISC */
#include "own_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "spool/crowd.h"

static void
rates(void **state)
{
	static const struct {
		const char *text;
		uint64_t count, seconds;        /* 0: it makes no sense */
	} t[] = {
		{ "60/1m", 60, 60 }, { "1/1", 1, 1 }, { "10/2h", 10, 7200 },
		{ "1000000/1d", 1000000, 86400 },
		{ "", 0, 0 }, { "60", 0, 0 }, { "60/", 0, 0 }, { "/1m", 0, 0 },
		{ "0/1m", 0, 0 }, { "60/0", 0, 0 }, { "60/m", 0, 0 },
		{ "-1/1m", 0, 0 }, { "6.5/1m", 0, 0 }, { "60/1m/2", 0, 0 },
		{ "60 /1m", 0, 0 }, { "1000001/1m", 0, 0 },
		{ "100000000000000000000/1m", 0, 0 }, { "60/11y", 0, 0 },
	};
	struct crowd_rate r;

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		assert_row(i, crowd_rate_parse(&r, t[i].text) ==
		    (t[i].count > 0));
		if (t[i].count) {
			assert_row(i, r.count == t[i].count);
			assert_row(i, r.seconds == t[i].seconds);
		}
	}
}

/* Who cannot be told from others cannot be counted. */
static void
no_address(void **state)
{
	static const struct crowd_rate rate = { 1, 60 };
	int fd = 7;

	(void)state;
	errno = 0;
	assert_int_equal(crowd_enter(&spool, "unknown", 1, &rate, &fd),
	    CROWD_UNKNOWN);
	assert_int_equal(errno, EAFNOSUPPORT);
	assert_int_equal(fd, -1);
}

static void
tokens(void **state)
{
	const struct crowd_rate r = { .count = 3, .seconds = 60 };
	const int64_t second = 1000000, start = 1795000000 * second;
	int64_t full = 0;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(crowd_admit(&r, start, &full));
	assert_false(crowd_admit(&r, start, &full));
	assert_false(crowd_admit(&r, start + 19 * second, &full));
	assert_true(crowd_admit(&r, start + 20 * second, &full));
	assert_false(crowd_admit(&r, start + 39 * second, &full));
	/* having been refused costs nothing, and a pause fills it */
	for (int i = 0; i < 3; i++)
		assert_true(crowd_admit(&r, start + 100 * second, &full));
	assert_false(crowd_admit(&r, start + 100 * second, &full));
	/* the clock goes back by a year */
	assert_true(crowd_admit(&r, start - 31536000 * second, &full));
	/* whatever was in the file */
	for (full = INT64_MIN / 2; full < INT64_MAX / 2; full += INT64_MAX / 8)
		assert_true(crowd_admit(&r, start, &(int64_t){ full }));
}

static enum crowd_verdict
enter(const char *ip, unsigned places, uint64_t count, int *fd)
{
	const struct crowd_rate r = { .count = count, .seconds = 3600 };

	return crowd_enter(&spool, ip, places, &r, fd);
}

static void
places(void **state)
{
	int fd[6];

	(void)state;
	assert_int_equal(enter("192.0.2.1", 2, 0, &fd[0]), CROWD_FINE);
	assert_int_equal(enter("192.0.2.1", 2, 0, &fd[1]), CROWD_FINE);
	assert_int_equal(enter("192.0.2.1", 2, 0, &fd[2]), CROWD_TOO_MANY);
	assert_int_equal(enter("192.0.2.2", 2, 0, &fd[3]), CROWD_FINE);
	/* one network of IPv6 is one client */
	assert_int_equal(enter("2001:db8::1", 1, 0, &fd[4]), CROWD_FINE);
	close(fd[2]);
	assert_int_equal(enter("2001:db8::ffff:0:0:1", 1, 0, &fd[2]),
	    CROWD_TOO_MANY);
	assert_int_equal(enter("2001:db8:0:1::1", 1, 0, &fd[5]), CROWD_FINE);
	close(fd[2]);
	close(fd[0]);
	assert_int_equal(enter("192.0.2.1", 2, 0, &fd[0]), CROWD_FINE);
	for (size_t i = 0; i < COUNT(fd); i++)
		if (i != 2)
			close(fd[i]);
}

static void
all_the_places(void **state)
{
	int fd[200], beyond;

	(void)state;
	for (size_t i = 0; i < 200; i++)
		assert_row(i, enter("192.0.2.1", 200, 0, &fd[i]) ==
		    CROWD_FINE);
	assert_int_equal(enter("192.0.2.1", 200, 0, &beyond), CROWD_TOO_MANY);
	close(beyond);
	for (size_t i = 0; i < 200; i++)
		close(fd[i]);
}

/* Come and go, and say how it was. */
static enum crowd_verdict
visit(const char *ip, uint64_t count)
{
	enum crowd_verdict v;
	int fd;

	v = enter(ip, 0, count, &fd);
	close(fd);
	return v;
}

static void
how_fast(void **state)
{
	(void)state;
	assert_int_equal(visit("192.0.2.1", 2), CROWD_FINE);
	assert_int_equal(visit("192.0.2.1", 2), CROWD_FINE);
	assert_int_equal(visit("192.0.2.1", 2), CROWD_TOO_FAST);
	assert_int_equal(visit("192.0.2.2", 2), CROWD_FINE);
	assert_int_equal(visit("2001:db8::1", 1), CROWD_FINE);
	assert_int_equal(visit("2001:db8::2", 1), CROWD_TOO_FAST);
	assert_int_equal(visit("2001:db8:1::1", 1), CROWD_FINE);
}

/* Ten thousand others do not push out who has come more often, and the file
 * does not grow. */
static void
a_flood(void **state)
{
	char name[80], ip[32];
	struct stat st;
	unsigned fine = 0;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(visit("192.0.2.1", 3), CROWD_FINE);
	for (unsigned i = 0; i < 10000; i++) {
		snprintf(ip, sizeof ip, "10.1.%u.%u", i / 256, i % 256);
		fine += visit(ip, 3) == CROWD_FINE;
	}
	assert_int_equal(fine, 10000);
	assert_int_equal(visit("192.0.2.1", 3), CROWD_TOO_FAST);
	snprintf(name, sizeof name, "%s/.clients", path);
	assert_int_equal(stat(name, &st), 0);
	assert_true(st.st_size <= CROWD_BYTES);
}

static void
who_cannot_be_counted(void **state)
{
	struct spool none = { .fd = -1 };
	int fd;

	(void)state;
	assert_int_equal(enter("unknown", 1, 1, &fd), CROWD_UNKNOWN);
	assert_int_equal(fd, -1);
	assert_int_equal(crowd_enter(&none, "192.0.2.1", 1,
	    &(struct crowd_rate){ 0, 0 }, &fd), CROWD_UNKNOWN);
	assert_int_equal(errno, EBADF);
	assert_int_equal(fd, -1);
	assert_int_equal(mkdirat(spool.fd, ".clients", 0755), 0);
	assert_int_equal(enter("192.0.2.1", 1, 1, &fd), CROWD_UNKNOWN);
}

static void
a_file_of_somebody_else(void **state)
{
	char noise[4096];
	int fd;

	(void)state;
	memset(noise, 0xff, sizeof noise);
	fd = openat(spool.fd, ".clients", O_WRONLY | O_CREAT, 0600);
	for (int i = 0; i < 20; i++)
		assert_true(write(fd, noise, sizeof noise) > 0);
	close(fd);
	assert_int_equal(visit("192.0.2.1", 1), CROWD_FINE);
	assert_int_equal(visit("192.0.2.1", 1), CROWD_TOO_FAST);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates),
		cmocka_unit_test(tokens),
		TEST(no_address),
		TEST(places),
		TEST(all_the_places),
		TEST(how_fast),
		TEST(a_flood),
		TEST(who_cannot_be_counted),
		TEST(a_file_of_somebody_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
