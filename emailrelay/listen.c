/* SPDX-License-Identifier: ISC */
#include "relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/helper.h"

/*
 * Who listens: tcpserver(1), of which there are two, one that knows IPv6 and
 * one that does not, or systemd-socket-activate(1). They are looked for in
 * the directories of the system and nowhere else.
 */
static const char *const directories[] = {
	"/usr/local/bin", "/usr/bin", "/bin", "/command"
};

/* Clients at a time, for each port. */
enum { CLIENTS = 1000, BACKLOG = 128 };

static bool
find(struct buf *path, const char *name)
{
	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
		buf_clear(path);
		buf_printf(path, "%s/%s", directories[i], name);
		if (access(path->s, X_OK) == 0)
			return true;
	}
	return false;
}

/* Its usage begins: [ -461UXp... or [ -1UXp... */
static bool
knows_v6(const char *tcpserver)
{
	struct helper_result r = { 0 };
	struct list words = { 0 };
	const char *flags;
	bool yes;

	list_add(&words, "/bin/sh");
	list_add(&words, "-c");
	list_add(&words, "exec \"$0\" 2>&1");
	list_add(&words, tcpserver);
	helper_run(&r, &words, 10);
	flags = strchr(buf_text(&r.output), '[');
	yes = flags && memchr(flags, '6', strcspn(flags, "]")) != NULL;
	buf_free(&r.output);
	list_free(&words);
	return yes;
}

struct choice {
	struct buf path;
	bool systemd;
	bool v6;                /* a tcpserver with -4 and -6 */
};

static bool
choose_given(struct choice *c, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (access(path, X_OK) < 0)
		die(EX_OSFILE, "exception: cannot run the listener '%s': %s",
		    path, strerror(errno));
	buf_set(&c->path, path);
	c->systemd = strcmp(slash ? slash + 1 : path,
	    "systemd-socket-activate") == 0;
	c->v6 = !c->systemd && knows_v6(path);
	return true;
}

/* For printing it need not be here. */
static bool
choose(struct choice *c, bool v6, const struct config *conf)
{
	if (conf->listener)
		return choose_given(c, conf->listener) &&
		    (c->systemd || c->v6 || !v6);
	if (find(&c->path, "tcpserver")) {
		c->v6 = knows_v6(c->path.s);
		if (c->v6 || !v6)
			return true;
	}
	c->v6 = false;
	c->systemd = find(&c->path, "systemd-socket-activate");
	if (!c->systemd && conf->print != PRINT_NOTHING) {
		buf_set(&c->path, "/usr/bin/tcpserver");
		c->v6 = v6;
		return true;
	}
	return c->systemd;
}

static const struct choice *
chosen(bool v6, const struct config *conf)
{
	static struct choice choices[2];
	struct choice *c = &choices[v6];

	if (!c->path.n && !choose(c, v6, conf))
		die(EX_UNAVAILABLE, v6 ? "exception: nothing here listens on "
		    "IPv6 addresses: it takes tcpserver with -6 (Debian: "
		    "ucspi-tcp-ipv6) or systemd-socket-activate" :
		    "exception: nothing here listens: it takes tcpserver "
		    "(Debian: ucspi-tcp) or systemd-socket-activate");
	return c;
}

static void
add_number(struct list *words, const char *flag, unsigned long n)
{
	char text[24];

	list_add(words, flag);
	snprintf(text, sizeof text, "%lu", n);
	list_add(words, text);
}

/* -u and -g for a program that need not be root. */
static void
add_user(struct list *words, const struct service *s,
    const struct config *conf)
{
	const struct passwd *pw;

	if (s->as_root || geteuid() != 0)
		return;
	pw = getpwnam(conf->common.user);
	if (!pw || pw->pw_uid == 0)
		return;
	add_number(words, "-u", pw->pw_uid);
	add_number(words, "-g", pw->pw_gid);
}

static void
tcpserver_words(struct list *words, const struct choice *c,
    const struct service *s, const struct config *conf)
{
	char port[8];

	if (c->v6)
		list_add(words, place_is_v6(&s->at) ? "-6" : "-4");
	list_add(words, "-HR");
	list_add(words, "-l");
	list_add(words, "localhost");
	add_number(words, "-c", CLIENTS);
	add_number(words, "-b", BACKLOG);
	add_user(words, s, conf);
	/* it does not know this address by its name */
	list_add(words, strcmp(s->at.address, "::") == 0 ? "0" :
	    s->at.address);
	snprintf(port, sizeof port, "%u", s->at.port);
	list_add(words, port);
}

/* systemd-socket-activate hands on what it is told to, and no more. */
static void
add_variables(struct list *words)
{
	static const char ours[] = "SLUICE_";
	struct buf word = { 0 };

	for (char **e = environ; e && *e; e++) {
		if (strncmp(*e, ours, sizeof ours - 1) != 0)
			continue;
		buf_set(&word, "--setenv=");
		buf_add(&word, *e, strcspn(*e, "="));
		list_add(words, word.s);
	}
	buf_free(&word);
}

void
listen_words(struct list *words, const struct service *s,
    const struct config *conf)
{
	const struct choice *c = chosen(place_is_v6(&s->at), conf);
	struct buf listen = { 0 };

	list_add(words, c->path.s);
	if (!c->systemd) {
		tcpserver_words(words, c, s, conf);
		return;
	}
	list_add(words, "--accept");
	list_add(words, "--inetd");
	buf_puts(&listen, "--listen=");
	place_text(&listen, &s->at);
	list_add(words, listen.s);
	if (plan_secret(conf))
		list_add(words, "--setenv=" SECRET_VARIABLE);
	add_variables(words);
	buf_free(&listen);
}

void
listen_command(struct list *words, const struct service *s,
    const struct config *conf)
{
	listen_words(words, s, conf);
	list_add(words, s->path.s);
	for (size_t i = 0; i < s->options.n; i++)
		list_add(words, list_get(&s->options, i));
}

bool
listen_drops_root(const struct service *s, const struct config *conf)
{
	/* what tcpserver does by itself, where no port is in the way */
	return chosen(place_is_v6(&s->at), conf)->systemd && !s->as_root &&
	    s->at.port >= IPPORT_RESERVED;
}

static socklen_t
to_address(const struct place *at, struct sockaddr_storage *a)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)a;
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)a;

	memset(a, 0, sizeof *a);
	if (place_is_v6(at)) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)at->port);
		inet_pton(AF_INET6, at->address, &v6->sin6_addr);
		return sizeof *v6;
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons((uint16_t)at->port);
	inet_pton(AF_INET, at->address, &v4->sin_addr);
	return sizeof *v4;
}

/* Two may bind the same address like that as long as neither listens. */
int
listen_probe(const struct place *at)
{
	struct sockaddr_storage a;
	socklen_t n = to_address(at, &a);
	int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), e = 0;
	int on = 1;

	if (fd < 0)
		return errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&a, n) < 0)
		e = errno;
	close(fd);
	return e;
}
