/* SPDX-License-Identifier: ISC */
#include "assault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/date.h"
#include "base/log.h"

enum { PATIENCE = 60000 };      /* ms for a session */

static void __attribute__((noreturn))
cannot(const char *what)
{
	die(EX_OSERR, "cannot %s: %s", what, strerror(errno));
}

/* --- the spool --- */

static void
copy_model(const char *model, const char *spool)
{
	DIR *d = opendir(model);
	int from, to = open(spool, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	struct dirent *e;

	if (!d || to < 0)
		cannot("open the model");
	from = dirfd(d);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' &&
		    linkat(from, e->d_name, to, e->d_name, 0) < 0)
			cannot("copy the model");
	closedir(d);
	close(to);
}

static void
make_spool(const struct siege *s, struct buf *path)
{
	buf_printf(path, "%s/XXXXXX", s->work);
	if (!mkdtemp(path->s))
		cannot("make a spool");
	if (s->model)
		copy_model(s->model, path->s);
}

static void
remove_spool(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(path);
}

/* --- the connection --- */

static void
connect_pair(int pair[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof a;
	int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (door < 0 || bind(door, (struct sockaddr *)&a, n) < 0 ||
	    listen(door, 1) < 0 ||
	    getsockname(door, (struct sockaddr *)&a, &n) < 0 ||
	    connect(pair[0], (struct sockaddr *)&a, n) < 0)
		cannot("connect");
	pair[1] = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	close(door);
}

static void
make_pair(enum ending how, int pair[2])
{
	if (how == RESET)
		connect_pair(pair);
	else if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		cannot("make a socket pair");
	/* ours only: the program's end is its own */
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
}

/* --- the program --- */

static void __attribute__((noreturn))
become(const struct siege *s, const struct row *row, const char *spool,
    int sock, int log)
{
	struct rlimit most = { row->most, row->most };
	struct list argv = { 0 };

	for (char **p = s->program; *p; p++)
		list_add(&argv, *p);
	list_add(&argv, "--spool-dir");
	list_add(&argv, spool);
	for (size_t i = 0; i < row->options.n; i++)
		list_add(&argv, list_get(&row->options, i));
	for (size_t i = 0; i < row->environment.n; i++) {
		struct buf b = { 0 };

		fill(&b, list_get(&row->environment, i));
		putenv(b.s);
	}
	if (dup2(sock, 0) < 0 || dup2(sock, 1) < 0 || dup2(log, 2) < 0)
		_exit(127);
	syscall(SYS_close_range, 3U, ~0U, 0U);
	if (row->limit >= 0)
		syscall(SYS_prlimit64, 0, row->limit, &most, NULL);
	execvp(s->program[0], list_argv(&argv));
	_exit(127);
}

/* --- what is said --- */

struct talk {
	int sock;               /* or -1 */
	int child;              /* a pidfd */
	const struct row *row;
	const char *input;
	size_t left;            /* of the input */
	struct outcome *o;
};

static void
hang_up(struct talk *t)
{
	struct linger now = { .l_onoff = 1 };

	if (t->row->ending == RESET)
		setsockopt(t->sock, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(t->sock);
	t->sock = -1;
}

/* Is there anything that the program has not read? */
static bool
unread(const struct talk *t)
{
	int n = 0;

	return ioctl(t->sock, TIOCOUTQ, &n) == 0 && n > 0;
}

static void
speak(struct talk *t)
{
	size_t most = t->left;
	ssize_t n;

	if (t->row->piece && t->row->piece < most)
		most = t->row->piece;
	if (t->row->piece && unread(t)) {
		sched_yield();
		return;
	}
	n = send(t->sock, t->input, most, MSG_NOSIGNAL);

	if (n < 0 && errno == EAGAIN)
		return;
	t->input += n > 0 ? n : 0;
	/* whoever does not listen hears no more */
	t->left -= n > 0 ? (size_t)n : t->left;
}

/* Behind the last word. */
static void
finish(struct talk *t)
{
	if (t->row->ending == FIN)
		shutdown(t->sock, SHUT_WR);
	else if (t->row->ending == CLOSE || t->row->ending == RESET)
		hang_up(t);
}

static void
listen_to(struct talk *t)
{
	ssize_t n = recv(t->sock, buf_reserve(&t->o->said, 65536), 65536, 0);

	if (n > 0) {
		t->o->said.n += (size_t)n;
		t->o->said.s[t->o->said.n] = '\0';
	} else if (n == 0 || errno != EAGAIN) {
		hang_up(t);
	}
}

/* Until the program has ended. */
static void
converse(struct talk *t)
{
	int64_t until = date_ticks() + PATIENCE;
	short ear = t->row->ending == DEAF ? 0 : POLLIN;

	for (;;) {
		struct pollfd fds[2] = {
			{ .fd = t->child, .events = POLLIN },
			{ .fd = t->sock, .events = ear },
		};

		if (t->left > 0)
			fds[1].events |= POLLOUT;
		/* nothing but its end can come from a deaf one's connection */
		else if (!ear)
			fds[1].fd = -1;
		if (poll(fds, 2, (int)(until - date_ticks())) <= 0)
			break;
		if ((fds[1].revents & POLLOUT)) {
			speak(t);
			if (t->left == 0)
				finish(t);
		} else if (fds[1].revents && ear) {
			listen_to(t);
		} else if (fds[1].revents) {
			hang_up(t);
		} else if (fds[0].revents) {
			return;
		}
	}
	t->o->hung = true;
}

/* The program, and whoever it has left behind. */
static void
reap(pid_t program, struct outcome *o)
{
	int64_t until = date_ticks() + 5000;
	struct rusage used;
	bool over = false;
	int status;
	pid_t p;

	if (o->hung)
		kill(program, SIGKILL);
	while ((p = wait4(-1, &status, over ? WNOHANG : 0, &used)) >= 0) {
		if (p > 0 && used.ru_maxrss > o->memory)
			o->memory = used.ru_maxrss;
		if (p == program) {
			o->status = status;
			over = true;
		} else if (p == 0 && date_ticks() > until) {
			o->orphans = true;
			return;
		} else if (p == 0) {
			poll(NULL, 0, 5);
		}
	}
}

void
assault(const struct siege *s, const struct row *row, size_t octets,
    struct outcome *o)
{
	struct buf input = { 0 };
	struct talk t = { .row = row, .o = o };
	int pair[2], log = memfd_create("log", MFD_CLOEXEC);
	off_t end;
	pid_t program;

	*o = (struct outcome){ 0 };
	make_spool(s, &o->spool);
	make_pair(row->ending, pair);
	program = fork();
	if (program == 0)
		become(s, row, o->spool.s, pair[1], log);
	close(pair[1]);
	/* only now, so that it is not taken for the program's memory */
	fill(&input, row->input);
	t.sock = pair[0];
	t.child = (int)syscall(SYS_pidfd_open, program, 0);
	t.input = buf_text(&input);
	t.left = input.n < octets ? input.n : octets;
	if (program < 0 || t.child < 0)
		cannot("start the program");
	if (t.left == 0)
		finish(&t);
	o->ticks = date_ticks();
	converse(&t);
	o->ticks = date_ticks() - o->ticks;
	if (t.sock >= 0)
		hang_up(&t);
	close(t.child);
	reap(program, o);
	buf_free(&input);
	end = lseek(log, 0, SEEK_END);
	if (end > 0 && pread(log, buf_reserve(&o->log, (size_t)end),
	    (size_t)end, 0) == end) {
		o->log.n = (size_t)end;
		o->log.s[end] = '\0';
	}
	close(log);
}

void
outcome_free(struct outcome *o)
{
	remove_spool(buf_text(&o->spool));
	buf_free(&o->spool);
	buf_free(&o->said);
	buf_free(&o->log);
}
