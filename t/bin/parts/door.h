/* SPDX-License-Identifier: ISC */
#ifndef PARTS_DOOR_H
#define PARTS_DOOR_H

#include "script.h"

/* Listen on a port of the loopback interface, and print it. Dies. */
int listen_somewhere(const struct script *s);

#endif
