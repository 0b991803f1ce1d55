/* SPDX-License-Identifier: ISC */
#include "meeting.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"

enum { PATIENCE = 15000 };      /* ms for a run */

/* --- files --- */

void
path_of(struct buf *b, const struct run *run, const char *name)
{
	buf_clear(b);
	buf_printf(b, "%s/%s", run->dir.s, name);
}

static void
put_file(const struct run *run, const char *name, const char *text)
{
	struct buf b = { 0 };
	FILE *f;

	path_of(&b, run, name);
	f = fopen(b.s, "we");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		die(EX_CANTCREAT, "cannot write %s: %s", b.s, strerror(errno));
	buf_free(&b);
}

bool
get_file(const struct run *run, const char *name, struct buf *text)
{
	struct buf b = { 0 };
	ssize_t n = -1;
	int fd;

	path_of(&b, run, name);
	buf_clear(text);
	fd = open(b.s, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (n = read(fd, buf_reserve(text, 65536), 65536)) > 0)
		text->n += (size_t)n;
	buf_putc(text, '\0');
	buf_cut(text, text->n - 1);
	if (fd >= 0)
		close(fd);
	buf_free(&b);
	return fd >= 0;
}

static void
post(const struct run *run, int n)
{
	struct buf b = { 0 };
	char name[64];

	snprintf(name, sizeof name, "spool/emailrelay.7.1000.%d.content", n);
	buf_printf(&b, "Subject: message %d\r\n\r\n.text %d\r\n", n, n);
	put_file(run, name, b.s);
	buf_clear(&b);
	buf_printf(&b, "X-MailRelay-Format: #2821.4\r\n"
	    "X-MailRelay-Content: 7bit\r\nX-MailRelay-From: from%d@a.test\r\n"
	    "X-MailRelay-ToCount: 1\r\nX-MailRelay-To-Remote: to%d@b.test\r\n"
	    "X-MailRelay-Authentication: \r\nX-MailRelay-Client: 127.0.0.1\r\n"
	    "X-MailRelay-ClientName: \r\nX-MailRelay-ClientCertificate: \r\n"
	    "X-MailRelay-End: 1\r\n", n, n);
	snprintf(name, sizeof name, "spool/emailrelay.7.1000.%d.envelope", n);
	put_file(run, name, b.s);
	buf_free(&b);
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

/* --- processes --- */

static void __attribute__((noreturn))
become(char **argv, int out, int err)
{
	if (dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(127);
	syscall(SYS_close_range, 3U, ~0U, 0U);
	execvp(argv[0], argv);
	_exit(127);
}

/* The server: its port, as text. */
static pid_t
serve(const struct run *run, struct buf *port)
{
	struct buf got = { 0 }, said = { 0 };
	struct list argv = { 0 };
	int pipefd[2];
	pid_t p;

	path_of(&got, run, "got");
	path_of(&said, run, "got/said");
	list_add(&argv, "answer");
	list_add(&argv, "--save");
	list_add(&argv, got.s);
	list_add(&argv, "--log");
	list_add(&argv, said.s);
	for (size_t i = 0; i < run->row->answer.n; i++)
		list_add(&argv, list_get(&run->row->answer, i));
	if (pipe2(pipefd, O_CLOEXEC) < 0 || (p = fork()) < 0)
		die(EX_OSERR, "cannot start answer: %s", strerror(errno));
	if (p == 0)
		become(list_argv(&argv), pipefd[1], 2);
	close(pipefd[1]);
	while (!memchr(buf_text(port), '\n', port->n) &&
	    read(pipefd[0], buf_reserve(port, 1), 1) == 1)
		port->s[++port->n] = '\0';
	close(pipefd[0]);
	if (port->n < 2)
		die(EX_SOFTWARE, "answer did not start");
	buf_cut(port, port->n - 1);
	list_free(&argv);
	buf_free(&got);
	buf_free(&said);
	return p;
}

static void
wait_for(struct run *run, pid_t p)
{
	int fd = (int)syscall(SYS_pidfd_open, p, 0);
	struct pollfd end = { .fd = fd, .events = POLLIN };

	if (poll(&end, 1, PATIENCE) <= 0) {
		buf_puts(&run->wrong, "it takes too long\n");
		kill(p, SIGKILL);
	}
	waitpid(p, &run->status, 0);
	close(fd);
}

static void
forward(struct run *run, const char *port)
{
	int out = memfd_create("log", MFD_CLOEXEC);
	struct buf spool = { 0 }, to = { 0 };
	struct list argv = { 0 };
	off_t n;
	pid_t p;

	path_of(&spool, run, "spool");
	buf_printf(&to, "127.0.0.1:%s", port);
	for (char **a = run->program; *a; a++)
		list_add(&argv, *a);
	list_add(&argv, "--spool-dir");
	list_add(&argv, spool.s);
	list_add(&argv, "--forward-to");
	list_add(&argv, to.s);
	for (size_t i = 0; i < run->row->send.n; i++)
		list_add(&argv, list_get(&run->row->send, i));
	p = fork();
	if (p == 0)
		become(list_argv(&argv), out, out);
	wait_for(run, p);
	n = lseek(out, 0, SEEK_END);
	if (pread(out, buf_reserve(&run->log, (size_t)n), (size_t)n, 0) == n)
		run->log.n = (size_t)n;
	buf_putc(&run->log, '\0');
	buf_cut(&run->log, run->log.n - 1);
	close(out);
	list_free(&argv);
	buf_free(&spool);
	buf_free(&to);
}

void
run_start(struct run *run, const char *where)
{
	struct buf port = { 0 }, b = { 0 };
	pid_t server;

	buf_printf(&run->dir, "%s/XXXXXX", where);
	if (!mkdtemp(run->dir.s))
		die(EX_CANTCREAT, "%s: %s", run->dir.s, strerror(errno));
	path_of(&b, run, "spool");
	mkdir(b.s, 0777);
	path_of(&b, run, "got");
	mkdir(b.s, 0777);
	for (int n = 1; n <= MESSAGES; n++)
		post(run, n);
	server = serve(run, &port);
	forward(run, port.s);
	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
	buf_free(&port);
	buf_free(&b);
}

void
run_end(struct run *run)
{
	nftw(run->dir.s, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	buf_free(&run->dir);
	buf_free(&run->log);
	buf_free(&run->wrong);
}
