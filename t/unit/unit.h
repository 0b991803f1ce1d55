/* SPDX-License-Identifier: ISC */
#ifndef UNIT_H
#define UNIT_H

/*
 * What the unit tests share: cmocka, a child to die in, a directory to
 * play in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"

#define COUNT(table) (sizeof (table) / sizeof (table)[0])

/* Failures in a loop over a table do not say which row it was. */
#define assert_row(i, ok) do {                                          \
	char row_[400];                                                 \
	snprintf(row_, sizeof row_, "row %zu: %s", (size_t)(i), #ok);   \
	_assert_true(!!(ok), row_, __FILE__, __LINE__);                 \
} while (0)

/* Is the text somewhere in it? */
#define assert_says(b, text) do {                                       \
	char says_[800];                                                \
	snprintf(says_, sizeof says_, "\"%s\" in \"%s\"", text,         \
	    buf_text(b));                                               \
	_assert_true(strstr(buf_text(b), text) != NULL, says_,          \
	    __FILE__, __LINE__);                                        \
} while (0)

#define assert_text(b, text) assert_string_equal(buf_text(b), text)

/* Run f(arg) in a child with stdout and stderr in *out: its exit status, or
 * -1 if a signal has killed it. */
static inline int
in_child(void (*f)(void *), void *arg, struct buf *out)
{
	int fd[2], status;
	char piece[4096];
	ssize_t n;
	pid_t pid;

	fflush(NULL);
	assert_int_equal(pipe(fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fd[1], STDOUT_FILENO);
		dup2(fd[1], STDERR_FILENO);
		close(fd[0]);
		close(fd[1]);
		f(arg);
		fflush(NULL);
		_exit(0);
	}
	close(fd[1]);
	buf_clear(out);
	while ((n = read(fd[0], piece, sizeof piece)) > 0)
		buf_add(out, piece, (size_t)n);
	close(fd[0]);
	assert_true(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A fresh directory, and its end. */
static inline void
scratch_make(char path[64])
{
	snprintf(path, 64, "/tmp/sluice-unit-XXXXXX");
	assert_non_null(mkdtemp(path));
}

static inline void
scratch_remove(const char *path)
{
	char command[96];

	snprintf(command, sizeof command, "rm -rf '%s'", path);
	assert_int_equal(system(command), 0);
}

#endif
