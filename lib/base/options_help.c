/* SPDX-License-Identifier: ISC */
#include "base/options_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { LEFT = 33, TEXT_LEAST = 20 };

/* For the texts, on a terminal as wide as $COLUMNS, or 79. */
static size_t
text_width(void)
{
	const char *columns = getenv("COLUMNS");
	uint64_t n;

	if (!columns || !text_number(columns, LEFT + TEXT_LEAST, 1000, &n))
		n = 79;
	return (size_t)n - LEFT;
}

/* Where a line ends: at a blank, the last one that fits. */
static size_t
line_end(const char *text, size_t width)
{
	for (size_t n = width; n > 0; n--)
		if (text[n] == ' ')
			return n;
	return strcspn(text, " ");
}

void
option_print(const struct option_entry *o)
{
	struct buf left = { 0 };
	const char *help = o->help;
	size_t width = text_width(), n;

	if (o->letter)
		buf_printf(&left, "  -%c, --%s", o->letter, o->name);
	else
		buf_printf(&left, "      --%s", o->name);
	if (o->value)
		buf_printf(&left, "=<%s>", o->value);
	printf("%-*s", LEFT, left.s);
	if (left.n >= LEFT)
		printf("\n%*s", LEFT, "");
	while (strlen(help) > width && help[n = line_end(help, width)]) {
		printf("%.*s\n%*s", (int)n, help, LEFT, "");
		help += n + 1;
	}
	puts(help);
	buf_free(&left);
}

void
options_help(const struct option_set *set)
{
	printf("usage: %s [options]%s%s\n%s\n\n", set->program,
	    *set->usage ? " " : "", set->usage, set->purpose);
	for (size_t i = 0; i < set->n; i++)
		option_print(option_find(set->rows[i].name));
	for (const char *const *name = options_universal; *name; name++)
		option_print(option_find(*name));
	printf("\nThe environment may have them too: SLUICE_SPOOL_DIR, or "
	    "SLUICE_SPOOL_DIR_FILE.\nThe manual page has more: %s.\n",
	    set->program);
}

/* The option that was probably meant: a few letters are different, but not
 * half of a short name, or the end is missing. */
static unsigned
distance(const char *candidate, const char *name, size_t n)
{
	return n > 2 && strncmp(candidate, name, n) == 0 ? 1 :
	    text_distance(candidate, name);
}

const char *
options_nearest(const struct option_set *set, const char *name)
{
	const struct option_entry *o = option_catalogue;
	const char *best = NULL, *candidate;
	size_t n = strlen(name);
	unsigned least = n < 6 ? (unsigned)n / 2 + 1 : 4, d;

	for (size_t i = 0; set ? i < set->n : o[i].name != NULL; i++) {
		candidate = set ? set->rows[i].name : o[i].name;
		d = distance(candidate, name, n);
		if (d < least) {
			least = d;
			best = candidate;
		}
	}
	return best;
}
