/* SPDX-License-Identifier: ISC */
#ifndef SPOOL_COUNTERS_H
#define SPOOL_COUNTERS_H

/*
 * What has been done so far, counted by the processes that do it, without a
 * daemon: in the file `.counters` of the spool directory, in its first
 * COUNTERS_BYTES.
 *
 * The counters are 64-bit numbers in memory that is the file, added to
 * without locks. They are for people to look at: nobody waits for the disk
 * because of them, and a file that cannot be opened or has another form is
 * left alone, and nothing is counted. Between hosts that share a spool
 * memory is not shared: what two of them count in the same moment may be
 * lost, or appear late. spool(5) tells users so.
 */
#include <stdint.h>

#include "spool/spool.h"

enum counter {
	COUNT_IN_STARTED,       /* SMTP connections of clients, */
	COUNT_IN_FINISHED,      /* and those that have come to their end */
	COUNT_RECEIVED,         /* messages that were taken, */
	COUNT_REFUSED,          /* and messages and recipients that were not */
	COUNT_SUBMITTED,        /* messages of programs on this machine */
	COUNT_OUT_STARTED,      /* connections to servers */
	COUNT_OUT_FINISHED,
	COUNT_SENT,             /* messages */
	COUNT_DEFERRED,         /* times that a message was put off */
	COUNT_FAILED,           /* messages given up */
	COUNT_POLL_STARTED,     /* rounds of --poll */
	COUNT_POLL_FINISHED,
	COUNT_FORWARD_STARTED,  /* other rounds of smtp-send */
	COUNT_FORWARD_FINISHED,
	COUNT_POP_STARTED,      /* POP3 connections */
	COUNT_POP_FINISHED,
	COUNT_FETCHED,          /* messages fetched over them */
	COUNT_POLL_BUSY,        /* rounds left to one that is waiting already */
	COUNT_RESCANS,          /* connections whose filters asked for one */
	COUNT_LAST_SENT,        /* no count: when COUNT_SENT was added to, in
	                         * seconds since 1970; 0: not yet */
	COUNTERS
};

enum {
	COUNTERS_BYTES = 512,
	/* with what presence.h has behind them */
	COUNTERS_MOST = COUNTERS_BYTES + 3 * 512 * 256
};

extern const char counters_name[];

/* A zeroed one counts nothing. */
struct counters {
	const struct spool *spool;      /* NULL as well: nothing is counted */
	int fd;
	uint64_t *words;                /* the file; NULL: not open yet */
	uint64_t pending[COUNTERS];
};

/* No file is opened before there is something to be written. Whoever was
 * present is not any more behind counters_end. */
void counters_start(struct counters *c, const struct spool *s);
void counters_end(struct counters *c);
/* It is another process, our child, that goes on counting. */
void counters_abandon(struct counters *c);

/* Have the file, made if it was not there. False: errno, mostly. */
bool counters_make(struct counters *c);

/* Count it, in our own memory only; counters_post writes it to the file. */
void counters_note(struct counters *c, enum counter which, uint64_t n);
void counters_post(struct counters *c);
/* Both of it, for one. */
void counters_add(struct counters *c, enum counter which);
/* All of it, for one that happens once in our life. */
void counters_once(const struct spool *s, enum counter which);

/* Wake those who watch the file: memory that changes wakes nobody. */
void counters_ring(const struct counters *c);

/* Look at them all; all 0 if nothing was ever counted. False: errno, which
 * is EINVAL for a file that has another form. */
bool counters_read(const struct spool *s, uint64_t n[COUNTERS]);

#endif
