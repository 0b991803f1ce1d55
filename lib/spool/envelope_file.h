/* SPDX-License-Identifier: ISC */
#ifndef SPOOL_ENVELOPE_FILE_H
#define SPOOL_ENVELOPE_FILE_H

/*
 * The envelope as a file: whole when it is read, locked before it is changed,
 * and changed only by appending to its journal.
 */
#include <time.h>

#include "mail/envelope.h"
#include "spool/spool.h"

/* Open and lock; *st, which may be NULL, is as it is then. -1 and errno:
 * EWOULDBLOCK if somebody else has it. */
int envelope_file_lock(const struct spool *s, const char *name,
    struct stat *st);

/* The text of an open envelope. False: errno, EFBIG for one that is too
 * large to be one. */
bool envelope_file_read(int fd, const struct stat *st, struct buf *text);

/* Add lines to the journal, in one write, and have them on disk. A line cut
 * short by a crash is ended first. False: errno. */
bool envelope_file_append(int fd, const struct buf *lines);

/* Is there room on the disk, and in what may be an envelope, for so many octets
 * more? If it can be, they are reserved. False: errno. */
bool envelope_file_reserve(int fd, size_t n);

/* The earlier one of what the journal says and of the file's time: a clock
 * that was wrong must not keep what was never deferred, and whoever touches
 * the file wants it sent. */
time_t envelope_file_due(const struct envelope *e, const struct stat *st);

/* Read an envelope for looking at only, in whatever state: false with why,
 * or with errno and an empty why. */
bool envelope_load(const struct spool *s, const char *name,
    struct envelope *e, struct stat *st, struct buf *why);

#endif
