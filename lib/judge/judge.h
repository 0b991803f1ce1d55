/* SPDX-License-Identifier: ISC */
#ifndef JUDGE_JUDGE_H
#define JUDGE_JUDGE_H

/*
 * Somebody else to ask, as --filter, --client-filter and --verifier name him:
 *
 *	/path/to/program words	is run, see base/helper.h
 *	net:HOST:PORT		is asked over the network, see wire/hail.h
 *	exit:N			says N and nothing else
 */
#include <stdbool.h>

#include "base/helper.h"
#include "wire/hail.h"

struct judge {
	const char *spec;       /* as the user has written it */
	struct list words;      /* a program; */
	bool net;               /* or the server that hail knows; */
	int code;               /* or a code, with neither of the two */
	struct hail hail;
};

/* Read what the user has written, which must outlive j. False: why says
 * what is wrong with it. */
bool judge_open(struct judge *j, const char *spec, struct buf *why);
void judge_close(struct judge *j);

/* Warn in the log of a program that cannot be run as things are. */
void judge_check(const struct judge *j);

/* Run the program with more arguments, or with exit:N seem to. False if it
 * could not be started, was killed or was not ready in time: that is in the
 * log then. */
bool judge_run(const struct judge *j, const struct list *arguments,
    unsigned seconds, struct helper_result *r);

#endif
