/* SPDX-License-Identifier: ISC */
#ifndef WIRE_RELAY_H
#define WIRE_RELAY_H

/*
 * tls-io as it is started for a conversation: a child of ours, or of the
 * monitor if we are in a sandbox. For tls.c, which knows what it reports.
 */
#include "wire/tls.h"

struct relay {
	pid_t pid;              /* 0: the monitor's child, -1: there is none */
	int plain;              /* what is to be encrypted */
	struct io report;
};

/* Between the io's descriptors and r->plain. False: errno; r is to be closed
 * all the same if its descriptors are open. */
bool relay_start(struct relay *r, const struct tls_config *conf,
    const struct io *io);

/* End it at once. */
void relay_stop(const struct relay *r, const struct tls_config *conf);

#endif
