/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "spool/claim.h"
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

/* Which files there are, by their states: "ready content", and "text" for the
 * text of a local copy. */
static const char *
on_disk(void)
{
	static char words[100];
	bool seen[STATES] = { false }, content = false, text = false;
	struct spool_walk w;
	struct spool_entry e;

	assert_true(spool_walk_start(&w, &spool));
	while (spool_walk_next(&w, &e)) {
		if (e.content && e.state == STATE_LOCAL)
			text = true;
		else if (e.content)
			content = true;
		else
			seen[e.state] = true;
	}
	spool_walk_end(&w);
	words[0] = '\0';
	for (unsigned i = 0; i < STATES; i++)
		if (seen[i])
			strcat(strcat(words, state_words[i]), " ");
	if (text)
		strcat(words, "text ");
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

/* A draft with a local recipient, sealed. */
static void
seal_local(struct draft *d)
{
	list_add(&envelope.local, "box");
	assert_true(draft_open(d, &spool));
	draft_write(d, "hello", 5);
	assert_true(draft_seal(d, &envelope));
}

static void
local_copies(void **state)
{
	struct buf why = { 0 };
	struct envelope e = { 0 };
	struct file_name name;
	struct stat st;
	struct draft d;

	(void)state;
	seal_local(&d);
	assert_true(draft_copy_local(&d, &envelope));
	assert_string_equal(on_disk(), "new local text content");
	name = envelope_name(&d.id, STATE_LOCAL);
	assert_true(envelope_load(&spool, name.s, &e, &st, &why));
	assert_int_equal(e.local.n + e.remote.n, 2);
	assert_int_equal(content_stat(&spool, &d.id, STATE_LOCAL, &st), 0);
	assert_int_equal(st.st_size, 5);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_true(draft_commit(&d));
	assert_string_equal(on_disk(), "ready local text content");
	envelope_free(&e);
	buf_free(&why);
}

static void
local_copies_are_abandoned_too(void **state)
{
	struct draft d;

	(void)state;
	seal_local(&d);
	assert_true(draft_copy_local(&d, &envelope));
	draft_abandon(&d);
	assert_string_equal(on_disk(), "");
}

static void
a_local_copy_that_fails(void **state)
{
	struct draft d;
	int fd;

	(void)state;
	seal_local(&d);
	fd = openat(spool.fd, envelope_name(&d.id, STATE_LOCAL).s,
	    O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_false(draft_copy_local(&d, &envelope));
	assert_int_equal(d.error, EEXIST);
	assert_false(draft_commit(&d));
	draft_abandon(&d);
	assert_string_equal(on_disk(), "");
}

static void
local_recipients_only(void **state)
{
	struct draft d;

	(void)state;
	list_clear(&envelope.remote);
	seal_local(&d);
	assert_true(draft_commit_local(&d));
	assert_string_equal(on_disk(), "local text ");
	draft_abandon(&d);
	assert_string_equal(on_disk(), "local text ");
}

static void
put(const char *name, const char *text)
{
	int fd = openat(spool.fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void
behind_a_filter(void **state)
{
	struct envelope e = { 0 };
	struct buf why = { 0 };
	struct stat st;
	struct draft d;
	char name[120];

	(void)state;
	seal_local(&d);
	assert_true(draft_resume(&d, &e, &why));
	assert_string_equal(list_get(&e.remote, 0), "c@d");
	put(content_name(&d.id).s, "edited");
	assert_true(draft_resume(&d, &e, &why));
	assert_int_equal(d.octets, 6);
	snprintf(name, sizeof name, "%s.x", content_name(&d.id).s);
	put(name, "replaced");
	assert_int_equal(renameat(spool.fd, name, spool.fd,
	    content_name(&d.id).s), 0);
	assert_true(draft_resume(&d, &e, &why));
	assert_int_equal(d.octets, 8);
	assert_true(spool_is_named(&spool, d.fd, content_name(&d.id).s));
	assert_int_equal(fstat(d.fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_true(draft_commit(&d));
	envelope_free(&e);
	buf_free(&why);
}

static void
spoilt_by_a_filter(void **state)
{
	struct envelope e = { 0 };
	struct buf why = { 0 };
	struct draft d;

	(void)state;
	seal_local(&d);
	put(envelope_name(&d.id, STATE_NEW).s, "nonsense\r\n");
	assert_false(draft_resume(&d, &e, &why));
	assert_says(&why, "format error");
	unlinkat(spool.fd, envelope_name(&d.id, STATE_NEW).s, 0);
	assert_false(draft_resume(&d, &e, &why));
	assert_says(&why, "no envelope: No such file");
	unlinkat(spool.fd, content_name(&d.id).s, 0);
	assert_false(draft_resume(&d, &e, &why));
	assert_says(&why, "no content: No such file");
	assert_int_equal(symlinkat("/etc/passwd", spool.fd,
	    content_name(&d.id).s), 0);
	assert_false(draft_resume(&d, &e, &why));
	assert_int_equal(d.error, 0);
	draft_abandon(&d);
	assert_string_equal(on_disk(), "");
	envelope_free(&e);
	buf_free(&why);
}

static void
left_by_a_filter(void **state)
{
	struct draft d;

	(void)state;
	seal_local(&d);
	draft_leave(&d);
	assert_string_equal(on_disk(), "");
	seal_local(&d);
	assert_int_equal(spool_rename(&spool,
	    envelope_name(&d.id, STATE_NEW).s,
	    envelope_name(&d.id, STATE_HOLD).s), 0);
	draft_leave(&d);
	assert_string_equal(on_disk(), "hold content");
	draft_abandon(&d);
	assert_string_equal(on_disk(), "hold content");
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

/* However a text comes in, it is there in the same order. */
static void
pieces_stay_in_order(void **state)
{
	static const size_t sizes[] = { 1, 511, 1, 600, 0, 300, 300, 512, 513, 2 };
	char text[4096], back[4096];
	struct draft d;
	size_t n = 0;
	int fd;

	(void)state;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)('a' + i % 23);
	assert_true(draft_open(&d, &spool));
	draft_write(&d, NULL, 0);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		draft_write(&d, text + n, sizes[i]);
		n += sizes[i];
	}
	assert_int_equal(d.octets, n);
	assert_true(draft_seal(&d, &envelope));
	fd = spool_open_file(&spool, content_name(&d.id).s, O_RDONLY, NULL);
	assert_int_equal(read(fd, back, sizeof back), n);
	assert_memory_equal(back, text, n);
	close(fd);
	draft_abandon(&d);
}

static void
the_first_failure_sticks(void **state)
{
	static const char text[600] = "more than is held back";
	const struct rlimit small = { sizeof text, RLIM_INFINITY };
	const struct rlimit no = { RLIM_INFINITY, RLIM_INFINITY };
	struct draft d;
	struct buf why = { 0 };

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_true(draft_open(&d, &spool));
	setrlimit(RLIMIT_FSIZE, &small);
	draft_write(&d, text, sizeof text);
	assert_int_equal(d.error, 0);
	draft_write(&d, text, sizeof text);
	setrlimit(RLIMIT_FSIZE, &no);
	assert_int_equal(d.error, EFBIG);
	draft_write(&d, "0", 1);
	assert_int_equal(d.octets, sizeof text);
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
		TEST(local_copies),
		TEST(local_copies_are_abandoned_too),
		TEST(a_local_copy_that_fails),
		TEST(local_recipients_only),
		TEST(behind_a_filter),
		TEST(spoilt_by_a_filter),
		TEST(left_by_a_filter),
		TEST(an_envelope_with_controls),
		TEST(pieces_stay_in_order),
		TEST(the_first_failure_sticks),
		TEST(no_room_for_the_envelope),
		TEST(somebody_in_the_way),
		TEST(no_spool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
