/* SPDX-License-Identifier: ISC */
#ifndef BASE_OPTIONS_PARTS_H
#define BASE_OPTIONS_PARTS_H

/*
 * What the parts of options.h know of each other, and nobody else.
 */
#include "base/options.h"

/* Every program answers to these, which are no rows of any table. NULL is the
 * last one. */
extern const char *const options_universal[];

/* --help */
void options_help(const struct option_set *set);

/* The option of this program, or with NULL of any, that was probably meant.
 * NULL: it is like no other. */
const char *options_nearest(const struct option_set *set, const char *name);

#endif
