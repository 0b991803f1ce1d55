/* SPDX-License-Identifier: ISC */
#ifndef SPOOL_EVENTS_H
#define SPOOL_EVENTS_H

/*
 * What happens in the spool, as it happens.
 *
 * The spool's own transitions are the events: renames and removals that the
 * kernel reports, and the counters of connections, whose file is written to
 * when one starts or ends. Nobody who works on the spool has to know that
 * somebody watches. Sub-directories are not watched.
 */
#include "spool/presence.h"

enum event_kind {
	EVENT_COUNTED,          /* something has started or ended: `counter` */
	EVENT_CONNECTING,       /* a server is being called: `ends` */
	EVENT_CONNECTED,        /* ... and has answered the call */
	EVENT_MOVED,            /* an envelope has now the state of `entry` */
	EVENT_REMOVED,          /* an envelope had the state of `entry`, and
	                         * is gone, or has no such name any more */
	EVENT_LOST              /* there were more than the kernel could keep */
};

struct event {
	enum event_kind kind;
	enum counter counter;   /* COUNT_..._STARTED or COUNT_..._FINISHED, or
	                         * POLL_BUSY, RESCANS */
	const struct ends *ends;        /* CONNECTING: only the name is known,
	                                 * "host:port" */
	struct spool_entry entry;
	const struct spool_entry *from; /* MOVED: what it was; or NULL */
};

/* Who listens: each program has one of its own. */
struct audience;

struct events {
	const struct spool *spool;
	int fd;                 /* to be waited for; -1: not watched */
	bool gone;              /* the spool directory was removed or renamed */
	/* Told of each event; returns whether it wants to hear more now. */
	bool (*tell)(struct audience *a, const struct event *e);
	struct audience *audience;
	/* private */
	int directory, counters, above; /* what is watched, or -1 */
	uint64_t seen[COUNTERS];
	uint64_t told[PRESENCE_PLACES]; /* of each connection to a server, the
	                                 * last that was told */
	uint32_t cookie;        /* of a name that was left, */
	bool left;              /* and what it was; false: none */
	struct spool_entry was;
};

/* Watch, from now on. False: errno, and fd is -1. */
bool events_start(struct events *v, const struct spool *s,
    bool (*tell)(struct audience *, const struct event *),
    struct audience *a);
void events_end(struct events *v);

/* Tell what there is by now: what had been started comes first, then the
 * messages, and what had ended comes last, so that a run begins before its
 * messages go, and ends behind them. Does not wait. Returns whether there is
 * more, for another call. */
bool events_hear(struct events *v);

#endif
