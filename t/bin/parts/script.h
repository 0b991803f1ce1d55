/* SPDX-License-Identifier: ISC */
#ifndef ANSWER_SCRIPT_H
#define ANSWER_SCRIPT_H

/*
 * What the server of answer.c is to do, from its options.
 */
#include <stdint.h>

#include "base/list.h"

enum verb {
	GREETING, EHLO, HELO, MAIL, RCPT, DATA, EOD, BDAT, RSET, NOOP, VRFY,
	AUTH, AUTH_MORE, STARTTLS, QUIT, OTHER, VERBS
};

struct verb_row {
	const char *word;
	const char *reply;
	bool last;              /* the client has to wait in any case */
};
extern const struct verb_row verbs[VERBS];

enum act {
	REPLY, CLOSE, CLOSE_AFTER, SILENT, GARBAGE, ENDLESS, ENDLESS_LINE,
	FLOOD
};

struct rule {
	enum act act;
	enum verb verb;
	uint64_t nth;           /* 0: each one */
	struct buf text;
};

enum { RULES = 64 };

struct script {
	struct rule rules[RULES];
	size_t n;
	struct list capabilities;
	bool pipelining;
	bool reset;
	bool ipv6;
	bool deaf;
	uint64_t close_data, delay, drip, connections, gather, most;
	uint64_t crowd;         /* recipients in a transaction; 0: any number */
	struct list whom;       /* ADDRESS, then what is said to it */
	int save, log;          /* descriptors, or -1 */
	unsigned *counts;       /* per verb; shared by all connections, like */
	unsigned *present;      /* the number of these */
};

/* From the command line; complains and exits if there is something wrong. */
void script_read(struct script *s, int argc, char *argv[]);

/* OTHER for what is none. */
enum verb verb_of(const char *word);

/* What is to be done at the nth such verb, or NULL; the rules for what comes after
 * the reply are looked up apart. */
const struct rule *script_rule(const struct script *s, enum verb verb,
    unsigned nth, bool after);

#endif
