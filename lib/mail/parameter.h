/* SPDX-License-Identifier: ISC */
#ifndef MAIL_PARAMETER_H
#define MAIL_PARAMETER_H

/*
 * What may stand behind the path in MAIL: SIZE (RFC 1870), BODY (RFC 6152,
 * RFC 3030), SMTPUTF8 (RFC 6531), AUTH (RFC 4954).
 */
#include <stdbool.h>
#include <stdint.h>

enum parameter_verdict {
	PARAMETER_OK,
	PARAMETER_SYNTAX,       /* 501 */
	PARAMETER_UNKNOWN       /* 555 */
};

struct mail_parameters {
	bool has_size;
	uint64_t size;
	bool eight_bit;         /* BODY=8BITMIME */
	bool utf8;              /* SMTPUTF8 */
};

/* Read the rest of a MAIL command, behind the path; it is cut up. */
enum parameter_verdict parameter_mail(char *rest,
    struct mail_parameters *out);

/* The same for RCPT, where there is none that we offer. */
enum parameter_verdict parameter_rcpt(char *rest);

/* Is SMTPUTF8 among them? It has to be known before the path is read. */
bool parameter_has_utf8(const char *arg);

#endif
