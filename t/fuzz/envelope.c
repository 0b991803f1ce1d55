/* SPDX-License-Identifier: ISC */
#include "fuzz.h"

#include "mail/address.h"
#include "mail/envelope.h"
#include "mail/journal.h"

static void
check_values(const struct envelope *e)
{
	CLAIM(!e->from.n || address_check(e->from.s, true) == ADDRESS_OK);
	for (size_t i = 0; i < e->remote.n; i++)
		CLAIM(address_check(list_get(&e->remote, i), true) ==
		    ADDRESS_OK);
	for (size_t i = 0; i < e->local.n; i++)
		CLAIM(text_clean(list_get(&e->local, i),
		    strlen(list_get(&e->local, i))));
	CLAIM(text_clean(buf_text(&e->auth), e->auth.n));
	CLAIM(text_clean(buf_text(&e->reason), e->reason.n));
}

/* The numbers are right, and somebody is left unless all are done. */
static void
check_recipients(const struct envelope *e)
{
	size_t n[RECIPIENT_STATES] = { 0 };

	for (size_t i = 0; i < e->remote.n; i++) {
		n[envelope_recipient(e, i)]++;
		CLAIM(text_clean(envelope_refusal(e, i),
		    strlen(envelope_refusal(e, i))));
	}
	for (int s = 0; s < RECIPIENT_STATES; s++)
		CLAIM(n[s] == envelope_recipients(e, (enum recipient)s));
	CLAIM(n[RECIPIENT_PENDING] > 0 || n[RECIPIENT_REFUSED] == 0);
}

/* One more is done, in a line that is whole or is torn. */
static void
check_done(const struct envelope *e, const struct buf *file)
{
	struct envelope again = { .tries = 0 };
	struct buf text = { 0 }, why = { 0 };

	if (e->remote.n > 0) {
		buf_add(&text, file->s, file->n);
		journal_settled(&text, list_get(&e->remote, 0),
		    RECIPIENT_DONE, "250 > ok");
		CLAIM(envelope_parse(&again, text.s, text.n, &why));
		CLAIM(envelope_recipient(&again, 0) == RECIPIENT_DONE);
		CLAIM(envelope_parse(&again, text.s, text.n - 1, &why));
		CLAIM(again.done == 0);
	}
	envelope_free(&again);
	buf_free(&text);
	buf_free(&why);
}

static bool
same_list(const struct list *a, const struct list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(list_get(a, i), list_get(b, i)) != 0)
			return false;
	return true;
}

/* What was read can be written, and is the same when it is read again. */
static void
check_round_trip(const struct envelope *e)
{
	struct envelope again = { .tries = 0 };
	struct buf text = { 0 }, why = { 0 };

	CLAIM(envelope_format(e, &text));
	check_done(e, &text);
	journal_deferred(&text, 7, 8, "a\nb");
	CLAIM(envelope_parse(&again, text.s, text.n, &why));
	CLAIM(same(&e->from, &again.from));
	CLAIM(same(&e->auth, &again.auth));
	CLAIM(same(&e->client, &again.client));
	CLAIM(same_list(&e->local, &again.local));
	CLAIM(same_list(&e->remote, &again.remote));
	CLAIM(e->eight_bit == again.eight_bit && e->utf8 == again.utf8);
	CLAIM(again.tries == 7 && again.next_try == 8);
	/* torn anywhere in its last line, it is as if that was not there */
	CLAIM(envelope_parse(&again, text.s, text.n - 1, &why));
	CLAIM(again.tries == 0);
	envelope_free(&again);
	buf_free(&text);
	buf_free(&why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct envelope e = { .tries = 0 };
	struct buf why = { 0 };

	if (envelope_parse(&e, (const char *)data, n, &why)) {
		CLAIM(why.n == 0);
		check_values(&e);
		check_recipients(&e);
		check_round_trip(&e);
	} else {
		CLAIM(why.n > 0 && text_clean(why.s, why.n));
	}
	envelope_free(&e);
	buf_free(&why);
	return 0;
}
