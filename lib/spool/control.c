/* SPDX-License-Identifier: ISC */
#include "spool/control.h"

#include <errno.h>
#include <unistd.h>

#include "base/log.h"
#include "spool/envelope_file.h"

/* Lock the envelope as long as it has that name: -1 and errno, ENOENT or
 * EWOULDBLOCK if it is not to be had. */
static int
lock_named(const struct spool *s, const char *name)
{
	int fd = envelope_file_lock(s, name, NULL);

	if (fd >= 0 && !spool_is_named(s, fd, name)) {
		close(fd);
		errno = ENOENT;
		return -1;
	}
	return fd;
}

static enum claim_verdict
could_not(void)
{
	return errno == ENOENT || errno == EWOULDBLOCK ? CLAIM_TAKEN :
	    CLAIM_ERROR;
}

static enum claim_verdict
rename_locked(const struct spool *s, const struct message_id *id,
    enum state from, enum state to, bool *did)
{
	struct file_name name = envelope_name(id, from);
	int fd = lock_named(s, name.s), saved;

	*did = fd >= 0 &&
	    spool_rename(s, name.s, envelope_name(id, to).s) == 0;
	saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return *did ? CLAIM_OURS : could_not();
}

enum claim_verdict
message_hold(const struct spool *s, const struct message_id *id,
    enum state st, bool *did)
{
	*did = false;
	if (st == STATE_HOLD)
		return CLAIM_OURS;
	return rename_locked(s, id, STATE_READY, STATE_HOLD, did);
}

enum claim_verdict
message_release(const struct spool *s, const struct message_id *id,
    enum state st, bool *did)
{
	*did = false;
	if (st == STATE_READY)
		return CLAIM_OURS;
	return rename_locked(s, id, STATE_HOLD, STATE_READY, did);
}

/* The envelope is gone, and the message with it; a content that cannot be
 * removed is litter, which spool-check finds. */
static void
remove_content(struct sweeper *w, const struct message_id *id, bool local)
{
	const struct spool_entry e = { .id = *id, .content = true,
		.state = local ? STATE_LOCAL : STATE_READY };

	/* Age protects what has no envelope yet: this one had its own. */
	if (sweep_litter(w, &e, (time_t)INT64_MAX, false) == LITTER_ERROR)
		log_warning("%s: the text cannot be removed", id->s);
}

enum claim_verdict
message_remove(struct sweeper *w, const struct message_id *id, enum state st,
    bool *did)
{
	struct file_name name = envelope_name(id, st);
	int fd = lock_named(w->spool, name.s), saved;

	*did = fd >= 0 && unlinkat(w->spool->fd, name.s, 0) == 0;
	saved = errno;
	if (fd >= 0)
		close(fd);
	if (*did && st == STATE_LOCAL)
		remove_content(w, id, true);
	if (*did)
		remove_content(w, id, false);
	errno = saved;
	return *did ? CLAIM_OURS : could_not();
}
