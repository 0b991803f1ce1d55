/* SPDX-License-Identifier: ISC */
#ifndef WIRE_HAIL_H
#define WIRE_HAIL_H

/*
 * Asking a server of the user's own, `net:HOST:PORT`: one line with a
 * question, one line with the answer. The connection is kept for the next
 * question; a server that has closed it is called again.
 */
#include <stdbool.h>

#include "base/list.h"
#include "wire/io.h"
#include "wire/net.h"

enum { HAIL_ANSWER = 1000 };    /* octets of an answer */

struct hail {
	struct net_target target;
	struct io io;
	bool open;
};

enum hail_result {
	HAIL_ANSWERED,
	HAIL_TIMEOUT,
	HAIL_FAILED
};

/* Ask, with the fields of the question parted by "|", within so many seconds
 * in all. *answer has no line end and no NUL in it and is valid until the next
 * question. With any other result why says what went wrong; a question in
 * which a field could pass for another one, or for another question, is not
 * asked. */
enum hail_result hail_ask(struct hail *h, const struct list *fields,
    unsigned seconds, const char **answer, struct buf *why);

void hail_close(struct hail *h);

#endif
