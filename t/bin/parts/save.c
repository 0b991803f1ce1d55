/* SPDX-License-Identifier: ISC */
#include "save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"

static void
save_as(int dir, unsigned number, const char *kind, const struct buf *b)
{
	char name[32];
	int fd;

	snprintf(name, sizeof name, "%03u.%s", number, kind);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, buf_text(b), b->n) != (ssize_t)b->n)
		die(EX_IOERR, "cannot write %s: %s", name, strerror(errno));
	close(fd);
}

/* The first number that nobody has. */
static unsigned
next_number(int dir)
{
	char name[32];
	int fd;

	for (unsigned i = 1;; i++) {
		snprintf(name, sizeof name, "%03u.wire", i);
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0666);
		if (fd >= 0) {
			close(fd);
			return i;
		}
		if (errno != EEXIST)
			die(EX_CANTCREAT, "cannot create %s: %s", name,
			    strerror(errno));
	}
}

void
save_message(int dir, const struct buf *envelope, const struct buf *wire,
    const struct buf *content)
{
	unsigned number = next_number(dir);

	save_as(dir, number, "content", content);
	save_as(dir, number, "log", envelope);
	save_as(dir, number, "wire", wire);
}

bool
has_bare(const struct buf *b)
{
	for (size_t i = 0; i < b->n; i++)
		if ((b->s[i] == '\n' && (i == 0 || b->s[i - 1] != '\r')) ||
		    (b->s[i] == '\r' && b->s[i + 1] != '\n'))
			return true;
	return false;
}

size_t
end_of_text(const struct buf *wire, size_t from)
{
	static const char end[] = "\r\n.\r\n";
	const char *p;

	if (wire->n >= 3 && memcmp(wire->s, ".\r\n", 3) == 0)
		return 3;
	from = from > 4 ? from - 4 : 0;
	p = memmem(wire->s + from, wire->n - from, end, 5);
	return p ? (size_t)(p - wire->s) + 5 : 0;
}

void
unstuff(const struct buf *wire, struct buf *content)
{
	const char *p = wire->s, *end = wire->s + wire->n - 3, *next;

	while (p < end) {
		if (*p == '.')
			p++;
		next = memmem(p, (size_t)(end - p), "\r\n", 2);
		next = next ? next + 2 : end;
		buf_add(content, p, (size_t)(next - p));
		p = next;
	}
}
