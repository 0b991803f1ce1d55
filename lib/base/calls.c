/* SPDX-License-Identifier: ISC */
#include "base/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#if defined __x86_64__
#define MACHINE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define MACHINE AUDIT_ARCH_AARCH64
#elif defined __riscv && __riscv_xlen == 64
#define MACHINE AUDIT_ARCH_RISCV64
#else
#define MACHINE 0
#endif

static const unsigned allowed[] = {
	/* files and directories */
	SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64,
	SYS_lseek, SYS_openat, SYS_close, SYS_close_range, SYS_fstat,
	SYS_statx, SYS_faccessat, SYS_getdents64, SYS_fsync, SYS_fdatasync,
	SYS_sync_file_range, SYS_ftruncate, SYS_fallocate, SYS_flock,
	SYS_fcntl, SYS_ioctl, SYS_linkat, SYS_unlinkat, SYS_renameat2,
	SYS_mkdirat, SYS_utimensat, SYS_fchmod, SYS_fchown, SYS_copy_file_range,
	SYS_sendfile, SYS_splice, SYS_pipe2, SYS_dup, SYS_dup3, SYS_umask,
	SYS_fstatfs, SYS_inotify_init1, SYS_inotify_add_watch,
	SYS_inotify_rm_watch,
	/* conversations that were begun before */
	SYS_recvfrom, SYS_sendto, SYS_recvmsg, SYS_sendmsg, SYS_shutdown,
	SYS_getsockopt, SYS_setsockopt, SYS_getsockname, SYS_getpeername,
	SYS_socketpair, SYS_ppoll, SYS_pselect6,
	/* our memory */
	SYS_mmap, SYS_mprotect, SYS_munmap, SYS_mremap, SYS_madvise, SYS_brk,
	/* time, signals, ourselves */
	SYS_clock_gettime, SYS_clock_nanosleep, SYS_nanosleep,
	SYS_gettimeofday, SYS_setitimer, SYS_getrandom, SYS_getpid,
	SYS_getppid, SYS_getpgid, SYS_gettid, SYS_getuid, SYS_geteuid, SYS_getgid,
	SYS_getegid, SYS_uname, SYS_getcwd, SYS_sysinfo, SYS_futex,
	SYS_sched_yield,
	SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn,
	SYS_rt_sigsuspend, SYS_rt_sigpending, SYS_signalfd4, SYS_sigaltstack,
	SYS_restart_syscall, SYS_tgkill, SYS_tkill, SYS_wait4, SYS_waitid,
	SYS_exit, SYS_exit_group,
	/* what only some machines have, or have under this name only */
#ifdef SYS_newfstatat
	SYS_newfstatat,
#endif
#ifdef SYS_renameat
	SYS_renameat,
#endif
#ifdef SYS_faccessat2
	SYS_faccessat2,
#endif
#ifdef SYS_open
	SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_poll, SYS_select,
	SYS_dup2, SYS_pipe, SYS_rename, SYS_link, SYS_unlink, SYS_mkdir,
	SYS_time, SYS_getpgrp, SYS_alarm, SYS_pause, SYS_inotify_init,
#endif
};

/* What a terminal is asked, and how much there is to be read. */
static const unsigned ioctls[] = {
	TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCGWINSZ, TIOCGPGRP, FIONREAD
};

/* What an argument has to be, in the bits of the mask. */
static const struct condition {
	unsigned call, argument, mask, value;
} conditions[] = {
	/* memory that can be executed was there from the start */
	{ SYS_mmap, 2, PROT_EXEC, 0 },
	{ SYS_mprotect, 2, PROT_EXEC, 0 },
	/* no file that makes our user of whoever runs it */
	{ SYS_openat, 3, S_ISUID, 0 },
	{ SYS_fchmod, 1, S_ISUID, 0 },
#ifdef SYS_open
	{ SYS_open, 2, S_ISUID, 0 },
#endif
	/* a datagram can be sent to any socket that has a name */
	{ SYS_socketpair, 0, ~0U, AF_UNIX },
	{ SYS_socketpair, 1, 15, SOCK_STREAM },
};

/* These have others get a signal from the descriptor: F_SETSIG, F_SETOWN_EX,
 * which the C library has for its friends only. */
static const unsigned no_fcntl[] = { F_SETOWN, 10, 15 };

enum {
	CALLS = sizeof allowed / sizeof allowed[0],
	IOCTLS = sizeof ioctls / sizeof ioctls[0],
	CONDITIONS = sizeof conditions / sizeof conditions[0],
	NO_FCNTL = sizeof no_fcntl / sizeof no_fcntl[0],
	BITS = 32,
	WORDS = 16,             /* of a set of calls by number */
	MOST = 3 * WORDS + IOCTLS + 6 * (CONDITIONS + 2) + NO_FCNTL + 40
};

struct program {
	struct sock_filter code[MOST];
	unsigned short n;
};

static void
add(struct program *p, unsigned code, unsigned k)
{
	p->code[p->n++] = (struct sock_filter)BPF_STMT((unsigned short)code, k);
}

static void
load(struct program *p, size_t offset)
{
	add(p, BPF_LD | BPF_W | BPF_ABS, (unsigned)offset);
}

static void
load_number(struct program *p)
{
	load(p, offsetof(struct seccomp_data, nr));
}

/* The low half of an argument. */
static void
load_argument(struct program *p, size_t i)
{
	bool big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

	load(p, offsetof(struct seccomp_data, args) + 8 * i + (big ? 4 : 0));
}

/* Skip so many instructions if what is loaded is so, and so many if not. */
static void
skip(struct program *p, unsigned test, unsigned value, size_t if_so,
    size_t if_not)
{
	p->code[p->n++] = (struct sock_filter)BPF_JUMP((unsigned short)
	    (BPF_JMP | test | BPF_K), value, (unsigned char)if_so,
	    (unsigned char)if_not);
}

/* Where the last test has led to: behind it, or one further. */
static void
deny_or_go_on(struct program *p)
{
	add(p, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	load_number(p);
}

/* Else the call is denied; and if so, it is up to the rest. */
static void
require(struct program *p, const struct condition *c)
{
	skip(p, BPF_JEQ, c->call, 0, 5);
	load_argument(p, c->argument);
	add(p, BPF_ALU | BPF_AND | BPF_K, c->mask);
	skip(p, BPF_JEQ, c->value, 1, 0);
	deny_or_go_on(p);
}

static void
restrict_arguments(struct program *p)
{
	unsigned self = (unsigned)getpid();
	/* to raise(3) a signal; musl's takes the second */
	const struct condition to_us[] = {
		{ SYS_tgkill, 0, ~0U, self }, { SYS_tkill, 0, ~0U, self }
	};

	for (size_t i = 0; i < CONDITIONS; i++)
		require(p, &conditions[i]);
	for (size_t i = 0; i < 2; i++)
		require(p, &to_us[i]);
}

static void
restrict_fcntl(struct program *p)
{
	skip(p, BPF_JEQ, SYS_fcntl, 0, NO_FCNTL + 3);
	load_argument(p, 1);
	for (size_t i = 0; i < NO_FCNTL; i++)
		skip(p, BPF_JEQ, no_fcntl[i], NO_FCNTL - 1 - i,
		    i + 1 == NO_FCNTL);
	deny_or_go_on(p);
}

static void
restrict_ioctl(struct program *p)
{
	skip(p, BPF_JEQ, SYS_ioctl, 0, IOCTLS + 3);
	load_argument(p, 1);
	for (size_t i = 0; i < IOCTLS; i++)
		skip(p, BPF_JEQ, ioctls[i], IOCTLS - i, 0);
	deny_or_go_on(p);
}

/* Find the word with the call's bit, and shift that to the right. A comparison
 * for each call would do as well; but it takes the kernel several times as
 * long to take it in, which each connection would pay for. The same goes for
 * what comes before this: the kernel tries for every call there is whether
 * that allows it whatever its arguments, up to the first instruction that it
 * does not follow, which is here. */
static void
require_allowed(struct program *p)
{
	unsigned words[WORDS] = { 0 };

	for (size_t i = 0; i < CALLS; i++)
		words[allowed[i] / BITS] |= 1u << allowed[i] % BITS;
	add(p, BPF_ALU | BPF_AND | BPF_K, BITS - 1);
	add(p, BPF_MISC | BPF_TAX, 0);
	load_number(p);
	for (unsigned i = 0; i < WORDS; i++) {
		skip(p, BPF_JGE, (i + 1) * BITS, 2, 0);
		add(p, BPF_LD | BPF_IMM, words[i]);
		add(p, BPF_JMP | BPF_JA, 3 * (WORDS - 1 - i) + 1);
	}
	add(p, BPF_LD | BPF_IMM, 0);
	add(p, BPF_ALU | BPF_RSH | BPF_X, 0);
	skip(p, BPF_JSET, 1, 1, 0);
	deny_or_go_on(p);
}

static void
write_program(struct program *p)
{
	/* another machine's calls have other numbers */
	load(p, offsetof(struct seccomp_data, arch));
	skip(p, BPF_JEQ, MACHINE, 1, 0);
	add(p, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	load_number(p);
	require_allowed(p);
	restrict_arguments(p);
	restrict_fcntl(p);
	restrict_ioctl(p);
	add(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
}

bool
calls_restrict(void)
{
	struct program p = { .n = 0 };
	struct sock_fprog prog = { .filter = p.code };

	if (MACHINE == 0)
		return true;
	write_program(&p);
	prog.len = p.n;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0 ||
	    errno == ENOSYS || errno == EINVAL;
}
