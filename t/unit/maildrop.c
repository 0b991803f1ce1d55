/* SPDX-License-Identifier: ISC */
#include "own_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "spool/maildrop.h"
#include "spool/subdir.h"

static void
write_file(const char *name, const char *text)
{
	int fd = openat(spool.fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, text, strlen(text)), 0);
	close(fd);
}

/* A message in a sub-directory, or "". */
static void
put(const char *dir, const char *id, const char *envelope,
    const char *content)
{
	char name[200];

	if (envelope) {
		snprintf(name, sizeof name, "%s%s.%s", dir, id, envelope);
		write_file(name, "x");
	}
	if (content) {
		snprintf(name, sizeof name, "%s%s.content", dir, id);
		write_file(name, content);
	}
}

static bool
there(const char *name)
{
	return faccessat(spool.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
names(void **state)
{
	static const struct {
		const char *name;
		bool good;
	} t[] = {
		{ "bob", true }, { "Bob.Smith", true }, { "bob@b.test", true },
		{ "a+b", true }, { "bob smith", true }, { "x", true },
		{ "b\303\266b", true }, { "a..b", true }, { "emailrelay", true },
		{ "", false }, { ".", false }, { "..", false }, { "../x", false },
		{ ".x", false }, { "-x", false }, { "/", false }, { "/x", false },
		{ "x/", false }, { "a/b", false }, { "a/../b", false },
		{ "a\nb", false }, { "a\tb", false }, { "a\177", false },
		{ "\377", false }, { "\300\257", false }, { "a\302\205", false },
	};
	char longest[SUBDIR_NAME + 2];

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++)
		assert_row(i, subdir_is_name(t[i].name) == t[i].good);
	memset(longest, 'x', sizeof longest);
	longest[SUBDIR_NAME + 1] = '\0';
	assert_false(subdir_is_name(longest));
	longest[SUBDIR_NAME] = '\0';
	assert_true(subdir_is_name(longest));
}

static void
frozen(void **state)
{
	struct maildrop m;
	char uid[MAILDROP_UID + 1];
	struct stat st;
	int fd;

	(void)state;
	put("", "emailrelay.9.1.2", "envelope", "two");
	put("", "emailrelay.1.1.10", "envelope", "ten");
	put("", "emailrelay.5.1.1", "envelope", "one");
	put("", "emailrelay.5.1.3", "envelope.busy", "busy");
	put("", "emailrelay.5.1.4", "envelope.new", "new");
	put("", "emailrelay.5.1.5", "envelope", NULL);
	put("", "emailrelay.5.1.6", NULL, "no envelope");
	assert_true(maildrop_open(&m, &spool, NULL));
	assert_int_equal(m.n, 3);
	assert_int_equal(m.octets, 9);
	maildrop_uid(&m, 1, uid);
	assert_string_equal(uid, "emailrelay.5.1.1.content");
	maildrop_uid(&m, 3, uid);
	assert_string_equal(uid, "emailrelay.1.1.10.content");
	put("", "emailrelay.1.1.0", "envelope", "zero");
	unlinkat(spool.fd, "emailrelay.9.1.2.content", 0);
	assert_false(maildrop_has(&m, 0));
	assert_false(maildrop_has(&m, 4));
	assert_false(maildrop_has(&m, UINT64_MAX));
	assert_int_equal(maildrop_octets(&m, 2), 3);
	assert_int_equal(maildrop_text(&m, 2, &st), -1);
	assert_int_equal(errno, ENOENT);
	fd = maildrop_text(&m, 3, &st);
	assert_true(fd >= 0 && st.st_size == 3);
	close(fd);
	maildrop_mark(&m, 3);
	assert_false(maildrop_has(&m, 3));
	assert_int_equal(m.left, 2);
	assert_int_equal(m.octets, 6);
	maildrop_unmark(&m);
	assert_int_equal(m.octets, 9);
	assert_int_equal(maildrop_commit(&m), 0);
	assert_true(there("emailrelay.1.1.10.envelope"));
	maildrop_close(&m);
}

static void
removal(void **state)
{
	struct maildrop m;
	int fd;

	(void)state;
	put("", "emailrelay.1.1.1", "envelope", "x");
	put("", "emailrelay.1.1.2", "envelope", "x");
	put("", "emailrelay.1.1.3", "envelope", "x");
	put("", "emailrelay.1.1.4", "envelope", "x");
	assert_true(maildrop_open(&m, &spool, NULL));
	for (size_t i = 1; i <= 4; i++)
		maildrop_mark(&m, i);
	/* one is locked, one is being forwarded, one is gone */
	fd = openat(spool.fd, "emailrelay.1.1.1.envelope", O_RDWR);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	renameat(spool.fd, "emailrelay.1.1.2.envelope", spool.fd,
	    "emailrelay.1.1.2.envelope.busy");
	unlinkat(spool.fd, "emailrelay.1.1.3.envelope", 0);
	assert_int_equal(maildrop_commit(&m), 2);
	close(fd);
	assert_true(there("emailrelay.1.1.1.envelope"));
	assert_true(there("emailrelay.1.1.1.content"));
	assert_true(there("emailrelay.1.1.2.content"));
	assert_true(there("emailrelay.1.1.3.content"));
	assert_false(there("emailrelay.1.1.4.envelope"));
	assert_false(there("emailrelay.1.1.4.content"));
	maildrop_close(&m);
}

static void
shared(void **state)
{
	struct maildrop bob, carol;

	(void)state;
	mkdirat(spool.fd, "bob", 0700);
	mkdirat(spool.fd, "carol", 0700);
	put("bob/", "emailrelay.1.1.1", "envelope", NULL);
	put("carol/", "emailrelay.1.1.1", "envelope", NULL);
	put("", "emailrelay.1.1.1", NULL, "shared");
	put("bob/", "emailrelay.1.1.2", "envelope", "own");
	assert_true(maildrop_open(&bob, &spool, "bob"));
	assert_true(maildrop_open(&carol, &spool, "carol"));
	assert_int_equal(bob.n, 2);
	assert_int_equal(bob.octets, 9);
	maildrop_mark(&bob, 1);
	maildrop_mark(&bob, 2);
	assert_int_equal(maildrop_commit(&bob), 0);
	assert_false(there("bob/emailrelay.1.1.2.content"));
	assert_true(there("emailrelay.1.1.1.content"));
	maildrop_mark(&carol, 1);
	assert_int_equal(maildrop_commit(&carol), 0);
	assert_false(there("emailrelay.1.1.1.content"));
	maildrop_close(&bob);
	maildrop_close(&carol);
}

static void
nowhere(void **state)
{
	struct maildrop m;

	(void)state;
	assert_true(maildrop_open(&m, &spool, "nobody"));
	assert_int_equal(m.n, 0);
	maildrop_close(&m);
	assert_false(maildrop_open(&m, &spool, ".."));
	assert_int_equal(errno, EINVAL);
	maildrop_close(&m);
	assert_int_equal(symlinkat("/tmp", spool.fd, "link"), 0);
	assert_false(maildrop_open(&m, &spool, "link"));
	maildrop_close(&m);
	assert_true(there("link"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test_setup_teardown(frozen, begin, end),
		cmocka_unit_test_setup_teardown(removal, begin, end),
		cmocka_unit_test_setup_teardown(shared, begin, end),
		cmocka_unit_test_setup_teardown(nowhere, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
