/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <sys/stat.h>

#include "auth/account.h"
#include "auth/sasl_client.h"

#define KEY "1376891476.79044465.1577270986.1796281712.458124752." \
	"2764766246.18396848.2738889491"

static const char challenge[] = "<1896.697170952@postoffice.reston.mci.net>";

struct row {
	enum way way;
	const char *id, *secret;
	bool key;
	const char *question[3];        /* with \2 for NUL */
	const char *answer[3];          /* the same; NULL: NONE */
};

/* RFC 7677 section 3 */
#define SCRAM_NONCE "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SCRAM_FIRST "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
#define SCRAM_SALT "r=" SCRAM_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ=="
#define SCRAM_FINAL "c=biws,r=" SCRAM_NONCE \
	",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

/* Not an answer, but that there is none for such a server. */
static const char impostor[] = "impostor";

/* RFC 4616, RFC 2195, RFC 7628 section 4, Google's page on XOAUTH2. */
static const struct row rows[] = {
	{ WAY_PLAIN, "tim", "tanstaaftanstaaf", false, { "" },
	    { "\2tim\2tanstaaftanstaaf" } },
	{ WAY_PLAIN, "tim", "x", false, { "what?" }, { "\2tim\2x" } },
	{ WAY_PLAIN, "tim", "x", false, { "", "" }, { "\2tim\2x", NULL } },
	{ WAY_LOGIN, "tim", "x y", false, { "Username:", "Password:" },
	    { "tim", "x y" } },
	{ WAY_LOGIN, "tim", "x", false, { "User Name\2", "Password\2" },
	    { "tim", "x" } },
	{ WAY_LOGIN, "tim", "x", false, { "", "" }, { "tim", "x" } },
	{ WAY_LOGIN, "tim", "x", false, { "username:", "PASSWORD:", "" },
	    { "tim", "x", NULL } },
	{ WAY_LOGIN, "tim", "x", false, { "Password:" }, { NULL } },
	{ WAY_LOGIN, "tim", "x", false, { "Username:", "Username:" },
	    { "tim", NULL } },
	{ WAY_LOGIN, "tim", "x", false, { "Username:", "Token:" },
	    { "tim", NULL } },
	{ WAY_CRAM_MD5, "tim", "tanstaaftanstaaf", false, { challenge },
	    { "tim b913a602c7eda7a495b4e6e7334d3890" } },
	{ WAY_CRAM_MD5, "tim", KEY, true, { challenge },
	    { "tim b913a602c7eda7a495b4e6e7334d3890" } },
	{ WAY_CRAM_MD5, "tim", KEY, true, { challenge, challenge },
	    { "tim b913a602c7eda7a495b4e6e7334d3890", NULL } },
	{ WAY_CRAM_MD5, "tim", "x", true, { challenge }, { NULL } },
	{ WAY_CRAM_MD5, "tim", "x", false, { "" }, { NULL } },
	{ WAY_XOAUTH2, "someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg",
	    false, { "" },
	    { "user=someuser@example.com\1auth=Bearer "
	    "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\1\1" } },
	{ WAY_XOAUTH2, "u", "t", false, { "", "{\"status\":\"401\"}", "" },
	    { "user=u\1auth=Bearer t\1\1", "", NULL } },
	{ WAY_OAUTHBEARER, "user@example.com",
	    "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", false, { "" },
	    { "n,a=user@example.com,\1host=server.example.com\1port=587\1"
	    "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\1\1" } },
	{ WAY_OAUTHBEARER, "a,b=c", "t", false,
	    { "", "{\"status\":\"invalid_token\"}", "" },
	    { "n,a=a=2Cb=3Dc,\1host=server.example.com\1port=587\1"
	    "auth=Bearer t\1\1", "\1", NULL } },
	{ WAY_SCRAM_SHA_256, "user", "pencil", false,
	    { "", SCRAM_SALT ",i=4096",
	    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" },
	    { SCRAM_FIRST, SCRAM_FINAL, "" } },
	{ WAY_SCRAM_SHA_256, "user", "pencil", false,
	    { "", SCRAM_SALT ",i=4096,x=y",
	    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" },
	    { SCRAM_FIRST, "c=biws,r=" SCRAM_NONCE ",p="
	    "yKEXQu5cF0fpm6Tl8ha9l6nCuN43PiVB0kCYUOQT3jk=", impostor } },
	{ WAY_SCRAM_SHA_256, "user", "pencil", false,
	    { "", SCRAM_SALT ",i=4096",
	    "v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" },
	    { SCRAM_FIRST, SCRAM_FINAL, impostor } },
	{ WAY_SCRAM_SHA_256, "user", "pencil", false,
	    { "", SCRAM_SALT ",i=4096", "v=" },
	    { SCRAM_FIRST, SCRAM_FINAL, impostor } },
	{ WAY_SCRAM_SHA_256, "user", "pencil", false,
	    { "", SCRAM_SALT ",i=4096", "" },
	    { SCRAM_FIRST, SCRAM_FINAL, impostor } },
	{ WAY_SCRAM_SHA_256, "user", "pencil", false,
	    { "", SCRAM_SALT ",i=4096", "e=other-error" },
	    { SCRAM_FIRST, SCRAM_FINAL, NULL } },
	{ WAY_SCRAM_SHA_256, "user", "pencil", false,
	    { "", SCRAM_SALT ",i=4095" }, { SCRAM_FIRST, NULL } },
	{ WAY_SCRAM_SHA_256, "user", "pencil", false,
	    { "", SCRAM_SALT ",i=1000001" }, { SCRAM_FIRST, NULL } },
	{ WAY_SCRAM_SHA_256, "user", "pencil", false,
	    { "", SCRAM_SALT }, { SCRAM_FIRST, NULL } },
	{ WAY_SCRAM_SHA_256, "user", "pencil", false,
	    { "", "m=x," SCRAM_SALT ",i=4096" }, { SCRAM_FIRST, NULL } },
	{ WAY_SCRAM_SHA_256, "user", "pencil", false,
	    { "", "r=rOprNGfwEbeRWgbNEkqO,s=AAAA,i=4096" },
	    { SCRAM_FIRST, NULL } },
	{ WAY_SCRAM_SHA_256, "user", "pencil", false,
	    { "", "r=xOprNGfwEbeRWgbNEkqOxx,s=AAAA,i=4096" },
	    { SCRAM_FIRST, NULL } },
	{ WAY_SCRAM_SHA_256, "a,b=c", "pencil", false, { "" },
	    { "n,,n=a=2Cb=3Dc,r=rOprNGfwEbeRWgbNEkqO" } },
};

/* Text with \2 for NUL, in a copy of its own size for the sanitizer. */
static char *
unpack(const char *text, size_t *n)
{
	char *copy = need_copy(text);

	*n = strlen(text);
	for (size_t i = 0; i < *n; i++)
		if (copy[i] == '\2')
			copy[i] = '\0';
	return copy;
}

static void
check_step(size_t i, struct sasl_client *s, const char *question,
    const char *answer)
{
	size_t qn, an = 0;
	char *q = unpack(question, &qn), *a = unpack(answer ? answer : "", &an);
	enum answer got = sasl_client_step(s, q, qn);

	assert_row(i, got == (answer == impostor ? ANSWER_IMPOSTOR :
	    answer ? ANSWER_READY : ANSWER_NONE));
	if (answer && answer != impostor) {
		assert_row(i, s->answer.n == an);
		assert_row(i, memcmp(buf_text(&s->answer), a, an) == 0);
	}
	free(q);
	free(a);
}

static void
steps(void **state)
{
	struct sasl_client s;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		s = (struct sasl_client){ .way = rows[i].way,
			.id = rows[i].id, .id_n = strlen(rows[i].id),
			.secret = rows[i].secret,
			.secret_n = strlen(rows[i].secret),
			.key = rows[i].key, .host = "server.example.com",
			.port = "587", .nonce = "rOprNGfwEbeRWgbNEkqO" };
		for (int k = 0; k < 3 && rows[i].question[k]; k++)
			check_step(i, &s, rows[i].question[k],
			    rows[i].answer[k]);
		sasl_client_reset(&s);
		assert_row(i, s.answer.n == 0 && s.steps == 0);
	}
}

static void
words(void **state)
{
	enum way w;

	(void)state;
	assert_true(way_find("cram-md5 x", 8, &w) && w == WAY_CRAM_MD5);
	assert_true(way_find("Login", 5, &w) && w == WAY_LOGIN);
	assert_true(way_find("XOAUTH2", 7, &w) && w == WAY_XOAUTH2);
	assert_true(way_find("scram-sha-256", 13, &w) &&
	    w == WAY_SCRAM_SHA_256);
	assert_false(way_find("", 0, &w) || way_find("PLAINX", 6, &w) ||
	    way_find("NTLM", 4, &w) || way_find("LOGI", 4, &w));
}

/* Who logs in by which entry: the first of the kind that fits best. */
static void
entries(void **state)
{
	static const struct {
		const char *text;
		const char *secret[WAYS];       /* OAUTHBEARER ... SCRAM */
	} t[] = {
		{ "client LOGIN a one", { NULL, NULL, NULL, "one", "one" } },
		{ "client PLAIN a one", { NULL, NULL, NULL, "one", NULL } },
		{ "client plain a one", { NULL, NULL, "one", "one", "one",
		    "one" } },
		{ "login client a o+20ne", { NULL, NULL, NULL, "o ne",
		    "o ne" } },
		{ "client plain:b YQ== b25l", { NULL, NULL, "one", "one",
		    "one", "one" } },
		{ "client CRAM-MD5 a " KEY, { NULL, NULL, KEY, NULL, NULL } },
		{ "client md5 a " KEY "\nclient plain a two\n"
		    "client LOGIN a three\nclient LOGIN b four",
		    { NULL, NULL, KEY, "three", "three", "two" } },
		{ "client oauth a tok", { "tok", "tok", NULL, NULL, NULL } },
		{ "client plain a one other\nclient plain a two",
		    { NULL, NULL, "two", "two", "two", "two" } },
		{ "client plain:b = =", { NULL } },
		{ "server LOGIN a one", { NULL } },
		{ "", { NULL } },
	};
	struct account a = { .name = { 0 } };
	struct sasl_client s = { .way = WAY_PLAIN };
	char *text;
	bool any;

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		text = need_copy(t[i].text);
		secrets_parse(&a.secrets, "it", text, strlen(text));
		free(text);
		any = false;
		for (enum way w = 0; w < WAYS; w++) {
			if (!t[i].secret[w]) {
				assert_row(i, !account_serves(&a, w, &s));
				continue;
			}
			any = true;
			assert_row(i, account_serves(&a, w, &s));
			assert_string_equal(s.secret, t[i].secret[w]);
			assert_string_equal(s.id, "a");
		}
		assert_row(i, account_any(&a) == any);
		account_wipe(&a);
	}
}

static void
read_source(void *spec)
{
	struct account a = { .name = { 0 } };
	struct sasl_client s = { .way = WAY_PLAIN };

	account_read(&a, spec, false);
	if (account_serves(&a, WAY_LOGIN, &s))
		printf("%s/%s", s.id, s.secret);
	account_wipe(&a);
}

static void
sources(void **state)
{
	static const struct {
		const char *spec;
		int status;
		const char *says;
	} t[] = {
		{ "%s/secrets", 0, "ann/horse" },
		{ "file:%s/secrets", 0, "ann/horse" },
		{ "cred:secrets", 0, "ann/horse" },
		{ "exec:/bin/cat %s/secrets", 0, "ann/horse" },
		{ "plain:YW5u:aG9yc2U=", 0, "ann/horse" },
		{ "%s/none", 78, "No such file" },
		{ "cred:none", 78, "No such file" },
		{ "cred:../secrets", 78, "not the name of a credential" },
		{ "exec:cat", 78, "absolute path" },
		{ "exec:/bin/false", 78, "it has failed" },
		{ "exec:/no/such", 78, "No such file" },
		{ "fd:2", 78, "not a descriptor" },
		{ "fd:x", 78, "not a descriptor" },
		{ "fd:9", 78, "Bad file descriptor" },
		{ "plain:YW5u", 78, "plain: wants" },
		{ "plain:ann:horse!", 78, "plain: wants" },
	};
	char dir[64], path[96], spec[160];
	struct buf out = { 0 };
	FILE *f;

	(void)state;
	scratch_make(dir);
	snprintf(path, sizeof path, "%s/secrets", dir);
	umask(077);
	f = fopen(path, "w");
	fprintf(f, "client LOGIN ann horse\n");
	fclose(f);
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	close(9);
	for (size_t i = 0; i < COUNT(t); i++) {
		const char *at = strstr(t[i].spec, "%s");

		snprintf(spec, sizeof spec, "%.*s%s%s",
		    at ? (int)(at - t[i].spec) : (int)strlen(t[i].spec),
		    t[i].spec, at ? dir : "", at ? at + 2 : "");
		assert_row(i, in_child(read_source, spec, &out) ==
		    t[i].status);
		assert_says(&out, t[i].says);
		assert_row(i, t[i].status == 0 || !strstr(out.s, "horse!"));
	}
	unsetenv("CREDENTIALS_DIRECTORY");
	snprintf(spec, sizeof spec, "cred:secrets");
	assert_int_equal(in_child(read_source, spec, &out), 78);
	buf_free(&out);
	scratch_remove(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps),
		cmocka_unit_test(words),
		cmocka_unit_test(entries),
		cmocka_unit_test(sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
