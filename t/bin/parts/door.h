/* SPDX-License-Identifier: ISC */
#ifndef ANSWER_DOOR_H
#define ANSWER_DOOR_H

#include "script.h"

/* Listen on a port of this machine, and print its number. */
int door_open(const struct script *s);

#endif
