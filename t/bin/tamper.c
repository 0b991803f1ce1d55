/* SPDX-License-Identifier: ISC */
/*
 * Run a program, and do something to one of its system calls: kill it just
 * before, let the call fail, or let it do less than it was asked to. Children
 * are followed. A call is named P:N, the Nth of the Pth process, from 0; they
 * are counted from where the program's own code begins, behind the loader.
 *
 *	tamper [OPTION]... LOG PROGRAM [ARGUMENT]...
 *
 *	--record        each call becomes a line of JSON in LOG, with what it
 *	                does to files
 *	--kill P:N      the process dies instead of making this call
 *	--kill-all P:N  and so do all others
 *	--fail P:N:E:C  the call does nothing, and fails with the number E
 *	--short P:N:1:C the call reads or writes a single octet
 *	--no-sync       fsync and its like do nothing, and succeed
 *
 * C is the name of the call: nothing is done to another one. The last line of
 * LOG is {"status":N, "signal":N, "hit":"CALL"}: how the program
 * ended, and which call it was, "" if none.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buf.h"
#include "trace/machine.h"
#include "trace/names.h"
#include "trace/record.h"

enum what { NOTHING, KILL, KILL_ALL, FAIL, SHORT };
enum { MOST = 64 };

struct process {
	pid_t pid;              /* 0: none */
	bool running;           /* its own code, so its calls count */
	bool inside;            /* a call */
	bool averted;           /* and it is not being made, */
	bool failing;           /* or is to have failed */
	unsigned n;             /* calls so far */
	struct gate gate;
	struct call call;
	struct buf detail;
};

struct trace {
	enum what what;
	unsigned process, n;    /* to whose call */
	int error;
	char name[32];          /* if it is this one, or "" */
	bool record, no_sync;
	FILE *log;
	const char *hit;
	struct process all[MOST];
	unsigned known;         /* of them have been there */
	int status;             /* of the first one */
};

static _Noreturn void
die(const char *why)
{
	fprintf(stderr, "tamper: %s: %s\n", why, strerror(errno));
	exit(EX_OSERR);
}

static struct process *
find(struct trace *t, pid_t pid)
{
	struct process *p;

	for (unsigned i = 0; i < t->known; i++)
		if (t->all[i].pid == pid)
			return &t->all[i];
	if (t->known == MOST)
		die("too many processes");
	p = &t->all[t->known++];
	*p = (struct process){ .pid = pid };
	return p;
}

/* --- a call --- */

static bool
is_sync(long number)
{
	return number == SYS_fsync || number == SYS_fdatasync ||
	    number == SYS_sync_file_range;
}

/* Does its third argument say how many octets, or pieces? */
static bool
has_amount(long number)
{
	return number == SYS_read || number == SYS_write ||
	    number == SYS_writev || number == SYS_sendto ||
	    number == SYS_recvfrom || number == SYS_pread64 || number == SYS_pwrite64;
}

static void
kill_all(struct trace *t)
{
	for (unsigned i = 0; i < t->known; i++)
		if (t->all[i].pid)
			kill(t->all[i].pid, SIGKILL);
}

static void
hit(struct trace *t, struct process *p)
{
	const char *name = call_name(p->call.number);

	if (t->name[0] && strcmp(t->name, name) != 0)
		return;
	t->hit = name;
	switch (t->what) {
	case KILL:
		kill(p->pid, SIGKILL);
		break;
	case KILL_ALL:
		kill_all(t);
		break;
	case FAIL:
		/* whatever it returns, a descriptor is closed */
		p->failing = true;
		p->averted = p->call.number != SYS_close &&
		    machine_avert(p->pid);
		break;
	case SHORT:
		if (has_amount(p->call.number) && p->call.args[2] > 1)
			machine_amount(p->pid, 1);
		else
			t->hit = "";
		break;
	case NOTHING:
		break;
	}
}

static void
entry(struct trace *t, struct process *p)
{
	p->inside = machine_entry(p->pid, &p->call);
	p->averted = p->failing = false;
	p->call.result = 0;
	buf_clear(&p->detail);
	if (t->record)
		record_entry(p->pid, &p->call, &p->detail);
	if (t->no_sync && is_sync(p->call.number))
		p->averted = machine_avert(p->pid);
	if (t->what != NOTHING && p - t->all == t->process && p->n == t->n)
		hit(t, p);
	p->n++;
}

static void
write_down(struct trace *t, const struct process *p)
{
	fprintf(t->log, "{\"p\":%d,\"pid\":%d,\"n\":%u,\"call\":\"%s\","
	    "\"result\":%lld%s}\n", (int)(p - t->all), (int)p->pid, p->n - 1,
	    call_name(p->call.number), (long long)p->call.result,
	    buf_text(&p->detail));
}

static void
leave(struct trace *t, struct process *p)
{
	p->inside = false;
	if (p->averted || p->failing)
		machine_set_result(p->pid, p->failing ? -t->error : 0);
	if (!t->record || !machine_result(p->pid, &p->call.result))
		return;
	if (p->averted)
		buf_puts(&p->detail, ",\"averted\":true");
	else if (p->call.result >= 0)
		record_exit(p->pid, &p->call, &p->detail);
	write_down(t, p);
}

/* --- the processes --- */

static void
go_on(const struct trace *t, const struct process *p, int sig)
{
	bool watch = p->running && (t->what == NOTHING || t->no_sync ||
	    t->record || !t->hit || p->inside);

	ptrace(watch ? PTRACE_SYSCALL : PTRACE_CONT, p->pid, NULL,
	    (void *)(intptr_t)sig);
}

static void
new_child(struct trace *t, const struct process *parent)
{
	unsigned long pid;
	struct process *p;

	if (ptrace(PTRACE_GETEVENTMSG, parent->pid, NULL, &pid) < 0)
		return;
	p = find(t, (pid_t)pid);
	p->running = parent->running;
}

/* It has stopped. Returns the signal that it shall get. */
static int
stopped(struct trace *t, struct process *p, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;

	if (sig == (SIGTRAP | 0x80)) {
		if (p->inside)
			leave(t, p);
		else
			entry(t, p);
		return 0;
	}
	switch (event) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		new_child(t, p);
		return 0;
	case PTRACE_EVENT_EXEC:
		/* its end is not seen where the calls do not count */
		if (p->inside && t->record)
			write_down(t, p);
		p->running = !machine_gate(p->pid, &p->gate);
		p->inside = p->inside && p->running;
		return 0;
	case PTRACE_EVENT_STOP:
		return 0;
	default:
		break;
	}
	if (sig == SIGTRAP && machine_passed(p->pid, &p->gate)) {
		p->running = true;
		return 0;
	}
	return sig;
}

static void
ended(struct trace *t, struct process *p, int status)
{
	if (p == t->all)
		t->status = status;
	if (p->inside && t->record)
		write_down(t, p);
	p->pid = 0;
	buf_free(&p->detail);
}

static void
follow(struct trace *t)
{
	int status;
	pid_t pid;
	struct process *p;

	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (pid < 0)
			continue;
		p = find(t, pid);
		if (WIFSTOPPED(status))
			go_on(t, p, stopped(t, p, status));
		else
			ended(t, p, status);
	}
}

static _Noreturn void
become(char *argv[])
{
	raise(SIGSTOP);
	execvp(argv[0], argv);
	fprintf(stderr, "tamper: cannot run %s: %s\n", argv[0],
	    strerror(errno));
	_exit(127);
}

static void
start(struct trace *t, char *argv[])
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |
	    PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
	    PTRACE_O_EXITKILL;
	pid_t pid = fork();
	int status;

	if (pid == 0)
		become(argv);
	if (pid < 0 || waitpid(pid, &status, WUNTRACED) < 0)
		die("cannot start");
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)options) < 0) {
		kill(pid, SIGKILL);
		die("cannot trace");
	}
	find(t, pid);
	kill(pid, SIGCONT);
}

/* --- what is wanted --- */

static void
point(struct trace *t, enum what what, const char *arg)
{
	t->what = what;
	if (sscanf(arg, "%u:%u:%d:%31s", &t->process, &t->n, &t->error,
	    t->name) < (what == FAIL ? 3 : 2)) {
		fprintf(stderr, "tamper: %s is no call\n", arg);
		exit(EX_USAGE);
	}
}

static void
read_options(struct trace *t, int argc, char *argv[])
{
	static const struct option options[] = {
		{ "record", no_argument, NULL, 'r' },
		{ "kill", required_argument, NULL, KILL },
		{ "kill-all", required_argument, NULL, KILL_ALL },
		{ "fail", required_argument, NULL, FAIL },
		{ "short", required_argument, NULL, SHORT },
		{ "no-sync", no_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			t->record = true;
			break;
		case 'n':
			t->no_sync = true;
			break;
		case KILL:
		case KILL_ALL:
		case FAIL:
		case SHORT:
			point(t, (enum what)c, optarg);
			break;
		default:
			exit(EX_USAGE);
		}
	}
}

int
main(int argc, char *argv[])
{
	static struct trace t;

	read_options(&t, argc, argv);
	if (argc - optind < 2) {
		fprintf(stderr, "usage: tamper [option]... log program ...\n");
		return EX_USAGE;
	}
	t.log = fopen(argv[optind], "we");
	if (!t.log)
		die(argv[optind]);
	start(&t, argv + optind + 1);
	follow(&t);
	fprintf(t.log, "{\"status\":%d,\"signal\":%d,\"hit\":\"%s\"}\n",
	    WIFEXITED(t.status) ? WEXITSTATUS(t.status) : -1,
	    WIFSIGNALED(t.status) ? WTERMSIG(t.status) : 0,
	    t.hit ? t.hit : "");
	return fclose(t.log) == 0 ? EX_OK : EX_IOERR;
}
