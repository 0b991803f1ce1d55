/* SPDX-License-Identifier: ISC */
#include "send.h"

#include <stdio.h>
#include <sysexits.h>

void
check_say(const struct client *c, const char *what, const char *value)
{
	if (c->conf->check)
		printf("%s: %s\n", what, value);
}

void
check_reply(const struct client *c, const char *what)
{
	for (size_t i = 0; i < c->reply.lines.n; i++)
		check_say(c, what, list_get(&c->reply.lines, i));
}

int
check_server(struct client *c)
{
	struct buf why = { 0 };
	bool good = client_open(c);

	if (good && !c->secure)
		check_say(c, "tls", "none");
	if (good && c->authenticated)
		check_say(c, "login", "accepted");
	if (!good)
		reply_text(&c->reply, &why);
	check_say(c, "result", good ? "ready for mail" : buf_text(&why));
	buf_free(&why);
	client_close(c);
	return good ? EX_OK : c->reply.code >= 500 ? EX_UNAVAILABLE :
	    EX_TEMPFAIL;
}
