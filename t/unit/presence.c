/* SPDX-License-Identifier: ISC */
/* Who is at it now, and between whom a connection is. */
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "spool/presence.h"

static char dir[64];
static struct spool spool;
static struct connection all[PRESENCE_PLACES];

static int
begin(void **state)
{
	(void)state;
	scratch_make(dir);
	return spool_open(&spool, dir) ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	spool_close(&spool);
	scratch_remove(dir);
	return 0;
}

static uint64_t
counted(enum counter which)
{
	uint64_t n[COUNTERS];

	assert_true(counters_read(&spool, n));
	return n[which];
}

/* How many records tell of somebody who is there; `far` is in the last. */
static unsigned
records(enum counter which, struct ends *e)
{
	unsigned n = 0;

	if (!presence_look(&spool, which, all))
		return 0;
	for (int i = 0; i < PRESENCE_PLACES; i++) {
		if (all[i].place) {
			*e = all[i].ends;
			n++;
		}
	}
	return n;
}

static void
come_and_go(void **state)
{
	struct counters c[40];
	struct presence p[40] = { { .place = 0 } };

	(void)state;
	assert_int_equal(presence_count(&spool, COUNT_IN_STARTED), 0);
	for (unsigned i = 0; i < 40; i++) {
		counters_start(&c[i], &spool);
		presence_start(&p[i], &c[i], i % 2 ? COUNT_OUT_STARTED :
		    COUNT_IN_STARTED, NULL);
	}
	assert_int_equal(presence_count(&spool, COUNT_IN_STARTED), 20);
	assert_int_equal(presence_count(&spool, COUNT_OUT_STARTED), 20);
	assert_int_equal(presence_count(&spool, COUNT_POP_STARTED), 0);
	for (unsigned i = 0; i < 10; i++)
		presence_end(&p[2 * i], &c[2 * i]);
	assert_int_equal(presence_count(&spool, COUNT_IN_STARTED), 10);
	assert_int_equal(counted(COUNT_IN_STARTED), 20);
	assert_int_equal(counted(COUNT_IN_FINISHED), 10);
	for (unsigned i = 0; i < 40; i++)
		counters_end(&c[i]);
	assert_int_equal(presence_count(&spool, COUNT_IN_STARTED), 0);
	assert_int_equal(presence_count(&spool, COUNT_OUT_STARTED), 0);
	assert_int_equal(counted(COUNT_OUT_FINISHED), 0);
}

static void
die_present(void *arg)
{
	struct ends ends = { "127.0.0.1:25", "127.0.0.1:1234", "" };
	struct presence p = { .place = 0 };
	struct counters c;

	(void)arg;
	counters_start(&c, &spool);
	presence_start(&p, &c, COUNT_IN_STARTED, &ends);
	_exit(presence_count(&spool, COUNT_IN_STARTED) == 1 &&
	    records(COUNT_IN_STARTED, &ends) == 1 ? 0 : 1);
}

static void
the_dead_are_gone(void **state)
{
	struct buf out = { 0 };
	struct ends e;

	(void)state;
	for (int i = 0; i < 8; i++)
		assert_int_equal(in_child(die_present, NULL, &out), 0);
	assert_int_equal(counted(COUNT_IN_STARTED), 8);
	assert_int_equal(presence_count(&spool, COUNT_IN_STARTED), 0);
	assert_int_equal(records(COUNT_IN_STARTED, &e), 0);
	/* but they have left their records behind */
	assert_true(presence_read(&spool, COUNT_IN_STARTED, all));
	buf_free(&out);
}

static void
no_spool(void **state)
{
	struct ends ends = { .local = "" };
	struct counters c = { .fd = 0 };
	struct presence p;

	(void)state;
	presence_try(&p, &c, COUNT_OUT_STARTED, &ends);
	presence_start(&p, &c, COUNT_OUT_STARTED, &ends);
	counters_add(&c, COUNT_SENT);
	presence_end(&p, &c);
	counters_end(&c);
	assert_int_equal(fcntl(0, F_GETFD) < 0, 0);
	assert_int_equal(counted(COUNT_SENT), 0);
	assert_false(presence_read(&spool, COUNT_OUT_STARTED, all));
}

static void
between_whom(void **state)
{
	const struct ends there = { "10.0.0.1:4000", "10.0.0.2:25",
		"mx.test" }, to = { .name = "mx.test:25" };
	struct presence p;
	struct counters c;
	struct ends e;

	(void)state;
	counters_start(&c, &spool);
	presence_try(&p, &c, COUNT_OUT_STARTED, &to);
	assert_int_equal(presence_count(&spool, COUNT_OUT_STARTED), 0);
	assert_int_equal(counted(COUNT_OUT_STARTED), 0);
	assert_int_equal(records(COUNT_OUT_STARTED, &e), 0);
	presence_start(&p, &c, COUNT_OUT_STARTED, &there);
	assert_int_equal(presence_count(&spool, COUNT_OUT_STARTED), 1);
	assert_int_equal(records(COUNT_OUT_STARTED, &e), 1);
	assert_string_equal(e.local, there.local);
	assert_string_equal(e.remote, there.remote);
	assert_string_equal(e.name, there.name);
	assert_int_equal(records(COUNT_IN_STARTED, &e), 0);
	assert_int_equal(records(COUNT_POP_STARTED, &e), 0);
	presence_end(&p, &c);
	assert_int_equal(records(COUNT_OUT_STARTED, &e), 0);
	/* a round has no ends, and no table */
	presence_start(&p, &c, COUNT_POLL_STARTED, &there);
	assert_int_equal(presence_count(&spool, COUNT_POLL_STARTED), 1);
	assert_false(presence_look(&spool, COUNT_POLL_STARTED, all));
	presence_end(&p, &c);
	counters_end(&c);
}

/* More than there are records: all are counted, and no record is lost by
 * somebody who is there. */
static void
a_crowd(void **state)
{
	enum { MANY = PRESENCE_PLACES + 100 };
	static struct presence p[MANY];
	static struct counters c[MANY];
	struct ends e = { "l", "r", "" };
	struct stat st;
	unsigned n;

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(e.remote, sizeof e.remote, "client %u", i);
		counters_start(&c[i], &spool);
		presence_start(&p[i], &c[i], COUNT_POP_STARTED, &e);
		assert_row(i, p[i].place != 0);
	}
	assert_int_equal(presence_count(&spool, COUNT_POP_STARTED), MANY);
	n = records(COUNT_POP_STARTED, &e);
	assert_in_range(n, PRESENCE_PLACES / 2, PRESENCE_PLACES);
	for (unsigned i = 0, seen = 0; i < MANY; i++) {
		snprintf(e.remote, sizeof e.remote, "client %u", i);
		for (int k = 0; k < PRESENCE_PLACES; k++)
			seen += strcmp(all[k].ends.remote, e.remote) == 0;
		assert_row(i, i + 1 < MANY || seen == n);
	}
	assert_int_equal(fstatat(spool.fd, counters_name, &st, 0), 0);
	assert_true(st.st_size <= COUNTERS_MOST);
	for (unsigned i = 0; i < MANY; i++)
		counters_end(&c[i]);
}

/* What others have written there has an end, and no locks. */
static void
garbage(void **state)
{
	static char x[COUNTERS_MOST - COUNTERS_BYTES];
	struct ends e = { .local = "" };
	int fd;

	(void)state;
	counters_once(&spool, COUNT_SENT);
	memset(x, 'x', sizeof x);
	fd = openat(spool.fd, counters_name, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, x, sizeof x, COUNTERS_BYTES), sizeof x);
	close(fd);
	assert_int_equal(counted(COUNT_SENT), 1);
	assert_true(presence_read(&spool, COUNT_OUT_STARTED, all));
	assert_int_equal(strlen(all[7].ends.local), sizeof e.local - 1);
	assert_int_equal(strlen(all[7].ends.name), sizeof e.name - 1);
	assert_int_equal(records(COUNT_OUT_STARTED, &e), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(come_and_go), TEST(the_dead_are_gone), TEST(no_spool),
		TEST(between_whom), TEST(a_crowd), TEST(garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
