/* SPDX-License-Identifier: ISC */
#include "base/list.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"

void
list_add(struct list *l, const char *s)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 8;
		l->at = reallocarray(l->at, l->cap, sizeof *l->at);
		if (!l->at)
			die(EX_TEMPFAIL, "out of memory");
	}
	l->at[l->n++] = l->bytes.n;
	buf_add(&l->bytes, s, strlen(s) + 1);
}

const char *
list_get(const struct list *l, size_t i)
{
	return l->bytes.s + l->at[i];
}

char **
list_argv(const struct list *l)
{
	char **argv = need_memory((l->n + 1) * sizeof *argv);

	for (size_t i = 0; i < l->n; i++)
		argv[i] = l->bytes.s + l->at[i];
	argv[l->n] = NULL;
	return argv;
}

struct sorting {
	const char *bytes;
	int (*cmp)(const char *, const char *);
};

static int
compare(const void *a, const void *b, void *arg)
{
	const struct sorting *by = arg;
	const size_t *x = a, *y = b;

	return by->cmp(by->bytes + *x, by->bytes + *y);
}

void
list_sort(struct list *l, int (*cmp)(const char *, const char *))
{
	struct sorting by = { l->bytes.s, cmp };

	if (l->n > 1)
		qsort_r(l->at, l->n, sizeof *l->at, compare, &by);
}

void
list_clear(struct list *l)
{
	l->n = 0;
	buf_clear(&l->bytes);
}

void
list_free(struct list *l)
{
	free(l->at);
	buf_free(&l->bytes);
	*l = (struct list){ 0 };
}
