/* SPDX-License-Identifier: ISC */
#ifndef SPOOL_PRESENCE_H
#define SPOOL_PRESENCE_H

/*
 * Who is at it now, in the file of the counters, without a daemon.
 *
 * Whoever starts something that lasts, a connection or a round, has a lock on
 * an octet far behind the end of the file; a process that dies has left. A
 * connection has one of PRESENCE_PLACES records, too, which tells between
 * whom it is. What nobody has a lock on any more may be written over. Where
 * there is no record for it, it is counted, and tells nothing of itself.
 */
#include "spool/counters.h"

enum {
	PRESENCE_PLACES = 512,  /* records of a kind */
	PRESENCE_CROWD = 4096   /* that are counted */
};

/* "127.0.0.1:25", "[::1]:25", and who that is; "" if not known. */
struct ends {
	char local[64], remote[64], name[104];
};

struct connection {
	int64_t place;          /* the octet; 0: it is only being tried */
	uint64_t since;         /* microseconds since 1970, */
	uint64_t tried;         /* and since when it was tried; 0: it came */
	struct ends ends;
};

/* What may go on now; its counters are which and the one behind it. */
struct presence {
	enum counter which;     /* COUNT_..._STARTED */
	int64_t place;          /* 0: nothing goes on */
	uint64_t tried;
};

/* A connection is being tried, which may take long: those who watch are told.
 * It counts only once it is there. */
void presence_try(struct presence *p, struct counters *c, enum counter which,
    const struct ends *to);
/* Something goes on now, and does so until presence_end or our end. ends:
 * NULL, or between whom; the presence is zeroed, or was tried. */
void presence_start(struct presence *p, struct counters *c,
    enum counter which, const struct ends *ends);
void presence_end(struct presence *p, struct counters *c);

/* How many are at it now; at most PRESENCE_CROWD. */
unsigned presence_count(const struct spool *s, enum counter which);

/* Look at all the records of a kind, those that are left over as well; one
 * that was never used is all 0. False: there are none. */
bool presence_read(const struct spool *s, enum counter which,
    struct connection all[PRESENCE_PLACES]);
/* The same, but what is not there now has place 0. */
bool presence_look(const struct spool *s, enum counter which,
    struct connection all[PRESENCE_PLACES]);

#endif
