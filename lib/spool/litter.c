/* SPDX-License-Identifier: ISC */
#include "spool/litter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "spool/subdir.h"

/*
 * Why nothing that is alive is removed here.
 *
 * A writer holds a lock on the content from its creation until the rename
 * that makes the message ours (spool/draft). Whoever gets that lock knows
 * that there is no writer, and as nobody takes up a content that another has
 * made, there never will be one: as long as we hold the lock no envelope
 * comes into being for this content. E-MailRelay's server does not lock; it
 * is the age that protects what it is writing, and the moment between a
 * writer's creating a file and its locking it.
 *
 * A .new envelope with no writer was never acknowledged to anybody. If it
 * is removed by name and is not there any more, then somebody has made a
 * message of it by hand, and the content stays.
 *
 * That there is no envelope is harder to know, for an envelope moves: it can
 * be renamed from a state not yet looked at to one that was. So each state
 * is looked at twice, under inotify. If one rename hid the envelope from the
 * first look, and another one from the second, then the first is complete,
 * and its event with us, because the kernel does renames in one directory
 * one after the other. Found by neither look, and no event: there was no
 * envelope, and by the above there will be none. Renames by other hosts make
 * no events here; against those only the looks and the age stand.
 *
 * With POP by name the envelopes move to sub-directories, by being copied
 * first and removed then. So they are looked for there after the spool
 * itself, and they do not move on.
 */

enum { ATTEMPTS = 1000 };

void
sweep_start(struct sweeper *w, const struct spool *s)
{
	char path[32];

	*w = (struct sweeper){ .spool = s };
	w->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	/* by way of the descriptor: the path may mean another one by now */
	snprintf(path, sizeof path, "/proc/self/fd/%d", s->fd);
	if (w->watch >= 0 &&
	    inotify_add_watch(w->watch, path, IN_MOVE | IN_CREATE) >= 0)
		return;
	w->error = errno;
	sweep_end(w);
}

void
sweep_end(struct sweeper *w)
{
	if (w->spool && w->watch >= 0)
		close(w->watch);
	w->watch = -1;
	list_free(&w->directories);
}

/* Has anything been renamed in the spool, or a directory been made, since
 * the last call? */
static bool
stirred(struct sweeper *w)
{
	_Alignas(struct inotify_event) char events[16384];
	const struct inotify_event *e;
	const uint32_t directory = IN_ISDIR | IN_Q_OVERFLOW;
	bool any = false;
	ssize_t n;

	while ((n = read(w->watch, events, sizeof events)) > 0) {
		for (ssize_t i = 0; i < n;
		    i += (ssize_t)(sizeof *e + e->len)) {
			e = (const void *)(events + i);
			any |= (e->mask & (IN_MOVE | directory)) != 0;
			w->known &= !(e->mask & directory);
		}
	}
	return any;
}

/* List the sub-directories, unless the list is still right. */
static bool
list_directories(struct sweeper *w)
{
	if (w->known)
		return true;
	list_clear(&w->directories);
	if (!subdir_list(w->spool, &w->directories))
		return false;
	w->known = true;
	return true;
}

/* A directory that may not be looked into may hold it. */
static bool
is_below(const struct sweeper *w, const char *name,
    const struct message_id *id)
{
	struct spool below = { .path = name };
	enum state st;
	bool found;

	below.fd = openat(w->spool->fd, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (below.fd < 0)
		return errno != ENOENT && errno != ENOTDIR;
	found = envelope_find(&below, id, &st);
	spool_close(&below);
	return found;
}

static bool
is_in_any(const struct sweeper *w, const struct message_id *id)
{
	for (size_t i = 0; i < w->directories.n; i++)
		if (is_below(w, list_get(&w->directories, i), id))
			return true;
	return false;
}

/* A local copy with a text of its own does not need the message's. */
static bool
is_needed_here(const struct sweeper *w, const struct message_id *id,
    bool local)
{
	struct stat st;
	enum state state;

	if (!envelope_find(w->spool, id, &state))
		return false;
	return local || state != STATE_LOCAL || fstatat(w->spool->fd,
	    local_content_name(id).s, &st, AT_SYMLINK_NOFOLLOW) < 0;
}

static bool
has_envelope(const struct sweeper *w, const struct message_id *id, bool local)
{
	return is_needed_here(w, id, local) || is_in_any(w, id);
}

/* Where the links of a directory are counted there are two, and one more for
 * each sub-directory: mostly there is nothing to list. */
bool
sweep_is_shared(struct sweeper *w, const struct spool *s,
    const struct message_id *id)
{
	struct stat st;

	if (fstat(s->fd, &st) == 0 && st.st_nlink == 2)
		return false;
	if (!w->spool)
		sweep_start(w, s);
	if (w->watch >= 0)
		stirred(w);
	else
		w->known = false;
	return !list_directories(w) || is_in_any(w, id);
}

/* Is it certain that no envelope goes with this content, which is locked?
 * LITTER_GONE if so. */
static enum litter
judge(struct sweeper *w, const struct message_id *id, bool local)
{
	errno = w->error;
	if (w->watch < 0)
		return LITTER_ERROR;
	for (int i = 0; i < ATTEMPTS; i++) {
		stirred(w);
		if (!list_directories(w))
			return LITTER_ERROR;
		if (has_envelope(w, id, local))
			break;
		if (!stirred(w))
			return LITTER_GONE;
	}
	errno = 0;
	return LITTER_NONE;
}

static bool
is_old(const struct spool *s, const char *name, time_t before)
{
	struct stat st;

	return fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) && st.st_mtime < before;
}

/* Open and lock a content: -1 and EWOULDBLOCK if its writer lives. */
static int
lock(const struct spool *s, const char *name)
{
	int fd = spool_open_file(s, name, O_RDWR, NULL);

	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && spool_is_named(s, fd, name))
		return fd;
	close(fd);
	errno = EWOULDBLOCK;
	return -1;
}

static enum litter
could_not(void)
{
	return errno == ENOENT || errno == EWOULDBLOCK ? LITTER_NONE :
	    LITTER_ERROR;
}

static enum litter
sweep_content(struct sweeper *w, const struct message_id *id, bool local,
    time_t before, bool dry_run)
{
	struct file_name name = local ? local_content_name(id) :
	    content_name(id);
	enum litter l;
	int fd;

	/* What is young is not even locked: its writer may be about to. */
	if (is_needed_here(w, id, local) ||
	    !is_old(w->spool, name.s, before))
		return LITTER_NONE;
	fd = lock(w->spool, name.s);
	if (fd < 0)
		return could_not();
	l = is_old(w->spool, name.s, before) ? judge(w, id, local) :
	    LITTER_NONE;
	if (l == LITTER_GONE && !dry_run &&
	    unlinkat(w->spool->fd, name.s, 0) < 0)
		l = could_not();
	close(fd);
	return l;
}

static enum litter
sweep_new(struct sweeper *w, const struct message_id *id, time_t before,
    bool dry_run)
{
	struct file_name name = envelope_name(id, STATE_NEW);
	enum litter l = LITTER_GONE;
	int fd;

	if (!is_old(w->spool, name.s, before))
		return LITTER_NONE;
	fd = lock(w->spool, content_name(id).s);
	/* Without a content nobody can be at work on it either. */
	if (fd < 0 && errno != ENOENT)
		return could_not();
	if (!dry_run && unlinkat(w->spool->fd, name.s, 0) < 0)
		l = could_not();
	if (fd >= 0)
		close(fd);
	for (int local = 0; l == LITTER_GONE && !dry_run && local < 2; local++)
		if (sweep_content(w, id, local, before, false) ==
		    LITTER_ERROR)
			l = LITTER_ERROR;
	return l;
}

enum litter
sweep_litter(struct sweeper *w, const struct spool_entry *e, time_t before,
    bool dry_run)
{
	if (e->content)
		return sweep_content(w, &e->id, e->state == STATE_LOCAL,
		    before, dry_run);
	return sweep_new(w, &e->id, before, dry_run);
}
