/* SPDX-License-Identifier: ISC */
/*
 * To be preloaded: the Nth allocation of the program, from 0, is refused, N
 * being $STINGY; then there is a file $STINGY_MARK.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

static bool
refused(void)
{
	static long left = -2;
	const char *s;
	int fd;

	if (left == -2) {
		s = getenv("STINGY");
		left = s ? strtol(s, NULL, 10) : -1;
	}
	if (left < 0 || left-- > 0)
		return false;
	s = getenv("STINGY_MARK");
	fd = s ? open(s, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
	if (fd >= 0)
		close(fd);
	errno = ENOMEM;
	return true;
}

void *
malloc(size_t n)
{
	return refused() ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return refused() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	return refused() ? NULL : __libc_realloc(p, n);
}
