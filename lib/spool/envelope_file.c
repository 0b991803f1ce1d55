/* SPDX-License-Identifier: ISC */
#include "spool/envelope_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

bool
envelope_file_read(int fd, const struct stat *st, struct buf *text)
{
	ssize_t n;

	if (st->st_size > ENVELOPE_OCTETS) {
		errno = EFBIG;
		return false;
	}
	buf_clear(text);
	do {
		buf_reserve(text, 4096 + (size_t)st->st_size);
		n = read(fd, text->s + text->n, text->cap - text->n - 1);
		if (n > 0)
			text->n += (size_t)n;
	} while (n > 0 && text->n <= ENVELOPE_OCTETS);
	text->s[text->n] = '\0';
	return n == 0;
}

int
envelope_file_lock(const struct spool *s, const char *name, struct stat *st)
{
	int fd = spool_open_file(s, name, O_RDWR, st), saved;

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		saved = errno;  /* EWOULDBLOCK, or there are no locks here */
		close(fd);
		errno = saved;
		return -1;
	}
	/* whoever had it has let go of it, and may have changed it before */
	if (fd >= 0 && st)
		fstat(fd, st);
	return fd;
}

time_t
envelope_file_due(const struct envelope *e, const struct stat *st)
{
	time_t noted = (time_t)e->next_try;

	return noted < st->st_mtime ? noted : st->st_mtime;
}

bool
envelope_file_append(int fd, const struct buf *lines)
{
	struct buf text = { 0 };
	off_t end = lseek(fd, 0, SEEK_END);
	char last = '\n';
	ssize_t n = 1;
	bool ok;

	do {
		if (end > 0)
			n = pread(fd, &last, 1, end - 1);
	} while (n < 0 && errno == EINTR);
	if (n != 1)
		return false;
	/* never to become too large to be read */
	if (end + (off_t)lines->n + 2 > ENVELOPE_OCTETS) {
		errno = EFBIG;
		return false;
	}
	if (last != '\n')
		buf_puts(&text, "\r\n");
	buf_add(&text, lines->s, lines->n);
	ok = end >= 0 && write_all(fd, text.s, text.n) == 0 &&
	    fsync(fd) == 0;
	buf_free(&text);
	return ok;
}

bool
envelope_load(const struct spool *s, const char *name, struct envelope *e,
    struct stat *st, struct buf *why)
{
	struct buf text = { 0 };
	int fd = spool_open_file(s, name, O_RDONLY, st);
	bool ok;

	buf_clear(why);
	if (fd < 0)
		return false;
	ok = envelope_file_read(fd, st, &text) &&
	    envelope_parse(e, buf_text(&text), text.n, why);
	close(fd);
	buf_free(&text);
	return ok;
}

bool
envelope_file_reserve(int fd, size_t n)
{
	off_t end = lseek(fd, 0, SEEK_END);

	if (end >= 0 && n + (size_t)end > ENVELOPE_OCTETS) {
		errno = EFBIG;
		return false;
	}
	return end >= 0 && (fallocate(fd, FALLOC_FL_KEEP_SIZE, end,
	    (off_t)n) == 0 || (errno != ENOSPC && errno != EDQUOT &&
	    errno != EIO));
}
