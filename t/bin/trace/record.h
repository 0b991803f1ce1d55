/* SPDX-License-Identifier: ISC */
#ifndef TRACE_RECORD_H
#define TRACE_RECORD_H

/*
 * What a system call does to files and says to others, as members of a JSON
 * object, each with a comma before it:
 *
 *	path, to        names, from the root directory
 *	ino, off, data  which file, where, what is written or heard, in hex
 *	fresh           open: the file was not there before
 *	n               ftruncate and fallocate: the length
 *	mtime           utimensat: seconds, or null for now
 */
#include <sys/types.h>

#include "base/buf.h"
#include "machine.h"

/* At the entry: what is lost when the call has been made. */
void record_entry(pid_t pid, const struct call *c, struct buf *out);
/* At the exit, if it has succeeded. */
void record_exit(pid_t pid, const struct call *c, struct buf *out);

#endif
