/* SPDX-License-Identifier: ISC */
#include "helpers/tls/engine.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FILE_MOST = 1 << 20,
	CHAIN_MOST = 65536      /* octets of certificates from a client */
};

void
context_explain(struct buf *why)
{
	unsigned long e = ERR_peek_last_error();
	const char *reason = ERR_SYSTEM_ERROR(e) ?
	    strerror(ERR_GET_REASON(e)) : ERR_reason_error_string(e);

	if (reason)
		buf_puts(why, reason);
	else
		buf_printf(why, "OpenSSL error %lx", e);
}

static void
set_versions(SSL_CTX *ctx, const struct tls_settings *set)
{
	static const int numbers[] = {
		[TLS_1_0] = TLS1_VERSION, [TLS_1_1] = TLS1_1_VERSION,
		[TLS_1_2] = TLS1_2_VERSION, [TLS_1_3] = TLS1_3_VERSION
	};

	SSL_CTX_set_min_proto_version(ctx, numbers[set->floor]);
	SSL_CTX_set_max_proto_version(ctx, numbers[set->ceiling]);
	/* The old versions sign with SHA-1, which level 1 does without; at
	 * level 2 the manual's own example of a certificate is too weak. */
	SSL_CTX_set_security_level(ctx, set->floor < TLS_1_2 ? 0 : 1);
	SSL_CTX_set_cipher_list(ctx,
	    "HIGH:!aNULL:!eNULL:!3DES:!MD5:!PSK:!SRP");
}

/* Each connection has a process of its own: nothing is kept for the next. */
static void
set_manners(SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION |
	    SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
	    SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_max_cert_list(ctx, CHAIN_MOST);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, 4 * SSL3_RT_MAX_PLAIN_LENGTH);
}

/* --- certificate and key --- */

/* From a descriptor, since the path may be root's. */
static BIO *
read_file(int fd, const char *name, struct buf *why)
{
	struct stat st;
	BIO *bio = BIO_new(BIO_s_mem());
	char block[8192];
	ssize_t n = -1;
	off_t at = 0;

	if (fstat(fd, &st) < 0 || S_ISDIR(st.st_mode))
		errno = EISDIR;
	else
		while ((n = pread(fd, block, sizeof block, at)) > 0 &&
		    at < FILE_MOST && BIO_write(bio, block, (int)n) == n)
			at += n;
	OPENSSL_cleanse(block, sizeof block);
	if (at > 0 && n == 0)
		return bio;
	buf_printf(why, "cannot read '%s': %s", name,
	    at > 0 || n == 0 ? "no PEM file" : strerror(errno));
	BIO_free(bio);
	return NULL;
}

static int
no_password(char *buffer, int size, int writing, void *data)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)data;
	return -1;
}

static bool
no_good(struct buf *why, const char *what, const char *name)
{
	buf_printf(why, "%s '%s': ", what, name);
	context_explain(why);
	ERR_clear_error();
	return false;
}

/* The first one is ours, the others lead from there to the root. */
static bool
load_certificates(SSL_CTX *ctx, const struct tls_config *conf, struct buf *why)
{
	BIO *bio = read_file(conf->certificate_fd, conf->certificate, why);
	X509 *x;
	bool ok;

	if (!bio)
		return false;
	x = PEM_read_bio_X509(bio, NULL, no_password, NULL);
	ok = x && SSL_CTX_use_certificate(ctx, x) == 1;
	X509_free(x);
	while (ok && (x = PEM_read_bio_X509(bio, NULL, no_password, NULL)))
		ok = SSL_CTX_add0_chain_cert(ctx, x) == 1;
	BIO_free(bio);
	if (!ok)
		return no_good(why, "no usable certificate in",
		    conf->certificate);
	ERR_clear_error();
	return true;
}

static bool
load_key(SSL_CTX *ctx, const struct tls_config *conf, struct buf *why)
{
	const char *name = conf->key ? conf->key : conf->certificate;
	BIO *bio = read_file(conf->key ? conf->key_fd : conf->certificate_fd,
	    name, why);
	EVP_PKEY *key;
	bool ok;

	if (!bio)
		return false;
	key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	ok = key && SSL_CTX_use_PrivateKey(ctx, key) == 1 &&
	    SSL_CTX_check_private_key(ctx) == 1;
	EVP_PKEY_free(key);
	BIO_free(bio);
	return ok || no_good(why, "no usable key in", name);
}

/* --- the other side's certificate --- */

/* Does it say what another fault has not said already? That nobody vouches for
 * the first certificate is clear if its issuer is not known. */
static bool
is_news(const struct buf *faults, int error, const char *text)
{
	return error != X509_V_OK && !strstr(buf_text(faults), text) &&
	    (error != X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE ||
	    faults->n == 0);
}

/* Each fault goes into the list, which is a struct buf and the connection's
 * application data. */
static int
accept_any(int ok, X509_STORE_CTX *store)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(store,
	    SSL_get_ex_data_X509_STORE_CTX_idx());
	struct buf *faults = SSL_get_app_data(ssl);
	int error = X509_STORE_CTX_get_error(store);
	const char *text = X509_verify_cert_error_string(error);

	if (!ok && is_news(faults, error, text))
		buf_printf(faults, "%s%s", faults->n ? ", " : "", text);
	return 1;
}

static bool
load_trusted(SSL_CTX *ctx, const char *path, struct buf *why)
{
	struct stat st;
	bool directory = stat(path, &st) == 0 && S_ISDIR(st.st_mode);

	if (directory ? SSL_CTX_load_verify_dir(ctx, path) != 1 :
	    SSL_CTX_load_verify_file(ctx, path) != 1)
		return no_good(why, "no usable certificates in", path);
	/* One that is named there is good without its issuer, too. */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx),
	    X509_V_FLAG_PARTIAL_CHAIN);
	return true;
}

/* The client is told which certificates would do, if they are in one file. */
static bool
name_trusted(SSL_CTX *ctx, const char *path)
{
	SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(path));
	ERR_clear_error();
	return true;
}

/* Without --server-tls-verify the trusted ones lie beside our own, as with
 * E-MailRelay 1.9. */
static void
put_beside(struct buf *dir, const char *certificate)
{
	const char *slash = strrchr(certificate, '/');

	buf_add(dir, slash ? certificate : "./",
	    slash ? (size_t)(slash - certificate) + 1 : 2);
}

static bool
load_beside(SSL_CTX *ctx, const char *certificate, struct buf *why)
{
	struct buf dir = { 0 };
	bool ok;

	put_beside(&dir, certificate);
	ok = load_trusted(ctx, dir.s, why);
	buf_free(&dir);
	return ok;
}

void
context_places(const struct tls_config *conf, struct list *paths)
{
	struct tls_settings set = { .verify = false };
	struct buf dir = { 0 };

	tls_settings_parse(&set, conf->settings);
	if (conf->trusted)
		buf_puts(&dir, conf->trusted);
	else if (conf->client)
		buf_puts(&dir, TLS_SYSTEM);
	else if (set.verify)
		put_beside(&dir, conf->certificate);
	if (dir.n)
		context_reach(dir.s, paths);
	buf_free(&dir);
}

static bool
set_asking(SSL_CTX *ctx, const struct tls_config *conf,
    const struct tls_settings *set, struct buf *why)
{
	if (conf->trusted || set->verify) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER |
		    SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
		return conf->trusted ? load_trusted(ctx, conf->trusted, why) &&
		    name_trusted(ctx, conf->trusted) :
		    load_beside(ctx, conf->certificate, why);
	}
	if (set->ask)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, accept_any);
	return true;
}

/* Somebody who wants another protocol was led here by a man in the middle. */
static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *n,
    const unsigned char *in, unsigned left, void *conf)
{
	const char *name = ((const struct tls_config *)conf)->alpn;
	size_t want = strlen(name);

	(void)ssl;
	for (; left > 0 && in[0] < left; left -= *n + 1U, in += *n + 1) {
		*n = in[0];
		*out = in + 1;
		if (*n == want && memcmp(*out, name, want) == 0)
			return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* A client looks at the server's certificate in any case: what is wrong with it
 * is reported, at least. */
static bool
set_judging(SSL_CTX *ctx, const struct tls_config *conf, struct buf *why)
{
	if (conf->trusted) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		return load_trusted(ctx, conf->trusted, why);
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, accept_any);
	SSL_CTX_load_verify_dir(ctx, TLS_SYSTEM);
	ERR_clear_error();
	return true;
}

void
context_expect(SSL *ssl, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	SSL_set_connect_state(ssl);
	if (!name || X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1)
		return;         /* RFC 6066 has no addresses */
	ERR_clear_error();
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	SSL_set1_host(ssl, name);
	SSL_set_tlsext_host_name(ssl, name);
}

static bool
prepare(SSL_CTX *ctx, struct tls_config *conf, struct buf *why)
{
	struct tls_settings set;

	if (!tls_settings_parse(&set, conf->settings)) {
		buf_printf(why, "invalid --tls-config: %s", conf->settings);
		return false;
	}
	set_versions(ctx, &set);
	set_manners(ctx);
	if (conf->alpn && !conf->client)
		SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, conf);
	if ((conf->certificate || !conf->client) &&
	    (!load_certificates(ctx, conf, why) || !load_key(ctx, conf, why)))
		return false;
	return conf->client ? set_judging(ctx, conf, why) :
	    set_asking(ctx, conf, &set, why);
}

SSL_CTX *
context_open(struct tls_config *conf, struct buf *why)
{
	/* A start is most of what an encrypted connection costs. The table of
	 * ciphers by name is for keys with a pass phrase, which nobody could
	 * be asked for; that of digests is needed to judge certificates. */
	const uint64_t lean = OPENSSL_INIT_NO_LOAD_CONFIG |
	    OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_NO_ADD_ALL_CIPHERS;
	SSL_CTX *ctx = NULL;

	if (OPENSSL_init_crypto(lean, NULL) == 1 &&
	    OPENSSL_init_ssl(lean, NULL) == 1)
		ctx = SSL_CTX_new(conf->client ? TLS_client_method() :
		    TLS_server_method());
	if (!ctx) {
		context_explain(why);
		return NULL;
	}
	if (prepare(ctx, conf, why))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}
