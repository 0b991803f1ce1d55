/* SPDX-License-Identifier: ISC */
#ifndef BASE_ENVIRONMENT_H
#define BASE_ENVIRONMENT_H

/*
 * Options in the environment, for containers: SLUICE_FORWARD_TO=host:25, and
 * SLUICE_CLIENT_AUTH_FILE=/run/secrets/x for a value that is in a file.
 *
 * options.h says what becomes of them. Some are secrets: no value is ever part
 * of a message.
 */
#include <stdbool.h>

#include "base/options.h"

#define ENVIRONMENT_PREFIX "SLUICE_"

enum {
	ENVIRONMENT_VALUE = 4096,       /* octets of a value in a file */
	ENVIRONMENT_SECONDS = 10        /* for one that comes from a fifo */
};

struct variable {
	char name[64];                  /* SLUICE_CLIENT_AUTH_FILE */
	const struct option_entry *option;      /* NULL: there is none */
	const char *text;               /* a value, or the path of a file */
	bool is_file;
};

/* Take a string of environ apart. False if it is not for us: it has another
 * prefix, or says nothing: an empty one counts as set for an option without a
 * value only. */
bool environment_parse(struct variable *v, const char *string);

/* The value of the variable: one line, without its end, to be kept for good.
 * Dies with EX_CONFIG if there is none. */
const char *environment_value(const struct variable *v);

/* yes or no? False: it is neither. */
bool environment_flag(const char *value, bool *yes);

/* Append the name that an option has in the environment. */
void environment_name(struct buf *out, const char *option);

/* The environment for those who are not to see ours: without the prefix. To
 * be freed by the caller, the strings stay where they are. */
char **environment_others(void);

#endif
