/* SPDX-License-Identifier: ISC */
#ifndef AUTH_ACCOUNT_H
#define AUTH_ACCOUNT_H

/*
 * As whom we log in to other servers: the client entries of secrets(5), from
 * wherever they come.
 *
 *	[file:]PATH		a secrets file
 *	fd:N			the same text from a descriptor, to its end
 *	exec:COMMAND		the same text as a program prints it
 *	cred:NAME		a file in $CREDENTIALS_DIRECTORY, by systemd
 *	plain:ID:PASSWORD	both in base64
 */
#include "auth/sasl_client.h"
#include "auth/secrets.h"

enum { ACCOUNT_SECONDS = 60 };          /* for a program */

struct account {
	struct secrets secrets;
	struct buf name;                /* for warnings */
};

/* Read it all, once: as root, if we are. Dies with EX_CONFIG when that
 * cannot be done. With `discreet` spec is not told: it may be a password that
 * somebody thought would do. */
void account_read(struct account *a, const char *spec, bool discreet);

/* What to log in with in that way: sets id and secret, which stay the
 * account's. False if there is nothing. OAUTHBEARER and XOAUTH2 may get a
 * secret that is empty: the token has to come from somewhere else. */
bool account_serves(const struct account *a, enum way w,
    struct sasl_client *s);

/* Is there anything at all to log in with? */
bool account_any(const struct account *a);

void account_wipe(struct account *a);

#endif
