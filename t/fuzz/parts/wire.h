/* SPDX-License-Identifier: ISC */
#ifndef FUZZ_WIRE_H
#define FUZZ_WIRE_H

/*
 * The network of a session that is fuzzed: recv, send, poll, nanosleep, the
 * clock and getrandom are replaced by the linker (--wrap, see the Makefile).
 *
 * The input is cut by octets WIRE_TURN into what the other side says at a
 * time, before it waits for us. Nothing between two of them is silence until
 * we have waited for long enough, and behind the last one it hangs up.
 */
#include "fuzz.h"

enum { WIRE_TURN = 0x1e };

struct wire {
	const uint8_t *p, *end;         /* what can be read at once */
	const uint8_t *rest, *stop;     /* what is said later */
	bool over;
	size_t most;                    /* if not 0: octets to be had at once */
	int64_t now;                    /* ms; stands still but for silence */
	struct buf sent;                /* all that we have said, */
	struct buf heard;               /* and all that we have read */
};

extern struct wire wire;

void wire_start(const uint8_t *data, size_t n);

/* A descriptor for it, which is a socket, to be closed by whoever has it. */
int wire_open(void);

/* Has the other side said something that was not read yet, or hung up? */
bool wire_waiting(void);

/* Warnings are no news here. */
void wire_be_silent(void);

#endif
