/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <errno.h>
#include <time.h>

#include "spool/claim.h"
#include "spool/draft.h"

static char dir[64];
static struct spool spool;
static struct message_id id;
static struct sweeper sweeper;

/* A message in the spool, its id in `id`. */
static void
make_message(void)
{
	struct envelope e = { .eight_bit = false };
	struct draft d;

	buf_set(&e.from, "a@b");
	list_add(&e.remote, "c@d");
	list_add(&e.remote, "e@f");
	assert_true(draft_open(&d, &spool));
	draft_write(&d, "text\r\n", 6);
	assert_true(draft_seal(&d, &e));
	assert_true(draft_commit(&d));
	id = d.id;
	envelope_free(&e);
}

static int
begin(void **state)
{
	(void)state;
	scratch_make(dir);
	if (!spool_open(&spool, dir))
		return -1;
	make_message();
	return 0;
}

static int
end(void **state)
{
	(void)state;
	spool_close(&spool);
	scratch_remove(dir);
	return 0;
}

/* Some are done with: on disk together with the rest, or before it. */
static void
settled(void **state)
{
	struct claim c = { .fd = -1 };
	struct buf why = { 0 };
	struct stat st;

	(void)state;
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_OURS);
	assert_true(claim_can_note(&c));
	claim_settle(&c, 0, RECIPIENT_REFUSED, "550 5.1.1 no");
	assert_true(envelope_load(&spool, envelope_name(&id, STATE_BUSY).s,
	    &c.envelope, &st, &why));
	assert_int_equal(envelope_recipient(&c.envelope, 0),
	    RECIPIENT_PENDING);
	assert_true(claim_defer(&c, time(NULL) - 1, "450 busy"));
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_OURS);
	assert_int_equal(envelope_recipient(&c.envelope, 0),
	    RECIPIENT_REFUSED);
	assert_int_equal(envelope_recipient(&c.envelope, 1),
	    RECIPIENT_PENDING);
	assert_string_equal(envelope_refusal(&c.envelope, 0), "550 5.1.1 no");
	assert_int_equal(c.envelope.tries, 1);
	claim_settle(&c, 1, RECIPIENT_DONE, "250 ok");
	assert_true(claim_note(&c));
	assert_int_equal(c.news.n, 0);
	assert_true(claim_note(&c));
	claim_release(&c);
	/* the other one is all that is left */
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_OURS);
	assert_int_equal(envelope_recipient(&c.envelope, 0),
	    RECIPIENT_PENDING);
	assert_int_equal(envelope_recipient(&c.envelope, 1), RECIPIENT_DONE);
	assert_true(claim_gone(&c, &sweeper));
	claim_free(&c);
	buf_free(&why);
	make_message();
}

/* The files cannot be removed: nobody gets it again all the same. */
static void
cannot_be_removed(void **state)
{
	struct claim c = { .fd = -1 };
	struct spool nowhere;

	(void)state;
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_OURS);
	claim_settle(&c, 0, RECIPIENT_DONE, "250 ok");
	nowhere = spool;
	nowhere.fd = -1;
	c.spool = &nowhere;
	assert_false(claim_gone(&c, &sweeper));
	assert_true(claim_recover(&spool, &id, false));
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_OURS);
	assert_int_equal(envelope_recipient(&c.envelope, 0), RECIPIENT_DONE);
	claim_release(&c);
	claim_free(&c);
}

/* What is noted must not make the envelope larger than may be read. */
static void
no_room(void **state)
{
	struct claim c = { .fd = -1 };

	(void)state;
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_OURS);
	assert_int_equal(ftruncate(c.fd, ENVELOPE_OCTETS - 10000), 0);
	assert_true(claim_can_note(&c));
	assert_int_equal(ftruncate(c.fd, ENVELOPE_OCTETS - 100), 0);
	assert_false(claim_can_note(&c));
	assert_int_equal(errno, EFBIG);
	claim_release(&c);
	claim_free(&c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(settled),
		TEST(cannot_be_removed),
		TEST(no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
