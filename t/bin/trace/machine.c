/* SPDX-License-Identifier: ISC */
#include "machine.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

#if defined __x86_64__
enum { BREAK = 0xcc, BREAK_BITS = 0xff, BREAK_SIZE = 1 };
#define NUMBER(r) ((r)->orig_rax)
#define RESULT(r) ((r)->rax)
#define PLACE(r) ((r)->rip)
#define AMOUNT(r) ((r)->rdx)

static void
get_args(const struct user_regs_struct *r, uint64_t *args)
{
	const uint64_t all[6] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8,
		r->r9 };

	memcpy(args, all, sizeof all);
}

static void
set_number(pid_t pid, struct user_regs_struct *r, long number, uint64_t first)
{
	(void)pid;
	r->orig_rax = (uint64_t)number;
	r->rdi = first;
}
#elif defined __aarch64__
enum { BREAK = (int)0xd4200000, BREAK_BITS = (int)0xffffffff, BREAK_SIZE = 0 };
#define NUMBER(r) ((r)->regs[8])
#define RESULT(r) ((r)->regs[0])
#define PLACE(r) ((r)->pc)
#define AMOUNT(r) ((r)->regs[2])

static void
get_args(const struct user_regs_struct *r, uint64_t *args)
{
	for (int i = 0; i < 6; i++)
		args[i] = r->regs[i];
}

static void
set_number(pid_t pid, struct user_regs_struct *r, long number, uint64_t first)
{
	int n = (int)number;
	struct iovec v = { &n, sizeof n };

	ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &v);
	r->regs[0] = first;
}
#else
#error "tamper knows x86-64 and aarch64"
#endif

static bool
get(pid_t pid, struct user_regs_struct *r)
{
	struct iovec v = { r, sizeof *r };

	return ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &v) == 0;
}

static bool
set(pid_t pid, struct user_regs_struct *r)
{
	struct iovec v = { r, sizeof *r };

	return ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &v) == 0;
}

bool
machine_entry(pid_t pid, struct call *c)
{
	struct user_regs_struct r;

	if (!get(pid, &r))
		return false;
	c->number = (long)NUMBER(&r);
	get_args(&r, c->args);
	return true;
}

bool
machine_avert(pid_t pid)
{
	struct user_regs_struct r;

	if (!get(pid, &r))
		return false;
	set_number(pid, &r, SYS_read, UINT64_MAX);
	return set(pid, &r);
}

bool
machine_amount(pid_t pid, uint64_t amount)
{
	struct user_regs_struct r;

	if (!get(pid, &r))
		return false;
	AMOUNT(&r) = amount;
	return set(pid, &r);
}

bool
machine_result(pid_t pid, int64_t *result)
{
	struct user_regs_struct r;

	if (!get(pid, &r))
		return false;
	*result = (int64_t)RESULT(&r);
	return true;
}

bool
machine_set_result(pid_t pid, int64_t result)
{
	struct user_regs_struct r;

	if (!get(pid, &r))
		return false;
	RESULT(&r) = (uint64_t)result;
	return set(pid, &r);
}

/* --- where a program begins --- */

static uint64_t
entry_of(pid_t pid)
{
	char path[32];
	uint64_t pair[2], at = 0;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/auxv", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	while (at == 0 && read(fd, pair, sizeof pair) == sizeof pair &&
	    pair[0] != AT_NULL)
		if (pair[0] == AT_ENTRY)
			at = pair[1];
	close(fd);
	return at;
}

static bool
poke(pid_t pid, uint64_t at, long code)
{
	return ptrace(PTRACE_POKETEXT, pid, (void *)at, (void *)code) == 0;
}

bool
machine_gate(pid_t pid, struct gate *g)
{
	unsigned long code;

	*g = (struct gate){ .at = entry_of(pid) };
	if (g->at == 0)
		return false;
	g->code = ptrace(PTRACE_PEEKTEXT, pid, (void *)g->at, NULL);
	code = ((unsigned long)g->code & ~(unsigned long)(unsigned)BREAK_BITS) |
	    (unsigned)BREAK;
	if (poke(pid, g->at, (long)code))
		return true;
	g->at = 0;
	return false;
}

bool
machine_passed(pid_t pid, struct gate *g)
{
	struct user_regs_struct r;

	if (g->at == 0 || !get(pid, &r) || PLACE(&r) != g->at + BREAK_SIZE)
		return false;
	PLACE(&r) = g->at;
	poke(pid, g->at, g->code);
	g->at = 0;
	return set(pid, &r);
}

/* --- memory --- */

size_t
machine_read(pid_t pid, uint64_t at, void *to, size_t n)
{
	struct iovec here = { to, n }, there = { (void *)at, n };
	ssize_t got = process_vm_readv(pid, &here, 1, &there, 1, 0);

	return got > 0 ? (size_t)got : 0;
}

void
machine_string(pid_t pid, uint64_t at, char *to, size_t n)
{
	enum { PAGE = 4096 };
	size_t upto = PAGE - at % PAGE, got;

	/* no further than the page: the next one may not be there */
	got = machine_read(pid, at, to, n - 1 < upto ? n - 1 : upto);
	if (got == upto && upto < n - 1 && !memchr(to, '\0', got))
		got += machine_read(pid, at + got, to + got, n - 1 - got);
	to[got] = '\0';
}
