/* SPDX-License-Identifier: ISC */
#include "names.h"

#include <stddef.h>
#include <sys/syscall.h>

#define CALL(name) { SYS_##name, #name }

static const struct {
	long number;
	const char *name;
} calls[] = {
	CALL(read), CALL(write), CALL(readv), CALL(writev), CALL(pread64),
	CALL(pwrite64), CALL(sendto), CALL(recvfrom), CALL(sendmsg),
	CALL(recvmsg), CALL(openat), CALL(close), CALL(close_range),
	CALL(fstat), CALL(newfstatat), CALL(statx), CALL(lseek), CALL(mmap),
	CALL(munmap), CALL(mprotect), CALL(mremap), CALL(brk), CALL(madvise),
	CALL(ioctl), CALL(fcntl), CALL(flock), CALL(fsync), CALL(fdatasync),
	CALL(sync_file_range), CALL(fallocate), CALL(ftruncate),
	CALL(renameat2), CALL(linkat), CALL(unlinkat), CALL(mkdirat),
	CALL(symlinkat), CALL(faccessat), CALL(faccessat2), CALL(readlinkat),
	CALL(fchmod), CALL(fchmodat), CALL(fchown), CALL(fchownat),
	CALL(utimensat), CALL(getdents64), CALL(umask), CALL(socket),
	CALL(socketpair), CALL(connect), CALL(bind), CALL(listen),
	CALL(accept4), CALL(getsockname), CALL(getpeername), CALL(setsockopt),
	CALL(getsockopt), CALL(shutdown), CALL(ppoll), CALL(pipe2), CALL(dup),
	CALL(dup3), CALL(clone), CALL(clone3), CALL(execve), CALL(wait4),
	CALL(waitid), CALL(kill), CALL(exit), CALL(exit_group),
	CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn),
	CALL(signalfd4), CALL(timerfd_create), CALL(timerfd_settime),
	CALL(inotify_init1), CALL(inotify_add_watch), CALL(eventfd2),
	CALL(memfd_create), CALL(copy_file_range), CALL(sendfile),
	CALL(getrandom), CALL(prlimit64), CALL(prctl), CALL(seccomp),
	CALL(pidfd_open), CALL(getuid), CALL(geteuid), CALL(getpid),
	CALL(setsid), CALL(setpgid), CALL(setuid), CALL(setgid),
	CALL(setresuid), CALL(setresgid), CALL(setgroups), CALL(getcwd),
	CALL(uname), CALL(nanosleep), CALL(clock_nanosleep), CALL(futex),
	CALL(fstatfs), CALL(rt_sigtimedwait), CALL(set_tid_address),
	CALL(set_robust_list), CALL(sched_getaffinity),
#ifdef SYS_landlock_create_ruleset
	CALL(landlock_create_ruleset), CALL(landlock_add_rule),
	CALL(landlock_restrict_self),
#endif
#ifdef SYS_rseq
	CALL(rseq),
#endif
#ifdef SYS_renameat
	CALL(renameat),
#endif
#ifdef SYS_open
	CALL(open), CALL(stat), CALL(lstat), CALL(poll), CALL(rename),
	CALL(link), CALL(unlink), CALL(mkdir), CALL(access), CALL(readlink),
	CALL(chmod), CALL(pipe), CALL(dup2), CALL(fork), CALL(vfork),
	CALL(getdents), CALL(alarm), CALL(arch_prctl), CALL(select),
#endif
};

const char *
call_name(long number)
{
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
		if (calls[i].number == number)
			return calls[i].name;
	return "other";
}
