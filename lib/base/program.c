/* SPDX-License-Identifier: ISC */
#include "base/program.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "base/system.h"

void
program_start(bool alone)
{
	const struct rlimit none = { 0, 0 };
	sigset_t nothing;

	/* what is opened gets the lowest number that is free */
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
			break;
	if (alone)
		close_range(3, ~0U, 0);
	/* What is ignored or blocked is inherited: with SIGCHLD ignored nobody
	 * would learn how a helper has ended. */
	sigemptyset(&nothing);
	sigprocmask(SIG_SETMASK, &nothing, NULL);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_CORE, &none);
}

/* Which they are is noted before we open any of our own. */
unsigned
program_start_given(void)
{
	unsigned given = 0;

	program_start(false);
	close_range(PROGRAM_LAST + 1, ~0U, 0);
	for (int fd = PROGRAM_FIRST; fd <= PROGRAM_LAST; fd++)
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
			given |= 1u << fd;
	return given;
}

void
program_close(unsigned given)
{
	for (int fd = PROGRAM_FIRST; fd <= PROGRAM_LAST; fd++)
		if (given & 1u << fd)
			close(fd);
}

void
program_become(const char *user)
{
	const struct passwd *pw;

	if (geteuid() != 0 || strcmp(user, "root") == 0)
		return;
	errno = 0;
	pw = getpwnam(user);
	if (!pw)
		die(EX_NOUSER, "no such user: %s", user);
	if (setgroups(1, &pw->pw_gid) < 0 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0)
		die(EX_NOPERM, "cannot become '%s': %s", user,
		    strerror(errno));
	if (pw->pw_uid != 0 && setuid(0) == 0)
		die(EX_NOPERM, "root was not given up for good");
}

void
program_hostname(char name[256])
{
	name[0] = '\0';
	if (gethostname(name, 255) < 0 || !*name)
		memcpy(name, "localhost", sizeof "localhost");
	name[255] = '\0';
}

static bool
try_directory(struct buf *path, const char *dir, size_t n, const char *name)
{
	buf_clear(path);
	buf_add(path, dir, n);
	buf_printf(path, "/%s", name);
	return access(path->s, X_OK) == 0;
}

/* In a neighbour of our own directory, as they are in build/ and wherever
 * the whole suite was moved to. */
static bool
try_beside(struct buf *path, char *self, const char *name)
{
	static const char *const folders[] = {
		"bin", "sbin", "libexec", "libexec/emailrelay"
	};
	struct buf dir = { 0 };
	bool found = false;

	*strrchr(self, '/') = '\0';
	if (strrchr(self, '/'))
		*strrchr(self, '/') = '\0';
	for (size_t i = 0; !found && i < sizeof folders / sizeof *folders;
	    i++) {
		buf_clear(&dir);
		buf_printf(&dir, "%s/%s", self, folders[i]);
		found = try_directory(path, dir.s, dir.n, name);
	}
	buf_free(&dir);
	return found;
}

void
program_find(struct buf *path, const char *name)
{
	static const char *const installed[] = { SBINDIR, BINDIR, LIBEXECDIR };
	char self[PATH_MAX];
	const char *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash && (try_directory(path, self, (size_t)(slash - self),
		    name) || try_beside(path, self, name)))
			return;
	}
	for (size_t i = 0; i < sizeof installed / sizeof installed[0]; i++)
		if (try_directory(path, installed[i], strlen(installed[i]),
		    name))
			return;
	die(EX_OSFILE, "cannot find the program '%s'", name);
}

/* path becomes argv[0]; the caller's strings are only lent. */
static void
prepare(struct list *all, const char *path, const struct list *arguments)
{
	list_add(all, path);
	for (size_t i = 0; i < arguments->n; i++)
		list_add(all, list_get(arguments, i));
}

void
program_exec(const char *name, const struct list *arguments)
{
	struct buf path = { 0 };
	struct list all = { 0 };

	program_find(&path, name);
	prepare(&all, path.s, arguments);
	execv(path.s, list_argv(&all));
	die(EX_OSERR, "cannot run '%s': %s", path.s, strerror(errno));
}

/* In the child: only async-signal-safe calls. */
static void
become_helper(int end, bool keep_stderr, const char *path, char **argv)
{
	int err = keep_stderr ? STDERR_FILENO : open("/dev/null", O_WRONLY);

	/* never with a client's socket in a place of these */
	if (dup2(end, STDIN_FILENO) >= 0 && dup2(end, STDOUT_FILENO) >= 0 &&
	    dup2(err, STDERR_FILENO) >= 0) {
		close_range(3, ~0U, 0);
		execv(path, argv);
	}
	_exit(EX_OSERR);
}

int
program_converse_with(const char *name, const struct list *arguments,
    bool keep_stderr, pid_t *child)
{
	struct buf path = { 0 };
	struct list all = { 0 };
	int pair[2], result = -1;
	char **argv;
	pid_t pid = -1;

	program_find(&path, name);
	prepare(&all, path.s, arguments);
	argv = list_argv(&all);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0) {
		pid = fork();
		if (pid == 0)
			become_helper(pair[1], keep_stderr, path.s, argv);
		close(pair[1]);
		if (pid > 0)
			result = pair[0];
		else
			close(pair[0]);
	}
	*child = pid;
	free(argv);
	list_free(&all);
	buf_free(&path);
	return result;
}

int
program_converse(const char *name, const struct list *arguments,
    bool keep_stderr)
{
	pid_t child;

	return program_converse_with(name, arguments, keep_stderr, &child);
}
