/* SPDX-License-Identifier: ISC */
/*
 * Linked into everything that `make coverage` builds: a process that ends
 * without exit(3) writes its counters, too. SIGKILL is all that is left.
 *
 * Only what has not been counted before is written: gcc sees to it that fork
 * and exec write what there is and begin anew.
 */
#include <gcov.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

enum { PATIENCE = 2 };          /* seconds */

void __real__exit(int status) __attribute__((noreturn));
void __wrap__exit(int status) __attribute__((noreturn));

void
__wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}

/* Nothing else is going on in this process any more. If that was in the middle
 * of malloc the counters cannot be written, and nobody is to wait for that. */
static void
dump(int sig)
{
	sigset_t alarms;

	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	signal(SIGALRM, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &alarms, NULL);
	alarm(PATIENCE);
	__gcov_dump();
	signal(sig, SIG_DFL);
	raise(sig);
}

/* What a program catches by itself it catches later, and in our place. */
__attribute__((constructor)) static void
start(void)
{
	static const int ending[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE };
	struct sigaction was, ours = { .sa_handler = dump };

	sigfillset(&ours.sa_mask);
	for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++)
		if (sigaction(ending[i], NULL, &was) == 0 &&
		    was.sa_handler == SIG_DFL)
			sigaction(ending[i], &ours, NULL);
}
