/* SPDX-License-Identifier: ISC */
#ifndef JUDGE_VERIFY_H
#define JUDGE_VERIFY_H

/*
 * The verifier: a program or a server of the user's that knows which
 * recipients there are. verifiers(7) is the contract.
 */
#include <stdbool.h>

#include "judge/judge.h"

/* As the client has given them, and checked: mail/address.h. */
struct verify_question {
	const char *address;
	const char *domain;     /* this host's name */
	const char *from;       /* "" for VRFY */
	const char *ip;
	const char *mechanism;  /* "" without authentication */
	const char *id;
	bool utf8;              /* may the answer be an address not in ASCII? */
};

enum verified {
	VERIFY_LOCAL,
	VERIFY_REMOTE,
	VERIFY_REJECT,
	VERIFY_LATER,
	VERIFY_ABORT,           /* hang up */
	VERIFY_FAIL             /* the verifier is broken: try again later */
};

struct verify_answer {
	enum verified verified;
	struct buf address;     /* the mailbox if local, to whom if remote */
	struct buf text;        /* the full name if local, or why not; with
	                         * FAIL for us, not for the client */
};

struct verifier {
	struct judge judge;
	unsigned seconds;
};

/* Ask. What is wrong with the verifier is in the log; nothing in the answer
 * has a control character, and an address is one. */
void verify(struct verifier *v, const struct verify_question *q,
    struct verify_answer *a);

/* What the exit code and the output of a program mean. */
void verify_read(struct verify_answer *a, int code, const struct buf *output,
    bool utf8);

/* The same for the answer of a server. */
void verify_read_line(struct verify_answer *a, const char *line, bool utf8);

#endif
