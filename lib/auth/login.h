/* SPDX-License-Identifier: ISC */
#ifndef AUTH_LOGIN_H
#define AUTH_LOGIN_H

/*
 * The server's half of a SASL exchange on the wire: questions and answers in
 * base64, each question behind a prefix, "334 " for SMTP and "+ " for POP3.
 */
#include "auth/sasl_server.h"
#include "wire/io.h"

enum { LOGIN_LINE = 12288 };    /* RFC 4954 section 4.3 */

enum login_verdict {
	LOGIN_DONE,             /* ask a guard about what is in *s now */
	LOGIN_WRONG,            /* that could not be anybody */
	LOGIN_CANCELLED,        /* "*" */
	LOGIN_GARBLED,          /* not base64 */
	LOGIN_TOO_LONG,
	LOGIN_GONE              /* nothing comes any more: see io->state */
};

/* Go on with a sasl that has been started. initial is what came with the
 * command, or NULL; it is overwritten, as all answers are. */
enum login_verdict login_converse(struct io *io, const char *prefix,
    struct sasl *s, char *initial);

#endif
