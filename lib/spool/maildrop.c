/* SPDX-License-Identifier: ISC */
#include "spool/maildrop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "spool/envelope_file.h"
#include "spool/litter.h"
#include "spool/subdir.h"

/* With its id some 80 octets: there may be a hundred thousand of them. */
struct maildrop_message {
	uint64_t octets;
	uint64_t rank;          /* of its id */
	uint32_t id;            /* where it begins in ids */
	bool shared;            /* its text is not in the box, */
	bool marked;
	bool gone;              /* marked, and its envelope is removed */
};

/* --- opening --- */

static struct file_name
text_name(const char *id)
{
	struct file_name f;

	strcpy(stpcpy(f.s, id), ".content");
	return f;
}

static bool
has_spool_of_its_own(const struct maildrop *m)
{
	return m->box.fd != m->spool->fd;
}

/* Look for the text, in the box and then in the spool. */
static bool
find_text(const struct maildrop *m, const char *id, struct stat *st,
    bool *shared)
{
	struct file_name name = text_name(id);
	int result = fstatat(m->box.fd, name.s, st, AT_SYMLINK_NOFOLLOW);

	*shared = false;
	if (result < 0 && errno == ENOENT && has_spool_of_its_own(m)) {
		*shared = true;
		result = fstatat(m->spool->fd, name.s, st,
		    AT_SYMLINK_NOFOLLOW);
	}
	return result == 0 && S_ISREG(st->st_mode);
}

/* Without its text it is no message: it is about to go. */
static void
add(struct maildrop *m, const char *id)
{
	struct maildrop_message *more;
	struct stat st;
	bool shared;

	if (m->ids.n > UINT32_MAX - sizeof(struct message_id) ||
	    !find_text(m, id, &st, &shared))
		return;
	if (m->n == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 64;
		more = need_memory(m->cap * sizeof *more);
		if (m->n)
			memcpy(more, m->messages, m->n * sizeof *more);
		free(m->messages);
		m->messages = more;
	}
	m->messages[m->n++] = (struct maildrop_message){
		.octets = (uint64_t)st.st_size, .rank = message_id_rank(id),
		.id = (uint32_t)m->ids.n, .shared = shared
	};
	buf_add(&m->ids, id, strlen(id) + 1);
	m->octets += (uint64_t)st.st_size;
}

static int
by_arrival(const void *a, const void *b, void *ids)
{
	const struct maildrop_message *x = a, *y = b;
	const char *text = ids;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return message_id_order(text + x->id, text + y->id);
}

static bool
read_box(struct maildrop *m)
{
	struct spool_walk walk;
	const struct dirent *d;
	struct spool_entry e;
	int error;

	if (!spool_walk_start(&walk, &m->box))
		return false;
	while (errno = 0, (d = readdir(walk.dir)) != NULL)
		if ((d->d_type == DT_REG || d->d_type == DT_UNKNOWN) &&
		    spool_entry_parse(&e, d->d_name) && !e.content &&
		    e.state == STATE_READY)
			add(m, e.id.s);
	error = errno;
	spool_walk_end(&walk);
	if (m->n)
		qsort_r(m->messages, m->n, sizeof *m->messages, by_arrival,
		    m->ids.s);
	m->left = m->n;
	errno = error;
	return error == 0;
}

bool
maildrop_open(struct maildrop *m, const struct spool *s, const char *name)
{
	*m = (struct maildrop){ .spool = s, .box = *s };
	if (name && !subdir_open(&m->box, s, name, &m->path))
		return errno == ENOENT;
	return read_box(m);
}

void
maildrop_close(struct maildrop *m)
{
	if (m->spool && has_spool_of_its_own(m))
		spool_close(&m->box);
	buf_free(&m->path);
	buf_free(&m->ids);
	free(m->messages);
	*m = (struct maildrop){ .spool = NULL };
}

/* --- looking --- */

static const char *
id_of(const struct maildrop *m, const struct maildrop_message *x)
{
	return m->ids.s + x->id;
}

bool
maildrop_has(const struct maildrop *m, uint64_t number)
{
	return number >= 1 && number <= m->n &&
	    !m->messages[number - 1].marked;
}

uint64_t
maildrop_octets(const struct maildrop *m, size_t number)
{
	return m->messages[number - 1].octets;
}

void
maildrop_id(const struct maildrop *m, size_t number, struct message_id *id)
{
	strcpy(id->s, id_of(m, &m->messages[number - 1]));
}

/* The name of the content file, as E-MailRelay has it. An id that nobody's
 * process numbers and clock can make is too long for that: its three numbers
 * stay, which are as unique. */
void
maildrop_uid(const struct maildrop *m, size_t number,
    char uid[MAILDROP_UID + 1])
{
	const char *id = id_of(m, &m->messages[number - 1]);
	struct file_name name = text_name(id);

	if (strlen(name.s) > MAILDROP_UID)
		strcpy(uid, strchr(id, '.') + 1);
	else
		strcpy(uid, name.s);
}

int
maildrop_text(const struct maildrop *m, size_t number, struct stat *st)
{
	struct file_name name =
	    text_name(id_of(m, &m->messages[number - 1]));
	int fd = spool_open_file(&m->box, name.s, O_RDONLY, st);

	if (fd < 0 && errno == ENOENT && has_spool_of_its_own(m))
		fd = spool_open_file(m->spool, name.s, O_RDONLY, st);
	return fd;
}

/* --- removing --- */

void
maildrop_mark(struct maildrop *m, size_t number)
{
	struct maildrop_message *x = &m->messages[number - 1];

	x->marked = true;
	m->left--;
	m->octets -= x->octets;
}

void
maildrop_unmark(struct maildrop *m)
{
	for (size_t i = 0; i < m->n; i++) {
		if (!m->messages[i].marked)
			continue;
		m->messages[i].marked = false;
		m->left++;
		m->octets += m->messages[i].octets;
	}
}

/* Wait a moment for whoever has a lock: a forwarder is about to rename, another
 * reader to remove, and a receiver to tell its client. False: no more. */
static bool
has_patience(struct maildrop *m)
{
	enum { MOMENT = 10, MOMENTS = 100 };

	if (errno != EWOULDBLOCK || m->moments >= MOMENTS)
		return false;
	m->moments++;
	poll(NULL, 0, MOMENT);
	return true;
}

/* The lock keeps off whoever would claim it, and says whether somebody has. */
static bool
remove_envelope(struct maildrop *m, const struct message_id *id)
{
	struct file_name name = envelope_name(id, STATE_READY);
	int fd, saved = 0;

	do {
		fd = envelope_file_lock(&m->box, name.s, NULL);
	} while (fd < 0 && has_patience(m));
	if (fd < 0)
		return false;
	if (!spool_is_named(&m->box, fd, name.s))
		saved = ENOENT;
	else if (unlinkat(m->box.fd, name.s, 0) < 0)
		saved = errno;
	close(fd);
	errno = saved;
	return saved == 0;
}

/* It is not there any more: that is as good as having removed it, unless it
 * is in another state, being forwarded or given up. */
static bool
is_gone(const struct maildrop *m, const struct message_id *id)
{
	enum state st;

	if (errno != ENOENT || !envelope_find(&m->box, id, &st))
		return errno == ENOENT;
	log_warning("cannot remove '%s/%s': it is %s by now", m->box.path,
	    envelope_name(id, STATE_READY).s, state_words[st]);
	errno = 0;
	return false;
}

/* Returns how many could not be removed. */
static size_t
remove_envelopes(struct maildrop *m)
{
	struct maildrop_message *x;
	struct message_id id;
	size_t failed = 0;

	for (size_t i = 0; i < m->n; i++) {
		x = &m->messages[i];
		if (!x->marked)
			continue;
		maildrop_id(m, i + 1, &id);
		x->gone = remove_envelope(m, &id);
		if (x->gone)
			log_info("%s: removed by its reader", id.s);
		if (x->gone || is_gone(m, &id))
			continue;
		if (errno)
			log_warning("cannot remove '%s/%s': %s", m->box.path,
			    envelope_name(&id, STATE_READY).s,
			    errno == EWOULDBLOCK ? "it is being forwarded" :
			    strerror(errno));
		failed++;
	}
	return failed;
}

/* What stays behind without an envelope is litter, for spool-check. */
static void
left_behind(const struct maildrop *m, const struct message_id *id)
{
	log_warning("left for spool-check: '%s/%s': %s", m->box.path,
	    content_name(id).s, strerror(errno));
}

static void
remove_text(struct maildrop *m, struct sweeper *w, const char *text,
    bool shared)
{
	struct spool_entry e = { .content = true, .state = STATE_READY };
	enum litter l;

	strcpy(e.id.s, text);
	/* Nobody but us looks for a text in a sub-directory. */
	if (!shared && has_spool_of_its_own(m)) {
		if (unlinkat(m->box.fd, content_name(&e.id).s, 0) < 0 &&
		    errno != ENOENT)
			left_behind(m, &e.id);
		return;
	}
	do {
		errno = 0;
		/* it has been a message: its age is of no meaning */
		l = sweep_litter(w, &e, time(NULL) + (time_t)1e9, false);
	} while (l == LITTER_NONE && has_patience(m));
	if (l == LITTER_ERROR)
		left_behind(m, &e.id);
}

static void
remove_texts(struct maildrop *m)
{
	struct sweeper w;

	sweep_start(&w, m->spool);
	for (size_t i = 0; i < m->n; i++)
		if (m->messages[i].gone)
			remove_text(m, &w, id_of(m, &m->messages[i]),
			    m->messages[i].shared);
	sweep_end(&w);
}

static bool
is_synced(const struct spool *s)
{
	if (spool_sync(s) == 0)
		return true;
	log_error("cannot sync '%s': %s", s->path, strerror(errno));
	return false;
}

/* The texts go when it is certain that no crash brings their envelopes
 * back. */
size_t
maildrop_commit(struct maildrop *m)
{
	size_t failed, marked = m->n - m->left;

	if (marked == 0)
		return 0;
	failed = remove_envelopes(m);
	if (failed < marked && !is_synced(&m->box))
		return marked;
	remove_texts(m);
	if (failed < marked)
		is_synced(&m->box);
	return failed;
}
