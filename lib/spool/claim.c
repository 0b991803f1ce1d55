/* SPDX-License-Identifier: ISC */
#include "spool/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

/* The text of an open envelope. False: errno. */
static bool
read_all(int fd, const struct stat *st, struct buf *text)
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

/* Does name still mean the file that fd is? */
static bool
still_called(const struct spool *s, int fd, const char *name)
{
	struct stat open, named;

	return fstat(fd, &open) == 0 &&
	    fstatat(s->fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	    open.st_ino == named.st_ino && open.st_dev == named.st_dev;
}

/* Open and lock: -1 if somebody else has it. */
static int
open_locked(const struct spool *s, const char *name, struct stat *st)
{
	int fd = spool_open_file(s, name, O_RDWR, st);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		errno = EWOULDBLOCK;
		return -1;
	}
	return fd;
}

static enum claim_verdict
read_claimed(struct claim *c, const struct stat *st)
{
	struct buf text = { 0 };
	struct stat content;
	bool ok;

	buf_clear(&c->why);
	ok = read_all(c->fd, st, &text) &&
	    envelope_parse(&c->envelope, buf_text(&text), text.n, &c->why);
	buf_free(&text);
	if (!ok && !c->why.n)
		buf_puts(&c->why, "cannot read envelope file");
	if (ok) {
		c->content = spool_open_file(c->spool,
		    content_name(&c->id).s, O_RDONLY, &content);
		if (c->content < 0)
			buf_puts(&c->why, "cannot open content file");
	}
	if (c->content < 0)
		return CLAIM_DAMAGED;
	c->octets = (uint64_t)content.st_size;
	c->due = st->st_mtime;
	c->received = content.st_mtime;
	return CLAIM_OURS;
}

enum claim_verdict
claim_take(struct claim *c, const struct spool *s, const struct message_id *id)
{
	struct file_name ready = envelope_name(id, STATE_READY);
	struct file_name busy = envelope_name(id, STATE_BUSY);
	struct stat st;

	c->spool = s;
	c->id = *id;
	c->content = -1;
	c->fd = open_locked(s, ready.s, &st);
	if (c->fd < 0)
		return errno == ENOENT || errno == EWOULDBLOCK ?
		    CLAIM_TAKEN : CLAIM_ERROR;
	if (spool_rename(s, ready.s, busy.s) == 0 &&
	    still_called(s, c->fd, busy.s))
		return read_claimed(c, &st);
	close(c->fd);
	c->fd = -1;
	return errno == ENOENT ? CLAIM_TAKEN : CLAIM_ERROR;
}

/* Closing is what lets go of the lock: it comes last. */
static void
let_go(struct claim *c)
{
	if (c->content >= 0)
		close(c->content);
	if (c->fd >= 0)
		close(c->fd);
	c->content = c->fd = -1;
}

void
claim_gone(struct claim *c)
{
	/* The envelope first: a text without an envelope is litter, an
	 * envelope without its text would be a message that is lost. */
	if (unlinkat(c->spool->fd, envelope_name(&c->id, STATE_BUSY).s, 0) == 0)
		unlinkat(c->spool->fd, content_name(&c->id).s, 0);
	let_go(c);
}

static bool
go_to(struct claim *c, enum state st)
{
	int saved = 0;

	if (spool_rename(c->spool, envelope_name(&c->id, STATE_BUSY).s,
	    envelope_name(&c->id, st).s) < 0)
		saved = errno;
	let_go(c);
	errno = saved;
	return saved == 0;
}

void
claim_release(struct claim *c)
{
	go_to(c, STATE_READY);
}

/* Add to the journal. A line cut short by a crash is ended first. */
static bool
append(struct claim *c, const struct buf *lines)
{
	struct buf text = { 0 };
	off_t end = lseek(c->fd, 0, SEEK_END);
	char last = '\n';
	bool ok;

	if (end > 0 && pread(c->fd, &last, 1, end - 1) != 1)
		return false;
	if (last != '\n')
		buf_puts(&text, "\r\n");
	buf_add(&text, lines->s, lines->n);
	ok = end >= 0 && write_all(c->fd, text.s, text.n) == 0 &&
	    fsync(c->fd) == 0;
	buf_free(&text);
	return ok;
}

/* So that a pass over the spool need not open what is not due. */
static void
set_due(struct claim *c, time_t next_try)
{
	const struct timespec times[2] = {
		{ .tv_nsec = UTIME_OMIT }, { .tv_sec = next_try }
	};

	futimens(c->fd, times);
}

bool
message_due(const struct spool *s, const struct message_id *id)
{
	struct stat st;

	return fstatat(s->fd, envelope_name(id, STATE_READY).s, &st,
	    AT_SYMLINK_NOFOLLOW) < 0 || st.st_mtime <= time(NULL);
}

bool
claim_defer(struct claim *c, time_t next_try, const char *reason)
{
	struct buf line = { 0 };
	bool noted;

	envelope_note_deferred(&line, c->envelope.tries + 1,
	    next_try > 0 ? (uint64_t)next_try : 0, reason);
	noted = append(c, &line);
	buf_free(&line);
	set_due(c, next_try);
	return go_to(c, STATE_READY) && noted;
}

bool
claim_fail(struct claim *c, const char *reason, int code)
{
	struct buf lines = { 0 };
	bool noted;
	int saved;

	envelope_note_failed(&lines, reason, code);
	noted = append(c, &lines);
	saved = errno;
	buf_free(&lines);
	if (!noted) {
		/* Nobody could tell later why it failed: try it again. */
		claim_release(c);
		errno = saved;
		return false;
	}
	return go_to(c, STATE_BAD);
}

void
claim_free(struct claim *c)
{
	envelope_free(&c->envelope);
	buf_free(&c->why);
}

bool
claim_recover(const struct spool *s, const struct message_id *id, bool dry_run)
{
	struct file_name busy = envelope_name(id, STATE_BUSY);
	struct file_name ready = envelope_name(id, STATE_READY);
	bool stale;
	int fd;

	fd = open_locked(s, busy.s, NULL);
	if (fd < 0)
		return false;
	stale = still_called(s, fd, busy.s) &&
	    (dry_run || spool_rename(s, busy.s, ready.s) == 0);
	close(fd);
	return stale;
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
	ok = read_all(fd, st, &text) &&
	    envelope_parse(e, buf_text(&text), text.n, why);
	close(fd);
	buf_free(&text);
	return ok;
}
