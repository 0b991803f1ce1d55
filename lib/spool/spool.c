/* SPDX-License-Identifier: ISC */
#include "spool/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/system.h"

const char *const state_words[STATES + 1] = {
	[STATE_READY] = "ready",
	[STATE_NEW] = "new",
	[STATE_BUSY] = "busy",
	[STATE_BAD] = "bad",
	[STATE_HOLD] = "hold",
	[STATE_LOCAL] = "local",
};

static const char *const suffixes[STATES] = {
	[STATE_READY] = "",
	[STATE_NEW] = ".new",
	[STATE_BUSY] = ".busy",
	[STATE_BAD] = ".bad",
	[STATE_HOLD] = ".hold",
	[STATE_LOCAL] = ".local",
};

static const char prefix[] = "emailrelay";

bool
spool_open(struct spool *s, const char *path)
{
	s->path = path;
	s->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	umask(0117);
	return s->fd >= 0;
}

void
spool_close(struct spool *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* The octets of an id at the start of text, or 0. */
static size_t
id_length(const char *text)
{
	const char *s = text + sizeof prefix - 1;
	size_t n;

	if (strncmp(text, prefix, sizeof prefix - 1) != 0)
		return 0;
	for (int part = 0; part < 3; part++) {
		if (*s != '.')
			return 0;
		n = strspn(++s, "0123456789");
		if (n < 1 || n > 20)
			return 0;
		s += n;
	}
	return (size_t)(s - text);
}

bool
message_id_parse(struct message_id *id, const char *text)
{
	size_t n = id_length(text);

	if (n == 0 || text[n])
		return false;
	memcpy(id->s, text, n + 1);
	return true;
}

void
message_id_make(struct message_id *id)
{
	struct timespec now;

	/* The sequence number is the microsecond: names sort by arrival, and
	 * no name comes twice, which POP3's unique ids rely on. */
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(id->s, sizeof id->s, "%s.%ld.%" PRId64 ".%06ld", prefix,
	    (long)getpid(), (int64_t)now.tv_sec, now.tv_nsec / 1000);
}

/* A spool is sorted by millions of these: strspn would take twice as long. */
static size_t
digits(const char *s)
{
	size_t n = 0;

	while (s[n] >= '0' && s[n] <= '9')
		n++;
	return n;
}

/* Compare two decimal numbers of any length; *a and *b go behind them. */
static int
compare_numbers(const char **a, const char **b)
{
	size_t la, lb;
	int d;

	while (**a == '0')
		++*a;
	while (**b == '0')
		++*b;
	la = digits(*a);
	lb = digits(*b);
	d = la < lb ? -1 : la > lb ? 1 : memcmp(*a, *b, la);
	*a += la;
	*b += lb;
	return d;
}

int
message_id_order(const char *a, const char *b)
{
	const char *x = a + sizeof prefix, *y = b + sizeof prefix;
	int d;

	/* emailrelay.PID.TIME.SEQ: the process id tells least */
	x = strchr(x, '.') + 1;
	y = strchr(y, '.') + 1;
	d = compare_numbers(&x, &y);
	if (d == 0) {
		x++;
		y++;
		d = compare_numbers(&x, &y);
	}
	return d ? d : strcmp(a, b);
}

/* A decimal number, or most if that is less; *s goes behind it. */
static uint64_t
number_up_to(const char **s, uint64_t most)
{
	uint64_t n = 0;

	for (; **s >= '0' && **s <= '9'; ++*s)
		if (n < most)
			n = 10 * n + (uint64_t)(**s - '0');
	return n < most ? n : most;
}

/* Seconds and microseconds, but where a number is none that a clock can make:
 * whatever follows it does not count. */
uint64_t
message_id_rank(const char *id)
{
	const uint64_t most_time = (UINT64_C(1) << 40) - 1;
	const uint64_t most_seq = (UINT64_C(1) << 24) - 1;
	const char *s = strchr(id + sizeof prefix, '.') + 1;
	uint64_t time = number_up_to(&s, most_time);

	if (time == most_time)
		return time << 24;
	s++;
	return time << 24 | number_up_to(&s, most_seq);
}

struct file_name
envelope_name(const struct message_id *id, enum state st)
{
	struct file_name f;

	snprintf(f.s, sizeof f.s, "%s.envelope%s", id->s, suffixes[st]);
	return f;
}

struct file_name
content_name(const struct message_id *id)
{
	struct file_name f;

	snprintf(f.s, sizeof f.s, "%s.content", id->s);
	return f;
}

struct file_name
local_content_name(const struct message_id *id)
{
	struct file_name f;

	snprintf(f.s, sizeof f.s, "%s.content.local", id->s);
	return f;
}

void
spool_full_path(const struct spool *s, const char *name, struct buf *out)
{
	char here[PATH_MAX];

	buf_clear(out);
	if (s->path[0] != '/' && getcwd(here, sizeof here))
		buf_printf(out, "%s/", here);
	buf_printf(out, "%s/%s", s->path, name);
}

static bool
find_once(const struct spool *s, const struct message_id *id, enum state *st)
{
	struct stat ignored;

	for (*st = 0; *st < STATES; ++*st)
		if (fstatat(s->fd, envelope_name(id, *st).s, &ignored,
		    AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	return false;
}

bool
envelope_find(const struct spool *s, const struct message_id *id,
    enum state *st)
{
	/* It may be renamed to what has just been looked at. */
	return find_once(s, id, st) || find_once(s, id, st);
}

bool
spool_entry_parse(struct spool_entry *e, const char *name)
{
	static const char envelope[] = ".envelope", content[] = ".content";
	size_t n = id_length(name);

	if (n == 0)
		return false;
	memcpy(e->id.s, name, n);
	e->id.s[n] = '\0';
	name += n;
	e->content = strncmp(name, content, sizeof content - 1) == 0;
	if (e->content) {
		name += sizeof content - 1;
		e->state = *name ? STATE_LOCAL : STATE_READY;
		return strcmp(name, suffixes[e->state]) == 0;
	}
	if (strncmp(name, envelope, sizeof envelope - 1) != 0)
		return false;
	name += sizeof envelope - 1;
	for (e->state = 0; e->state < STATES; e->state++)
		if (strcmp(name, suffixes[e->state]) == 0)
			return true;
	return false;
}

bool
spool_walk_start(struct spool_walk *w, const struct spool *s)
{
	int fd = openat(s->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	w->dir = fd < 0 ? NULL : fdopendir(fd);
	if (fd >= 0 && !w->dir)
		close(fd);
	return w->dir != NULL;
}

bool
spool_walk_next(struct spool_walk *w, struct spool_entry *e)
{
	const struct dirent *d;

	while (errno = 0, (d = readdir(w->dir)) != NULL)
		if (spool_entry_parse(e, d->d_name))
			return true;
	return false;
}

void
spool_walk_end(struct spool_walk *w)
{
	if (w->dir)
		closedir(w->dir);
	w->dir = NULL;
}

/* A file that is new belongs to the spool, whoever has made it: where the
 * group of the directory may write, to that group, and what root makes to its
 * owner. */
static void
give_to_spool(const struct spool *s, int fd, const struct stat *st)
{
	struct stat dir;
	uid_t owner = (uid_t)-1;
	gid_t group = (gid_t)-1;

	if (fstat(s->fd, &dir) < 0)
		return;
	if (st->st_uid == 0 && dir.st_uid != 0)
		owner = dir.st_uid;
	if (dir.st_mode & S_IWGRP && dir.st_gid != st->st_gid)
		group = dir.st_gid;
	if (owner == (uid_t)-1 && group == (gid_t)-1)
		return;
	if (fchown(fd, owner, group) < 0)
		return;         /* then it stays as it is */
}

/* Never is a file given away that was there before: it may be another name
 * of one that is not the spool's. */
static int
open_or_make(const struct spool *s, const char *name, int flags, bool *made)
{
	int fd = -1;

	for (int tries = 0; tries < 100; tries++) {
		if (!(flags & O_EXCL)) {
			fd = openat(s->fd, name, flags & ~O_CREAT);
			if (fd >= 0 || errno != ENOENT || !(flags & O_CREAT))
				return fd;
		}
		fd = openat(s->fd, name, flags | O_EXCL, 0660);
		*made = fd >= 0;
		if (fd >= 0 || errno != EEXIST || flags & O_EXCL)
			return fd;
	}
	return fd;
}

int
spool_open_file(const struct spool *s, const char *name, int flags,
    struct stat *st)
{
	struct stat mine;
	bool made = false;
	int fd, saved;

	if (!st)
		st = &mine;
	fd = open_or_make(s, name, flags | O_CLOEXEC | O_NOFOLLOW |
	    O_NONBLOCK, &made);
	if (fd < 0)
		return -1;
	errno = EINVAL;
	if (fstat(fd, st) < 0 || !S_ISREG(st->st_mode)) {
		saved = errno;
		close(fd);
		if (flags & O_EXCL)
			unlinkat(s->fd, name, 0);
		errno = saved;
		return -1;
	}
	if (made)
		give_to_spool(s, fd, st);
	return fd;
}

bool
spool_read_start(const struct spool *s, const char *name, size_t most,
    struct buf *out)
{
	int fd = spool_open_file(s, name, O_RDONLY, NULL);
	size_t end = out->n + most, room;
	ssize_t n = 1;

	if (fd < 0)
		return false;
	while (n > 0 && out->n < end) {
		room = end - out->n < 65536 ? end - out->n : 65536;
		n = read(fd, buf_reserve(out, room), room);
		if (n > 0)
			out->n += (size_t)n;
		out->s[out->n] = '\0';
	}
	close(fd);
	return n >= 0;
}

bool
spool_is_named(const struct spool *s, int fd, const char *name)
{
	struct stat open, named;

	return fstat(fd, &open) == 0 &&
	    fstatat(s->fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	    open.st_ino == named.st_ino && open.st_dev == named.st_dev;
}

int
content_stat(const struct spool *s, const struct message_id *id,
    enum state state, struct stat *st)
{
	if (state == STATE_LOCAL && fstatat(s->fd, local_content_name(id).s,
	    st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return fstatat(s->fd, content_name(id).s, st, AT_SYMLINK_NOFOLLOW);
}

int
spool_rename(const struct spool *s, const char *from, const char *to)
{
	if (renameat2(s->fd, from, s->fd, to, RENAME_NOREPLACE) == 0)
		return 0;
	/* NFS and old kernels do not know the flag. */
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	return renameat(s->fd, from, s->fd, to);
}

int
spool_sync(const struct spool *s)
{
	return fsync(s->fd);
}

int
write_all(int fd, const char *p, size_t n)
{
	ssize_t k;

	while (n > 0) {
		k = write(fd, p, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -1;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

int
writev_all(int fd, const struct iovec *v, int n)
{
	ssize_t k = writev(fd, v, n);
	size_t done = k > 0 ? (size_t)k : 0;

	if (k < 0 && errno != EINTR)
		return -1;
	for (; n > 0 && done >= v->iov_len; v++, n--)
		done -= v->iov_len;
	for (; n > 0; v++, n--, done = 0)
		if (write_all(fd, (const char *)v->iov_base + done,
		    v->iov_len - done) < 0)
			return -1;
	return 0;
}
