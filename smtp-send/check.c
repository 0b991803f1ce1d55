/* SPDX-License-Identifier: ISC */
#include "send.h"

#include <stdio.h>
#include <sysexits.h>

#include "base/text.h"

void
check_say(const struct client *c, const char *what, const char *value)
{
	struct buf json = { 0 };

	if (!c->conf->check)
		return;
	if (c->conf->json) {
		text_json(&json, value);
		printf("{\"%s\":\"%s\"}\n", what, buf_text(&json));
	} else {
		printf("%s: %s\n", what, value);
	}
	/* whoever waits wants to know for what */
	fflush(stdout);
	buf_free(&json);
}

static void
say_lines(const struct client *c, const char *what, size_t from,
    const char *between)
{
	const struct list *lines = &c->reply.lines;
	struct buf all = { 0 };

	for (size_t i = from; i < lines->n; i++)
		buf_printf(&all, "%s%s", i > from ? between : "",
		    list_get(lines, i));
	check_say(c, what, all.n ? all.s : "nothing");
	buf_free(&all);
}

void
check_reply(const struct client *c, const char *what)
{
	say_lines(c, what, 0, " / ");
}

/* Without TLS, what would have to be changed? */
static const char *
why_clear(const struct client *c)
{
	return c->can & STARTTLS ?
	    "none, but the server offers it: --client-tls" :
	    "none, and the server does not offer it";
}

void
check_offers(const struct client *c)
{
	if (!c->secure)
		check_say(c, "tls", why_clear(c));
	say_lines(c, "offers", 1, ", ");
	if (!c->credentials)
		check_say(c, "login", c->offers_auth ?
		    "none, but the server offers it: --client-auth" : "none");
}

void
check_login(const struct client *c, const char *way, bool accepted)
{
	struct buf text = { 0 };

	if (way)
		buf_printf(&text, "%s: ", way);
	if (accepted)
		buf_puts(&text, "accepted");
	else
		reply_text(&c->reply, &text);
	check_say(c, "login", text.s);
	buf_free(&text);
}

int
check_server(struct client *c)
{
	struct buf why = { 0 };
	bool good = client_open(c);

	if (!good)
		reply_text(&c->reply, &why);
	check_say(c, "result", good ? "ready for mail" : buf_text(&why));
	buf_free(&why);
	client_close(c);
	return good ? EX_OK : c->reply.code >= 500 ? EX_UNAVAILABLE :
	    EX_TEMPFAIL;
}
