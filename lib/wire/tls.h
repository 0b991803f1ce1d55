/* SPDX-License-Identifier: ISC */
#ifndef WIRE_TLS_H
#define WIRE_TLS_H

/*
 * TLS as a property of a conversation: once it is agreed upon, a process of
 * its own, tls-io, sits between the network and the io, and nobody else can
 * tell. The only code that knows OpenSSL is there.
 *
 * The end of an encrypted conversation reads as IO_EOF, whether the other
 * side closed it or somebody cut the line: what we speak marks the end of a
 * text by itself, so a text that only ends is not complete.
 */
#include <stdbool.h>

#include "base/list.h"
#include "base/monitor.h"
#include "wire/io.h"

enum tls_version { TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3 };

struct tls_settings {
	enum tls_version floor, ceiling;
	bool ask;               /* for the other side's certificate */
	bool verify;            /* and refuse without one that is trusted */
};

/* The value of --tls-config: numbers of the manual, added up, and words, with
 * commas or + in between; NULL is the default. False: it makes no sense. */
bool tls_settings_parse(struct tls_settings *set, const char *text);

struct tls_config {
	const char *certificate;        /* PEM file; NULL: we have none */
	const char *key;                /* its key; NULL: in the same file */
	const char *settings;           /* --tls-config, or NULL */
	const char *trusted;            /* file or directory; NULL: trust all */
	const char *alpn;               /* our name in ALPN, RFC 7301 */
	bool client;                    /* it is us who connect, */
	const char *server_name;        /* to this server */
	bool no_sandbox;                /* for tls-io */
	struct monitor *monitor;        /* who starts tls-io, if we are split */
	const char *program;            /* from here on tls_open's */
	int certificate_fd, key_fd;     /* or -1 */
};

/* Where the system has its certificates, each under its hash. Unlike the one
 * big file beside it, it costs a connection only what it needs of it. */
#define TLS_SYSTEM "/etc/ssl/certs"

/* Before root is given up: open the files and find tls-io; a connection costs
 * no more than that if it stays in clear. Dies with EX_CONFIG. */
void tls_open(struct tls_config *conf);
/* They have done their work, and what follows is a stranger's input. */
void tls_close_files(struct tls_config *conf);

/* What is known of an encrypted connection; each may be empty. */
struct tls_facts {
	struct buf protocol;    /* TLSv1.3 */
	struct buf cipher;      /* TLS_AES_256_GCM_SHA384 */
	struct buf subject;     /* of the other side's certificate */
	struct buf names;       /* that a server's is for: a.test, 192.0.2.1 */
	struct buf end;         /* of a server's: 2027-01-31 */
	struct buf certificate; /* the same as PEM, in one line */
	struct buf verified;    /* "SUCCESS" or what is wrong with it */
	struct buf server_name; /* what the client thinks we are */
	struct buf why;         /* there is no TLS */
};

/* Has the super-server, or tls-io before us, done it all already? Then it
 * says so in the environment. */
bool tls_inherited(struct tls_facts *facts);
/* Take note of NAME=value, as it would stand there. */
void tls_note(struct tls_facts *facts, const char *fact);
/* Nothing is known any more, for the next connection. */
void tls_forget(struct tls_facts *facts);

enum tls_outcome {
	TLS_SECURE,             /* all that is said from now on is encrypted */
	TLS_UNAVAILABLE,        /* no: the go-ahead was not given */
	TLS_BROKEN              /* neither this nor clear text: hang up */
};

/* The server's side of the handshake, within TLS_SECONDS or the io's own
 * limit. go_ahead, a reply with its line end, is sent when we are ready for
 * the client's hello; NULL if the client needs none. What the client has sent
 * in clear behind its request is never looked at: the outcome is TLS_BROKEN,
 * and nothing can be read or written any more. TLS_SECURE closes the files:
 * it is for once. */
enum { TLS_SECONDS = 60 };
enum tls_outcome tls_accept(struct tls_config *conf, struct io *io,
    const char *go_ahead, struct tls_facts *facts);

/* The client's side, within the same time, when the server waits for our hello:
 * TLS_SECURE or TLS_BROKEN. What it has sent in clear behind its go-ahead is
 * never looked at, and breaks it. With `trusted` set the server has to have a
 * certificate for its name that one of these vouches for; without, what is
 * wrong with it is only noted. The files stay open, for other connections. */
enum tls_outcome tls_connect(const struct tls_config *conf, struct io *io,
    struct tls_facts *facts);

/* What a monitor is asked for by these two, which need not know of it. In the
 * monitor: see to it. relay: the tls-io that was started last, or 0. False: it
 * is about something else. */
enum { TLS_ASK_START = 1000, TLS_ASK_STOP };
bool tls_attend(const struct tls_config *conf, struct petition *p,
    pid_t *relay);

/* The server's side done by the super-server: the UCSPI-TLS convention. */
bool tls_delegable(void);
enum tls_outcome tls_delegate(struct io *io, const char *go_ahead,
    struct tls_facts *facts);

/* Where `tls-io --relay` finds what, besides the network on 0 and 1. It reports
 * in lines: "ready", a fact each, "secure"; or "failed WHY". */
enum {
	TLS_PLAIN_FD = 3,
	TLS_REPORT_FD,
	TLS_CERTIFICATE_FD,     /* this one and the next may be closed */
	TLS_KEY_FD,
	TLS_FDS
};

#endif
