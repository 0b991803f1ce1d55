/* SPDX-License-Identifier: ISC */
#ifndef SPOOL_SELECT_H
#define SPOOL_SELECT_H

/*
 * The messages that a tool is asked to look at: ids in its arguments, ids on
 * its standard input, the first word of each line, where an argument is "-"
 * or where that is a pipe and there are no arguments, or else the whole spool.
 *
 * The whole spool comes in windows: SELECT_WINDOW messages in the order of
 * their arrival, then the next so many. A spool with a million messages
 * thus needs no more memory, and no more time before the first line, than
 * one with ten thousand.
 */
#include "base/meter.h"
#include "base/options.h"
#include "spool/spool.h"

enum { SELECT_WINDOW = 20000 };

struct selection {
	const struct spool *spool;
	unsigned states;        /* as bits: 1u << STATE_READY, ... */
	bool lenient;           /* an id on stdin may be gone by now */
	struct meter *meter;    /* shows how far we are, or NULL */
	int status;             /* EX_OK, or what was wrong with an id */
	/* private */
	char **args;
	bool whole, reading;
	struct spool_walk walk;
	struct spool_entry *window;
	size_t n, at;
};

/* The exit status for an errno that the spool has brought about; `missing`
 * is the one for ENOENT. */
int select_status(int error, int missing);

/* Open the spool a tool works on, or die: with the status `missing` if there
 * is none. */
void select_spool(struct spool *s, const char *path, int missing);
/* What is in there others have written: from here on it, and what is open, is
 * all that we can reach, unless there is to be no sandbox. */
void select_confine(const struct spool *s, const struct options_common *conf);

/* The arguments of a tool that has to be given ids: if there are none and
 * stdin is a pipe or a file they are "-". A terminal, /dev/null and other
 * devices are nothing to wait for. */
char **select_arguments(char **args);

/* Start; args is the NULL-terminated rest of argv. With `all` no arguments
 * mean the whole spool, otherwise nothing. Dies if the spool cannot be read. */
void select_start(struct selection *sel, const struct spool *s, char **args,
    bool all);

/* The next envelope. What cannot be an id or is not there is complained of,
 * and makes the status EX_DATAERR or EX_NOINPUT. */
bool select_next(struct selection *sel, struct spool_entry *e);

void select_end(struct selection *sel);

#endif
