/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "wire/tls.h"

static void
makes_sense(void **state)
{
	static const struct {
		const char *text;
		enum tls_version floor, ceiling;
		bool ask, verify;
	} t[] = {
		{ NULL, TLS_1_2, TLS_1_3, false, false },
		{ "0", TLS_1_2, TLS_1_3, false, false },
		{ "2", TLS_1_2, TLS_1_3, false, false },
		{ "3", TLS_1_2, TLS_1_3, false, false },
		{ "4", TLS_1_2, TLS_1_3, true, false },
		{ "6", TLS_1_2, TLS_1_3, true, false },
		{ "8", TLS_1_2, TLS_1_3, false, true },
		{ "15", TLS_1_2, TLS_1_3, true, true },
		{ "4+8", TLS_1_2, TLS_1_3, true, true },
		{ "tlsv1.0", TLS_1_0, TLS_1_3, false, false },
		{ "tlsv1.1,-tlsv1.1", TLS_1_1, TLS_1_1, false, false },
		{ "-tlsv1.2", TLS_1_2, TLS_1_2, false, false },
		{ "4,tlsv1.3", TLS_1_3, TLS_1_3, true, false },
		{ "openssl,tlsv1.3,8", TLS_1_3, TLS_1_3, false, true },
		{ "mbedtls", TLS_1_2, TLS_1_3, false, false },
	};
	struct tls_settings set;

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		assert_row(i, tls_settings_parse(&set, t[i].text));
		assert_row(i, set.floor == t[i].floor);
		assert_row(i, set.ceiling == t[i].ceiling);
		assert_row(i, set.ask == t[i].ask);
		assert_row(i, set.verify == t[i].verify);
	}
}

static void
makes_none(void **state)
{
	static const char *const t[] = {
		"", ",", "4,", ",4", "4,,8", "16", "-1", "04", "4 8", "100",
		"tlsv1", "tlsv1.4", "tlsv1.2x", "-", "--tlsv1.2", "sslv3",
		"tlsv1.3,-tlsv1.2", "-tlsv1.1", "TLSV1.2",
	};
	struct tls_settings set;

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++)
		assert_row(i, !tls_settings_parse(&set, t[i]));
}

static void
notes_facts(void **state)
{
	struct tls_facts facts = { 0 };

	(void)state;
	tls_note(&facts, "SSL_PROTOCOL=TLSv1.3");
	tls_note(&facts, "SSL_CIPHER=");
	tls_note(&facts, "SSL_PEER_CERT_PEM=one\r\ntwo\nthree");
	tls_note(&facts, "SSL_PEER_CERT_SUBJECT=CN=a\tb");
	tls_note(&facts, "SSL_PROTOCOLS=x");
	tls_note(&facts, "SSL_TLS_SNI_SERVERNAME");
	tls_note(&facts, "");
	assert_text(&facts.protocol, "TLSv1.3");
	assert_text(&facts.cipher, "");
	assert_text(&facts.certificate, "onetwothree");
	assert_text(&facts.subject, "");
	assert_text(&facts.server_name, "");
	buf_free(&facts.protocol);
	buf_free(&facts.cipher);
	buf_free(&facts.certificate);
	buf_free(&facts.subject);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_sense),
		cmocka_unit_test(makes_none),
		cmocka_unit_test(notes_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
