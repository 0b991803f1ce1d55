/* SPDX-License-Identifier: ISC */
#include "own_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "spool/claim.h"
#include "spool/envelope_file.h"

static const char name[] = "emailrelay.1.2.3.envelope";
/* A file of that size, mostly of nothing. */
static int
make(off_t size)
{
	int fd = spool_open_file(&spool, name, O_RDWR | O_CREAT, NULL);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	return fd;
}

static void
too_large_to_be_one(void **state)
{
	struct envelope e = { .tries = 0 };
	struct buf why = { 0 };
	struct stat st;
	int fd = make((off_t)ENVELOPE_OCTETS + 1);

	(void)state;
	errno = 0;
	assert_false(envelope_load(&spool, name, &e, &st, &why));
	assert_int_equal(errno, EFBIG);
	assert_int_equal(why.n, 0);
	close(fd);
	envelope_free(&e);
	buf_free(&why);
}

/* What is appended never makes it one that cannot be read. */
static void
never_grows_too_large(void **state)
{
	struct buf line = { 0 };
	struct stat st;
	int fd = make((off_t)ENVELOPE_OCTETS - 4);

	(void)state;
	buf_puts(&line, "x\r\n");
	errno = 0;
	assert_false(envelope_file_append(fd, &line));
	assert_int_equal(errno, EFBIG);
	errno = 0;
	assert_false(envelope_file_reserve(fd, 5));
	assert_int_equal(errno, EFBIG);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, ENVELOPE_OCTETS - 4);
	close(fd);
	buf_free(&line);
}

/* A line that a crash has cut short is ended before another begins. */
static void
ends_a_torn_line(void **state)
{
	struct buf line = { 0 };
	char text[16] = "";
	int fd = make(0);

	(void)state;
	buf_puts(&line, "new\r\n");
	assert_int_equal(write(fd, "torn", 4), 4);
	assert_true(envelope_file_append(fd, &line));
	assert_int_equal(pread(fd, text, sizeof text - 1, 0), 11);
	assert_string_equal(text, "torn\r\nnew\r\n");
	assert_true(envelope_file_append(fd, &line));
	assert_int_equal(lseek(fd, 0, SEEK_END), 16);
	close(fd);
	buf_free(&line);
}

static void
put_envelope(struct buf *out)
{
	struct envelope e = { .tries = 0 };

	buf_set(&e.from, "a@a.test");
	list_add(&e.remote, "b@b.test");
	assert_true(envelope_format(&e, out));
	envelope_free(&e);
}

/* A file's time that is no whole second is not ours: a clock that was wrong
 * must not keep what nobody has deferred. */
static void
clock_was_wrong(void **state)
{
	const struct timespec later[2] = {
		{ .tv_sec = 4102444800, .tv_nsec = 5 },
		{ .tv_sec = 4102444800, .tv_nsec = 5 }
	};
	struct message_id id;
	struct buf line = { 0 };
	int fd = make(0);

	(void)state;
	assert_true(message_id_parse(&id, "emailrelay.1.2.3"));
	put_envelope(&line);
	assert_true(envelope_file_append(fd, &line));
	assert_int_equal(futimens(fd, later), 0);
	assert_true(message_due(&spool, &id));
	buf_set(&line, "X-Sluice-Deferred: 1 4102444800 why\r\n");
	assert_true(envelope_file_append(fd, &line));
	assert_int_equal(futimens(fd, later), 0);
	assert_false(message_due(&spool, &id));
	close(fd);
	buf_free(&line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(too_large_to_be_one, begin,
		    end),
		cmocka_unit_test_setup_teardown(never_grows_too_large, begin,
		    end),
		cmocka_unit_test_setup_teardown(ends_a_torn_line, begin, end),
		cmocka_unit_test_setup_teardown(clock_was_wrong, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
