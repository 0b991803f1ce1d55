/* SPDX-License-Identifier: ISC */
#include "jobs.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

/* If nobody hears it, the line is of no use: then both sides see its end. */
static void
say(const struct run *r, enum word_kind kind)
{
	struct word w;

	memset(&w, 0, sizeof w);
	w.kind = kind;
	w.session = r->client.open;
	w.stop = r->stop;
	w.enough = r->enough;
	w.losses = r->losses;
	w.sent = r->sent;
	w.later = r->later;
	w.bad = r->bad;
	while (send(r->boss, &w, sizeof w, MSG_NOSIGNAL) < 0) {
		if (errno == EINTR)
			continue;
		shutdown(r->boss, SHUT_RDWR);
		break;
	}
}

/* False: there are no more. A signal ends the waiting for work, but not that
 * for an answer. */
static bool
hear(const struct run *r, struct order *o, bool answer)
{
	ssize_t n;

	do {
		n = recv(r->boss, o, sizeof *o, 0);
	} while (n < 0 && errno == EINTR && (answer || !queue_interrupted()));
	return n == sizeof *o;
}

bool
worker_connect(struct run *r)
{
	bool ok = client_open(&r->client);

	if (ok && r->hired)
		say(r, WORD_SESSION);
	return ok;
}

bool
worker_gives_back(struct run *r, struct claim *m)
{
	struct order o = { .kind = ORDER_GIVE_BACK };

	/* who has stopped has asked already */
	if (!r->hired || r->stop)
		return false;
	say(r, WORD_NO_SESSION);
	if (hear(r, &o, true) && o.kind == ORDER_GO_ON)
		return false;
	claim_release(m);
	r->leaving = true;
	return true;
}

static void
carry_out(struct run *r, const struct order *o, struct manner how)
{
	r->sent = r->later = r->bad = 0;
	/* time has passed since the last one */
	r->stop &= !how.streaming;
	if (how.forced)
		deliver_named(r, &o->id);
	else
		deliver(r, &o->id, false);
	say(r, r->leaving ? WORD_RETURNED : WORD_DONE);
}

void
worker_run(struct run *r, int boss, struct manner how)
{
	struct order o;

	r->hired = true;
	r->boss = boss;
	outside_begin(r);
	while (!r->leaving && hear(r, &o, false)) {
		if (queue_interrupted()) {
			say(r, WORD_RETURNED);
			break;
		}
		carry_out(r, &o, how);
	}
	client_close(&r->client);
	account_wipe(&r->client.account);
	_exit(EX_OK);
}
