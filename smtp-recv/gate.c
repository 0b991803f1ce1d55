/* SPDX-License-Identifier: ISC */
#include "session.h"

bool
gate_open(struct session *s)
{
	switch (gate_enter(&s->gate, &s->spool, &s->server, &s->peer)) {
	case GATE_OPEN:
		return true;
	case GATE_SHUT:
		return false;
	case GATE_CROWDED:
		break;
	}
	/* who expects a handshake would not understand */
	if (s->tls.on || !s->tls.at_once)
		say(s, "421 4.7.0 too many connections from you");
	gate_leave(&s->gate, &s->server, &s->peer);
	return false;
}
