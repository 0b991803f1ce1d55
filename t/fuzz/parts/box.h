/* SPDX-License-Identifier: ISC */
#ifndef FUZZ_BOX_H
#define FUZZ_BOX_H

/*
 * A spool directory in memory, for targets that write to one. It is removed
 * at the end of the process.
 */
#include "fuzz.h"
#include "spool/spool.h"

/* The same one each time, whatever is in it by now. */
struct spool *box_open(void);

void box_put(const char *name, const void *p, size_t n);
/* False: there is no such file. */
bool box_get(const char *name, struct buf *out);
bool box_has(const char *name);
void box_remove(const char *name);
/* How many files are in it? */
size_t box_count(void);
/* Remove them all. */
void box_clear(void);

#endif
