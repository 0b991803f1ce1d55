/* SPDX-License-Identifier: ISC */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

/*
 * Options, as every program of the suite reads them.
 *
 * The catalogue (catalogue.c) has each option of the suite once: name,
 * letter, what its value is called and what it does. A program has one
 * table of rows, which says which of them it takes and where the value
 * goes. Command line, configuration file, --help and the manual page all
 * follow from that.
 *
 *   --name value   --name=value   -x value   -xyz (several without value)
 *
 * A name given twice counts once: the first wins. The command line wins over
 * the environment, and that over the file. Only an option whose values make a
 * list takes all of them, of the one or of the other. Names are not to be
 * abbreviated. Options end at the first argument that is not one, or at "--".
 *
 * In the environment --forward-to is SLUICE_FORWARD_TO, or
 * SLUICE_FORWARD_TO_FILE: a file whose content, one line of at most
 * ENVIRONMENT_VALUE octets, is the value. An option without a value is said to
 * be on or off. A list has one value there. An empty variable is none, or off.
 * What another program of the suite takes is skipped; what looks like an
 * option and is none ends the process, what looks like nothing is warned of.
 * A program that is set-id reads nothing of it.
 *
 * A configuration file (--config) has lines `name value`, without dashes;
 * blank lines and those that begin with # are skipped, and so are options
 * that belong to another program of the suite. Anything that is wrong ends
 * the process: EX_USAGE in argv, EX_CONFIG elsewhere.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/log.h"

struct option_entry {
	const char *name;
	char letter;            /* 0: none */
	const char *value;      /* what the value is called; NULL: takes none */
	const char *help;
};

/* All options of the suite, by name; the last one has no name. */
extern const struct option_entry option_catalogue[];
const struct option_entry *option_find(const char *name);

enum option_kind {
	OPTION_FLAG,            /* bool, set to true */
	OPTION_TEXT,            /* const char * */
	OPTION_NUMBER,          /* uint64_t, min to max */
	OPTION_SECONDS,         /* uint64_t, with a unit (text_duration) */
	OPTION_WORD,            /* unsigned: index into the words of the row */
	OPTION_LIST             /* struct list: each one given adds to it */
};

struct option_row {
	const char *name;
	enum option_kind kind;
	size_t at;              /* offset of the member in the program's config */
	uint64_t min, max;      /* NUMBER; SECONDS: max 0 is none */
	const char *const *words;       /* WORD: NULL-terminated */
	bool down;              /* also for the programs we start */
	bool argv_only;         /* not to be set in a file or the environment */
	bool others;            /* there it is for another program: skipped in
	                         * the environment, with argv_only in a file */
};

struct option_set {
	const char *program;    /* "smtp-recv" */
	const char *purpose;    /* one line for --help */
	const char *usage;      /* what follows the options: "[id ...]" or "" */
	const struct option_row *rows;
	size_t n;               /* rows; at most OPTION_MOST */
	bool manual;            /* complaints and manners are the manual's */
	bool file_argument;     /* an argument behind the options is --config */
};

enum { OPTION_MOST = 128 };

/* The range of --jobs, which smtp-send obeys and others hand on to it. */
enum { JOBS_MOST = 100 };

/* Every program has these; they stand first in its config struct. */
struct options_common {
	struct log_config log;
	const char *spool_dir;
	const char *user;
	bool no_sandbox;
	struct list down;       /* "--name=value" of rows marked `down`, but
	                         * for those from the environment: everybody
	                         * sees a process's arguments, and who we
	                         * start has our environment */
	struct list from_environment;   /* names of rows that were set there */
	size_t typed;           /* how many of them stood in argv */
	const char *file;       /* of --config, or NULL */
};

/* The rows for options_common, for a config whose member `common` it is. */
#define OPTIONS_LOG(config)                                                  \
	{ "log", OPTION_FLAG, offsetof(config, common.log.events),           \
	    .down = true },                                                  \
	{ "log-format", OPTION_WORD, offsetof(config, common.log.format),    \
	    .words = log_formats, .down = true },                            \
	{ "log-time", OPTION_FLAG, offsetof(config, common.log.time),        \
	    .down = true },                                                  \
	{ "no-syslog", OPTION_FLAG, offsetof(config, common.log.no_syslog),  \
	    .down = true },                                                  \
	{ "syslog", OPTION_FLAG, offsetof(config, common.log.syslog),        \
	    .down = true },                                                  \
	{ "verbose", OPTION_FLAG, offsetof(config, common.log.verbose),      \
	    .down = true },                                                  \
	{ "debug", OPTION_FLAG, offsetof(config, common.log.debug),          \
	    .down = true },                                                  \
	{ "no-sandbox", OPTION_FLAG, offsetof(config, common.no_sandbox),    \
	    .down = true }
#define OPTIONS_SPOOL(config)                                                \
	{ "spool-dir", OPTION_TEXT, offsetof(config, common.spool_dir),      \
	    .down = true },                                                  \
	{ "user", OPTION_TEXT, offsetof(config, common.user), .down = true }

/* Read argv, the environment, and the file that --config names, into the
 * struct at config, and set up the log. --help and --version print and exit.
 * Returns the index of the first argument behind the options. */
int options_read(const struct option_set *set, struct options_common *config,
    int argc, char *argv[]);

/* Append `down` to the arguments of a program that we start, or become. A
 * password that the configuration file has in it goes into our environment
 * instead, and the file is not named there any more: root may have read it,
 * and whoever we start gets what he needs of it. */
void options_hand_down(struct list *args, const struct options_common *config);

/* Print a line or more of --help about this option. */
void option_print(const struct option_entry *o);

/* Read the environment, and a configuration file that need not be there: for
 * programs that cannot be given options, such as sendmail(1). */
void options_file(const struct option_set *set,
    struct options_common *config, const char *path);

/* Is the value of that option from the environment? Then it may be a secret
 * that was put into the wrong place, and is not to be told. */
bool options_from_environment(const struct options_common *config,
    const char *name);

#endif
