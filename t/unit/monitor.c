/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/monitor.h"

/* The monitor answers with what it was asked for: the words the other way
 * round, the number plus one, and the descriptors. It ends when it is asked
 * for 9. */
static void
attend(struct monitor *m)
{
	struct petition p = { .n = 0 }, answer = { .n = 0 };

	while (monitor_hear(m, &p) && p.what != 9) {
		answer.what = p.what + 1;
		for (size_t i = p.words.n; i-- > 0; )
			list_add(&answer.words, list_get(&p.words, i));
		answer.n = p.n;
		memcpy(answer.fds, p.fds, sizeof p.fds);
		p.n = 0;
		petition_clear(&p);
		monitor_answer(m, &answer);
	}
	petition_free(&p);
	petition_free(&answer);
}

/* Split; the exit status is what the child says. */
static int
split(void (*child)(struct monitor *m))
{
	struct monitor m = { .fd = -1 };
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();           /* since the monitor's 0 and 1 become others */
	if (pid == 0) {
		if (monitor_split(&m)) {
			child(&m);
			_exit(0);
		}
		attend(&m);
		monitor_follow(monitor_end(&m));
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* The line is what the test shows then. */
#define insist(ok) do { if (!(ok)) _exit(__LINE__ % 200 + 1); } while (0)

static void
asks(struct monitor *m)
{
	struct petition p = { .what = 5 };
	int pair[2];

	list_add(&p.words, "one");
	list_add(&p.words, "");
	list_add(&p.words, "three\nlines");
	insist(pipe(pair) == 0);
	p.fds[p.n++] = pair[1];
	insist(monitor_ask(m, &p));
	insist(p.what == 6 && p.words.n == 3 && p.n == 1);
	insist(strcmp(list_get(&p.words, 0), "three\nlines") == 0);
	insist(strcmp(list_get(&p.words, 1), "") == 0);
	insist(p.fds[0] != pair[1]);
	insist(write(p.fds[0], "x", 1) == 1);
	petition_free(&p);

	/* nothing at all is a question, too */
	insist(monitor_ask(m, &p) && p.what == 1 && p.words.n == 0);
	petition_free(&p);
}

static void
asks_too_much(struct monitor *m)
{
	struct petition p = { .what = 1 };
	char *long_word = malloc(MONITOR_MOST);

	memset(long_word, 'x', MONITOR_MOST);
	long_word[MONITOR_MOST - 1] = '\0';
	list_add(&p.words, long_word);
	insist(!monitor_ask(m, &p) && errno == E2BIG);
	insist(p.words.n == 0 && p.n == 0);
	/* that was no question, so the next one is answered */
	list_add(&p.words, "x");
	insist(monitor_ask(m, &p) && p.words.n == 1);
	/* the largest one */
	petition_clear(&p);
	long_word[MONITOR_MOST - 1 - sizeof p.what] = '\0';
	list_add(&p.words, long_word);
	insist(monitor_ask(m, &p) && p.words.n == 1);
	free(long_word);
	petition_free(&p);
}

static void
talks_nonsense(struct monitor *m)
{
	struct petition p = { .what = 1 };
	static const char *const nonsense[] = { "", "abc", "abcdno NUL" };

	for (size_t i = 0; i < COUNT(nonsense); i++)
		send(m->fd, nonsense[i], strlen(nonsense[i]), MSG_NOSIGNAL);
	/* nobody listens any more */
	insist(!monitor_ask(m, &p));
	_exit(42);
}

/* Is what was sent along closed, if there is not even a number, or too many
 * come? */
static void
sends_along(struct monitor *m, const char *text, size_t descriptors)
{
	char space[CMSG_SPACE(8 * sizeof(int))] __attribute__((aligned(8)));
	struct iovec part = { (char *)(uintptr_t)text, strlen(text) };
	struct msghdr h = { .msg_iov = &part, .msg_iovlen = 1,
		.msg_control = space,
		.msg_controllen = CMSG_SPACE(descriptors * sizeof(int)) };
	struct pollfd p = { .events = POLLIN };
	struct cmsghdr *c;
	int ends[2], fds[8];

	memset(space, 0, sizeof space);
	insist(pipe(ends) == 0);
	for (size_t i = 0; i < descriptors; i++)
		fds[i] = ends[1];
	c = CMSG_FIRSTHDR(&h);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(descriptors * sizeof(int));
	memcpy(CMSG_DATA(c), fds, descriptors * sizeof(int));
	insist(sendmsg(m->fd, &h, MSG_NOSIGNAL) >= 0);
	close(ends[1]);
	p.fd = ends[0];
	insist(poll(&p, 1, 5000) == 1 && (p.revents & POLLHUP));
}

static void
sends_one_along(struct monitor *m)
{
	sends_along(m, "", 1);
}

static void
sends_many_along(struct monitor *m)
{
	sends_along(m, "abcd", 8);
}

static void
is_left_alone(struct monitor *m)
{
	struct petition p = { .what = 9 };

	insist(!monitor_ask(m, &p) && errno != 0);
	_exit(43);
}

static void
is_killed(struct monitor *m)
{
	(void)m;
	raise(SIGKILL);
}

static void
questions_and_answers(void **state)
{
	(void)state;
	assert_int_equal(split(asks), 0);
	assert_int_equal(split(asks_too_much), 0);
}

static void
what_makes_no_sense_ends_it(void **state)
{
	(void)state;
	assert_int_equal(WEXITSTATUS(split(talks_nonsense)), 42);
	assert_int_equal(WEXITSTATUS(split(is_left_alone)), 43);
	assert_int_equal(split(sends_one_along), 0);
	assert_int_equal(split(sends_many_along), 0);
}

static void
it_ends_as_its_child_has(void **state)
{
	int status = split(is_killed);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

/* What could be read otherwise is what the reader says, and not 0: that may be
 * a verdict. */
static void
numbers_of_an_answer(void **state)
{
	static const struct {
		const char *word;
		long number;
	} t[] = {
		{ "0", 0 }, { "7", 7 }, { "599", 599 }, { "600", 42 },
		{ "-1", 42 }, { "", 42 }, { "x", 42 }, { "7x", 42 },
		{ " 7", 42 }, { "99999999999999999999", 42 },
	};
	struct petition p = { .n = 0 };

	(void)state;
	assert_int_equal(petition_number(&p, 0, 599, 42), 42);
	for (size_t i = 0; i < COUNT(t); i++) {
		petition_clear(&p);
		list_add(&p.words, t[i].word);
		assert_row(i, petition_number(&p, 0, 599, 42) == t[i].number);
		assert_row(i, petition_number(&p, 1, 599, 42) == 42);
		assert_row(i, *petition_word(&p, 1) == '\0');
	}
	petition_clear(&p);
	petition_put(&p, 7);
	assert_string_equal(petition_word(&p, 0), "7");
	petition_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_of_an_answer),
		cmocka_unit_test(questions_and_answers),
		cmocka_unit_test(what_makes_no_sense_ends_it),
		cmocka_unit_test(it_ends_as_its_child_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
