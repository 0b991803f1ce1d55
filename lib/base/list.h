/* SPDX-License-Identifier: ISC */
#ifndef BASE_LIST_H
#define BASE_LIST_H

/*
 * A growable list of strings, kept in one block: a message with a thousand
 * recipients costs two allocations that grow, not a thousand.
 * A zeroed struct list is an empty one.
 */
#include "base/buf.h"

struct list {
	struct buf bytes;       /* the strings, each with its NUL */
	size_t *at;             /* where each one starts */
	size_t n;
	size_t cap;
};

void list_add(struct list *l, const char *s);

/* The i-th string (i < l->n); valid until the next list_add. */
const char *list_get(const struct list *l, size_t i);

/* In place of a NULL-terminated argv: to be freed by the caller, the strings
 * stay the list's. */
char **list_argv(const struct list *l);

/* Sort by cmp, which gets two strings. */
void list_sort(struct list *l, int (*cmp)(const char *, const char *));

void list_clear(struct list *l);
void list_free(struct list *l);

#endif
