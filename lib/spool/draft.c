/* SPDX-License-Identifier: ISC */
#include "spool/draft.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "spool/claim.h"

enum { AHEAD = 4 << 20 };       /* octets */

static bool
failed(struct draft *d, const char *doing)
{
	if (!d->error) {
		d->error = errno ? errno : EIO;
		d->doing = doing;
	}
	return false;
}

bool
draft_open(struct draft *d, const struct spool *s)
{
	*d = (struct draft){ .spool = s, .fd = -1 };
	for (int tries = 0; d->fd < 0 && tries < 100; tries++) {
		message_id_make(&d->id);
		d->fd = spool_open_file(s, content_name(&d->id).s,
		    O_WRONLY | O_CREAT | O_EXCL, NULL);
		if (d->fd < 0 && errno != EEXIST)
			break;
	}
	if (d->fd < 0)
		return failed(d, "create");
	d->open = true;
	/* For spool-check: whose writer lives is not litter. */
	flock(d->fd, LOCK_EX | LOCK_NB);
	return true;
}

/* What was held back, and what comes behind it. */
static void
write_held(struct draft *d, const char *p, size_t n)
{
	const struct iovec both[] = {
		{ .iov_base = d->hold, .iov_len = d->held },
		{ .iov_base = (void *)p, .iov_len = n }
	};

	d->held = 0;
	if (writev_all(d->fd, both, 2) < 0)
		failed(d, "write");
}

/* A large text is on its way to the disk while the rest comes in. */
static void
send_ahead(const struct draft *d, uint64_t before)
{
	uint64_t from = before - before % AHEAD;

	if (d->octets - from >= AHEAD)
		sync_file_range(d->fd, (off_t)from, AHEAD,
		    SYNC_FILE_RANGE_WRITE);
}

void
draft_write(struct draft *d, const char *p, size_t n)
{
	if (d->error || n == 0)
		return;
	if (n <= sizeof d->hold - d->held) {
		memcpy(d->hold + d->held, p, n);
		d->held += n;
	} else {
		write_held(d, p, n);
	}
	if (d->error)
		return;
	d->octets += n;
	send_ahead(d, d->octets - n);
}

/* Write the envelope and have both files on disk. */
static bool
write_envelope(struct draft *d, const struct buf *text)
{
	int fd;
	bool ok;

	/* The content's way to the disk begins while the envelope is made. */
	sync_file_range(d->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	fd = spool_open_file(d->spool, envelope_name(&d->id, STATE_NEW).s,
	    O_WRONLY | O_CREAT | O_EXCL, NULL);
	if (fd < 0)
		return failed(d, "create the envelope of");
	d->sealed = true;
	ok = write_all(fd, text->s, text->n) == 0 && fsync(fd) == 0;
	if (!ok)
		failed(d, "write the envelope of");
	if (close(fd) < 0)
		ok = failed(d, "write the envelope of");
	if (ok && fsync(d->fd) < 0)
		ok = failed(d, "sync");
	return ok;
}

bool
draft_seal(struct draft *d, const struct envelope *e)
{
	struct buf text = { 0 };
	bool ok;

	if (d->held > 0)
		write_held(d, NULL, 0);
	if (d->error)
		return false;
	errno = EINVAL;
	ok = envelope_format(e, &text) ? write_envelope(d, &text) :
	    failed(d, "format the envelope of");
	buf_free(&text);
	return ok;
}

/* The files are no longer ours to remove. */
static void
let_go(struct draft *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	d->open = d->sealed = d->copied = false;
}

/* --- behind a filter --- */

/* Have a file on disk that somebody else may have changed or replaced, with
 * the mode that he did not know of. Returns it open, or -1: errno. */
static int
settle(struct draft *d, const char *name, struct stat *st)
{
	int fd = spool_open_file(d->spool, name, O_RDONLY, st);

	if (fd < 0)
		return -1;
	if ((st->st_mode & 0777) != 0660)
		fchmod(fd, 0660);
	if (fsync(fd) < 0)
		failed(d, "sync");
	return fd;
}

static bool
resume_content(struct draft *d)
{
	struct file_name name = content_name(&d->id);
	struct stat st;
	int fd = settle(d, name.s, &st);

	if (fd < 0)
		return false;
	d->octets = (uint64_t)st.st_size;
	if (spool_is_named(d->spool, d->fd, name.s)) {
		close(fd);
	} else {
		flock(fd, LOCK_EX | LOCK_NB);
		close(d->fd);
		d->fd = fd;
	}
	return true;
}

static bool
resume_envelope(struct draft *d, struct envelope *e, struct buf *why)
{
	struct file_name name = envelope_name(&d->id, STATE_NEW);
	struct stat st;
	int fd = settle(d, name.s, &st);

	if (fd < 0)
		return false;
	close(fd);
	return envelope_load(d->spool, name.s, e, &st, why);
}

bool
draft_resume(struct draft *d, struct envelope *e, struct buf *why)
{
	buf_clear(why);
	if (d->error)
		return false;
	if (!resume_content(d))
		buf_printf(why, "no content: %s", strerror(errno));
	else if (!resume_envelope(d, e, why) && why->n == 0)
		buf_printf(why, "no envelope: %s", strerror(errno));
	return why->n == 0 && !d->error;
}

/* If the filter has made a message of another state of it, that is what the
 * client will be promised: have it on disk. */
static bool
settle_moved(struct draft *d)
{
	struct stat st;
	enum state state;
	int fd;

	if (!envelope_find(d->spool, &d->id, &state))
		return true;
	fd = settle(d, envelope_name(&d->id, state).s, &st);
	if (fd >= 0)
		close(fd);
	fd = settle(d, content_name(&d->id).s, &st);
	if (fd >= 0)
		close(fd);
	if (spool_sync(d->spool) < 0)
		failed(d, "sync the directory of");
	return !d->error;
}

/* Its envelopes may be in sub-directories by now, and the text is theirs:
 * then that is what the client will be promised. */
static bool
settle_left(struct draft *d)
{
	struct sweeper w = { .spool = NULL };
	bool shared = sweep_is_shared(&w, d->spool, &d->id);
	struct stat st;
	int fd;

	sweep_end(&w);
	if (!shared) {
		draft_abandon(d);
		return true;
	}
	fd = settle(d, content_name(&d->id).s, &st);
	if (fd < 0)
		return failed(d, "open");
	close(fd);
	if (unlinkat(d->spool->fd, envelope_name(&d->id, STATE_NEW).s, 0) < 0)
		return failed(d, "remove the envelope of");
	if (spool_sync(d->spool) < 0)
		return failed(d, "sync the directory of");
	if (d->error)
		return false;
	let_go(d);
	return true;
}

bool
draft_leave(struct draft *d)
{
	struct file_name name = envelope_name(&d->id, STATE_NEW);
	struct stat st;
	bool ok = true;

	if (fstatat(d->spool->fd, name.s, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		ok = settle_left(d);
	} else if (errno == ENOENT) {
		ok = settle_moved(d);
		let_go(d);
	} else {
		ok = failed(d, "look for the envelope of");
	}
	return ok;
}

/* --- copies for local recipients --- */

static bool
copy_text(struct draft *to, const struct draft *from)
{
	int fd = spool_open_file(from->spool, content_name(&from->id).s,
	    O_RDONLY, NULL);
	char block[65536];
	ssize_t n = fd < 0 ? -1 : 1;

	while (n > 0 && !to->error) {
		n = read(fd, block, sizeof block);
		if (n > 0)
			draft_write(to, block, (size_t)n);
	}
	if (n < 0)
		failed(to, "copy");
	if (fd >= 0)
		close(fd);
	return !to->error;
}

/* The two files get the local names of message id, the text first: who finds
 * a local envelope may rely on its text. */
static bool
become_local(struct draft *d, const struct message_id *id)
{
	if (spool_rename(d->spool, content_name(&d->id).s,
	    local_content_name(id).s) < 0 ||
	    spool_rename(d->spool, envelope_name(&d->id, STATE_NEW).s,
	    envelope_name(id, STATE_LOCAL).s) < 0)
		return failed(d, "rename");
	return true;
}

bool
draft_copy_local(struct draft *d, const struct envelope *e)
{
	struct draft copy;

	if (d->error)
		return false;
	/* Until it is whole it is a draft of its own, and litter like that. */
	d->copied = draft_open(&copy, d->spool) && copy_text(&copy, d) &&
	    draft_seal(&copy, e);
	if (d->copied && become_local(&copy, &d->id)) {
		let_go(&copy);
		return true;
	}
	d->error = copy.error;
	d->doing = copy.doing;
	draft_abandon(&copy);
	return false;
}

/* --- the end --- */

bool
draft_commit_local(struct draft *d)
{
	if (d->error)
		return false;
	d->copied = true;
	if (!become_local(d, &d->id))
		return false;
	if (spool_sync(d->spool) < 0)
		return failed(d, "sync the directory of");
	let_go(d);
	return true;
}

bool
draft_commit(struct draft *d)
{
	struct file_name from = envelope_name(&d->id, STATE_NEW);
	struct file_name to = envelope_name(&d->id, STATE_READY);

	if (d->error)
		return false;
	if (spool_rename(d->spool, from.s, to.s) < 0)
		return failed(d, "rename the envelope of");
	if (spool_sync(d->spool) < 0) {
		/* Not certain to be there after a power cut, so it must not
		 * be promised. Back, unless a forwarder has it already: then
		 * it may come twice, but it is not lost. */
		failed(d, "sync the directory of");
		if (spool_rename(d->spool, to.s, from.s) < 0)
			let_go(d);
		return false;
	}
	let_go(d);
	return true;
}

void
draft_abandon(struct draft *d)
{
	if (!d->open)
		return;
	if (d->sealed)
		unlinkat(d->spool->fd, envelope_name(&d->id, STATE_NEW).s, 0);
	unlinkat(d->spool->fd, content_name(&d->id).s, 0);
	if (d->copied) {
		unlinkat(d->spool->fd, envelope_name(&d->id, STATE_LOCAL).s, 0);
		unlinkat(d->spool->fd, local_content_name(&d->id).s, 0);
	}
	let_go(d);
}

void
draft_error(const struct draft *d, struct buf *out)
{
	buf_printf(out, "cannot %s '%s/%s': %s", d->doing ? d->doing : "use",
	    d->spool->path, content_name(&d->id).s, strerror(d->error));
}
