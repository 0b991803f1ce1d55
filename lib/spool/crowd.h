/* SPDX-License-Identifier: ISC */
#ifndef SPOOL_CROWD_H
#define SPOOL_CROWD_H

/*
 * How many connections each client has and how fast they come, counted by
 * the processes that serve them, without a daemon: in the file `.clients` of
 * the spool directory, which never grows beyond CROWD_BYTES.
 *
 * A connection is a lock on an octet far behind the end of the file, in a
 * row of octets that belongs to the address; a process that dies has left
 * its place. The rate is a bucket of tokens in the file. What an address is
 * stands for a client: IPv6 counts by /64.
 */
#include <stdbool.h>
#include <stdint.h>

#include "spool/spool.h"

enum {
	CROWD_PLACES = 1000,    /* the most connections that can be a limit */
	CROWD_BYTES = 65536
};

/* So many at once, and then one more each time seconds/count have gone. */
struct crowd_rate {
	uint64_t count;         /* 0: no limit */
	uint64_t seconds;
};

/* "60/1m": NUMBER/TIME. */
bool crowd_rate_parse(struct crowd_rate *r, const char *text);

enum crowd_verdict {
	CROWD_FINE,             /* come in; with a limit of places it has one */
	CROWD_TOO_MANY,
	CROWD_TOO_FAST,
	CROWD_UNKNOWN           /* cannot be counted: errno */
};

/* A connection from ip has come: may it stay, if at most `places` (0: any
 * number) are allowed? *fd is what holds its place, or -1; close it to give
 * the place back. */
enum crowd_verdict crowd_enter(const struct spool *s, const char *ip,
    unsigned places, const struct crowd_rate *rate, int *fd);

/* The bucket of tokens, for itself: `full` is the time at which it is full
 * again, in microseconds, and so is now. Takes a token, if there is one. */
bool crowd_admit(const struct crowd_rate *r, int64_t now, int64_t *full);

#endif
