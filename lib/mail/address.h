/* SPDX-License-Identifier: ISC */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

/*
 * Mail addresses as they stand in MAIL and RCPT: RFC 5321 section 4.1.2,
 * RFC 6531 for those that are not ASCII.
 */
#include <stdbool.h>

#include "base/buf.h"

enum { ADDRESS_MOST = 320 };    /* octets of local part, "@" and domain */

enum address_verdict {
	ADDRESS_OK,
	ADDRESS_NO_BRACKETS,    /* not "<...>" */
	ADDRESS_SYNTAX,         /* what is in them is no mailbox */
	ADDRESS_TOO_LONG,
	ADDRESS_NEEDS_UTF8      /* not ASCII, and SMTPUTF8 was not said */
};

/* Read the path at *s, `<mailbox>` or `<@a,@b:mailbox>`, blanks before it
 * skipped, and leave *s behind it. *out becomes the mailbox without brackets
 * and without the source route, otherwise as it was given: "" for <>.
 *
 * A mailbox is local@domain, or a local part alone. Control characters,
 * blanks outside of quotes and "|" (which the verifiers' protocol uses) are
 * refused whatever the RFC says; octets from 0x80 are taken when utf8 is set
 * and they are UTF-8. */
enum address_verdict address_path(const char **s, bool utf8, struct buf *out);

/* The same for an address that stands alone, without brackets. */
enum address_verdict address_check(const char *s, bool utf8);

/* Where the domain begins, or NULL if there is none. */
const char *address_domain(const char *mailbox);

/* A host name or an address literal? For HELO: dots, hyphens, underscores,
 * letters and digits. */
bool address_is_host(const char *s);

#endif
