/* SPDX-License-Identifier: ISC */
#include "session.h"

#include "spool/shutter.h"

static bool
turn_away(struct session *s, const char *reply)
{
	/* who expects a handshake would not understand */
	if (s->tls.on || !s->tls.at_once)
		say(s, "%s", reply);
	gate_leave(&s->gate, &s->server, &s->peer);
	return false;
}

bool
gate_open(struct session *s)
{
	switch (gate_enter(&s->gate, &s->spool, &s->server, &s->peer)) {
	case GATE_OPEN:
		break;
	case GATE_SHUT:
		return false;
	case GATE_CROWDED:
		return turn_away(s,
		    "421 4.7.0 too many connections from you");
	}
	if (!shutter_is_down(&s->spool))
		return true;
	/* an administrator has said `smtp disable` */
	log_info("smtp is disabled");
	return turn_away(s, "421 4.3.2 service not available");
}
