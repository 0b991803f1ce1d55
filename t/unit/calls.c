/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/calls.h"

/* What the filter alone leaves, with no Landlock beside it: kernels that have
 * none are many. The numbers below are what only the running process knows. */
enum { OURS = INT32_MAX - 9, PARENT, OUR_FD, OUR_FILE, OUR_PAIR };

static const struct attempt {
	const char *name;
	long number;
	long args[5];
	bool allowed;
} attempts[] = {
	/* a signal: to ourselves */
	{ "raise", SYS_tgkill, { OURS, OURS, 0 }, true },
	{ "raise, as musl does", SYS_tkill, { OURS, 0 }, true },
	{ "tgkill", SYS_tgkill, { PARENT, PARENT, 0 }, false },
	{ "tkill", SYS_tkill, { PARENT, 0 }, false },
	{ "kill", SYS_kill, { PARENT, 0 }, false },
	{ "F_GETFL", SYS_fcntl, { OUR_FD, F_GETFL }, true },
	{ "F_DUPFD", SYS_fcntl, { OUR_FD, F_DUPFD_CLOEXEC, 3 }, true },
	/* ... nor by way of a descriptor */
	{ "F_SETOWN", SYS_fcntl, { OUR_FD, F_SETOWN, PARENT }, false },
	{ "F_SETOWN_EX", SYS_fcntl, { OUR_FD, 15, 0 }, false },
	{ "F_SETSIG", SYS_fcntl, { OUR_FD, 10, SIGKILL }, false },
	/* a pair can only talk to itself; datagrams can be sent to others */
	{ "pair", SYS_socketpair, { AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    OUR_PAIR }, true },
	{ "pair of datagrams", SYS_socketpair, { AF_UNIX, SOCK_DGRAM, 0,
	    OUR_PAIR }, false },
	{ "pair of datagrams that looks like none", SYS_socketpair, { AF_UNIX,
	    SOCK_RAW, 0, OUR_PAIR }, false },
	{ "another family", SYS_socketpair, { 30 /* AF_TIPC */, SOCK_STREAM,
	    0, OUR_PAIR }, false },
	/* a file that makes who runs it our user */
	{ "new file", SYS_openat, { AT_FDCWD, OUR_FILE, O_RDWR | O_CREAT,
	    0660 }, true },
	{ "new set-user-id file", SYS_openat, { AT_FDCWD, OUR_FILE,
	    O_RDWR | O_CREAT, 04755 }, false },
	{ "fchmod", SYS_fchmod, { OUR_FD, 02775 }, true },
	{ "fchmod, set-user-id", SYS_fchmod, { OUR_FD, 04755 }, false },
};

static int pair[2], fd;
static char file[64];

static long
argument(long a)
{
	switch (a) {
	case OURS:
		return getpid();
	case PARENT:
		return getppid();
	case OUR_FD:
		return fd;
	case OUR_FILE:
		return (long)(intptr_t)file;
	case OUR_PAIR:
		return (long)(intptr_t)pair;
	default:
		return a;
	}
}

/* In a process of its own, since there is no way back: errno. */
static int
outcome(const struct attempt *a)
{
	long x[5];
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		for (size_t i = 0; i < COUNT(x); i++)
			x[i] = argument(a->args[i]);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    !calls_restrict())
			_exit(255);
		_exit(syscall(a->number, x[0], x[1], x[2], x[3], x[4]) < 0 ?
		    errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
what_the_filter_leaves(void **state)
{
	int wanted;

	(void)state;
	snprintf(file, sizeof file, "/tmp/calls.XXXXXX");
	fd = mkstemp(file);
	assert_true(fd >= 0);
	for (size_t i = 0; i < COUNT(attempts); i++) {
		wanted = attempts[i].allowed ? 0 : EPERM;
		if (outcome(&attempts[i]) != wanted)
			fail_msg("%s: %d", attempts[i].name,
			    outcome(&attempts[i]));
	}
	close(fd);
	unlink(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_filter_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
