/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "mail/journal.h"
#include "spool/claim.h"
#include "spool/envelope_file.h"
#include "spool/shield.h"

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
		yes = envelope_file_due(&e, &st) <= now;
	envelope_free(&e);
	buf_free(&why);
	return yes;
}

/* Does errno tell of something that is no file, and so not ours? */
static bool
is_foreign(void)
{
	return errno == EINVAL || errno == ELOOP || errno == EISDIR ||
	    errno == ENXIO;
}

bool
claim_recover(const struct spool *s, const struct message_id *id, bool dry_run)
{
	struct file_name busy = envelope_name(id, STATE_BUSY);
	struct file_name ready = envelope_name(id, STATE_READY);
	bool stale;
	int fd, saved;

	fd = envelope_file_lock(s, busy.s, NULL);
	if (fd < 0) {
		if (errno == EWOULDBLOCK || errno == ENOENT || is_foreign())
			errno = 0;
		return false;
	}
	errno = 0;
	stale = spool_is_named(s, fd, busy.s) && !shield_is_up(s, id) &&
	    (dry_run || spool_rename(s, busy.s, ready.s) == 0);
	saved = stale || errno == ENOENT ? 0 : errno;
	close(fd);
	errno = saved;
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
	bool ok = envelope_file_read(fd, st, &text);

	if (ok && envelope_parse(&e, buf_text(&text), text.n, &why) &&
	    e.next_try > now) {
		buf_clear(&text);
		journal_due(&text, &e);
		ok = *done = envelope_file_append(fd, &text);
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
	fd = envelope_file_lock(s, name.s, &st);
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
