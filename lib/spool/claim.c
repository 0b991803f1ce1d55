/* SPDX-License-Identifier: ISC */
#include "spool/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "spool/shield.h"

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

/* Open and lock: -1 if somebody else has it. */
static int
open_locked(const struct spool *s, const char *name, struct stat *st)
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

/* Does errno tell of the file, not of the machine's state or our rights? */
static bool
is_damage(void)
{
	return errno == ENOENT || errno == EINVAL || errno == ELOOP ||
	    errno == ENXIO || errno == EFBIG;
}

/* The earlier one of what the journal says and of the file's time: a clock
 * that was wrong must not keep what was never deferred, and whoever touches
 * the file wants it sent. */
static time_t
due(const struct envelope *e, const struct stat *st)
{
	time_t noted = (time_t)e->next_try;

	return noted < st->st_mtime ? noted : st->st_mtime;
}

static enum claim_verdict
read_claimed(struct claim *c, const struct stat *st)
{
	struct buf text = { 0 };
	struct stat content = { .st_size = 0 };
	bool damaged = false;

	buf_clear(&c->why);
	if (!read_all(c->fd, st, &text)) {
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
	c->due = due(&c->envelope, st);
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
	c->fd = open_locked(s, ready.s, &st);
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

bool
claim_gone(struct claim *c)
{
	int saved = 0;

	/* The envelope first: a text without an envelope is litter, an
	 * envelope without its text would be a message that is lost. */
	if (unlinkat(c->spool->fd, envelope_name(&c->id, STATE_BUSY).s, 0) < 0 ||
	    unlinkat(c->spool->fd, content_name(&c->id).s, 0) < 0)
		saved = errno;
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

/* Lock what has the envelope's name now, if it is another file. Whoever took
 * it for a stale one is about to see the shield. */
static bool
lock_again(struct claim *c)
{
	struct file_name busy = envelope_name(&c->id, STATE_BUSY);
	int fd;

	if (spool_is_named(c->spool, c->fd, busy.s))
		return true;
	fd = spool_open_file(c->spool, busy.s, O_RDWR, NULL);
	if (fd < 0)
		return false;
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

/* Add to the journal. A line cut short by a crash is ended first. */
static bool
append(int fd, const struct buf *lines)
{
	struct buf text = { 0 };
	off_t end = lseek(fd, 0, SEEK_END);
	char last = '\n';
	bool ok;

	if (end > 0 && pread(fd, &last, 1, end - 1) != 1)
		return false;
	if (last != '\n')
		buf_puts(&text, "\r\n");
	buf_add(&text, lines->s, lines->n);
	ok = end >= 0 && write_all(fd, text.s, text.n) == 0 &&
	    fsync(fd) == 0;
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
	struct file_name name = envelope_name(id, STATE_READY);
	struct envelope e = { 0 };
	struct buf why = { 0 };
	time_t now = time(NULL);
	struct stat st;
	bool yes = true;

	if (fstatat(s->fd, name.s, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    st.st_mtime <= now)
		return true;
	/* What claim_defer sets is a whole second; any other time to come is
	 * a clock's mistake. */
	if (st.st_mtim.tv_nsec == 0)
		return false;
	if (envelope_load(s, name.s, &e, &st, &why))
		yes = due(&e, &st) <= now;
	envelope_free(&e);
	buf_free(&why);
	return yes;
}

bool
claim_defer(struct claim *c, time_t next_try, const char *reason)
{
	struct buf line = { 0 };
	bool noted, moved;
	int saved;

	envelope_note_deferred(&line, c->envelope.tries + 1,
	    next_try > 0 ? (uint64_t)next_try : 0, reason);
	noted = append(c->fd, &line);
	saved = errno;
	buf_free(&line);
	set_due(c, next_try);
	moved = go_to(c, STATE_READY);
	if (!noted)
		errno = saved;
	return noted && moved;
}

bool
claim_fail(struct claim *c, const char *reason, int code)
{
	struct buf lines = { 0 };
	bool noted;
	int saved;

	envelope_note_failed(&lines, reason, code);
	noted = append(c->fd, &lines);
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
	stale = spool_is_named(s, fd, busy.s) && !shield_is_up(s, id) &&
	    (dry_run || spool_rename(s, busy.s, ready.s) == 0);
	close(fd);
	return stale;
}

/* Let a locked envelope wait no longer: its time stands in the journal, and
 * is the file's time, see spool(5). */
static bool
make_due(int fd, const struct stat *st, bool *done)
{
	const uint64_t now = (uint64_t)time(NULL);
	struct envelope e = { 0 };
	struct buf text = { 0 }, why = { 0 };
	bool ok = read_all(fd, st, &text);

	if (ok && envelope_parse(&e, buf_text(&text), text.n, &why) &&
	    e.next_try > now) {
		buf_clear(&text);
		envelope_note_due(&text, &e);
		ok = *done = append(fd, &text);
	}
	if (ok && st->st_mtime > (time_t)now)
		ok = *done = futimens(fd, NULL) == 0;
	envelope_free(&e);
	buf_free(&text);
	buf_free(&why);
	return ok;
}

enum claim_verdict
claim_retry(const struct spool *s, const struct message_id *id,
    enum state state, bool *done)
{
	struct file_name name = envelope_name(id, state);
	struct stat st;
	bool ok;
	int fd, saved;

	*done = false;
	fd = open_locked(s, name.s, &st);
	if (fd < 0)
		return errno == ENOENT || errno == EWOULDBLOCK ?
		    CLAIM_TAKEN : CLAIM_ERROR;
	/* The lock keeps those away who would claim it; whoever has done so
	 * before we got the lock has renamed it. */
	errno = ENOENT;
	ok = spool_is_named(s, fd, name.s) && make_due(fd, &st, done);
	if (ok && state == STATE_BAD) {
		ok = spool_rename(s, name.s,
		    envelope_name(id, STATE_READY).s) == 0;
		*done = ok;
	}
	saved = errno;
	close(fd);
	if (ok)
		return CLAIM_OURS;
	errno = saved;
	return errno == ENOENT ? CLAIM_TAKEN : CLAIM_ERROR;
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
