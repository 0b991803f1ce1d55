/* SPDX-License-Identifier: ISC */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

/*
 * The spool directory. A message is two files,
 *
 *	emailrelay.PID.TIME.SEQ.content
 *	emailrelay.PID.TIME.SEQ.envelope[SUFFIX]
 *
 * the suffix is its state and a rename is the transition. spool(5) has the
 * drawing. This layer is the only code that knows these names; a file whose
 * name is not exactly of this form is not ours and is left alone.
 *
 * All access goes through a descriptor of the directory, without following
 * links, to regular files only.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "base/buf.h"

enum state {
	STATE_READY,            /* .envelope: to be forwarded */
	STATE_NEW,              /* being written, or a filter at work on it */
	STATE_BUSY,             /* being forwarded */
	STATE_BAD,              /* given up, the reason is in the envelope */
	STATE_HOLD,             /* kept back by somebody */
	STATE_LOCAL,            /* a copy for local recipients */
	STATES
};

/* "ready", "new", ... */
extern const char *const state_words[STATES + 1];

struct spool {
	int fd;                 /* the directory, or -1 */
	const char *path;       /* for messages */
};

/* emailrelay.PID.TIME.SEQ */
struct message_id {
	char s[80];
};

/* The name of a file in the spool. */
struct file_name {
	char s[112];
};

/* Open the directory, and set the umask so that spool files get mode 0660.
 * False: errno says why, and fd is -1. */
bool spool_open(struct spool *s, const char *path);
void spool_close(struct spool *s);

/* Is text the id of a message? */
bool message_id_parse(struct message_id *id, const char *text);
/* A new one, from the process id and the clock. */
void message_id_make(struct message_id *id);
/* strcmp for two ids that sorts by arrival as far as the ids tell. */
int message_id_order(const char *a, const char *b);
/* For who sorts many: the one with the smaller rank comes first, and of those
 * with the same one message_id_order knows. */
uint64_t message_id_rank(const char *id);

struct file_name envelope_name(const struct message_id *id, enum state st);
struct file_name content_name(const struct message_id *id);
/* The text of a copy for local recipients, if it has one of its own. */
struct file_name local_content_name(const struct message_id *id);

/* The full path of a file in the spool, for those who do not share our
 * working directory. */
void spool_full_path(const struct spool *s, const char *name, struct buf *out);

/* Is there an envelope for it, and in which state? A copy for local
 * recipients counts only if there is no other. */
bool envelope_find(const struct spool *s, const struct message_id *id,
    enum state *st);

/* What a directory entry is. */
struct spool_entry {
	struct message_id id;
	bool content;           /* else an envelope, in this state: */
	enum state state;       /* for a content READY, or LOCAL if it is its */
};
bool spool_entry_parse(struct spool_entry *e, const char *name);

/* Walk over the directory's messages once, in no order; at is the directory
 * itself or a sub-directory. */
struct spool_walk {
	DIR *dir;
};
bool spool_walk_start(struct spool_walk *w, const struct spool *s);
/* False at the end, with errno 0, or if it cannot be read on. */
bool spool_walk_next(struct spool_walk *w, struct spool_entry *e);
void spool_walk_end(struct spool_walk *w);

/* Open a regular file in it, with O_CLOEXEC, O_NOFOLLOW and O_NONBLOCK added
 * to flags. What O_CREAT makes gets the group of the directory if that may
 * write there, and what root makes its owner, so that all who share the spool
 * can use it. -1 and errno: EINVAL for what is not a regular file. */
int spool_open_file(const struct spool *s, const char *name, int flags,
    struct stat *st);

/* Append the start of a file, up to `most` octets of it. False: errno. */
bool spool_read_start(const struct spool *s, const char *name, size_t most,
    struct buf *out);

/* Does name still mean the file that fd is? */
bool spool_is_named(const struct spool *s, int fd, const char *name);

/* Look at the text that belongs to an envelope in this state. Local copies
 * have one of their own if E-MailRelay has made them. 0, or -1 and errno. */
int content_stat(const struct spool *s, const struct message_id *id,
    enum state state, struct stat *st);

/* Rename within it; never over a file that is there if the file system can
 * tell. 0, or -1 and errno. */
int spool_rename(const struct spool *s, const char *from, const char *to);

/* Make what happened in the directory durable. 0, or -1 and errno. */
int spool_sync(const struct spool *s);

/* Write it all, retrying after interrupts. 0, or -1 and errno. */
int write_all(int fd, const char *p, size_t n);

/* The same with n pieces, in one go if it can be. */
int writev_all(int fd, const struct iovec *v, int n);

#endif
