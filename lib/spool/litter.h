/* SPDX-License-Identifier: ISC */
#ifndef SPOOL_LITTER_H
#define SPOOL_LITTER_H

/*
 * What a process that died has left in the spool, and that is no message:
 * a content for which there is no envelope (one of a local copy, too), and an
 * envelope that is still .new though its writer is gone. litter.c has the reasons why nothing that
 * is alive can be taken for litter.
 */
#include <time.h>

#include "base/list.h"
#include "spool/spool.h"

struct sweeper {
	const struct spool *spool;
	int watch;              /* inotify on the spool, or -1: */
	int error;              /* why there is none */
	bool known;             /* the list of sub-directories is right */
	struct list directories;
};

/* Does an envelope in a sub-directory go with this text, which nobody copies
 * envelopes of now? If in doubt it does. Starts the sweeper, which is all
 * zero before, when there are sub-directories. */
bool sweep_is_shared(struct sweeper *w, const struct spool *s,
    const struct message_id *id);

enum litter {
	LITTER_NONE,            /* it is alive, or may be; errno EWOULDBLOCK:
				 * somebody has it locked */
	LITTER_GONE,            /* it has been removed, or with dry_run would be */
	LITTER_ERROR            /* errno: it could not be removed */
};

void sweep_start(struct sweeper *w, const struct spool *s);
void sweep_end(struct sweeper *w);

/* Remove e, a content or an envelope in STATE_NEW with its content, if it is
 * litter and was written to last before that time. */
enum litter sweep_litter(struct sweeper *w, const struct spool_entry *e,
    time_t before, bool dry_run);

#endif
