/* SPDX-License-Identifier: ISC */
/* The counters in the spool: what adds up, and what files do no harm. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "spool/counters.h"

static char dir[] = "/tmp/counters.XXXXXX";
static struct spool spool;

static int
make_spool(void **state)
{
	(void)state;
	strcpy(dir + sizeof dir - 7, "XXXXXX");
	return mkdtemp(dir) && spool_open(&spool, dir) ? 0 : -1;
}

static int
remove_spool(void **state)
{
	(void)state;
	unlinkat(spool.fd, counters_name, 0);
	unlinkat(spool.fd, counters_name, AT_REMOVEDIR);
	spool_close(&spool);
	return rmdir(dir);
}

static void
write_file(const void *p, size_t n)
{
	int fd = openat(spool.fd, counters_name, O_WRONLY | O_CREAT | O_TRUNC,
	    0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	close(fd);
}

static uint64_t
counted(enum counter which)
{
	uint64_t n[COUNTERS];

	assert_true(counters_read(&spool, n));
	return n[which];
}

static void
count_sent(unsigned times)
{
	struct counters c;

	counters_start(&c, &spool);
	for (unsigned i = 0; i < times; i++)
		counters_add(&c, COUNT_SENT);
	counters_end(&c);
}

/* Run in so many processes; they have all ended behind it. */
static void
in_processes(int n, void (*what)(void))
{
	int status;

	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			what();
			_exit(0);
		}
	}
	while (n-- > 0) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
}

static void
nothing_yet(void **state)
{
	struct counters c;

	(void)state;
	for (int i = 0; i < COUNTERS; i++)
		assert_int_equal(counted((enum counter)i), 0);
	counters_start(&c, &spool);
	counters_note(&c, COUNT_SENT, 0);
	counters_end(&c);
	assert_int_equal(faccessat(spool.fd, counters_name, F_OK, 0), -1);
}

static void
adds(void **state)
{
	struct counters c;
	struct stat st;

	(void)state;
	counters_start(&c, &spool);
	counters_note(&c, COUNT_RECEIVED, 3);
	assert_int_equal(counted(COUNT_RECEIVED), 0);
	counters_post(&c);
	counters_post(&c);
	assert_int_equal(counted(COUNT_RECEIVED), 3);
	counters_add(&c, COUNT_FAILED);
	counters_note(&c, COUNT_REFUSED, 2);
	counters_end(&c);
	counters_once(&spool, COUNT_FETCHED);
	assert_int_equal(counted(COUNT_RECEIVED), 3);
	assert_int_equal(counted(COUNT_FAILED), 1);
	assert_int_equal(counted(COUNT_REFUSED), 2);
	assert_int_equal(counted(COUNT_FETCHED), 1);
	assert_int_equal(counted(COUNT_SENT), 0);
	assert_int_equal(fstatat(spool.fd, counters_name, &st, 0), 0);
	assert_int_equal(st.st_size, COUNTERS_BYTES);
	assert_int_equal(st.st_mode & 0777, 0660);
}

static void
ten_thousand(void)
{
	count_sent(10000);
}

static void
a_thousand_times_one(void)
{
	for (int i = 0; i < 1000; i++)
		counters_once(&spool, COUNT_SENT);
}

static void
exact_together(void **state)
{
	(void)state;
	in_processes(8, ten_thousand);
	assert_int_equal(counted(COUNT_SENT), 80000);
}

/* Who makes the file and who counts first is anybody's guess. */
static void
exact_from_the_first(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 20; i++) {
		unlinkat(spool.fd, counters_name, 0);
		in_processes(8, a_thousand_times_one);
		assert_int_equal(counted(COUNT_SENT), 8000);
	}
}

/* --- files of other people's making --- */

static void
left_alone(size_t size, int octet)
{
	static char was[COUNTERS_MOST + 1], is[COUNTERS_MOST + 1];
	uint64_t n[COUNTERS];
	int fd;

	memset(was, octet, sizeof was);
	write_file(was, size);
	count_sent(3);
	assert_false(counters_read(&spool, n));
	assert_int_equal(n[COUNT_SENT], 0);
	fd = openat(spool.fd, counters_name, O_RDONLY);
	assert_int_equal(read(fd, is, sizeof is), size);
	close(fd);
	assert_memory_equal(was, is, size);
}

static void
other_sizes(void **state)
{
	static const size_t sizes[] = {
		1, 8, COUNTERS_BYTES - 1, COUNTERS_MOST + 1
	};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		left_alone(sizes[i], 0);
}

static void
other_content(void **state)
{
	(void)state;
	left_alone(COUNTERS_BYTES, 'x');
	left_alone(COUNTERS_BYTES + 1, 'x');
	left_alone(COUNTERS_MOST, 'x');
	left_alone(COUNTERS_BYTES, 0xff);
}

/* Its maker died before it had its size. */
static void
empty_file(void **state)
{
	(void)state;
	write_file("", 0);
	assert_int_equal(counted(COUNT_SENT), 0);
	count_sent(2);
	assert_int_equal(counted(COUNT_SENT), 2);
}

static void
no_file(void **state)
{
	uint64_t n[COUNTERS];

	(void)state;
	assert_int_equal(mkdirat(spool.fd, counters_name, 0700), 0);
	count_sent(1);
	assert_false(counters_read(&spool, n));
	unlinkat(spool.fd, counters_name, AT_REMOVEDIR);
	assert_int_equal(symlinkat("elsewhere", spool.fd, counters_name), 0);
	count_sent(1);
	assert_false(counters_read(&spool, n));
	assert_int_equal(faccessat(spool.fd, "elsewhere", F_OK, 0), -1);
}

/* Cut off while we have it open: no signal, no count, and it goes on when
 * there is a file again. */
static void
cut_off(void **state)
{
	struct counters c;
	uint64_t n[COUNTERS];

	(void)state;
	counters_start(&c, &spool);
	counters_add(&c, COUNT_SENT);
	write_file("torn", 4);
	counters_add(&c, COUNT_SENT);
	counters_add(&c, COUNT_SENT);
	assert_false(counters_read(&spool, n));
	write_file("", 0);
	counters_add(&c, COUNT_SENT);
	counters_end(&c);
	assert_true(counted(COUNT_SENT) >= 1);
}

static void
highest_number(void **state)
{
	struct counters c;

	(void)state;
	counters_start(&c, &spool);
	counters_note(&c, COUNT_SENT, UINT64_MAX);
	counters_post(&c);
	assert_true(counted(COUNT_SENT) == UINT64_MAX);
	counters_add(&c, COUNT_SENT);
	assert_int_equal(counted(COUNT_SENT), 0);
	assert_int_equal(counted(COUNT_DEFERRED), 0);
	counters_end(&c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_spool, remove_spool)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_yet), TEST(adds), TEST(exact_together),
		TEST(exact_from_the_first), TEST(other_sizes),
		TEST(other_content), TEST(empty_file), TEST(no_file),
		TEST(cut_off), TEST(highest_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
