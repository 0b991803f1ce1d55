/* SPDX-License-Identifier: ISC */
#include "jobs.h"

#include <string.h>

#include "base/text.h"

size_t
backlog_size(const struct backlog *b)
{
	return b->back.n + b->ids->n - b->next;
}

bool
backlog_take(struct backlog *b, struct message_id *id)
{
	const char *name;
	bool ok = false;

	while (!ok && backlog_size(b) > 0) {
		if (b->back.n > 0)
			name = list_get(&b->back, --b->back.n);
		else
			name = list_get(b->ids, b->next++);
		ok = message_id_parse(id, name);
	}
	return ok;
}

void
backlog_return(struct backlog *b, const struct message_id *id)
{
	list_add(&b->back, id->s);
}

static void
note_line(struct backlog *b, char *line)
{
	struct message_id id;

	line = text_trim(line);
	if (message_id_parse(&id, line)) {
		list_add(b->ids, line);
	} else if (*line && !b->wrong) {
		b->wrong = need_copy(line);
		b->ended = true;
	}
}

void
backlog_read(struct backlog *b, struct io *in)
{
	const char *p, *end;
	size_t n = io_peek(in, &p), k;

	if (b->next == b->ids->n) {
		list_clear(b->ids);
		b->next = 0;
	}
	b->ended = n == 0;
	for (size_t at = 0; at < n && !b->wrong; at += k) {
		end = memchr(p + at, '\n', n - at);
		k = end ? (size_t)(end - p) - at + 1 : n - at;
		buf_add(&b->line, p + at, k);
		if (b->line.n > sizeof(struct message_id))
			buf_cut(&b->line, sizeof(struct message_id));
		else if (!end)
			continue;
		note_line(b, b->line.s);
		buf_clear(&b->line);
	}
	if (n == 0 && b->line.n > 0)
		note_line(b, b->line.s);
	io_skip(in, n);
}

void
backlog_free(struct backlog *b)
{
	list_free(&b->own);
	list_free(&b->back);
	buf_free(&b->line);
}
