/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <string.h>
#include <sysexits.h>

#include "mail/reply.h"

void
filters_open(struct session *s)
{
	const struct config *conf = s->conf;
	struct filter client;
	struct buf why = { 0 };

	/* better now than when smtp-send finds it, with the client gone */
	if (!filter_open(&client, &conf->client_filters, FILTER_CLIENT, 1,
	    &why))
		die(EX_CONFIG, "--client-filter: %s", why.s);
	filter_close(&client);
	if (!filter_open(&s->filter, &conf->filters, FILTER_SERVER,
	    (unsigned)conf->filter_timeout, &why))
		die(EX_CONFIG, "--filter: %s", why.s);
	buf_free(&why);
}

/* The filter may have chosen the code, and even the enhanced one. */
static void
put_reply(struct buf *out, const struct verdict *v)
{
	struct reply r = { 0 };
	char enhanced[12];

	if (!v->code) {
		buf_printf(out, "452 %s message processing failed: %s",
		    v->judgement == FILTER_FAIL ? "4.3.0" : "4.7.1",
		    v->reason.s);
		return;
	}
	reply_make(&r, v->code, v->reason.s);
	reply_enhanced(&r, enhanced);
	if (strncmp(v->reason.s, enhanced, strlen(enhanced)) == 0)
		buf_printf(out, "%d %s", v->code, v->reason.s);
	else
		buf_printf(out, "%d %d.7.1 %s", v->code, v->code / 100,
		    v->reason.s);
	reply_free(&r);
}

static bool
refuse(struct session *s, const struct verdict *v)
{
	struct buf reply = { 0 };

	put_reply(&reply, v);
	reject(s, "END-OF-MESSAGE", reply.s);
	buf_free(&reply);
	if (v->code == 421)
		end_session(s);
	return false;
}

/* What the filter has made of the files is the message now. */
static bool
take_back(struct session *s)
{
	struct buf why = { 0 };
	bool ok = draft_resume(&s->draft, &s->envelope, &why);

	if (!ok && s->draft.error) {
		keep_failed(s);
	} else if (!ok) {
		log_error("%s: the filter has accepted the message, but "
		    "spoilt it: %s", s->draft.id.s, why.s);
		reject(s, "END-OF-MESSAGE", "452 4.3.0 message processing "
		    "failed: error storing message");
	}
	buf_free(&why);
	return ok;
}

static bool
obey(struct session *s, const struct verdict *v)
{
	s->rescan |= v->rescan;
	switch (v->judgement) {
	case FILTER_ACCEPT:
		return take_back(s);
	case FILTER_ABANDON:
		log_info("%s: discard: END-OF-MESSAGE from %s: "
		    "the filter has dealt with it", s->draft.id.s,
		    s->peer.name);
		if (!draft_leave(&s->draft)) {
			keep_failed(s);
			return false;
		}
		serve_progress(&s->server);
		say(s, "250 2.0.0 OK");
		return false;
	case FILTER_REJECT:
	case FILTER_FAIL:
		break;
	}
	return refuse(s, v);
}

bool
filtered(struct session *s)
{
	struct verdict v = { 0 };
	bool go_on;

	if (s->filter.n == 0)
		return true;
	io_flush(&s->io);
	log_subject(s->draft.id.s);
	outside_filter(&s->monitor, &s->filter, &s->spool, &s->draft.id, &v);
	log_subject(NULL);
	go_on = obey(s, &v);
	buf_free(&v.reason);
	return go_on;
}
