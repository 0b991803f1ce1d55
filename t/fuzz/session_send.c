/* SPDX-License-Identifier: ISC */
/*
 * A whole session of smtp-send, with the input as the server: greeting, EHLO,
 * STARTTLS, AUTH, and three messages. The first octet is the options; what
 * follows is the wire's (parts/wire.h). No system call is made but for the
 * text of the message.
 */
#include "parts/wire.h"

#include <sys/mman.h>
#include <unistd.h>

#include "smtp-send/send.h"

enum { MESSAGES = 3 };
enum {
	WITH_AUTH = 1, WITH_TLS = 2, WITH_TLS_REQUIRED = 4, WITH_TLS_FIRST = 8,
	WITH_UTF8 = 16, WITH_MANY = 32, WITH_DISTRUST = 128
};

static struct {
	bool on;
	size_t from;                    /* where it began in what we said */
} encrypted;

/* --- in place of the network: see parts/wire.h --- */

int __wrap_socks_connect(const struct net_target *to,
    const struct net_target *proxy, unsigned seconds, char ip[64],
    struct buf *why);
enum tls_outcome __wrap_tls_connect(const struct tls_config *conf,
    struct io *io, struct tls_facts *facts);
enum tls_outcome __real_tls_connect(const struct tls_config *conf,
    struct io *io, struct tls_facts *facts);

int
__wrap_socks_connect(const struct net_target *to,
    const struct net_target *proxy, unsigned seconds, char ip[64],
    struct buf *why)
{
	(void)to;
	(void)proxy;
	(void)seconds;
	(void)why;
	snprintf(ip, 64, "192.0.2.1");
	return wire_open();
}

enum tls_outcome
__wrap_tls_connect(const struct tls_config *conf, struct io *io,
    struct tls_facts *facts)
{
	if (io_buffered(io) > 0)
		return __real_tls_connect(conf, io, facts);
	io_flush(io);
	if (wire_waiting()) {
		buf_set(&facts->why, "no handshake");
		return TLS_BROKEN;
	}
	encrypted.on = true;
	encrypted.from = wire.sent.n;
	return TLS_SECURE;
}

/* --- the other side of it --- */

static struct config conf;
static struct client client;
static struct claim message;

static void
prepare(void)
{
	static char secrets[] = "client plain ann horse\n"
	    "client oauth ann t0ken\n";
	static const char text[] = "Subject: x\n\n.text\r\n..\r.\n\xc3\xa4";

	wire_be_silent();
	conf = defaults;
	client.conf = &conf;
	client.token.dir = -1;
	CLAIM(net_parse(&client.target, "next.test:25"));
	snprintf(client.domain, sizeof client.domain, "mx.test");
	secrets_parse(&client.account.secrets, "secrets", secrets,
	    sizeof secrets - 1);
	message.content = memfd_create("text", MFD_CLOEXEC);
	CLAIM(write(message.content, text, sizeof text - 1) ==
	    sizeof text - 1);
	message.octets = sizeof text - 1;
}

static void
configure(unsigned how)
{
	struct envelope *e = &message.envelope;

	conf.client_tls = (how & WITH_TLS) != 0;
	conf.client_tls_required = (how & WITH_TLS_REQUIRED) != 0;
	conf.client_tls_connection = (how & WITH_TLS_FIRST) != 0;
	conf.tls.trusted = how & WITH_DISTRUST ? "none" : NULL;
	client.credentials = (how & WITH_AUTH) != 0;
	buf_set(&e->from, "from@a.test");
	list_clear(&e->remote);
	list_add(&e->remote, how & WITH_UTF8 ? "\xc3\xa4@b.test" :
	    "to@b.test");
	for (int i = 0; i < 150 && how & WITH_MANY; i++)
		list_add(&e->remote, "more@b.test");
	e->eight_bit = true;
}

/* --- what has to hold --- */

static void
check_words(void)
{
	struct buf text = { 0 };
	char code[12];

	CLAIM(client.reply.code >= 200 && client.reply.code <= 599);
	for (size_t i = 0; i < client.reply.lines.n; i++) {
		const char *line = list_get(&client.reply.lines, i);

		CLAIM(text_clean(line, strlen(line)));
	}
	reply_text(&client.reply, &text);
	CLAIM(text.n <= 500 && text_clean(text.s, text.n) &&
	    text_utf8(text.s, text.n));
	reply_enhanced(&client.reply, code);
	buf_free(&text);
}

/* It is said under TLS only, if at all. */
static void
check_secret(const char *word, bool allowed, bool in_clear)
{
	const char *at = memmem(buf_text(&wire.sent), wire.sent.n, word,
	    strlen(word));

	if (!at)
		return;
	CLAIM(allowed);
	CLAIM(in_clear || (encrypted.on &&
	    (size_t)(at - wire.sent.s) >= encrypted.from));
}

static void
check_sent(unsigned how)
{
	bool auth = how & WITH_AUTH, first = how & WITH_TLS_FIRST;
	bool tls = first || how & (WITH_TLS | WITH_TLS_REQUIRED);
	/* a password wants a server that we know; and without that, or with
	 * --client-tls alone, one without TLS will do */
	bool in_clear = !tls || (!first && !(how & WITH_TLS_REQUIRED) &&
	    (!auth || how & WITH_DISTRUST));
	const char *s = buf_text(&wire.sent);
	size_t n = wire.sent.n;

	for (size_t i = 0; i < n; i++) {
		CLAIM(s[i] != '\n' || (i > 0 && s[i - 1] == '\r'));
		CLAIM(s[i] != '\r' || i + 1 == n || s[i + 1] == '\n');
	}
	check_secret("aG9yc2U", auth, in_clear);
	check_secret("AGFubgBob3JzZQ", auth, in_clear);
	check_secret("dXNlcj1hbm4BYXV0aD1C", auth, false);
	check_secret("bixhPWFubiw", auth, false);
	check_secret("MAIL FROM", true, in_clear);
}

static void
check_fate(enum fate f)
{
	size_t n = wire.sent.n;

	CLAIM(!client.doubtful || f == LOST);
	CLAIM(f != SENT || client.reply.code / 100 == 2);
	CLAIM(f != SENT || memmem(wire.sent.s, n, "\r\nBDAT ", 7) ||
	    (n > 5 && memcmp(wire.sent.s + n - 5, "\r\n.\r\n", 5) == 0));
	CLAIM(f != REFUSED || client.reply.code >= 500);
	CLAIM(f != LOST || !client.open);
	check_words();
}

static void
send_some(void)
{
	struct answers a = { 0 };

	for (int i = 0; i < MESSAGES && client_ready(&client) &&
	    client_reset(&client); i++) {
		answers_open(&a, &message);
		check_fate(transact(&client, &message, &a));
		answers_free(&a);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static bool prepared;

	if (!prepared)
		prepare();
	prepared = true;
	if (n == 0)
		return 0;
	wire_start(data + 1, n - 1);
	encrypted.on = false;
	configure(data[0]);
	if (client_open(&client)) {
		CLAIM(client.authenticated == client.credentials);
		send_some();
		client_close(&client);
	} else {
		check_words();
	}
	CLAIM(!client.open);
	check_sent(data[0]);
	return 0;
}
