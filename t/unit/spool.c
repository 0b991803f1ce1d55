/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>

#include "base/list.h"
#include "spool/spool.h"

static void
ids(void **state)
{
	static const char *const good[] = {
		"emailrelay.1.2.3", "emailrelay.0.0.0",
		"emailrelay.12345678901234567890.1.000002",
	};
	static const char *const bad[] = {
		"", "emailrelay", "emailrelay.", "emailrelay.1.2",
		"emailrelay.1.2.", "emailrelay.1.2.3.", "emailrelay.1.2.3.4",
		"emailrelay.1.2.3x", "emailrelay.1..3", "emailrelay.-1.2.3",
		"emailrelay.1.2.3.envelope", " emailrelay.1.2.3",
		"Emailrelay.1.2.3", "emailrelay-1.2.3", "../emailrelay.1.2.3",
		"emailrelay.1.2.3/", "emailrelay.123456789012345678901.1.1",
		"emailrelay.1.2.\xb2", "emailrelay.1.2.3\n",
	};
	struct message_id id;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_row(i, message_id_parse(&id, good[i]));
		assert_string_equal(id.s, good[i]);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_row(i, !message_id_parse(&id, bad[i]));
}

static void
new_ids(void **state)
{
	struct message_id a, b, same;

	(void)state;
	message_id_make(&a);
	do {
		message_id_make(&b);
	} while (strcmp(a.s, b.s) == 0);
	assert_true(message_id_parse(&same, a.s));
	assert_true(message_id_order(a.s, b.s) < 0);
}

static void
full_paths(void **state)
{
	const struct spool absolute = { .path = "/a/b" },
		relative = { .path = "b" };
	struct buf out = { 0 };

	(void)state;
	spool_full_path(&absolute, "x", &out);
	assert_text(&out, "/a/b/x");
	assert_int_equal(chdir("/usr"), 0);
	spool_full_path(&relative, "x", &out);
	assert_text(&out, "/usr/b/x");
	buf_free(&out);
}

static void
order_is_by_arrival(void **state)
{
	static const char *const sorted[] = {
		"emailrelay.1.5.2", "emailrelay.1.05.3", "emailrelay.9.5.10",
		"emailrelay.10.5.10", "emailrelay.99999.6.1",
		"emailrelay.1.10.1", "emailrelay.1.100.000002",
		"emailrelay.2.100.2", "emailrelay.1.100.010000",
		/* no clock makes those */
		"emailrelay.1.100.16777214", "emailrelay.1.100.016777215",
		"emailrelay.1.100.16777216", "emailrelay.1.100.99999999999",
		"emailrelay.1.1099511627774.9",
		"emailrelay.1.1099511627775.1", "emailrelay.1.1099511627776.0",
		"emailrelay.1.99999999999999999999.1",
		"emailrelay.1.99999999999999999999.2",
	};
	uint64_t x, y;
	int d;

	(void)state;
	for (size_t i = 0; i < COUNT(sorted); i++)
		for (size_t j = 0; j < COUNT(sorted); j++) {
			/* same time and sequence: any order, but always one */
			if (strstr(sorted[i], ".5.10") &&
			    strstr(sorted[j], ".5.10"))
				continue;
			if (i < 8 && strstr(sorted[i], ".100.") &&
			    j < 8 && strstr(sorted[j], ".100."))
				continue;
			d = message_id_order(sorted[i], sorted[j]);
			assert_row(i * 100 + j, i < j ? d < 0 :
			    i > j ? d > 0 : d == 0);
			x = message_id_rank(sorted[i]);
			y = message_id_rank(sorted[j]);
			assert_row(i * 100 + j, i < j ? x <= y : x >= y);
			assert_row(i * 100 + j, i == j || x != y ||
			    (i >= 9 && j >= 9));
		}
	assert_true(message_id_order(sorted[2], sorted[3]) ==
	    -message_id_order(sorted[3], sorted[2]));
	assert_true(message_id_order(sorted[2], sorted[3]) != 0);
}

static void
names(void **state)
{
	static const struct {
		const char *name;
		bool ours, content;
		enum state state;
	} t[] = {
		{ "emailrelay.1.2.3.content", true, true, 0 },
		{ "emailrelay.1.2.3.content.local", true, true, STATE_LOCAL },
		{ "emailrelay.1.2.3.envelope", true, false, STATE_READY },
		{ "emailrelay.1.2.3.envelope.new", true, false, STATE_NEW },
		{ "emailrelay.1.2.3.envelope.busy", true, false, STATE_BUSY },
		{ "emailrelay.1.2.3.envelope.bad", true, false, STATE_BAD },
		{ "emailrelay.1.2.3.envelope.hold", true, false, STATE_HOLD },
		{ "emailrelay.1.2.3.envelope.local", true, false,
		    STATE_LOCAL },
		{ "emailrelay.1.2.3", false, false, 0 },
		{ "emailrelay.1.2.3.envelope.", false, false, 0 },
		{ "emailrelay.1.2.3.envelope.old", false, false, 0 },
		{ "emailrelay.1.2.3.envelope.bad~", false, false, 0 },
		{ "emailrelay.1.2.3.envelopes", false, false, 0 },
		{ "emailrelay.1.2.3.content.bak", false, false, 0 },
		{ "emailrelay.1.2.envelope", false, false, 0 },
		{ "x.envelope", false, false, 0 }, { ".", false, false, 0 },
		{ ".emailrelay.1.2.3.envelope", false, false, 0 },
	};
	struct spool_entry e;

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		assert_row(i, spool_entry_parse(&e, t[i].name) == t[i].ours);
		if (!t[i].ours)
			continue;
		assert_string_equal(e.id.s, "emailrelay.1.2.3");
		assert_row(i, e.content == t[i].content);
		assert_row(i, e.state == t[i].state);
		if (e.content && e.state == STATE_LOCAL) {
			assert_string_equal(local_content_name(&e.id).s,
			    t[i].name);
		} else if (e.content) {
			assert_string_equal(content_name(&e.id).s, t[i].name);
		} else {
			assert_string_equal(envelope_name(&e.id, e.state).s,
			    t[i].name);
		}
	}
	for (size_t i = 0; i < STATES; i++)
		assert_row(i, state_words[i] && *state_words[i]);
	assert_null(state_words[STATES]);
}

/* --- the directory --- */

static char dir[64];
static struct spool spool;

static int
begin(void **state)
{
	(void)state;
	scratch_make(dir);
	return spool_open(&spool, dir) ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	spool_close(&spool);
	scratch_remove(dir);
	return 0;
}

static void
put_file(const char *name)
{
	int fd = openat(spool.fd, name, O_WRONLY | O_CREAT, 0666);

	assert_true(fd >= 0);
	close(fd);
}

static void
only_regular_files_are_opened(void **state)
{
	struct stat st;
	int fd;

	(void)state;
	put_file("plain");
	assert_int_equal(symlinkat("plain", spool.fd, "link"), 0);
	assert_int_equal(mkfifoat(spool.fd, "fifo", 0600), 0);
	assert_int_equal(mkdirat(spool.fd, "dir", 0700), 0);
	fd = spool_open_file(&spool, "plain", O_RDONLY, &st);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	assert_int_equal(spool_open_file(&spool, "link", O_RDONLY, NULL), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(spool_open_file(&spool, "fifo", O_RDONLY, NULL), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(spool_open_file(&spool, "dir", O_RDONLY, NULL), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(spool_open_file(&spool, "none", O_RDONLY, NULL), -1);
	assert_int_equal(errno, ENOENT);
	fd = spool_open_file(&spool, "new", O_WRONLY | O_CREAT | O_EXCL, &st);
	assert_true(fd >= 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	close(fd);
}

/* What the file has that `who`, who is also in the group OTHERS, makes in a
 * directory of that mode, owner and group. In a child: he does not come back. */
enum { ROOT, SOMEBODY = 54321, OTHERS = 54322 };

struct making {
	mode_t mode;
	uid_t owner;            /* of the directory */
	gid_t group;
	uid_t who;
	int flags;
};

static void
make_one(void *arg)
{
	const struct making *m = arg;
	const gid_t groups[] = { m->who, OTHERS };
	struct stat st;
	int fd;

	if (m->who != ROOT && (setgroups(2, groups) < 0 ||
	    setresgid(m->who, m->who, m->who) < 0 ||
	    setresuid(m->who, m->who, m->who) < 0))
		_exit(1);
	fd = spool_open_file(&spool, "made", m->flags, NULL);
	if (fd < 0 || fstat(fd, &st) < 0)
		_exit(2);
	dprintf(STDOUT_FILENO, "%u:%u %o", st.st_uid, st.st_gid,
	    st.st_mode & 07777);
	_exit(0);
}

static void
new_files_belong_to_the_spool(void **state)
{
	enum { MAKE = O_RDWR | O_CREAT, ONLY = O_RDWR | O_CREAT | O_EXCL };
	static const struct {
		struct making how;
		const char *made;
	} t[] = {
		{ { 0775, ROOT, OTHERS, ROOT, MAKE }, "0:54322 660" },
		{ { 0775, ROOT, OTHERS, ROOT, ONLY }, "0:54322 660" },
		{ { 0700, SOMEBODY, OTHERS, ROOT, ONLY }, "54321:0 660" },
		{ { 0770, SOMEBODY, OTHERS, ROOT, MAKE }, "54321:54322 660" },
		{ { 0775, ROOT, OTHERS, SOMEBODY, MAKE },
		    "54321:54322 660" },
		{ { 0755, SOMEBODY, OTHERS, SOMEBODY, MAKE },
		    "54321:54321 660" },
		{ { 0777, ROOT, 1, SOMEBODY, ONLY }, "54321:54321 660" },
	};
	struct buf out = { 0 };

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < COUNT(t); i++) {
		struct making how = t[i].how;

		assert_int_equal(fchown(spool.fd, how.owner, how.group), 0);
		assert_int_equal(fchmod(spool.fd, how.mode), 0);
		buf_clear(&out);
		assert_row(i, in_child(make_one, &how, &out) == 0);
		assert_text(&out, t[i].made);
		assert_int_equal(unlinkat(spool.fd, "made", 0), 0);
	}
	buf_free(&out);
}

static void
others_files_are_not_given_away(void **state)
{
	struct making how = { 0775, SOMEBODY, OTHERS, ROOT,
		O_RDWR | O_CREAT };
	struct buf out = { 0 };

	(void)state;
	if (geteuid() != 0)
		skip();
	put_file("secret");
	assert_int_equal(fchown(spool.fd, how.owner, how.group), 0);
	assert_int_equal(fchmod(spool.fd, how.mode), 0);
	assert_int_equal(linkat(spool.fd, "secret", spool.fd, "made", 0), 0);
	assert_int_equal(in_child(make_one, &how, &out), 0);
	assert_text(&out, "0:0 660");
	buf_free(&out);
}

static void
renaming_never_overwrites(void **state)
{
	(void)state;
	put_file("a");
	put_file("b");
	assert_int_equal(spool_rename(&spool, "a", "b"), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(spool_rename(&spool, "a", "c"), 0);
	assert_int_equal(spool_rename(&spool, "a", "d"), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(spool_sync(&spool), 0);
}

static void
the_walk_sees_our_files_only(void **state)
{
	struct spool_walk w;
	struct spool_entry e;
	unsigned n = 0;

	(void)state;
	put_file("README");
	put_file("emailrelay.1.2.3.content");
	put_file("emailrelay.1.2.3.envelope");
	put_file("emailrelay.1.2.4.envelope.bad");
	put_file("emailrelay.1.2.3.envelope~");
	for (int again = 0; again < 2; again++) {
		assert_true(spool_walk_start(&w, &spool));
		for (n = 0; spool_walk_next(&w, &e); n++)
			assert_memory_equal(e.id.s, "emailrelay.1.2.", 15);
		spool_walk_end(&w);
		assert_int_equal(n, 3);
	}
}

static void
an_envelope_is_found(void **state)
{
	struct message_id id;
	enum state st;

	(void)state;
	assert_true(message_id_parse(&id, "emailrelay.1.2.3"));
	assert_false(envelope_find(&spool, &id, &st));
	for (unsigned i = 0; i < STATES; i++) {
		struct file_name f = envelope_name(&id, (enum state)i);

		put_file(f.s);
		assert_true(envelope_find(&spool, &id, &st));
		assert_int_equal(st, i);
		unlinkat(spool.fd, f.s, 0);
	}
}

static void
no_directory(void **state)
{
	struct spool s;

	(void)state;
	put_file("file");
	assert_false(spool_open(&s, "/nonexistent/spool"));
	assert_int_equal(s.fd, -1);
	spool_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids),
		cmocka_unit_test(new_ids),
		cmocka_unit_test(order_is_by_arrival),
		cmocka_unit_test(names),
		cmocka_unit_test(full_paths),
		cmocka_unit_test_setup_teardown(
		    only_regular_files_are_opened, begin, end),
		cmocka_unit_test_setup_teardown(new_files_belong_to_the_spool,
		    begin, end),
		cmocka_unit_test_setup_teardown(
		    others_files_are_not_given_away, begin, end),
		cmocka_unit_test_setup_teardown(renaming_never_overwrites,
		    begin, end),
		cmocka_unit_test_setup_teardown(the_walk_sees_our_files_only,
		    begin, end),
		cmocka_unit_test_setup_teardown(an_envelope_is_found, begin,
		    end),
		cmocka_unit_test_setup_teardown(no_directory, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
