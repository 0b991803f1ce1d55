/* SPDX-License-Identifier: ISC */
#ifndef BASE_HELPER_H
#define BASE_HELPER_H

/*
 * Running somebody else's program, by the manual's contract for filters and
 * verifiers: no shell; an environment of PATH and IFS; stdin and stderr on
 * /dev/null, stdout on a pipe, nothing else open; a process group of its
 * own, which is killed as a whole when the time is up.
 */
#include <stdbool.h>

#include "base/list.h"

enum {
	HELPER_OUTPUT = 4096,   /* octets of stdout that are kept */
	HELPER_INPUT = 4096,
	HELPER_CRASHED = 127    /* a signal, or it could not be started */
};

struct helper_result {
	int code;               /* exit status, or HELPER_CRASHED */
	int signal;             /* that has ended it, unless it was too slow */
	bool timed_out;
	int error;              /* errno if it could not be started */
	struct buf output;
};

/* Take an option's value apart: words are parted by blanks, "\ " is a blank
 * in a word, and there are no quotes. False if the first one is no absolute
 * path. */
bool helper_parse(struct list *words, const char *option);

/* Run words[0] with the other words as arguments, within so many seconds. */
void helper_run(struct helper_result *r, const struct list *words,
    unsigned seconds);

/* The same by another contract, that of checkpassword: the input, at most
 * HELPER_INPUT octets, is there to be read from descriptor 3, and the
 * environment is the one given: for a user's program environment_others(),
 * for one of our own environ. */
void helper_ask(struct helper_result *r, const struct list *words,
    char **environment, const void *input, size_t n, unsigned seconds);

#endif
