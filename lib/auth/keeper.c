/* SPDX-License-Identifier: ISC */
#include "auth/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/date.h"
#include "base/environment.h"
#include "base/helper.h"
#include "base/log.h"
#include "base/system.h"

enum { ADDRESS = 64 };          /* octets at most, with its NUL */

/* What the program's exit status means, by the checkpassword interface. */
static enum keeper_verdict
interpret(const char *program, const struct helper_result *r)
{
	if (r->code == 0)
		return KEEPER_YES;
	if (r->code == 1)
		return KEEPER_NO;
	if (r->error)
		log_error("cannot run '%s': %s", program, strerror(r->error));
	else if (r->timed_out)
		log_error("'%s' has not said in time whether a password is "
		    "right", program);
	else
		log_error("'%s' cannot say whether a password is right: "
		    "exit status %d", program, r->code);
	return KEEPER_LATER;
}

static enum keeper_verdict
run(const struct list *words, const char *block, size_t n)
{
	struct helper_result r = { 0 };
	char **environment = environment_others();
	enum keeper_verdict v;

	helper_ask(&r, words, environment, block, n, KEEPER_SECONDS);
	v = interpret(list_get(words, 0), &r);
	buf_free(&r.output);
	free(environment);
	return v;
}

/* Let go of the client and of whatever else we have inherited. */
static void
retire(int fd)
{
	int null = open("/dev/null", O_RDWR);

	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (fd > 3)
		close_range(3, (unsigned)fd - 1, 0);
	close_range((unsigned)fd + 1, ~0U, 0);
}

/* A question is the client's address and the block: tell the program where
 * the client is, as tcpserver would, and return the block. */
static const char *
take_address(const char *question, size_t *n)
{
	size_t skip = strnlen(question, *n - 1) + 1;

	if (skip > 1 && question[skip - 1] == '\0')
		setenv("TCPREMOTEIP", question, 1);
	else
		unsetenv("TCPREMOTEIP");
	*n -= skip;
	return question + skip;
}

/* The process: it ends when the other side does. */
static _Noreturn void
attend(int fd, const struct list *words)
{
	char question[ADDRESS + HELPER_INPUT], answer;
	const char *block;
	size_t left;
	ssize_t n;

	die_saying(NULL);
	retire(fd);
	for (int i = 0; i < KEEPER_QUESTIONS; i++) {
		n = recv(fd, question, sizeof question, 0);
		if (n <= 0)
			break;
		left = (size_t)n;
		block = take_address(question, &left);
		answer = (char)run(words, block, left);
		explicit_bzero(question, sizeof question);
		if (send(fd, &answer, 1, MSG_NOSIGNAL) != 1)
			break;
	}
	_exit(EX_OK);
}

bool
keeper_start(struct keeper *k, const struct list *words)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return false;
	k->pid = fork();
	if (k->pid == 0)
		attend(pair[1], words);
	close(pair[1]);
	k->fd = pair[0];
	if (k->pid > 0)
		return true;
	k->pid = 0;
	close(k->fd);
	return false;
}

/* address NUL, and then name NUL password NUL time NUL */
static void
put_question(struct buf *block, const char *from, const char *id,
    const char *password)
{
	buf_reserve(block, ADDRESS + HELPER_INPUT);
	buf_add(block, from, strlen(from) + 1);
	buf_add(block, id, strlen(id) + 1);
	buf_add(block, password, strlen(password) + 1);
	buf_printf(block, "%lld", (long long)time(NULL));
	buf_putc(block, '\0');
}

/* The time limit is the keeper's; a little more is for the keeper itself. */
static bool
await(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t by = date_ticks() + (KEEPER_SECONDS + 5) * 1000;
	int64_t left;
	int n;

	do {
		left = by - date_ticks();
		n = left <= 0 ? 0 : poll(&p, 1, (int)left);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

enum keeper_verdict
keeper_ask(struct keeper *k, const char *from, const char *id,
    const char *password)
{
	struct buf block = { 0 };
	char answer = KEEPER_LATER;

	put_question(&block, from, id, password);
	if (k->pid == 0 || strlen(from) >= ADDRESS ||
	    block.n > strlen(from) + 1 + HELPER_INPUT ||
	    send(k->fd, block.s, block.n, MSG_NOSIGNAL) != (ssize_t)block.n ||
	    !await(k->fd) || recv(k->fd, &answer, 1, 0) != 1) {
		log_error("nobody is there to check passwords");
		answer = KEEPER_LATER;
		/* An answer that came late would be taken for the one to the
		 * next question: there is none. */
		if (k->pid != 0)
			shutdown(k->fd, SHUT_RDWR);
	}
	buf_wipe(&block);
	return answer == KEEPER_YES ? KEEPER_YES :
	    answer == KEEPER_NO ? KEEPER_NO : KEEPER_LATER;
}

void
keeper_end(struct keeper *k)
{
	if (k->pid == 0)
		return;
	close(k->fd);
	while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	*k = (struct keeper){ .pid = 0 };
}
