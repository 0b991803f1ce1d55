/* SPDX-License-Identifier: ISC */
#include "spool/handout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool/envelope_file.h"
#include "spool/subdir.h"

/* --- giving up --- */

/* The envelope first, as ever. */
static void
take_back(struct handout *h, const char *name)
{
	struct buf path = { 0 };
	struct spool box;

	if (subdir_open(&box, &h->spool, name, &path)) {
		unlinkat(box.fd, envelope_name(&h->id, STATE_READY).s, 0);
		unlinkat(box.fd, envelope_name(&h->id, STATE_NEW).s, 0);
		if (h->text != HANDOUT_SHARED)
			unlinkat(box.fd, content_name(&h->id).s, 0);
		spool_close(&box);
	}
	buf_free(&path);
}

/* What a filter prints has no paths in it: the client is told. */
void
handout_refuse(struct handout *h, const char *fmt, ...)
{
	va_list ap;

	for (size_t i = 0; i < h->given.n; i++)
		take_back(h, list_get(&h->given, i));
	va_start(ap, fmt);
	fputs("<<filter error: ", stdout);
	vprintf(fmt, ap);
	puts(">>");
	va_end(ap);
	exit(1);
}

/* --- the message --- */

static void
read_path(struct handout *h, const char *content)
{
	const char *slash = strrchr(content, '/');
	const char *name = slash ? slash + 1 : content;
	struct spool_entry e;

	buf_puts(&h->path, slash ? "" : ".");
	if (slash)
		buf_add(&h->path, content, (size_t)(slash - content));
	if (slash == content)
		buf_puts(&h->path, "/");
	if (!spool_entry_parse(&e, name) || !e.content ||
	    e.state != STATE_READY)
		handout_refuse(h, "invalid filename");
	h->id = e.id;
}

/* An earlier filter may have changed it. */
static void
sync_text(struct handout *h)
{
	int fd = spool_open_file(&h->spool, content_name(&h->id).s, O_RDONLY,
	    NULL);

	if (fd < 0)
		handout_refuse(h, "no such file");
	if (fsync(fd) < 0)
		handout_refuse(h, "cannot sync the text: %s", strerror(errno));
	close(fd);
}

/* One that is being received belongs to whoever has started us; one that is
 * ready may go to a forwarder at any moment, unless it is locked. */
static void
open_envelope(struct handout *h)
{
	struct file_name name;

	h->state = STATE_NEW;
	name = envelope_name(&h->id, h->state);
	h->fd = spool_open_file(&h->spool, name.s, O_RDWR, NULL);
	if (h->fd < 0 && errno == ENOENT) {
		h->state = STATE_READY;
		name = envelope_name(&h->id, h->state);
		h->fd = envelope_file_lock(&h->spool, name.s, NULL);
		if (h->fd >= 0 && !spool_is_named(&h->spool, h->fd, name.s))
			handout_refuse(h, "somebody else has the message");
	}
	if (h->fd < 0)
		handout_refuse(h, "no envelope file \"%s\": %s", name.s,
		    strerror(errno));
}

static void
read_envelope(struct handout *h)
{
	struct stat st;

	if (fstat(h->fd, &st) < 0 ||
	    !envelope_file_read(h->fd, &st, &h->envelope))
		handout_refuse(h, "cannot read the envelope: %s",
		    strerror(errno));
}

void
handout_open(struct handout *h, const char *content)
{
	*h = (struct handout){ .fd = -1, .spool.fd = -1 };
	read_path(h, content);
	if (!spool_open(&h->spool, h->path.s))
		handout_refuse(h, "no such file");
	sync_text(h);
	open_envelope(h);
	read_envelope(h);
}

/* --- giving --- */

/* A new file, whole and on disk. */
static bool
write_file(const struct spool *box, const char *name, const struct buf *text)
{
	int fd = spool_open_file(box, name, O_WRONLY | O_CREAT | O_EXCL, NULL);
	bool ok;

	if (fd < 0)
		return false;
	ok = write_all(fd, text->s, text->n) == 0 && fsync(fd) == 0;
	if (close(fd) < 0)
		ok = false;
	return ok;
}

static bool
copy_octets(int from, int to)
{
	char block[65536];
	ssize_t n;

	while ((n = read(from, block, sizeof block)) > 0)
		if (write_all(to, block, (size_t)n) < 0)
			return false;
	return n == 0 && fsync(to) == 0;
}

static bool
copy_text(const struct spool *to, const struct spool *from, const char *name)
{
	int in = spool_open_file(from, name, O_RDONLY, NULL);
	int out = in < 0 ? -1 : spool_open_file(to, name,
	    O_WRONLY | O_CREAT | O_EXCL, NULL);
	bool ok = out >= 0 && copy_octets(in, out);
	int saved = errno;

	if (out >= 0 && close(out) < 0)
		ok = false;
	if (in >= 0)
		close(in);
	errno = saved;
	return ok;
}

/* The text comes from the spool, or from who got the first copy. */
static bool
give_text(struct handout *h, const struct spool *box)
{
	struct file_name name = content_name(&h->id);
	struct buf path = { 0 };
	struct spool first;
	bool ok;

	if (h->text == HANDOUT_SHARED)
		return true;
	if (h->text == HANDOUT_LINKED)
		return linkat(h->spool.fd, name.s, box->fd, name.s, 0) == 0;
	if (h->given.n == 1)
		return copy_text(box, &h->spool, name.s);
	ok = subdir_open(&first, &h->spool, list_get(&h->given, 0), &path);
	if (ok)
		ok = linkat(first.fd, name.s, box->fd, name.s, 0) == 0;
	spool_close(&first);
	buf_free(&path);
	return ok;
}

static bool
give_envelope(struct handout *h, const struct spool *box,
    const struct buf *envelope)
{
	struct file_name new = envelope_name(&h->id, STATE_NEW);
	struct file_name ready = envelope_name(&h->id, STATE_READY);

	if (!write_file(box, new.s, envelope))
		return false;
	if (spool_rename(box, new.s, ready.s) < 0) {
		/* one that has died here has given it already */
		if (errno != EEXIST || unlinkat(box->fd, new.s, 0) < 0)
			return false;
	}
	return spool_sync(box) == 0;
}

bool
handout_give(struct handout *h, const char *name, const struct buf *envelope)
{
	struct buf path = { 0 };
	struct spool box;
	bool ok;
	int saved;

	ok = h->create ? subdir_make(&box, &h->spool, name, &path) :
	    subdir_open(&box, &h->spool, name, &path);
	if (ok) {
		/* from now on there is something to take back */
		list_add(&h->given, name);
		ok = give_text(h, &box) && give_envelope(h, &box, envelope);
	}
	saved = errno;
	spool_close(&box);
	buf_free(&path);
	errno = saved;
	return ok;
}

/* --- the end --- */

void
handout_finish(struct handout *h)
{
	/* The text that stays is as new as the message. */
	if (h->text == HANDOUT_SHARED && spool_sync(&h->spool) < 0)
		handout_refuse(h, "cannot sync the spool: %s",
		    strerror(errno));
	if (unlinkat(h->spool.fd, envelope_name(&h->id, h->state).s, 0) < 0)
		handout_refuse(h, "cannot remove the envelope: %s",
		    strerror(errno));
	if (h->text == HANDOUT_LINKED)
		unlinkat(h->spool.fd, content_name(&h->id).s, 0);
	/* A message that was ready could be sent after a power cut. */
	spool_sync(&h->spool);
	close(h->fd);
}

void
handout_rewrite(struct handout *h, const struct buf *envelope)
{
	if (ftruncate(h->fd, 0) < 0 || lseek(h->fd, 0, SEEK_SET) < 0 ||
	    write_all(h->fd, envelope->s, envelope->n) < 0 || fsync(h->fd) < 0)
		handout_refuse(h, "cannot write the envelope: %s",
		    strerror(errno));
	close(h->fd);
}
