/* SPDX-License-Identifier: ISC */
#ifndef SPOOL_MAILDROP_H
#define SPOOL_MAILDROP_H

/*
 * The messages that a POP3 client sees: those in STATE_READY, in the order of
 * their arrival, as they were when it was opened. Numbers count from 1 and
 * never change their meaning, whatever happens to the files meanwhile.
 *
 * The maildrop is the spool itself or one of its sub-directories. In the
 * latter the text of a message may be missing: then it is the one in the
 * spool, which several sub-directories may share, and which goes with the last
 * envelope that belongs to it.
 *
 * Nothing is locked: any number of receivers, forwarders and other maildrops
 * may be at work on the same messages.
 */
#include "spool/spool.h"

enum { MAILDROP_UID = 70 };     /* octets of a unique id, RFC 1939 section 7 */

struct maildrop {
	const struct spool *spool;
	struct spool box;       /* where the envelopes are; fd -1: nowhere */
	struct buf path;        /* of a sub-directory */
	struct buf ids;
	struct maildrop_message *messages;
	size_t n, cap;
	size_t left;            /* messages that are not marked, */
	uint64_t octets;        /* and what they have */
	unsigned moments;       /* that were spent waiting for others */
};

/* One pass over the directory. name is that of the sub-directory, or NULL;
 * one that is not there is empty. False with errno: EINVAL for what can be
 * no name, others if it cannot be read. */
bool maildrop_open(struct maildrop *m, const struct spool *s,
    const char *name);
void maildrop_close(struct maildrop *m);

/* Is there a message of that number, and is it not marked? The functions
 * below are for those. */
bool maildrop_has(const struct maildrop *m, uint64_t number);

uint64_t maildrop_octets(const struct maildrop *m, size_t number);
void maildrop_uid(const struct maildrop *m, size_t number,
    char uid[MAILDROP_UID + 1]);
/* Its text, as it is now; -1 and errno. */
int maildrop_text(const struct maildrop *m, size_t number, struct stat *st);
void maildrop_id(const struct maildrop *m, size_t number,
    struct message_id *id);

/* To be removed in the end; or after all none of them. */
void maildrop_mark(struct maildrop *m, size_t number);
void maildrop_unmark(struct maildrop *m);

/* Remove what is marked, and have that on disk: returns how many messages
 * could not be removed, each of which has been logged. One that a forwarder
 * has in hand is left to it; one that is gone already is no failure. */
size_t maildrop_commit(struct maildrop *m);

#endif
