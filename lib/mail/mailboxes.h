/* SPDX-License-Identifier: ISC */
#ifndef MAIL_MAILBOXES_H
#define MAIL_MAILBOXES_H

/*
 * Addresses as they stand in the header of a message and on sendmail's
 * command line, among display names and comments.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"

/* Append the mailboxes of an address list (RFC 5322 section 3.4): display
 * names, comments, group names and source routes are dropped, and so are
 * entries with nothing in them. False when one is no address: it is in bad
 * then, those before it have been appended. */
bool mailboxes_read(const char *text, size_t n, struct list *out,
    struct buf *bad);

/* Append a name as it may stand before an address: quoted if need be, as
 * encoded words (RFC 2047) if not ASCII, nothing if it is not UTF-8. */
void mailbox_display_name(struct buf *out, const char *name);

#endif
