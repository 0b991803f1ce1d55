/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/date.h"
#include "wire/io.h"

static struct io io;
static int far;                 /* the other side */

static int
begin(void **state)
{
	int pair[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return -1;
	io_open(&io, pair[0], pair[0], 5);
	far = pair[1];
	return 0;
}

static int
end(void **state)
{
	(void)state;
	io_close(&io);
	if (far >= 0)
		close(far);
	return 0;
}

static void
hang_up(void)
{
	close(far);
	far = -1;
}

static void
send_all(const char *p, size_t n)
{
	assert_true(write(far, p, n) == (ssize_t)n);
}

static void
expect(const char *text)
{
	char have[100] = "";
	ssize_t n = recv(far, have, sizeof have - 1, MSG_DONTWAIT);

	assert_int_equal(n < 0 ? 0 : n, strlen(text));
	assert_string_equal(have, text);
}

static void
expect_line(const char *text, size_t n)
{
	char *line;
	size_t have;

	assert_int_equal(io_line(&io, 100, &line, &have), IO_LINE);
	assert_int_equal(have, n);
	assert_memory_equal(line, text, n + 1);
}

static void
lines(void **state)
{
	char *line;
	size_t n;

	(void)state;
	send_all("one\r\n\r\nbare\nlf\rcr\r\n\0nul\r\n\r\r\nrest", 32);
	expect_line("one", 3);
	expect_line("", 0);
	expect_line("bare\nlf\rcr", 10);
	expect_line("\0nul", 4);
	expect_line("\r", 1);
	assert_int_equal(io_buffered(&io), 4);
	hang_up();
	assert_int_equal(io_line(&io, 100, &line, &n), IO_NONE);
	assert_int_equal(io.state, IO_EOF);
	assert_string_equal(io_why(&io), "connection closed");
}

static void
lf_alone_if_wanted(void **state)
{
	(void)state;
	io.lf = true;
	send_all("one\ntwo\r\n\nthree\rx\n", 18);
	expect_line("one", 3);
	expect_line("two", 3);
	expect_line("", 0);
	expect_line("three\rx", 7);
}

/* Whoever sends it in two pieces: the second in a child, once the first has
 * been looked at. */
static void
cut_anywhere(void **state)
{
	static const char text[] = "abc\r\nd\r\r\n\r\nx\ny\r\n";
	static const char *const want[] = { "abc", "d\r", "", "x\ny" };
	char *line;
	size_t n;

	(void)state;
	for (size_t cut = 1; cut < sizeof text - 1; cut++) {
		size_t i = 0;

		send_all(text, cut);
		fflush(NULL);
		if (fork() == 0) {
			poll(NULL, 0, 2);
			_exit(write(far, text + cut, sizeof text - 1 - cut) <
			    0);
		}
		for (; i < COUNT(want); i++) {
			assert_row(cut, io_line(&io, 100, &line, &n) ==
			    IO_LINE);
			assert_string_equal(line, want[i]);
		}
		wait(NULL);
		assert_int_equal(io_buffered(&io), 0);
	}
}

/* Lines around the limit and around the size of the buffer, in one go. */
static void
long_lines(void **state)
{
	static const size_t lengths[] = { 99, 100, 101, 102, 103, 65533,
		65534, 65535, 65536, 65537, 65538, 200000 };
	static char text[200003];
	char *line;
	size_t n;
	int status;

	(void)state;
	for (size_t i = 0; i < COUNT(lengths); i++) {
		memset(text, 'x', lengths[i]);
		memcpy(text + lengths[i], "\r\n", 2);
		fflush(NULL);
		if (fork() == 0)
			_exit(write(far, text, lengths[i] + 2) !=
			    (ssize_t)lengths[i] + 2 ||
			    write(far, "next\r\n", 6) != 6);
		assert_row(i, io_line(&io, 100, &line, &n) ==
		    (lengths[i] <= 100 ? IO_LINE : IO_LONG));
		if (lengths[i] <= 100)
			assert_int_equal(n, lengths[i]);
		expect_line("next", 4);
		wait(&status);
		assert_int_equal(status, 0);
	}
}

static void
a_long_line_that_ends_late(void **state)
{
	char *line;
	size_t n;

	(void)state;
	/* the CR at the limit, and its LF with the next packet */
	for (size_t length = 95; length < 110; length++) {
		char text[128];

		memset(text, 'x', length);
		text[length] = '\r';
		send_all(text, length + 1);
		fflush(NULL);
		if (fork() == 0) {
			poll(NULL, 0, 2);
			_exit(write(far, "\nok\r\n", 5) != 5);
		}
		assert_row(length, io_line(&io, 100, &line, &n) ==
		    (length <= 100 ? IO_LINE : IO_LONG));
		expect_line("ok", 2);
		wait(NULL);
	}
}

static void
output_waits_for_input(void **state)
{
	(void)state;
	io_print(&io, "220 %s\r\n", "hi");
	io_write(&io, "more", 4);
	expect("");
	send_all("a\r\nb\r\n", 6);
	expect_line("a", 1);
	expect("220 hi\r\nmore");
	io_print(&io, "250 ok\r\n");
	expect_line("b", 1);
	expect("");
	io_flush(&io);
	expect("250 ok\r\n");
}

static void
peek_and_skip(void **state)
{
	const char *p;

	(void)state;
	send_all("LINE\r\nbytes", 11);
	expect_line("LINE", 4);
	assert_int_equal(io_peek(&io, &p), 5);
	assert_memory_equal(p, "bytes", 5);
	io_skip(&io, 2);
	assert_int_equal(io_peek(&io, &p), 3);
	assert_memory_equal(p, "tes", 3);
	io_skip(&io, 3);
	hang_up();
	assert_int_equal(io_peek(&io, &p), 0);
	assert_int_equal(io.state, IO_EOF);
}

static void
stale(void **state)
{
	(void)state;
	assert_false(io_stale(&io));
	send_all("x\r\n", 3);
	assert_true(io_stale(&io));
	expect_line("x", 1);
	assert_false(io_stale(&io));
	send_all("x\r\ny", 4);
	expect_line("x", 1);
	assert_true(io_stale(&io));
}

static void
stale_at_the_end(void **state)
{
	(void)state;
	hang_up();
	assert_true(io_stale(&io));
}

static void
within_a_time(void **state)
{
	(void)state;
	io_print(&io, "x");
	assert_false(io_peek_within(&io, 0));
	expect("x");
	assert_int_equal(io.state, IO_OPEN);
	send_all("y", 1);
	assert_true(io_peek_within(&io, 60));
}

static void
silence(void **state)
{
	int64_t before = date_ticks(), took;
	char *line;
	size_t n;

	(void)state;
	io.seconds = 1;
	send_all("half a line", 11);
	assert_int_equal(io_line(&io, 100, &line, &n), IO_NONE);
	took = date_ticks() - before;
	assert_int_equal(io.state, IO_TIMEOUT);
	assert_string_equal(io_why(&io), "timed out");
	assert_true(took >= 1000 && took < 4000);
	/* it sticks */
	send_all("\r\n", 2);
	before = date_ticks();
	assert_int_equal(io_line(&io, 100, &line, &n), IO_NONE);
	io_print(&io, "lost");
	io_flush(&io);
	assert_true(date_ticks() - before < 500);
	expect("");
}

/* A line that drips in has one limit as a whole. */
static void
dripping(void **state)
{
	int64_t before = date_ticks(), took;
	pid_t pid;
	char *line;
	size_t n;

	(void)state;
	io.seconds = 1;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		for (;;) {
			if (write(far, "x", 1) < 0)
				_exit(0);
			poll(NULL, 0, 100);
		}
	assert_int_equal(io_line(&io, 1000, &line, &n), IO_NONE);
	took = date_ticks() - before;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(io.state, IO_TIMEOUT);
	assert_true(took >= 1000 && took < 4000);
}

static void
until(void **state)
{
	int64_t before = date_ticks(), took;
	const char *p;

	(void)state;
	io.seconds = 60;
	io.until = before + 300;
	assert_int_equal(io_peek(&io, &p), 0);
	took = date_ticks() - before;
	assert_int_equal(io.state, IO_TIMEOUT);
	assert_true(took >= 300 && took < 3000);
}

static void
nobody_reads(void **state)
{
	static char much[300000];
	int64_t before = date_ticks(), took;

	(void)state;
	io.seconds = 1;
	for (int i = 0; i < 100 && io.state == IO_OPEN; i++)
		io_write(&io, much, sizeof much);
	took = date_ticks() - before;
	assert_int_equal(io.state, IO_TIMEOUT);
	assert_true(took >= 1000 && took < 4000);
	assert_int_equal(io.pending.n, 0);
}

static void
the_reader_is_gone(void **state)
{
	(void)state;
	hang_up();
	io_print(&io, "hello");
	io_flush(&io);
	assert_int_equal(io.state, IO_ERROR);
	assert_int_equal(io.error, EPIPE);
	assert_string_equal(io_why(&io), strerror(EPIPE));
}

static void
much_in_order(void **state)
{
	size_t got = 0;
	int status;
	const char *p;
	size_t n;

	(void)state;
	fflush(NULL);
	if (fork() == 0) {
		unsigned char c;
		size_t i;

		for (i = 0; i < 1000000 && read(far, &c, 1) == 1; i++)
			if (c != (unsigned char)(i * 7))
				_exit(1);
		_exit(write(far, "done", 4) != 4 || i < 1000000);
	}
	for (size_t i = 0; i < 1000000; i++) {
		char c = (char)(i * 7);

		io_write(&io, &c, 1);
	}
	while (got < 4 && (n = io_peek(&io, &p)) > 0) {
		io_skip(&io, n);
		got += n;
	}
	wait(&status);
	assert_int_equal(status, 0);
	assert_int_equal(io.state, IO_OPEN);
}

static void
nothing_waits_for_more(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 0;
	socklen_t size = sizeof on;
	struct io tcp;

	(void)state;
	io_open(&tcp, fd, fd, 5);
	getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size);
	assert_true(on);
	io_close(&tcp);
}

static void
two_pipes(void **state)
{
	int in[2], out[2];
	char text[8] = "", *line;
	struct io both;
	size_t n;

	(void)state;
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	io_open(&both, in[0], out[1], 5);
	assert_true(write(in[1], "hi\r\n", 4) == 4);
	close(in[1]);
	io_print(&both, "250 ok\r");
	assert_int_equal(io_line(&both, 10, &line, &n), IO_LINE);
	assert_string_equal(line, "hi");
	assert_true(read(out[0], text, 7) == 7);
	assert_string_equal(text, "250 ok\r");
	assert_int_equal(io_line(&both, 10, &line, &n), IO_NONE);
	assert_int_equal(both.state, IO_EOF);
	assert_false(fcntl(out[0], F_GETFL) & O_NONBLOCK);
	io_close(&both);
	close(out[0]);
}

/* Reads what is there; nothing is missing, or twice. */
static void
take(size_t *next)
{
	unsigned char octets[4096];
	ssize_t n;

	while ((n = recv(far, octets, sizeof octets, MSG_DONTWAIT)) > 0)
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(octets[i], (*next)++ % 251);
}

static void
pushed_as_far_as_it_goes(void **state)
{
	enum { MANY = 2000000 };
	int64_t began = date_ticks();
	size_t next = 0;

	(void)state;
	assert_true(io_push(&io));
	for (unsigned i = 0; i < MANY; i++)
		buf_putc(&io.pending, (char)(i % 251));
	assert_false(io_push(&io));
	assert_false(io_push(&io));
	assert_true(date_ticks() - began < 4000);
	assert_int_equal(io.state, IO_OPEN);
	while (!io_push(&io))
		take(&next);
	take(&next);
	assert_int_equal(next, MANY);
	io_print(&io, "x");
	hang_up();
	assert_true(io_push(&io));
	assert_int_equal(io.state, IO_ERROR);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines),
		TEST(lf_alone_if_wanted),
		TEST(cut_anywhere),
		TEST(long_lines),
		TEST(a_long_line_that_ends_late),
		TEST(output_waits_for_input),
		TEST(peek_and_skip),
		TEST(stale),
		TEST(stale_at_the_end),
		TEST(within_a_time),
		TEST(silence),
		TEST(dripping),
		TEST(until),
		TEST(nobody_reads),
		TEST(the_reader_is_gone),
		TEST(much_in_order),
		TEST(nothing_waits_for_more),
		TEST(two_pipes),
		TEST(pushed_as_far_as_it_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
