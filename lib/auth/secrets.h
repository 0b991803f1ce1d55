/* SPDX-License-Identifier: ISC */
#ifndef AUTH_SECRETS_H
#define AUTH_SECRETS_H

/*
 * The secrets file, secrets(5): who may log in, as whom we log in, and which
 * addresses are trusted. It is read as a whole, once, and wiped by whoever
 * has no more use for it.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum {
	SECRETS_OCTETS = 1 << 20,       /* of a file */
	SECRETS_LINE = 4096,            /* of a line */
	SECRETS_WARNINGS = 10           /* for one file; then it is silent */
};

enum secret_kind {
	SECRET_LOGIN,           /* a password, for LOGIN and PLAIN */
	SECRET_PLAIN,           /* a password, for PLAIN only */
	SECRET_ANY,             /* "plain" of E-MailRelay 2: for everything */
	SECRET_CRAM_MD5,        /* a key, base/hmac.h */
	SECRET_APOP,            /* a password, for APOP only */
	SECRET_OAUTH,           /* a token, for OAUTHBEARER and XOAUTH2 */
	SECRET_NONE,            /* a trusted range, and its keyword */
	SECRET_KINDS
};

struct secret {
	enum secret_kind kind;
	bool client;            /* to log in with; else to be logged in with */
	size_t id, id_n;        /* in secrets.store; a NUL is behind each */
	size_t value, value_n;
	size_t selector;        /* "" if there is none */
};

struct secrets {
	struct buf store;
	struct secret *entries; /* in the order of the file */
	size_t n, cap;
	const char *path;
	unsigned warnings;
};

/* Read the file. Lines that are wrong are left out, with a warning that
 * tells their number. False, and in why the reason, if it cannot be read, is
 * too large, is no regular file, or others than its owner and group may use
 * it. */
bool secrets_read(struct secrets *s, const char *path, struct buf *why);

/* The same for what comes from a descriptor, whatever that is; the name is
 * for warnings. */
bool secrets_read_fd(struct secrets *s, int fd, const char *name,
    struct buf *why);

/* The same for a text that is here already; it is cut up. The path is for
 * warnings. */
void secrets_parse(struct secrets *s, const char *path, char *text, size_t n);

/* Is there any entry of this kind to be logged in with? */
bool secrets_has(const struct secrets *s, enum secret_kind kind);

/* The first entry of that kind and name to be logged in with, or NULL. It
 * takes the same time whether and where it is found. */
const struct secret *secrets_find(const struct secrets *s,
    enum secret_kind kind, const char *id, size_t n);

/* The first entry of that kind to log in with, or NULL. An entry without a
 * name, with which one does not log in, or with a selector is none. */
const struct secret *secrets_own(const struct secrets *s,
    enum secret_kind kind);

/* The keyword of the first trusted range that this address is in, or NULL. */
const char *secrets_trust(const struct secrets *s, const char *ip);

/* What an entry holds. */
const char *secrets_id(const struct secrets *s, const struct secret *e);
const char *secrets_value(const struct secrets *s, const struct secret *e);
const char *secrets_selector(const struct secrets *s, const struct secret *e);

void secrets_wipe(struct secrets *s);

#endif
