/* SPDX-License-Identifier: ISC */
#ifndef FUZZ_SERVER_H
#define FUZZ_SERVER_H

/*
 * What a server that is fuzzed has besides the wire: a secrets file, in which
 * ann, bob and eve have the password horse and 192.0.2.7 is trusted, and TLS
 * that needs no other process. Replaced by the linker.
 */
#include "fuzz.h"

/* TLS cannot be had. */
extern bool server_no_handshake;

#endif
