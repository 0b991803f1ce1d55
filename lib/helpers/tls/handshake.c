/* SPDX-License-Identifier: ISC */
#include "helpers/tls/engine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "base/date.h"
#include "base/text.h"

enum { NAMES_MOST = 1000 };     /* octets; some have hundreds of names */

/* Wait until the network is ready; false after the time, or when the program
 * has gone. */
static bool
await(const struct engine *e, short what, int64_t by, struct buf *why)
{
	struct pollfd p[2] = {
		{ .fd = what == POLLIN ? e->in : e->out, .events = what },
		{ .fd = e->plain }
	};
	int64_t left;
	int n;

	do {
		left = by - date_ticks();
		n = left <= 0 ? 0 : poll(p, 2, (int)left);
	} while (n < 0 && errno == EINTR);
	if (n > 0 && !p[1].revents)
		return true;
	buf_set(why, n > 0 ? "the program has gone" : "timed out");
	return false;
}

static void
explain(SSL *ssl, int error, struct buf *why)
{
	unsigned long last = ERR_peek_last_error();

	if (error == SSL_ERROR_SYSCALL && ERR_peek_error() == 0)
		buf_set(why, errno ? strerror(errno) : "connection closed");
	else
		context_explain(why);
	if (ERR_GET_LIB(last) == ERR_LIB_SSL &&
	    ERR_GET_REASON(last) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		buf_printf(why, ": %s", X509_verify_cert_error_string(
		    SSL_get_verify_result(ssl)));
}

bool
handshake(struct engine *e, struct buf *why)
{
	int64_t by = date_ticks() + (int64_t)TLS_SECONDS * 1000;
	int n, error;

	for (;;) {
		ERR_clear_error();
		errno = 0;
		n = SSL_do_handshake(e->ssl);
		if (n == 1)
			return true;
		error = SSL_get_error(e->ssl, n);
		if (error != SSL_ERROR_WANT_READ &&
		    error != SSL_ERROR_WANT_WRITE) {
			explain(e->ssl, error, why);
			return false;
		}
		if (!await(e, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT,
		    by, why))
			return false;
	}
}

/* --- what came of it --- */

static void
put_fact(struct buf *out, const char *name, const char *value)
{
	if (value && text_clean(value, strlen(value)))
		buf_printf(out, "%s=%s\n", name, value);
}

/* As RFC 2253 writes it: what is not ASCII is escaped. */
static void
put_name(struct buf *out, const char *name, const X509_NAME *x)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct buf value = { 0 };
	char *p;
	long n;

	X509_NAME_print_ex(bio, x, 0, XN_FLAG_RFC2253);
	n = BIO_get_mem_data(bio, &p);
	if (n > 0)
		buf_add(&value, p, (size_t)n);
	put_fact(out, name, buf_text(&value));
	buf_free(&value);
	BIO_free(bio);
}

/* PEM, but in one line. */
static void
put_certificate(struct buf *out, X509 *x)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p;
	long n;

	PEM_write_bio_X509(bio, x);
	n = BIO_get_mem_data(bio, &p);
	buf_puts(out, "SSL_PEER_CERT_PEM=");
	for (long i = 0; i < n; i++)
		if (p[i] != '\n')
			buf_putc(out, p[i]);
	buf_putc(out, '\n');
	BIO_free(bio);
}

/* A name in a certificate that a server can be asked for by; other kinds, of
 * which the union has other things, are left out. */
static void
add_name(struct buf *names, const GENERAL_NAME *g)
{
	char ip[INET6_ADDRSTRLEN];
	const char *comma = names->n ? ", " : "";
	const unsigned char *p;
	int n;

	if (g->type == GEN_DNS) {
		p = ASN1_STRING_get0_data(g->d.dNSName);
		n = ASN1_STRING_length(g->d.dNSName);
		buf_printf(names, "%s%.*s", comma, n, (const char *)p);
	} else if (g->type == GEN_IPADD) {
		p = ASN1_STRING_get0_data(g->d.iPAddress);
		n = ASN1_STRING_length(g->d.iPAddress);
		if ((n == 4 || n == 16) && inet_ntop(n == 4 ? AF_INET :
		    AF_INET6, p, ip, sizeof ip))
			buf_printf(names, "%s%s", comma, ip);
	}
}

/* Whom a server's certificate is for: mx.example, 192.0.2.1 */
static void
put_names(struct buf *out, X509 *x)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(x, NID_subject_alt_name, NULL,
	    NULL);
	struct buf names = { 0 };

	for (int i = 0; i < sk_GENERAL_NAME_num(all) && names.n < NAMES_MOST;
	    i++)
		add_name(&names, sk_GENERAL_NAME_value(all, i));
	put_fact(out, "SSL_PEER_CERT_NAMES", buf_text(&names));
	buf_free(&names);
	GENERAL_NAMES_free(all);
}

static void
put_end(struct buf *out, const X509 *x)
{
	struct tm end;
	char date[32];

	if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &end) == 1 &&
	    strftime(date, sizeof date, "%Y-%m-%d", &end) > 0)
		put_fact(out, "SSL_PEER_CERT_END", date);
}

void
handshake_facts(const struct engine *e, struct buf *out)
{
	const SSL *ssl = e->ssl;
	X509 *peer = SSL_get0_peer_certificate(ssl);
	long verdict = SSL_get_verify_result(ssl);

	put_fact(out, "SSL_PROTOCOL", SSL_get_version(ssl));
	put_fact(out, "SSL_CIPHER", SSL_get_cipher_name(ssl));
	put_fact(out, "SSL_TLS_SNI_SERVERNAME",
	    SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
	if (!peer)
		return;
	put_name(out, "SSL_PEER_CERT_SUBJECT", X509_get_subject_name(peer));
	put_name(out, "SSL_PEER_CERT_ISSUER", X509_get_issuer_name(peer));
	if (!SSL_is_server(ssl)) {
		put_names(out, peer);
		put_end(out, peer);
	}
	put_fact(out, "SSL_PEER_VERIFY", e->faults.n ? e->faults.s :
	    verdict == X509_V_OK ? "SUCCESS" :
	    X509_verify_cert_error_string(verdict));
	put_certificate(out, peer);
}
