/* SPDX-License-Identifier: ISC */
#include "relay.h"

#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/program.h"

static const char *const programs[] = {
	[SMTP] = "smtp-recv", [POP3] = "pop3-serve", [ADMIN] = "admin-cmd",
	[SENDER] = "smtp-send"
};
static const unsigned bits[] = {
	[SMTP] = TO_RECV, [POP3] = TO_POP, [ADMIN] = TO_ADMIN,
	[SENDER] = TO_SEND
};

static unsigned
takers(const char *word)
{
	char name[64];
	size_t n = strcspn(word + 2, "=");

	if (n >= sizeof name)
		return 0;
	memcpy(name, word + 2, n);
	name[n] = '\0';
	return config_takers(name);
}

const char *
plan_secret(const struct config *conf)
{
	static const char inside[] = "--client-auth=plain:";
	const struct list *down = &conf->common.down;
	const char *word;

	for (size_t i = conf->common.typed; i < down->n; i++) {
		word = list_get(down, i);
		if (strncmp(word, inside, sizeof inside - 1) == 0)
			return strchr(word, '=') + 1;
	}
	return NULL;
}

static bool
is_secret(const struct config *conf, const char *word)
{
	const char *secret = plan_secret(conf);

	return secret && option_is(word, "client-auth") &&
	    strcmp(strchr(word, '=') + 1, secret) == 0;
}

/* A pid file is there for the administrator to end us by. Who is not root
 * cannot, but he can end the listener of his port, which is as good. And he
 * believes no file that names process 1, which we are in a container. */
static bool
unfit(const struct config *conf, const char *word)
{
	return option_is(word, "pid-file") && (getpid() == 1 ||
	    (geteuid() == 0 && strcmp(conf->common.user, "root") != 0));
}

/* What the options of the manual that stand for others come to. */
static void
add_implied(struct list *out, const struct config *conf, enum kind kind)
{
	struct buf word = { 0 };

	if (conf->common.log.events && !given(conf, "log"))
		list_add(out, "--log");
	if (conf->common.log.no_syslog && !given(conf, "no-syslog"))
		list_add(out, "--no-syslog");
	if (kind == SMTP && conf->on_disconnect)
		list_add(out, "--poll=0");
	if (kind == SENDER && conf->poll && conf->poll != UINT64_MAX)
		buf_printf(&word, "--poll=%lu", (unsigned long)conf->poll);
	if (word.n)
		list_add(out, word.s);
	buf_clear(&word);
	if (conf->forward_to && kind != POP3) {
		buf_printf(&word, "--forward-to=%s", conf->forward_to);
		list_add(out, word.s);
	}
	buf_free(&word);
}

/* The options for a program of this kind. With brief those of the file are
 * left to the file. */
static void
add_options(struct list *out, const struct config *conf, enum kind kind,
    bool brief)
{
	const struct list *down = &conf->common.down;
	size_t n = brief ? conf->common.typed : down->n;
	struct buf file = { 0 };
	const char *word;

	if (brief) {
		buf_printf(&file, "--config=%s", conf->common.file);
		list_add(out, file.s);
		buf_free(&file);
	}
	add_implied(out, conf, kind);
	for (size_t i = 0; i < n; i++) {
		word = list_get(down, i);
		if (takers(word) & bits[kind] && !unfit(conf, word) &&
		    !option_is(word, "poll") &&
		    !option_is(word, "forward-on-disconnect") &&
		    !option_is(word, "forward-to") && !is_secret(conf, word))
			list_add(out, word);
	}
}

/* Certificates, keys and passwords are for root to read, and PAM wants him
 * too; where there is nothing of that, he is not needed. */
static bool
needs_root(const struct config *conf, enum kind kind)
{
	switch (kind) {
	case SMTP:
		return given(conf, "server-auth") ||
		    given(conf, "server-tls") || given(conf, "tls-key");
	case ADMIN:
		return false;
	case POP3:
	case SENDER:
		break;
	}
	return true;
}

static struct service *
add_service(struct plan *p, const struct config *conf, enum kind kind)
{
	struct service *s = &p->services[p->n];

	if (p->n == PLAN_MOST)
		die(EX_USAGE, "usage error: too many interfaces");
	p->n++;
	s->kind = kind;
	s->program = programs[kind];
	s->as_root = needs_root(conf, kind);
	program_find(&s->path, s->program);
	add_options(&s->options, conf, kind, false);
	if (conf->common.file)
		add_options(&s->brief, conf, kind, true);
	return s;
}

static void
add_listeners(struct plan *p, const struct config *conf, enum kind kind,
    uint64_t port)
{
	struct list addresses = { 0 };
	struct service *s;

	interface_list(&addresses, conf->interface, kind);
	for (size_t i = 0; i < addresses.n; i++) {
		s = add_service(p, conf, kind);
		memcpy(s->at.address, list_get(&addresses, i),
		    strlen(list_get(&addresses, i)) + 1);
		s->at.port = (unsigned)port;
	}
	list_free(&addresses);
}

void
plan_make(struct plan *p, const struct config *conf)
{
	bool loop = conf->poll && conf->poll != UINT64_MAX;

	if (!conf->dont_serve) {
		if (!conf->no_smtp)
			add_listeners(p, conf, SMTP, conf->port);
		if (conf->pop)
			add_listeners(p, conf, POP3, conf->pop_port);
		if (conf->admin)
			add_listeners(p, conf, ADMIN, conf->admin);
	}
	/* the loop begins with a run at once */
	if (conf->forward || loop)
		add_service(p, conf, SENDER)->once = !loop;
}
