/* SPDX-License-Identifier: ISC */
#ifndef SPOOL_SUBDIR_H
#define SPOOL_SUBDIR_H

/*
 * The sub-directories of a spool, one for each POP3 user (--pop-by-name).
 */
#include "base/list.h"
#include "spool/spool.h"

enum { SUBDIR_NAME = 64 };      /* octets, at most */

/* Can this be somebody's sub-directory? The only judge of that: one component
 * of a path, of clean UTF-8, that begins with neither a dot nor a dash. */
bool subdir_is_name(const char *name);

/* Open one, as a spool of its own, without following a link. Its path, for
 * messages, is kept in *path. False with errno: EINVAL for what is no name. */
bool subdir_open(struct spool *sub, const struct spool *s, const char *name,
    struct buf *path);

/* Make it if it is not there, with its parent's mode, and have it on disk;
 * then open it. */
bool subdir_make(struct spool *sub, const struct spool *s, const char *name,
    struct buf *path);

/* Append the names of all directories there are, whatever they are called.
 * False with errno if the spool cannot be read. */
bool subdir_list(const struct spool *s, struct list *names);

#endif
