/* SPDX-License-Identifier: ISC */
#include "helpers/tls/engine.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/date.h"
#include "base/text.h"

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

void
handshake_facts(SSL *ssl, struct buf *out)
{
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
	put_fact(out, "SSL_PEER_VERIFY", verdict == X509_V_OK ? "SUCCESS" :
	    X509_verify_cert_error_string(verdict));
	put_certificate(out, peer);
}
