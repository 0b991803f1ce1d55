/* SPDX-License-Identifier: ISC */
#ifndef AUTH_GUARD_H
#define AUTH_GUARD_H

/*
 * Who says whether a password is right: a secrets file, PAM, or any
 * checkpassword program. For the programs that are servers.
 */
#include <stdbool.h>

#include "auth/keeper.h"
#include "auth/sasl_server.h"
#include "auth/secrets.h"

enum guard_verdict { GUARD_LATER, GUARD_NO, GUARD_YES };

struct guard {
	enum { GUARD_NONE, GUARD_FILE, GUARD_PAM, GUARD_PROGRAM } kind;
	unsigned offers;                /* 1u << enum sasl_mechanism */
	struct secrets secrets;
	struct keeper keeper;
	unsigned failures;              /* so far, of guard_admit */
};

enum {
	GUARD_FAILURES = 3,     /* of a connection; then it has to end */
	GUARD_PENALTY = 1       /* seconds that each of them takes */
};

/* Which kind is meant: "/pam" or "pam:", "checkpassword:/path arguments", or
 * the path of a secrets file. */
bool guard_is_pam(const char *spec);

/* Open it, while we may be root: the file is read, the process that asks the
 * program is started. Dies with EX_CONFIG when it cannot be done. */
void guard_open(struct guard *g, const char *spec);

/* Is there an entry that a client could log in with in that way? */
bool guard_offers(const struct guard *g, enum sasl_mechanism m);

/* May it be tried? A secrets file knows of all mechanisms, and who has no
 * entry there is told no at the end. */
bool guard_accepts(const struct guard *g, enum sasl_mechanism m);

/* Are these credentials, which sasl_step has called done, right? They come
 * from a client at the address `from`. */
enum guard_verdict guard_check(struct guard *g, const char *from,
    const struct sasl *s);

/* The same for a client that logs in, known as `client` in the log: what is
 * not right is logged, in the words that fail2ban looks for, counted, and takes
 * its time, so that guessing is slow. */
enum guard_verdict guard_admit(struct guard *g, const char *client,
    const char *from, const struct sasl *s);

/* What could not be anybody's credentials fails in the same way. */
void guard_repel(struct guard *g, const char *client, const struct sasl *s);

/* Is it time to hang up? */
bool guard_tired(const struct guard *g);

/* The keyword of a trusted address, or NULL. */
const char *guard_trusts(const struct guard *g, const char *ip);

/* Wipe what is secret, and end the process; what is offered stays. */
void guard_close(struct guard *g);
/* The same for a process that has only inherited it: what is started stays. */
void guard_leave(struct guard *g);

#endif
