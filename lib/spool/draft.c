/* SPDX-License-Identifier: ISC */
#include "spool/draft.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

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

void
draft_write(struct draft *d, const char *p, size_t n)
{
	if (d->error || n == 0)
		return;
	if (write_all(d->fd, p, n) < 0)
		failed(d, "write");
	else
		d->octets += n;
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
	d->open = d->sealed = false;
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
	let_go(d);
}

void
draft_error(const struct draft *d, struct buf *out)
{
	buf_printf(out, "cannot %s '%s/%s': %s", d->doing ? d->doing : "use",
	    d->spool->path, content_name(&d->id).s, strerror(d->error));
}
