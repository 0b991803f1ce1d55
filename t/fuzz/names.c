/* SPDX-License-Identifier: ISC */
/* The names of files in the spool, which anybody may have put there: the input
 * is cut into three of them, by LF. */
#include "fuzz.h"

#include "spool/spool.h"
#include "spool/subdir.h"

/* A name is what it is taken for, and nothing else has that name. */
static void
check_entry(const char *name)
{
	struct spool_entry e;
	struct file_name f;
	struct message_id id;

	if (!spool_entry_parse(&e, name))
		return;
	CLAIM(e.state < STATES && strlen(e.id.s) < sizeof e.id.s);
	CLAIM(message_id_parse(&id, e.id.s) && strcmp(id.s, e.id.s) == 0);
	f = !e.content ? envelope_name(&e.id, e.state) :
	    e.state == STATE_LOCAL ? local_content_name(&e.id) :
	    content_name(&e.id);
	CLAIM(strcmp(f.s, name) == 0);
}

static int
sign(int x)
{
	return x < 0 ? -1 : x > 0;
}

/* Ids can be sorted. */
static void
check_order(char *const names[3])
{
	struct message_id id[3];
	int ab, bc, ac;

	for (int i = 0; i < 3; i++)
		if (!message_id_parse(&id[i], names[i]))
			return;
	ab = sign(message_id_order(id[0].s, id[1].s));
	bc = sign(message_id_order(id[1].s, id[2].s));
	ac = sign(message_id_order(id[0].s, id[2].s));
	CLAIM(ab == -sign(message_id_order(id[1].s, id[0].s)));
	CLAIM((ab == 0) == (strcmp(id[0].s, id[1].s) == 0));
	CLAIM(ab != bc || ab == ac);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = as_string(data, n), *rest = text, *names[3];

	for (int i = 0; i < 3; i++) {
		names[i] = rest;
		rest += strcspn(rest, "\n");
		if (*rest)
			*rest++ = '\0';
		check_entry(names[i]);
		if (subdir_is_name(names[i]))
			CLAIM(!strchr(names[i], '/') && names[i][0] != '.');
	}
	check_order(names);
	free(text);
	return 0;
}
