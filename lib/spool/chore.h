/* SPDX-License-Identifier: ISC */
#ifndef SPOOL_CHORE_H
#define SPOOL_CHORE_H

/*
 * What the tools have in common that change the state of messages: they do
 * one thing to each message that is named, or to all, and print the ids of
 * those with which it is done, for the next program in the pipe.
 */
#include "base/options.h"
#include "spool/claim.h"

struct chore {
	unsigned states;        /* as bits: in which it can be done */
	/* Do it. CLAIM_OURS: it is done, *did tells whether that took anything;
	 * CLAIM_TAKEN: the message is in other hands, or in another state;
	 * CLAIM_DAMAGED: not with this message, and *why tells why not;
	 * CLAIM_ERROR: errno. */
	enum claim_verdict (*act)(const struct spool *s,
	    const struct message_id *id, enum state st, bool *did);
	const struct buf *why;
	const char *done;       /* for the log: "to be tried again" */
};

/* Do it to the messages in args, the NULL-terminated rest of argv, or with
 * none to those that stdin has if it is a pipe or a file, or with `all` to every one in states_of_all, passing over those with which it
 * cannot be done. What has been done is on disk then. Returns the exit
 * status: the first that was not EX_OK. */
int chore_run(const struct chore *c, const struct options_common *conf,
    char **args,
    bool all, unsigned states_of_all);

#endif
