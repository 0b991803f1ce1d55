/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
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

static bool
exists(const char *name)
{
	struct stat st;

	return fstatat(spool.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Is this the one state that it is in, with or without its text? */
static void
assert_only(enum state want, bool content)
{
	for (unsigned i = 0; i < STATES; i++)
		assert_row(i, exists(envelope_name(&id, (enum state)i).s) ==
		    (i == want));
	assert_true(exists(content_name(&id).s) == content);
}

static void
append(const char *name, const char *text)
{
	int fd = openat(spool.fd, name, O_WRONLY | O_APPEND);

	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static void
taken_and_given_back(void **state)
{
	struct claim c = { .fd = -1 }, other = { .fd = -1 };
	char text[10] = "";

	(void)state;
	assert_only(STATE_READY, true);
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_OURS);
	assert_only(STATE_BUSY, true);
	assert_text(&c.envelope.from, "a@b");
	assert_int_equal(c.octets, 6);
	assert_true(read(c.content, text, sizeof text) == 6);
	assert_string_equal(text, "text\r\n");
	assert_int_equal(claim_take(&other, &spool, &id), CLAIM_TAKEN);
	assert_false(claim_recover(&spool, &id, false));
	assert_only(STATE_BUSY, true);
	claim_release(&c);
	assert_only(STATE_READY, true);
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_OURS);
	claim_gone(&c, &sweeper);
	assert_only(STATES, false);
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_TAKEN);
	claim_free(&c);
	claim_free(&other);
}

static void
deferred(void **state)
{
	struct claim c = { .fd = -1 };
	time_t later = time(NULL) + 3600;

	(void)state;
	assert_true(message_due(&spool, &id));
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_OURS);
	assert_true(claim_defer(&c, later, "450 a\nb"));
	assert_only(STATE_READY, true);
	assert_false(message_due(&spool, &id));
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_OURS);
	assert_int_equal(c.envelope.tries, 1);
	assert_int_equal(c.envelope.next_try, later);
	assert_text(&c.envelope.reason, "450 a\\nb");
	assert_true(claim_defer(&c, later + 1, "451 c"));
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_OURS);
	assert_int_equal(c.envelope.tries, 2);
	assert_text(&c.envelope.reason, "451 c");
	claim_release(&c);
	claim_free(&c);
}

static void
failed(void **state)
{
	struct claim c = { .fd = -1 };
	struct buf why = { 0 };
	struct stat st;

	(void)state;
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_OURS);
	assert_true(claim_fail(&c, "smtp client failure: spam", 554));
	assert_only(STATE_BAD, true);
	assert_true(envelope_load(&spool, envelope_name(&id, STATE_BAD).s,
	    &c.envelope, &st, &why));
	assert_text(&c.envelope.reason, "smtp client failure: spam");
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_TAKEN);
	claim_free(&c);
	buf_free(&why);
}

static void
tried_again(void **state)
{
	struct claim c = { .fd = -1 };
	bool done;

	(void)state;
	assert_int_equal(claim_retry(&spool, &id, STATE_READY, &done),
	    CLAIM_OURS);
	assert_false(done);
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_OURS);
	assert_int_equal(claim_retry(&spool, &id, STATE_READY, &done),
	    CLAIM_TAKEN);
	assert_true(claim_defer(&c, time(NULL) + 3600, "x"));
	assert_int_equal(claim_retry(&spool, &id, STATE_READY, &done),
	    CLAIM_OURS);
	assert_true(done);
	assert_true(message_due(&spool, &id));
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_OURS);
	assert_int_equal(c.envelope.next_try, 0);
	assert_int_equal(c.envelope.tries, 1);
	assert_true(claim_fail(&c, "no", 550));
	assert_int_equal(claim_retry(&spool, &id, STATE_READY, &done),
	    CLAIM_TAKEN);
	assert_int_equal(claim_retry(&spool, &id, STATE_BAD, &done),
	    CLAIM_OURS);
	assert_true(done);
	assert_only(STATE_READY, true);
	claim_free(&c);
}

static void
a_line_cut_short_is_ended_first(void **state)
{
	struct claim c = { .fd = -1 };

	(void)state;
	append(envelope_name(&id, STATE_READY).s, "X-Sluice-Deferred: 9 9 t");
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_OURS);
	assert_int_equal(c.envelope.tries, 0);
	assert_true(claim_defer(&c, 7, "450 busy"));
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_OURS);
	assert_int_equal(c.envelope.tries, 1);
	assert_int_equal(c.envelope.next_try, 7);
	assert_text(&c.envelope.reason, "450 busy");
	claim_release(&c);
	claim_free(&c);
}

static void
die_with_a_claim(void *arg)
{
	struct claim c = { .fd = -1 };

	(void)arg;
	if (claim_take(&c, &spool, &id) != CLAIM_OURS)
		_exit(1);
	_exit(0);
}

static void
an_owner_that_died(void **state)
{
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(in_child(die_with_a_claim, NULL, &out), 0);
	assert_only(STATE_BUSY, true);
	assert_true(claim_recover(&spool, &id, true));
	assert_only(STATE_BUSY, true);
	assert_true(claim_recover(&spool, &id, false));
	assert_only(STATE_READY, true);
	assert_false(claim_recover(&spool, &id, false));
	buf_free(&out);
}

/* Eight at once: one gets it. */
static void
take_in_a_race(void *arg)
{
	struct claim c = { .fd = -1 };
	char go;

	if (read(*(int *)arg, &go, 1) < 0 ||
	    claim_take(&c, &spool, &id) != CLAIM_OURS)
		_exit(1);
	claim_gone(&c, &sweeper);
	_exit(0);
}

static void
many_at_once(void **state)
{
	int gate[2], status, won;
	pid_t pid;

	(void)state;
	for (int round = 0; round < 20; round++) {
		won = 0;
		fflush(NULL);
		assert_int_equal(pipe(gate), 0);
		for (int i = 0; i < 8; i++) {
			pid = fork();
			assert_true(pid >= 0);
			if (pid == 0) {
				close(gate[1]);
				take_in_a_race(&gate[0]);
			}
		}
		close(gate[0]);
		close(gate[1]);
		while (wait(&status) > 0)
			won += WIFEXITED(status) && WEXITSTATUS(status) == 0;
		assert_int_equal(won, 1);
		assert_only(STATES, false);
		make_message();
	}
}

static void
damaged(void **state)
{
	struct claim c = { .fd = -1 };
	struct buf why = { 0 };
	struct stat st;
	int fd;

	(void)state;
	fd = openat(spool.fd, envelope_name(&id, STATE_READY).s,
	    O_WRONLY | O_TRUNC);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_DAMAGED);
	assert_text(&c.why, "format error: Format");
	assert_int_equal(c.content, -1);
	assert_only(STATE_BUSY, true);
	assert_true(claim_fail(&c, c.why.s, 0));
	assert_only(STATE_BAD, true);
	assert_false(envelope_load(&spool, envelope_name(&id, STATE_BAD).s,
	    &c.envelope, &st, &why));
	assert_text(&why, "format error: Format");
	claim_free(&c);
	buf_free(&why);
}

static void
without_its_text(void **state)
{
	static const char *const ways[] = { "missing", "link", "fifo", "dir" };
	struct claim c = { .fd = -1 };
	const char *name;
	struct file_name f;

	(void)state;
	for (size_t i = 0; i < COUNT(ways); i++) {
		f = content_name(&id);
		name = f.s;
		assert_int_equal(unlinkat(spool.fd, name, 0), 0);
		if (i == 1)
			assert_int_equal(symlinkat("/etc/passwd", spool.fd,
			    name), 0);
		else if (i == 2)
			assert_int_equal(mkfifoat(spool.fd, name, 0600), 0);
		else if (i == 3)
			assert_int_equal(mkdirat(spool.fd, name, 0700), 0);
		assert_int_equal(claim_take(&c, &spool, &id), CLAIM_DAMAGED);
		assert_text(&c.why, "cannot open content file");
		claim_release(&c);
		assert_only(STATE_READY, i > 0);
		make_message();
	}
	claim_free(&c);
}

static void
something_else_in_place_of_the_envelope(void **state)
{
	struct file_name ready = envelope_name(&id, STATE_READY);
	struct claim c = { .fd = -1 };

	(void)state;
	assert_int_equal(unlinkat(spool.fd, ready.s, 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", spool.fd, ready.s), 0);
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_ERROR);
	assert_only(STATE_READY, true);
	assert_int_equal(unlinkat(spool.fd, ready.s, 0), 0);
	assert_int_equal(mkfifoat(spool.fd, ready.s, 0600), 0);
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_ERROR);
	assert_only(STATE_READY, true);
	assert_int_equal(unlinkat(spool.fd, ready.s, 0), 0);
	assert_int_equal(mkdirat(spool.fd, ready.s, 0700), 0);
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_ERROR);
	assert_only(STATE_READY, true);
	claim_free(&c);
}

static void
the_next_name_is_taken(void **state)
{
	struct claim c = { .fd = -1 };

	(void)state;
	assert_int_equal(mkdirat(spool.fd, envelope_name(&id, STATE_BUSY).s,
	    0700), 0);
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_ERROR);
	assert_int_equal(c.fd, -1);
	assert_int_equal(unlinkat(spool.fd, envelope_name(&id, STATE_BUSY).s,
	    AT_REMOVEDIR), 0);
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_OURS);
	assert_int_equal(mkdirat(spool.fd, envelope_name(&id, STATE_BAD).s,
	    0700), 0);
	assert_false(claim_fail(&c, "no", 550));
	assert_int_equal(errno, EEXIST);
	assert_int_equal(unlinkat(spool.fd, envelope_name(&id, STATE_BAD).s,
	    AT_REMOVEDIR), 0);
	/* not lost: it is nobody's now */
	assert_only(STATE_BUSY, true);
	assert_true(claim_recover(&spool, &id, false));
	claim_free(&c);
}

/* Put another file in the place of this one. */
static void
replace(const char *name, const char *from, const char *to)
{
	char command[300];

	snprintf(command, sizeof command,
	    "cd %s && sed 's/%s/%s/' %s >new && mv new %s", dir, from, to,
	    name, name);
	assert_int_equal(system(command), 0);
}

static void
lent_and_replaced(void **state)
{
	struct claim c = { .fd = -1 }, other = { .fd = -1 };
	struct file_name busy = envelope_name(&id, STATE_BUSY);
	char text[10] = "";
	struct stat st;

	(void)state;
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_OURS);
	claim_lend(&c);
	replace(busy.s, "a@b", "x@y");
	replace(content_name(&id).s, "text", "longer");
	assert_false(claim_recover(&spool, &id, false));
	assert_int_equal(claim_resume(&c), CLAIM_OURS);
	assert_text(&c.envelope.from, "x@y");
	assert_int_equal(c.octets, 8);
	assert_true(pread(c.content, text, 6, 0) == 6);
	assert_string_equal(text, "longer");
	assert_int_equal(fstat(c.content, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	/* the lock is on the new file now, and the shield is down */
	assert_false(claim_recover(&spool, &id, false));
	assert_int_equal(c.shield, -1);
	assert_true(claim_defer(&c, 1, "later"));
	assert_int_equal(claim_take(&other, &spool, &id), CLAIM_OURS);
	assert_int_equal(other.envelope.tries, 1);
	claim_release(&other);
	claim_free(&c);
	claim_free(&other);
}

static void
lent_and_not_touched(void **state)
{
	struct claim c = { .fd = -1 };

	(void)state;
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_OURS);
	claim_lend(&c);
	assert_int_equal(claim_resume(&c), CLAIM_OURS);
	assert_text(&c.envelope.from, "a@b");
	assert_false(claim_recover(&spool, &id, false));
	assert_true(claim_gone(&c, &sweeper));
	claim_free(&c);
}

static void
lent_and_gone(void **state)
{
	struct claim c = { .fd = -1 };

	(void)state;
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_OURS);
	claim_lend(&c);
	assert_int_equal(unlinkat(spool.fd, envelope_name(&id,
	    STATE_BUSY).s, 0), 0);
	assert_int_equal(claim_resume(&c), CLAIM_TAKEN);
	assert_int_equal(c.fd, -1);
	make_message();
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_OURS);
	claim_lend(&c);
	assert_int_equal(unlinkat(spool.fd, content_name(&id).s, 0), 0);
	assert_int_equal(claim_resume(&c), CLAIM_DAMAGED);
	assert_text(&c.why, "cannot open content file");
	assert_true(claim_fail(&c, c.why.s, 0));
	assert_only(STATE_BAD, false);
	claim_free(&c);
}

static void
whose_owner_dies(void **state)
{
	struct claim c = { .fd = -1 };

	(void)state;
	assert_int_equal(claim_take(&c, &spool, &id), CLAIM_OURS);
	claim_lend(&c);
	replace(envelope_name(&id, STATE_BUSY).s, "a@b", "x@y");
	assert_false(claim_recover(&spool, &id, true));
	/* as exit(2) would */
	close(c.shield);
	assert_true(claim_recover(&spool, &id, false));
	assert_only(STATE_READY, true);
	close(c.fd);
	close(c.content);
	claim_free(&c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(taken_and_given_back),
		TEST(deferred),
		TEST(failed),
		TEST(tried_again),
		TEST(a_line_cut_short_is_ended_first),
		TEST(an_owner_that_died),
		TEST(many_at_once),
		TEST(damaged),
		TEST(without_its_text),
		TEST(something_else_in_place_of_the_envelope),
		TEST(the_next_name_is_taken),
		TEST(lent_and_replaced),
		TEST(lent_and_not_touched),
		TEST(lent_and_gone),
		TEST(whose_owner_dies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
