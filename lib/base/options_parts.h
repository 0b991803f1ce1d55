/* SPDX-License-Identifier: ISC */
#ifndef BASE_OPTIONS_PARTS_H
#define BASE_OPTIONS_PARTS_H

/*
 * What the parts of options.h know of each other, and nobody else.
 */
#include "base/environment.h"
#include "base/options.h"

enum source { ARGV, ENVIRONMENT, CONFIG_FILE };

struct reading {
	const struct option_set *set;
	char *config;                   /* the struct, for offsets */
	struct options_common *common;
	enum source source;             /* where we are */
	bool seen[OPTION_MOST];
	enum source from[OPTION_MOST];  /* seen there first */
	const char *file;               /* --config */
	size_t line;                    /* in that file */
	const struct variable *variable;
};

/* Die of what is wrong there. */
_Noreturn void reading_complain(const struct reading *r, const char *what,
    const char *which);
/* Give the option of row i its value, NULL if it takes none, unless it has got
 * one from somewhere better. */
void reading_set(struct reading *r, size_t i, const char *value);
bool reading_find(const struct option_set *set, const char *name, size_t *at);
/* All that is in the environment. */
void reading_environment(struct reading *r);

/* Every program answers to these, which are no rows of any table. NULL is the
 * last one. */
extern const char *const options_universal[];
bool option_is_universal(const char *name);

/* --help */
void options_help(const struct option_set *set);

/* The option of this program, or with NULL of any, that was probably meant.
 * NULL: it is like no other. */
const char *options_nearest(const struct option_set *set, const char *name);

#endif
