/* SPDX-License-Identifier: ISC */
#include "base/options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/options_parts.h"
#include "base/text.h"

const char *const options_universal[] = { "config", "help", "version", NULL };
enum { UNIVERSAL = sizeof options_universal / sizeof *options_universal - 1 };

/* Where in the configuration we are: "prog.conf:12: ", "SLUICE_SIZE: " or
 * "". */
void
reading_complain(const struct reading *r, const char *what, const char *which)
{
	if (r->source == CONFIG_FILE)
		die(EX_CONFIG, "%s:%zu: %s%s", r->file, r->line, what, which);
	if (r->source == ENVIRONMENT)
		die(EX_CONFIG, "%s: %s%s", r->variable->name, what, which);
	if (r->set->manual) {
		log_error("%s%s", what, which);
		fprintf(stderr, "%*stry \"%s --help --verbose\" for more "
		    "information\n", (int)strlen(r->set->program) + 2, "",
		    r->set->program);
		exit(1);
	}
	die(EX_USAGE, "%s%s; try \"%s --help\"", what, which, r->set->program);
}

static void
complain_value(const struct reading *r, const struct option_row *row,
    const char *value)
{
	struct buf text = { 0 };

	if (r->source == ENVIRONMENT)
		buf_puts(&text, "that will not do: ");
	else if (r->set->manual)
		buf_printf(&text, "exception: conversion error: "
		    "invalid format: %s: --%s does not take \"%s\": ",
		    value, row->name, value);
	else
		buf_printf(&text, "--%s does not take \"%s\": ", row->name,
		    value);
	switch (row->kind) {
	case OPTION_NUMBER:
		buf_printf(&text, "a number from %" PRIu64 " to %" PRIu64,
		    row->min, row->max);
		break;
	case OPTION_SECONDS:
		buf_puts(&text, "a number, of seconds or with s, m, h or d");
		if (row->max)
			buf_printf(&text, ", from %" PRIu64 "s to %" PRIu64 "s",
			    row->min, row->max);
		break;
	case OPTION_FLAG:
	case OPTION_TEXT:
	case OPTION_LIST:
	case OPTION_WORD:
		buf_puts(&text, "one of");
		for (size_t i = 0; row->words && row->words[i]; i++)
			buf_printf(&text, " %s", row->words[i]);
		break;
	}
	reading_complain(r, text.s, "");
}

static void
hand_down(struct reading *r, const char *name, const char *value)
{
	struct buf arg = { 0 };

	buf_printf(&arg, value ? "--%s=%s" : "--%s", name, value);
	list_add(&r->common->down, arg.s);
	buf_free(&arg);
}

static void
set_word(struct reading *r, const struct option_row *row, const char *value)
{
	for (unsigned i = 0; row->words[i]; i++) {
		if (strcmp(row->words[i], value) == 0) {
			*(unsigned *)(void *)(r->config + row->at) = i;
			return;
		}
	}
	complain_value(r, row, value);
}

static void
set_number(struct reading *r, const struct option_row *row, const char *value)
{
	uint64_t n;
	bool ok;

	if (row->kind == OPTION_NUMBER)
		ok = text_number(value, row->min, row->max, &n);
	else
		ok = text_duration(value, &n) &&
		    (row->max == 0 || (n >= row->min && n <= row->max));
	if (!ok)
		complain_value(r, row, value);
	*(uint64_t *)(void *)(r->config + row->at) = n;
}

void
reading_set(struct reading *r, size_t i, const char *value)
{
	const struct option_row *row = &r->set->rows[i];

	if (r->seen[i] && (row->kind != OPTION_LIST ||
	    r->from[i] != r->source || r->source == ENVIRONMENT))
		return;
	r->seen[i] = true;
	r->from[i] = r->source;
	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)(r->config + row->at) = true;
		break;
	case OPTION_TEXT:
		*(const char **)(void *)(r->config + row->at) = value;
		break;
	case OPTION_LIST:
		list_add((struct list *)(void *)(r->config + row->at), value);
		break;
	case OPTION_NUMBER:
	case OPTION_SECONDS:
		set_number(r, row, value);
		break;
	case OPTION_WORD:
		set_word(r, row, value);
		break;
	}
	if (r->source == ENVIRONMENT)
		list_add(&r->common->from_environment, row->name);
	else if (row->down)
		hand_down(r, row->name, value);
}

bool
reading_find(const struct option_set *set, const char *name, size_t *at)
{
	for (size_t i = 0; i < set->n; i++) {
		if (strcmp(set->rows[i].name, name) == 0) {
			*at = i;
			return true;
		}
	}
	return false;
}

bool
option_is_universal(const char *name)
{
	for (size_t i = 0; i < UNIVERSAL; i++)
		if (strcmp(options_universal[i], name) == 0)
			return true;
	return false;
}

/* --- the command line --- */

static void
add_long(struct option *long_options, struct buf *letters, size_t i,
    const struct option_entry *o)
{
	long_options[i] = (struct option){ .name = o->name,
		.has_arg = o->value ? required_argument : no_argument,
		.val = 256 + (int)i };
	if (!o->letter)
		return;
	buf_putc(letters, o->letter);
	if (o->value)
		buf_putc(letters, ':');
}

/* The options of set as getopt_long wants them: its table gets the rows,
 * then the universal ones. */
static void
tabulate(const struct option_set *set, struct option *long_options,
    struct buf *letters)
{
	buf_puts(letters, "+:");
	for (size_t i = 0; i < set->n; i++)
		add_long(long_options, letters, i,
		    option_find(set->rows[i].name));
	for (size_t i = 0; i < UNIVERSAL; i++)
		add_long(long_options, letters, set->n + i,
		    option_find(options_universal[i]));
	long_options[set->n + UNIVERSAL] = (struct option){ 0 };
}

/* The index, in rows and universal ones, of what getopt_long returned. */
static size_t
index_of(const struct option *long_options, size_t n, int c)
{
	if (c >= 256)
		return (size_t)c - 256;
	for (size_t i = 0; i < n; i++)
		if (option_find(long_options[i].name)->letter == c)
			return i;
	return n;
}

static void
complain_unknown(const struct reading *r, const char *name)
{
	struct buf text = { 0 }, word = { 0 };
	const char *bare = name + strspn(name, "-"), *near;

	buf_add(&word, bare, strcspn(bare, "="));
	near = options_nearest(r->set, buf_text(&word));
	buf_printf(&text, r->set->manual ? "invalid option: %s" :
	    "unknown option %s", name);
	if (near)
		buf_printf(&text, ", did you mean %s%s?", r->source == ARGV ? "--" : "",
		    near);
	reading_complain(r, text.s, "");
}

/* getopt_long takes "--forw" for "--forward-to"; E-MailRelay never did, and
 * a name that is clear today would not be tomorrow. */
static void
demand_whole_name(const struct reading *r, const char *arg, const char *name)
{
	size_t n = strlen(name);

	if (arg[0] == '-' && arg[1] == '-' &&
	    (strncmp(arg + 2, name, n) != 0 ||
	    (arg[2 + n] && arg[2 + n] != '=')))
		complain_unknown(r, arg);
}

static void
universal_option(struct reading *r, const char *name, const char *value)
{
	if (strcmp(name, "config") == 0) {
		if (!r->file)
			r->file = value;
	} else if (strcmp(name, "help") == 0) {
		options_help(r->set);
		exit(EX_OK);
	} else {
		printf("%s (Sluice) %s\n", r->set->program, VERSION);
		exit(EX_OK);
	}
}

static int
read_argv(struct reading *r, int argc, char *argv[])
{
	struct option long_options[OPTION_MOST + UNIVERSAL + 1];
	struct buf letters = { 0 };
	size_t n = r->set->n + UNIVERSAL, i;
	char letter[3] = "-";
	int c, at;

	tabulate(r->set, long_options, &letters);
	opterr = 0;
	optind = 1;
	for (;;) {
		at = optind;
		c = getopt_long(argc, argv, letters.s, long_options, NULL);
		if (c == -1)
			break;
		if (c == '?' && optopt >= 256 && r->set->manual)
			c = optopt;     /* --log=x is --log */
		letter[1] = (char)optopt;
		if (c == '?' && argv[at][1] == '-')
			complain_unknown(r, argv[at]);
		if (c == '?')
			reading_complain(r, r->set->manual ? "invalid option: " :
			    "unknown option ", letter);
		if (c == ':')
			reading_complain(r, "no value supplied for ",
			    argv[at][1] == '-' ? argv[at] : letter);
		i = index_of(long_options, n, c);
		if (c >= 256)
			demand_whole_name(r, argv[at], long_options[i].name);
		if (i < r->set->n)
			reading_set(r, i, optarg);
		else
			universal_option(r, long_options[i].name, optarg);
	}
	buf_free(&letters);
	return optind;
}

/* --- the file --- */

static void
read_line(struct reading *r, char *line)
{
	char *rest = text_trim(line);
	const struct option_entry *o;
	char *name;
	size_t i;

	if (!*rest || *rest == '#')
		return;
	name = text_word(&rest);
	rest = text_trim(rest);
	o = option_find(name);
	if (!o || option_is_universal(name))
		complain_unknown(r, name);
	if (!reading_find(r->set, name, &i))
		return;         /* for another program of the suite */
	if (r->set->rows[i].argv_only && r->set->rows[i].others)
		return;
	if (r->set->rows[i].argv_only)
		reading_complain(r, "only for the command line: ", name);
	if (o->value && !*rest && strcmp(name, "domain") != 0)
		reading_complain(r, "no value supplied for ", name);
	if (!o->value && *rest)
		reading_complain(r, "takes no value: ", name);
	reading_set(r, i, o->value ? need_copy(rest) : NULL);
}

static void
read_file(struct reading *r, FILE *f)
{
	char line[4096];
	size_t n;

	r->source = CONFIG_FILE;
	while (fgets(line, sizeof line, f)) {
		r->line++;
		n = strlen(line);
		if (n == sizeof line - 1 && line[n - 1] != '\n')
			reading_complain(r, "line too long", "");
		read_line(r, line);
	}
	if (ferror(f))
		die(EX_CONFIG, "cannot read '%s': %s", r->file,
		    strerror(errno));
	fclose(f);
}

int
options_read(const struct option_set *set, struct options_common *config,
    int argc, char *argv[])
{
	struct reading r = { .set = set, .config = (char *)config,
		.common = config };
	FILE *f;
	int first;

	first = read_argv(&r, argc, argv);
	config->typed = config->down.n;
	if (set->file_argument && !r.file && first == argc - 1)
		r.file = argv[first++];
	reading_environment(&r);
	config->file = r.file;
	if (r.file) {
		f = fopen(r.file, "re");
		if (!f)
			die(EX_CONFIG, "cannot open '%s': %s", r.file,
			    strerror(errno));
		read_file(&r, f);
	}
	log_configure(&config->log);
	return first;
}

void
options_file(const struct option_set *set, struct options_common *config,
    const char *path)
{
	struct reading r = { .set = set, .config = (char *)config,
		.common = config, .file = path };
	FILE *f = fopen(path, "re");

	if (!f && errno != ENOENT)
		die(EX_CONFIG, "cannot open '%s': %s", path, strerror(errno));
	reading_environment(&r);
	if (f)
		read_file(&r, f);
	log_configure(&config->log);
}

bool
options_from_environment(const struct options_common *config,
    const char *name)
{
	for (size_t i = 0; i < config->from_environment.n; i++)
		if (strcmp(list_get(&config->from_environment, i), name) == 0)
			return true;
	return false;
}
