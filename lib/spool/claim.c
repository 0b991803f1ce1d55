/* SPDX-License-Identifier: ISC */
#include "spool/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "mail/journal.h"
#include "spool/shield.h"

/* Does errno tell of the file, not of the machine's state or our rights? */
static bool
is_damage(void)
{
	return errno == ENOENT || errno == EINVAL || errno == ELOOP ||
	    errno == ENXIO || errno == EFBIG;
}

static enum claim_verdict
read_claimed(struct claim *c, const struct stat *st)
{
	struct buf text = { 0 };
	struct stat content = { .st_size = 0 };
	bool damaged = false;

	buf_clear(&c->why);
	if (!envelope_file_read(c->fd, st, &text)) {
		damaged = is_damage();
		buf_puts(&c->why, "cannot read envelope file");
	} else if (!envelope_parse(&c->envelope, buf_text(&text), text.n,
	    &c->why)) {
		damaged = true;
	} else {
		c->content = spool_open_file(c->spool,
		    content_name(&c->id).s, O_RDONLY, &content);
		damaged = c->content < 0 && is_damage();
		if (c->content < 0)
			buf_puts(&c->why, "cannot open content file");
	}
	buf_free(&text);
	if (c->content < 0)
		return damaged ? CLAIM_DAMAGED : CLAIM_ERROR;
	c->octets = (uint64_t)content.st_size;
	c->due = envelope_file_due(&c->envelope, st);
	c->received = content.st_mtime;
	return CLAIM_OURS;
}

enum claim_verdict
claim_take(struct claim *c, const struct spool *s, const struct message_id *id)
{
	struct file_name ready = envelope_name(id, STATE_READY);
	struct file_name busy = envelope_name(id, STATE_BUSY);
	enum claim_verdict verdict;
	struct stat st;
	int saved;

	c->spool = s;
	c->id = *id;
	c->content = c->shield = -1;
	buf_clear(&c->news);
	c->fd = envelope_file_lock(s, ready.s, &st);
	if (c->fd < 0)
		return errno == ENOENT || errno == EWOULDBLOCK ?
		    CLAIM_TAKEN : CLAIM_ERROR;
	if (spool_rename(s, ready.s, busy.s) == 0 &&
	    spool_is_named(s, c->fd, busy.s)) {
		verdict = read_claimed(c, &st);
		saved = errno;
		if (verdict == CLAIM_ERROR)
			claim_release(c);
		errno = saved;
		return verdict;
	}
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
	if (c->shield >= 0)
		close(c->shield);
	c->content = c->fd = c->shield = -1;
}

/* --- who has got it --- */

bool
claim_can_note(struct claim *c)
{
	/* a line for each recipient, and the reason, that has some of them */
	enum { EACH = JOURNAL_REPLY + 32, WHOLE = 4096 };
	const struct envelope *e = &c->envelope;

	return envelope_file_reserve(c->fd, c->news.n + e->remote.bytes.n +
	    envelope_recipients(e, RECIPIENT_PENDING) * EACH + WHOLE);
}

void
claim_settle(struct claim *c, size_t i, enum recipient how, const char *reply)
{
	envelope_settle(&c->envelope, i, how, reply);
	journal_settled(&c->news, list_get(&c->envelope.remote, i), how,
	    reply);
}

bool
claim_note(struct claim *c)
{
	bool ok = c->news.n == 0 || envelope_file_append(c->fd, &c->news);

	if (ok)
		buf_clear(&c->news);
	return ok;
}

/* --- what has become of it --- */

bool
claim_gone(struct claim *c, struct sweeper *w)
{
	int saved = 0;

	/* The envelope first: a text without an envelope is litter, an
	 * envelope without its text would be a message that is lost. */
	if (unlinkat(c->spool->fd, envelope_name(&c->id, STATE_BUSY).s, 0) < 0) {
		saved = errno;
		/* it stays, but nobody gets it again */
		claim_note(c);
	} else if (!sweep_is_shared(w, c->spool, &c->id) &&
	    unlinkat(c->spool->fd, content_name(&c->id).s, 0) < 0) {
		saved = errno;
	}
	let_go(c);
	errno = saved;
	return saved == 0;
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

/* --- lent to a filter --- */

void
claim_lend(struct claim *c)
{
	c->shield = shield_raise(c->spool, &c->id);
}

/* Is that the file? -1: errno. */
static int
is_file(int fd, const struct stat *st)
{
	struct stat mine;

	if (fstat(fd, &mine) < 0)
		return -1;
	return mine.st_ino == st->st_ino && mine.st_dev == st->st_dev;
}

/* Lock what has the envelope's name now, if it is another file. Whoever took
 * it for a stale one is about to see the shield. */
static bool
lock_again(struct claim *c)
{
	struct file_name busy = envelope_name(&c->id, STATE_BUSY);
	int fd, same;
	struct stat st;

	fd = spool_open_file(c->spool, busy.s, O_RDWR, &st);
	if (fd < 0)
		return false;
	/* for our own lock we would wait for ever */
	same = is_file(c->fd, &st);
	if (same != 0) {
		close(fd);
		return same > 0;
	}
	while (flock(fd, LOCK_EX) < 0 && errno == EINTR)
		continue;
	close(c->fd);
	c->fd = fd;
	return true;
}

/* Have a file that somebody has written on disk, with our mode. */
static bool
settle(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && (st.st_mode & 0777) != 0660)
		fchmod(fd, 0660);
	return fsync(fd) == 0;
}

/* Its time is that of the message's arrival. */
static void
keep_age(struct claim *c, time_t received)
{
	const struct timespec times[2] = {
		{ .tv_nsec = UTIME_OMIT }, { .tv_sec = received }
	};

	if (c->received > received) {
		futimens(c->content, times);
		c->received = received;
	}
}

/* The text is opened by its name, and the envelope read from its start. */
static enum claim_verdict
read_again(struct claim *c)
{
	time_t received = c->received;
	enum claim_verdict verdict;
	struct stat st;

	close(c->content);
	c->content = -1;
	if (fstat(c->fd, &st) < 0 || lseek(c->fd, 0, SEEK_SET) < 0 ||
	    !settle(c->fd))
		return CLAIM_ERROR;
	verdict = read_claimed(c, &st);
	if (verdict == CLAIM_OURS)
		keep_age(c, received);
	if (verdict == CLAIM_OURS && !settle(c->content))
		verdict = CLAIM_ERROR;
	return verdict;
}

enum claim_verdict
claim_resume(struct claim *c)
{
	enum claim_verdict verdict = CLAIM_DAMAGED;
	int saved;

	buf_clear(&c->why);
	if (lock_again(c)) {
		verdict = read_again(c);
	} else if (errno == ENOENT) {
		let_go(c);
		return CLAIM_TAKEN;
	} else if (!is_damage()) {
		verdict = CLAIM_ERROR;
	} else {
		buf_puts(&c->why, "cannot read envelope file");
	}
	if (verdict == CLAIM_ERROR) {
		saved = errno;
		claim_release(c);
		errno = saved;
	} else if (c->shield >= 0) {
		close(c->shield);
		c->shield = -1;
	}
	return verdict;
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
claim_defer(struct claim *c, time_t next_try, const char *reason)
{
	bool noted, moved;
	int saved;

	journal_deferred(&c->news, c->envelope.tries + 1,
	    next_try > 0 ? (uint64_t)next_try : 0, reason);
	noted = claim_note(c);
	saved = errno;
	set_due(c, next_try);
	moved = go_to(c, STATE_READY);
	if (!noted)
		errno = saved;
	return noted && moved;
}

bool
claim_fail(struct claim *c, const char *reason, int code)
{
	int saved;

	journal_failed(&c->news, reason, code);
	if (!claim_note(c)) {
		/* Nobody could tell later why it failed: try it again. */
		saved = errno;
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
	buf_free(&c->news);
}
