/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "auth/secrets.h"

#define KEY "4059553961.2316091643.3282746241.1444639637." \
	"3735501773.3404060330.2760590371.1201092398"
#define KEY64 "3pIN0aPbd5aN0S4ogKA3w2P3P9XH0hXchLP1W+adpQE="

static void
parse(struct secrets *s, const char *text)
{
	char *copy = need_copy(text);

	secrets_parse(s, "file", copy, strlen(copy));
	free(copy);
}

/* The value of an entry, or NULL. */
static const char *
value(const struct secrets *s, enum secret_kind kind, const char *id)
{
	const struct secret *e = secrets_find(s, kind, id, strlen(id));

	return e ? secrets_value(s, e) : NULL;
}

static void
one_line(void **state)
{
	static const struct {
		const char *line;
		enum secret_kind kind;
		const char *id, *value;
	} t[] = {
		{ "server LOGIN bob secret", SECRET_LOGIN, "bob", "secret" },
		{ "LOGIN server bob secret", SECRET_LOGIN, "bob", "secret" },
		{ "SERVER login bob secret", SECRET_LOGIN, "bob", "secret" },
		{ " \tserver\t\tLOGIN  bob  secret \t\r", SECRET_LOGIN, "bob",
		    "secret" },
		{ "server LOGIN a@b.test pw#1", SECRET_LOGIN, "a@b.test",
		    "pw#1" },
		{ "server LOGIN a+40b e+3Dmc2", SECRET_LOGIN, "a@b",
		    "e=mc2" },
		{ "server LOGIN user+20one a+2bb", SECRET_LOGIN, "user one",
		    "a+b" },
		{ "server LOGIN bob secret selector", SECRET_LOGIN, "bob",
		    "secret" },
		{ "server PLAIN bob secret", SECRET_PLAIN, "bob", "secret" },
		{ "server plain bob se+20cret", SECRET_ANY, "bob",
		    "se cret" },
		{ "server plain:b Ym9i c2VjcmV0", SECRET_ANY, "bob",
		    "secret" },
		{ "server CRAM-MD5 bob " KEY, SECRET_CRAM_MD5, "bob", KEY },
		{ "server md5 bob " KEY64, SECRET_CRAM_MD5, "bob", KEY64 },
		{ "server apop bob secret", SECRET_APOP, "bob", "secret" },
		{ "server NONE 10.0.0.* lan", SECRET_NONE, "10.0.0.*",
		    "lan" },
		{ "NONE server fe80::/64 link+20local", SECRET_NONE,
		    "fe80::/64", "link local" },
	};
	struct secrets s;

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		parse(&s, t[i].line);
		assert_row(i, s.n == 1 && secrets_has(&s, t[i].kind));
		assert_row(i, value(&s, t[i].kind, t[i].id) != NULL);
		assert_string_equal(value(&s, t[i].kind, t[i].id), t[i].value);
		secrets_wipe(&s);
	}
}

static const char *const nothing[] = {
	"", "\n\n", "# server LOGIN bob secret", "  # x", "server LOGIN bob",
	"server", "x y z w", "someone LOGIN bob secret",
	"server LOGIN bob se=cret", "server LOGIN bo+b secret",
	"server LOGIN bob +4", "server LOGIN bob+0A x",
	"server LOGIN bob+00 x", "server CRAM-MD5 bob 1.2.3",
	"server md5 bob plain", ("server sha1 bob " KEY64),
	"server NONE 10.0.0 lan", "server NONE nowhere lan",
	"server NONE 10.*.*.* a+0Ab", "server plain:b bob secret",
	"server plain:b = c2VjcmV0", "server \x01LOGIN bob secret",
	"server LOGIN bob sec\x7fret", "client CRAM-MD5 bob 1.2.3",
};

static void
lines_left_out(void **state)
{
	struct secrets s;

	(void)state;
	for (size_t i = 0; i < COUNT(nothing); i++) {
		parse(&s, nothing[i]);
		assert_row(i, s.n == 0);
		secrets_wipe(&s);
	}
}

static void
warnings(void *text)
{
	struct secrets s;

	parse(&s, text);
}

static void
assert_warns(const char *text, const char *warning)
{
	struct buf out = { 0 };
	char *copy = need_copy(text);

	in_child(warnings, copy, &out);
	free(copy);
	if (*warning)
		assert_says(&out, warning);
	else
		assert_text(&out, "");
	buf_free(&out);
}

static void
warns_with_line_numbers(void **state)
{
	struct buf many = { 0 }, out = { 0 };
	size_t lines = 0;

	(void)state;
	assert_warns("# c\n\nserver LOGIN bob\n", "file: ignoring line 3 of "
	    "secrets file: too few fields\n");
	assert_warns("server LOGIN bob secret x\n",
	    "ignoring extra fields on line 1 of secrets file\n");
	assert_warns("a b c d\nserver FOO b c\n",
	    "ignoring line 2 of secrets file: unknown mechanism\n");
	assert_warns("server LOGIN a =", "line 1 of secrets file: badly "
	    "encoded");
	assert_warns("server NONE x y", "not a range of addresses");
	assert_warns("server CRAM-MD5 x y", "not a CRAM-MD5 key");
	assert_warns("client plain:b = = selector\n"
	    "client oauth x y\nsomebody LOGIN x y\n", "");
	for (int i = 0; i < 1000; i++)
		buf_puts(&many, "server\n");
	in_child(warnings, many.s, &out);
	for (size_t i = 0; i < out.n; i++)
		lines += out.s[i] == '\n';
	assert_int_equal(lines, SECRETS_WARNINGS);
	buf_free(&many);
	buf_free(&out);
}

static void
first_of_duplicates_wins(void **state)
{
	struct secrets s;

	(void)state;
	parse(&s, "client LOGIN bob other\nserver LOGIN bob one\n"
	    "server LOGIN Bob upper\nserver LOGIN bob two\n"
	    "server PLAIN bob three\n");
	assert_string_equal(value(&s, SECRET_LOGIN, "bob"), "one");
	assert_string_equal(value(&s, SECRET_LOGIN, "Bob"), "upper");
	assert_string_equal(value(&s, SECRET_PLAIN, "bob"), "three");
	assert_null(value(&s, SECRET_LOGIN, "BOB"));
	assert_null(value(&s, SECRET_LOGIN, "bo"));
	assert_null(value(&s, SECRET_LOGIN, ""));
	assert_null(value(&s, SECRET_ANY, "bob"));
	secrets_wipe(&s);
	assert_null(value(&s, SECRET_LOGIN, "bob"));
}

static void
client_entries(void **state)
{
	const struct secret *e;
	struct secrets s;

	(void)state;
	parse(&s, "client LOGIN jsmith my+20password acct\n"
	    "client plain:b = = none\n");
	assert_int_equal(s.n, 2);
	assert_false(secrets_has(&s, SECRET_LOGIN));
	e = &s.entries[0];
	assert_true(e->client);
	assert_string_equal(secrets_id(&s, e), "jsmith");
	assert_string_equal(secrets_value(&s, e), "my password");
	assert_string_equal(secrets_selector(&s, e), "acct");
	e = &s.entries[1];
	assert_string_equal(secrets_id(&s, e), "");
	assert_string_equal(secrets_selector(&s, e), "none");
	secrets_wipe(&s);
}

static void
trusted_addresses(void **state)
{
	struct secrets s;

	(void)state;
	parse(&s, "server NONE 192.168.0.* lan\nserver none 10.0.0.0/8 ten\n"
	    "NONE server 20010db8000000000000000000000000/32 six\n"
	    "client NONE 172.16.0.0/12 not\nserver NONE 10.1.0.0/16 late\n");
	assert_string_equal(secrets_trust(&s, "192.168.0.77"), "lan");
	assert_string_equal(secrets_trust(&s, "10.1.2.3"), "ten");
	assert_string_equal(secrets_trust(&s, "2001:db8::9"), "six");
	assert_null(secrets_trust(&s, "192.168.1.1"));
	assert_null(secrets_trust(&s, "172.16.0.1"));
	assert_null(secrets_trust(&s, "2001:db9::1"));
	assert_null(secrets_trust(&s, "unknown"));
	secrets_wipe(&s);
	assert_null(secrets_trust(&s, "10.1.2.3"));
}

/* At the limit, and one beyond it. */
static void
long_lines(void **state)
{
	struct buf text = { 0 };
	struct secrets s;

	(void)state;
	for (size_t n = SECRETS_LINE; n <= SECRETS_LINE + 1; n++) {
		buf_set(&text, "server LOGIN bob ");
		while (text.n < n)
			buf_putc(&text, 'x');
		buf_puts(&text, "\nserver LOGIN ann y");
		parse(&s, text.s);
		assert_int_equal(s.n, n == SECRETS_LINE ? 2 : 1);
		assert_string_equal(value(&s, SECRET_LOGIN, "ann"), "y");
		secrets_wipe(&s);
	}
	buf_free(&text);
}

static void
the_file_itself(void **state)
{
	static const struct { mode_t mode; bool ok; } t[] = {
		{ 0600, true }, { 0640, true }, { 0660, true },
		{ 0644, false }, { 0602, false }, { 0601, false },
	};
	struct buf why = { 0 };
	struct secrets s;
	char dir[64], path[96];
	int fd;

	(void)state;
	scratch_make(dir);
	snprintf(path, sizeof path, "%s/secrets", dir);
	assert_false(secrets_read(&s, path, &why));
	assert_says(&why, "cannot read secrets file '/tmp/");
	assert_says(&why, "No such file");
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(write(fd, "server LOGIN bob secret", 23) == 23);
	for (size_t i = 0; i < COUNT(t); i++) {
		chmod(path, t[i].mode);
		buf_clear(&why);
		assert_row(i, secrets_read(&s, path, &why) == t[i].ok);
		assert_row(i, t[i].ok == (s.n == 1));
		assert_row(i, t[i].ok == (why.n == 0));
		secrets_wipe(&s);
	}
	chmod(path, 0600);
	assert_int_equal(ftruncate(fd, SECRETS_OCTETS + 1), 0);
	assert_false(secrets_read(&s, path, &why));
	assert_says(&why, "too large");
	buf_clear(&why);
	chmod(dir, 0700);
	assert_false(secrets_read(&s, dir, &why));
	assert_says(&why, "not a regular file");
	close(fd);
	buf_free(&why);
	scratch_remove(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line),
		cmocka_unit_test(lines_left_out),
		cmocka_unit_test(warns_with_line_numbers),
		cmocka_unit_test(first_of_duplicates_wins),
		cmocka_unit_test(client_entries),
		cmocka_unit_test(trusted_addresses),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(the_file_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
