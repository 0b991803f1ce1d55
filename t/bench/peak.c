/* SPDX-License-Identifier: ISC */
/*
 * peak FILE COMMAND...: how much memory has it had at once, at the most? When
 * it has ended its maximum resident set (getrusage(2)) is in FILE, in KiB, and
 * its exit status is ours.
 *
 * A program of its own and a small one, since an exec inherits the maximum of
 * who has made it.
 */
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

static bool
tell(const char *name, long kib)
{
	FILE *f = fopen(name, "w");
	bool ok;

	if (!f)
		return false;
	ok = fprintf(f, "%ld\n", kib) > 0;
	return fclose(f) == 0 && ok;
}

int
main(int argc, char *argv[])
{
	struct rusage used;
	int status;
	pid_t pid;

	if (argc < 3)
		return EX_USAGE;
	pid = fork();
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		_exit(EX_UNAVAILABLE);
	}
	if (pid < 0 || wait4(pid, &status, 0, &used) != pid ||
	    !tell(argv[1], used.ru_maxrss) || !WIFEXITED(status))
		return EX_OSERR;
	return WEXITSTATUS(status);
}
