/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/hmac.h"

#define FOOBAR "3507327710.2524437411.674156941.3275202688." \
	"3577739107.3692417735.1542828932.27631078"
#define TANSTAAF "1376891476.79044465.1577270986.1796281712." \
	"458124752.2764766246.18396848.2738889491"
#define SECRET "4059553961.2316091643.3282746241.1444639637." \
	"3735501773.3404060330.2760590371.1201092398"
#define TEN_XS "xxxxxxxxxx"

/* What emailrelay-passwd makes of passwords, and back. */
static void
keys(void **state)
{
	static const char *const t[][2] = {
		{ "foobar", FOOBAR },
		{ "tanstaaftanstaaf", TANSTAAF },
		{ "secret", SECRET },
		{ "secret3", "2940535974.337096676.1211006170.4061639714."
		    "1864104583.3538667952.1964995528.1845384104" },
		{ "a", "4204368623.2216758483.3221812346.3606846050."
		    "3962811942.1390279051.2311426914.3736928372" },
		{ "e=mc2", "2798539199.3144534242.3784876256.2879973305."
		    "2327113479.216533878.2436460291.2361831919" },
		{ "my password", "688498119.2977922305.1278051807.3015243256."
		    "2216875978.2833592318.2902375592.3156808220" },
		{ TEN_XS TEN_XS TEN_XS TEN_XS TEN_XS TEN_XS TEN_XS,
		    "1024911339.2936108287.3558255285.530567149."
		    "985334657.2845199146.1322163402.579718398" },
		{ "", "3789430813.3037415487.1473836952.468067163."
		    "4068242432.3306270719.2539932394.4227938716" },
	};
	struct hmac_key k, back;
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		buf_clear(&out);
		hmac_key(&k, t[i][0], strlen(t[i][0]));
		hmac_key_dotted(&k, &out);
		assert_text(&out, t[i][1]);
		assert_row(i, hmac_key_parse(&back, t[i][1]));
		assert_memory_equal(&back, &k, sizeof k);
		buf_clear(&out);
		hmac_key_base64(&k, &out);
		assert_row(i, hmac_key_parse(&back, out.s));
		assert_memory_equal(&back, &k, sizeof k);
	}
	buf_free(&out);
}

static void
key_in_base64(void **state)
{
	struct hmac_key k;
	struct buf out = { 0 };

	(void)state;
	assert_true(hmac_key_parse(&k,
	    "3pIN0aPbd5aN0S4ogKA3w2P3P9XH0hXchLP1W+adpQE="));
	hmac_key_dotted(&k, &out);
	assert_text(&out, FOOBAR);
	buf_free(&out);
}

static void
not_keys(void **state)
{
	static const char *const bad[] = {
		"", ".", "1.2.3.4.5.6.7", "1.2.3.4.5.6.7.8.9", "1.2.3.4.5.6.7.",
		"1.2.3.4.5.6.7.8.", ".1.2.3.4.5.6.7.8", "1.2.3.4.5.6.7.x",
		"1.2.3.4.5.6.7.4294967296", "1.2.3.4.5.6.7.-1",
		"1.2.3.4.5.6.7.08", "1.2.3.4.5.6.7. 8", "1..3.4.5.6.7.8",
		"1.2.3.4.5.6.7.18446744073709551617", "plaintext", "Zm9v",
		"3pIN0aPbd5aN0S4ogKA3w2P3P9XH0hXchLP1W+adpQ==",
		"3pIN0aPbd5aN0S4ogKA3w2P3P9XH0hXchLP1W+adpQE",
	};
	struct hmac_key k = { .inner = { 7 } };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_row(i, !hmac_key_parse(&k, bad[i]));
	assert_int_equal(k.inner[0], 7);
}

static void
assert_digest(const char *key, const char *text, const char *hex)
{
	unsigned char digest[HMAC_OCTETS];
	struct buf got = { 0 };
	struct hmac_key k;

	assert_true(hmac_key_parse(&k, key));
	hmac_digest(&k, text, strlen(text), digest);
	for (size_t i = 0; i < HMAC_OCTETS; i++)
		buf_printf(&got, "%02x", digest[i]);
	assert_text(&got, hex);
	buf_free(&got);
}

/* RFC 2195 section 2, and the same challenge with another password. */
static void
digests(void **state)
{
	static const char challenge[] =
	    "<1896.697170952@postoffice.reston.mci.net>";

	(void)state;
	assert_digest(TANSTAAF, challenge, "b913a602c7eda7a495b4e6e7334d3890");
	assert_digest(SECRET, challenge, "733ba87e64ed7e441f062c4ac6db0103");
}

/* RFC 1939 section 7. */
static void
apop(void **state)
{
	static const char challenge[] = "<1896.697170952@dbc.mtview.ca.us>";
	unsigned char digest[HMAC_OCTETS];
	struct buf got = { 0 };

	(void)state;
	apop_digest(challenge, strlen(challenge), "tanstaaf", 8, digest);
	for (size_t i = 0; i < HMAC_OCTETS; i++)
		buf_printf(&got, "%02x", digest[i]);
	assert_text(&got, "c4c9334bac560ecc979e58001b3e22fb");
	buf_free(&got);
}

static void
equality(void **state)
{
	unsigned char a[HMAC_OCTETS] = { 1, 2, 3 }, b[HMAC_OCTETS];

	(void)state;
	for (size_t i = 0; i < HMAC_OCTETS; i++) {
		memcpy(b, a, sizeof b);
		assert_true(hmac_equal(a, b));
		b[i] ^= 0x80;
		assert_row(i, !hmac_equal(a, b));
	}
	assert_true(hmac_same_text("secret", 6, "secret", 6));
	assert_false(hmac_same_text("secret", 6, "secret", 5));
	assert_false(hmac_same_text("secret", 6, "Secret", 6));
	assert_false(hmac_same_text("secret", 6, "", 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys),
		cmocka_unit_test(key_in_base64),
		cmocka_unit_test(not_keys),
		cmocka_unit_test(digests),
		cmocka_unit_test(apop),
		cmocka_unit_test(equality),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
