/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "spool/draft.h"

static char dir[64];
static struct spool spool;
static struct envelope envelope;

static int
begin(void **state)
{
	(void)state;
	scratch_make(dir);
	buf_set(&envelope.from, "a@b");
	list_add(&envelope.remote, "c@d");
	return spool_open(&spool, dir) ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	envelope_free(&envelope);
	spool_close(&spool);
	scratch_remove(dir);
	return 0;
}

/* Which files there are, by their states: "ready content". */
static const char *
on_disk(void)
{
	static char words[100];
	bool seen[STATES] = { false }, content = false;
	struct spool_walk w;
	struct spool_entry e;

	assert_true(spool_walk_start(&w, &spool));
	while (spool_walk_next(&w, &e)) {
		if (e.content)
			content = true;
		else
			seen[e.state] = true;
	}
	spool_walk_end(&w);
	words[0] = '\0';
	for (unsigned i = 0; i < STATES; i++)
		if (seen[i])
			strcat(strcat(words, state_words[i]), " ");
	return strcat(words, content ? "content" : "");
}

static void
assert_content(const struct draft *d, const char *text)
{
	char have[100] = "";
	int fd = openat(spool.fd, content_name(&d->id).s, O_RDONLY);

	assert_true(fd >= 0);
	assert_true(read(fd, have, sizeof have - 1) >= 0);
	close(fd);
	assert_string_equal(have, text);
}

static void
step_by_step(void **state)
{
	struct draft d;

	(void)state;
	assert_string_equal(on_disk(), "");
	assert_true(draft_open(&d, &spool));
	assert_string_equal(on_disk(), "content");
	draft_write(&d, "hello", 5);
	draft_write(&d, "", 0);
	draft_write(&d, "\r\n", 2);
	assert_int_equal(d.octets, 7);
	assert_string_equal(on_disk(), "content");
	assert_true(draft_seal(&d, &envelope));
	assert_string_equal(on_disk(), "new content");
	assert_content(&d, "hello\r\n");
	assert_true(draft_commit(&d));
	assert_string_equal(on_disk(), "ready content");
	draft_abandon(&d);
	assert_string_equal(on_disk(), "ready content");
}

static void
abandoned_at_each_step(void **state)
{
	struct draft d;

	(void)state;
	assert_true(draft_open(&d, &spool));
	draft_abandon(&d);
	assert_string_equal(on_disk(), "");
	draft_abandon(&d);
	assert_true(draft_open(&d, &spool));
	draft_write(&d, "x", 1);
	draft_abandon(&d);
	assert_string_equal(on_disk(), "");
	assert_true(draft_open(&d, &spool));
	assert_true(draft_seal(&d, &envelope));
	draft_abandon(&d);
	assert_string_equal(on_disk(), "");
}

static void
an_envelope_with_controls(void **state)
{
	struct draft d;
	struct buf why = { 0 };

	(void)state;
	list_add(&envelope.remote, "a\nb");
	assert_true(draft_open(&d, &spool));
	assert_false(draft_seal(&d, &envelope));
	assert_false(draft_commit(&d));
	assert_int_equal(d.error, EINVAL);
	draft_error(&d, &why);
	assert_says(&why, "cannot format the envelope of '/tmp/");
	draft_abandon(&d);
	assert_string_equal(on_disk(), "");
	buf_free(&why);
}

static void
the_first_failure_sticks(void **state)
{
	const struct rlimit small = { 10, RLIM_INFINITY };
	const struct rlimit no = { RLIM_INFINITY, RLIM_INFINITY };
	struct draft d;
	struct buf why = { 0 };

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_true(draft_open(&d, &spool));
	setrlimit(RLIMIT_FSIZE, &small);
	draft_write(&d, "0123456789", 10);
	assert_int_equal(d.error, 0);
	draft_write(&d, "0", 1);
	setrlimit(RLIMIT_FSIZE, &no);
	assert_int_equal(d.error, EFBIG);
	draft_write(&d, "0", 1);
	assert_int_equal(d.octets, 10);
	assert_false(draft_seal(&d, &envelope));
	assert_false(draft_commit(&d));
	assert_string_equal(on_disk(), "content");
	draft_error(&d, &why);
	assert_says(&why, "cannot write '/tmp/");
	assert_says(&why, "File too large");
	draft_abandon(&d);
	assert_string_equal(on_disk(), "");
	buf_free(&why);
}

static void
no_room_for_the_envelope(void **state)
{
	const struct rlimit small = { 10, RLIM_INFINITY };
	const struct rlimit no = { RLIM_INFINITY, RLIM_INFINITY };
	struct draft d;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_true(draft_open(&d, &spool));
	setrlimit(RLIMIT_FSIZE, &small);
	assert_false(draft_seal(&d, &envelope));
	setrlimit(RLIMIT_FSIZE, &no);
	assert_int_equal(d.error, EFBIG);
	assert_false(draft_commit(&d));
	draft_abandon(&d);
	assert_string_equal(on_disk(), "");
}

static void
somebody_in_the_way(void **state)
{
	struct draft d;

	(void)state;
	assert_true(draft_open(&d, &spool));
	assert_int_equal(symlinkat("/etc/passwd", spool.fd,
	    envelope_name(&d.id, STATE_NEW).s), 0);
	assert_false(draft_seal(&d, &envelope));
	assert_int_equal(d.error, EEXIST);
	draft_abandon(&d);
	assert_string_equal(on_disk(), "new ");

	assert_true(draft_open(&d, &spool));
	assert_true(draft_seal(&d, &envelope));
	assert_int_equal(mkdirat(spool.fd,
	    envelope_name(&d.id, STATE_READY).s, 0700), 0);
	assert_false(draft_commit(&d));
	assert_int_equal(d.error, EEXIST);
	draft_abandon(&d);
	assert_string_equal(on_disk(), "ready new ");
}

static void
no_spool(void **state)
{
	struct spool gone = { .fd = -1, .path = "/gone" };
	struct draft d;
	struct buf why = { 0 };

	(void)state;
	assert_false(draft_open(&d, &gone));
	assert_int_equal(d.error, EBADF);
	draft_write(&d, "x", 1);
	assert_false(draft_seal(&d, &envelope));
	assert_false(draft_commit(&d));
	draft_abandon(&d);
	draft_error(&d, &why);
	assert_says(&why, "cannot create '/gone/emailrelay.");
	buf_free(&why);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(step_by_step),
		TEST(abandoned_at_each_step),
		TEST(an_envelope_with_controls),
		TEST(the_first_failure_sticks),
		TEST(no_room_for_the_envelope),
		TEST(somebody_in_the_way),
		TEST(no_spool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
