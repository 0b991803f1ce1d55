/* SPDX-License-Identifier: ISC */
/*
 * intrude PID SPOOL OUTSIDE: has the process do what it never would, one system
 * call after the other, and prints what comes of each: NAME OK, or an errno.
 * OUTSIDE is the directory `away` beside the spool with a file `secret` in it that
 * anybody may read and write. Without arguments: the version of Landlock.
 *
 * The process is stopped, as a debugger would, and its registers are changed;
 * it goes on afterwards as if nothing had been.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined __x86_64__

struct victim {
	pid_t pid;
	struct user_regs_struct saved;
	uintptr_t room;         /* in its stack, below what is in use */
};

static void
need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "intrude: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
seize(struct victim *v, pid_t pid)
{
	int status;

	v->pid = pid;
	need(ptrace(PTRACE_ATTACH, pid, NULL, NULL) == 0, "attach");
	need(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status), "wait");
	need(ptrace(PTRACE_GETREGS, pid, NULL, &v->saved) == 0, "registers");
	v->room = (v->saved.rsp - 8192) & ~(uintptr_t)15;
}

static void
release(struct victim *v)
{
	need(ptrace(PTRACE_SETREGS, v->pid, NULL, &v->saved) == 0, "restore");
	need(ptrace(PTRACE_DETACH, v->pid, NULL, NULL) == 0, "detach");
}

/* Put the text into its memory, `slot` kilobytes from the start. */
static uintptr_t
lend(const struct victim *v, int slot, const char *text)
{
	uintptr_t at = v->room + (uintptr_t)slot * 1024;
	size_t n = strlen(text) + 1;
	uint64_t word;

	for (size_t i = 0; i < n; i += sizeof word) {
		word = 0;
		memcpy(&word, text + i, n - i < sizeof word ? n - i :
		    sizeof word);
		need(ptrace(PTRACE_POKEDATA, v->pid, at + i, word) == 0,
		    "write");
	}
	return at;
}

/* It has been stopped in a system call, or at the end of one: the instruction
 * for that is right before where it is. */
static long
call(struct victim *v, long number, const uintptr_t a[6])
{
	struct user_regs_struct r = v->saved;
	int status;

	r.rip = v->saved.rip - 2;
	r.rax = (unsigned long long)number;
	r.orig_rax = (unsigned long long)-1;
	r.rdi = a[0];
	r.rsi = a[1];
	r.rdx = a[2];
	r.r10 = a[3];
	r.r8 = a[4];
	r.r9 = a[5];
	r.rsp = v->room;
	need(ptrace(PTRACE_SETREGS, v->pid, NULL, &r) == 0, "set");
	need(ptrace(PTRACE_SINGLESTEP, v->pid, NULL, NULL) == 0, "step");
	need(waitpid(v->pid, &status, 0) == v->pid && WIFSTOPPED(status),
	    "it has not survived");
	need(ptrace(PTRACE_GETREGS, v->pid, NULL, &r) == 0, "get");
	return (long)r.rax;
}

#define NAMED(call) #call, SYS_##call

/* P and Q are paths, which stand in the slots 0 and 1. */
enum { P = 1 << 20, Q };

static const struct attempt {
	const char *name;
	long number;
	const char *p, *q;      /* %s is the spool, %a the other directory */
	long args[6];
	const char *remark;
} attempts[] = {
	/* what it may */
	{ NAMED(getpid), .remark = "may" },
	{ NAMED(openat), "%s", NULL, { AT_FDCWD, P, O_RDONLY | O_DIRECTORY },
	    "may look into the spool" },
	/* files */
	{ NAMED(openat), "%a/secret", NULL, { AT_FDCWD, P, O_RDONLY } },
	{ NAMED(openat), "%a/secret", NULL, { AT_FDCWD, P, O_WRONLY } },
	{ NAMED(openat), "%a/new", NULL, { AT_FDCWD, P, O_WRONLY | O_CREAT,
	    0600 } },
	{ NAMED(openat), "%s/../away/secret", NULL, { AT_FDCWD, P, O_RDWR } },
	{ NAMED(openat), "/etc/passwd", NULL, { AT_FDCWD, P, O_RDONLY } },
	{ NAMED(openat), "/dev/null", NULL, { AT_FDCWD, P, O_RDWR } },
	{ NAMED(openat), "/", NULL, { AT_FDCWD, P, O_RDONLY | O_DIRECTORY } },
	{ NAMED(open), "%a/secret", NULL, { P, O_RDONLY } },
	{ NAMED(unlinkat), "%a/secret", NULL, { AT_FDCWD, P, 0 } },
	{ NAMED(mkdirat), "%a/dir", NULL, { AT_FDCWD, P, 0700 } },
	{ NAMED(renameat2), "%a/secret", "%s/secret", { AT_FDCWD, P, AT_FDCWD,
	    Q, 0 } },
	{ NAMED(linkat), "%a/secret", "%s/secret", { AT_FDCWD, P, AT_FDCWD, Q,
	    0 } },
	{ NAMED(symlinkat), "/etc/passwd", "%s/link", { P, AT_FDCWD, Q } },
	{ NAMED(mknodat), "%s/fifo", NULL, { AT_FDCWD, P, S_IFIFO | 0600 } },
	{ NAMED(truncate), "%a/secret", NULL, { P, 0 } },
	{ NAMED(chmod), "%a/secret", NULL, { P, 04777 } },
	{ NAMED(openat), "%s/new", NULL, { AT_FDCWD, P, O_WRONLY | O_CREAT,
	    04755 } },
	{ NAMED(fchmod), .args = { 0, 04755 } },
	{ NAMED(chdir), "/", NULL, { P } },
	{ NAMED(chroot), "%a", NULL, { P } },
	{ NAMED(mount), "/", "%a", { P, Q, 0, 4096 } },
	/* processes */
	{ NAMED(execve), "/bin/true", NULL, { P, 0, 0 } },
	{ NAMED(execveat), "/bin/true", NULL, { AT_FDCWD, P, 0, 0, 0 } },
	{ NAMED(clone), .args = { SIGCHLD } },
	{ NAMED(fork), .args = { 0 } },
	{ NAMED(vfork), .args = { 0 } },
	{ NAMED(kill), .args = { 1, 0 } },
	{ NAMED(ptrace), .args = { PTRACE_ATTACH, 1 } },
	{ NAMED(process_vm_readv), .args = { 1, 0, 0, 0, 0, 0 } },
	{ NAMED(pidfd_open), .args = { 1, 0 } },
	{ NAMED(setuid), .args = { 0 } },
	{ NAMED(setresuid), .args = { 0, 0, 0 } },
	{ NAMED(setgroups), .args = { 0, 0 } },
	{ NAMED(prctl), .args = { 4, 1 } },
	{ NAMED(unshare), .args = { CLONE_NEWUSER } },
	{ NAMED(prlimit64), .args = { 0, 6, 0, 0 } },
	/* memory */
	{ NAMED(mmap), .args = { 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 } },
	{ NAMED(mprotect), .args = { 0, 4096, PROT_READ | PROT_EXEC } },
	{ NAMED(memfd_create), "x", NULL, { P, 0 } },
	/* the network, and the rest of the kernel */
	{ NAMED(socket), .args = { AF_INET, SOCK_STREAM, 0 } },
	{ NAMED(socket), .args = { AF_UNIX, SOCK_STREAM, 0 } },
	{ NAMED(socket), .args = { AF_NETLINK, SOCK_RAW, 0 } },
	{ NAMED(socketpair), .args = { AF_UNIX, SOCK_DGRAM, 0, 0 } },
	{ NAMED(connect), .args = { 0, 0, 0 } },
	{ NAMED(bind), .args = { 0, 0, 0 } },
	{ NAMED(listen), .args = { 0, 5 } },
	{ NAMED(accept4), .args = { 0, 0, 0, 0 } },
	{ NAMED(ioctl), .args = { 0, 0x5412 /* TIOCSTI */, 0 } },
	{ NAMED(io_uring_setup), .args = { 1, 0 } },
	{ NAMED(bpf), .args = { 0, 0, 0 } },
	{ NAMED(userfaultfd), .args = { 0 } },
	{ NAMED(keyctl), .args = { 0, 0, 0 } },
	{ NAMED(perf_event_open), .args = { 0, 0, 0, 0, 0 } },
	{ NAMED(reboot), .args = { 0, 0, 0, 0 } },
};

static const char *
expand(char out[1024], const char *pattern, const char *spool,
    const char *away)
{
	size_t n = 0;

	for (; *pattern && n < 1000; pattern++) {
		if (*pattern != '%')
			out[n++] = *pattern;
		else
			n += (size_t)snprintf(out + n, 1000 - n, "%s",
			    *++pattern == 's' ? spool : away);
	}
	out[n] = '\0';
	return out;
}

static const char *
outcome(long result, char text[32])
{
	if (result >= 0 || result < -4095)
		return "OK";
	switch (-result) {
	case EPERM:
		return "EPERM";
	case EACCES:
		return "EACCES";
	case EXDEV:
		return "EXDEV";
	default:
		snprintf(text, 32, "errno %ld", -result);
		return text;
	}
}

static void
try(struct victim *v, const struct attempt *a, const char *spool,
    const char *away)
{
	uintptr_t args[6], p = 0, q = 0;
	char text[1024];
	long result;

	if (a->p)
		p = lend(v, 0, expand(text, a->p, spool, away));
	if (a->q)
		q = lend(v, 1, expand(text, a->q, spool, away));
	for (int i = 0; i < 6; i++)
		args[i] = a->args[i] == P ? p : a->args[i] == Q ? q :
		    (uintptr_t)a->args[i];
	result = call(v, a->number, args);
	printf("%s%s%s%s%s %s\n", a->name, a->p ? " " : "", a->p ? a->p : "",
	    a->remark ? " " : "", a->remark ? a->remark : "",
	    outcome(result, text));
}

int
main(int argc, char *argv[])
{
	struct victim v;

	if (argc == 1) {
		printf("%ld\n", syscall(444, NULL, 0, 1));
		return 0;
	}
	need(argc == 4, "usage");
	seize(&v, (pid_t)atol(argv[1]));
	for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++)
		try(&v, &attempts[i], argv[2], argv[3]);
	release(&v);
	return 0;
}

#else

int
main(void)
{
	puts("0");
	return 0;
}

#endif
