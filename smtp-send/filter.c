/* SPDX-License-Identifier: ISC */
#include "send.h"

#include <sysexits.h>

#include "judge/outside.h"

void
filters_open(struct run *r)
{
	const struct config *conf = r->conf;
	struct buf why = { 0 };

	if (!filter_open(&r->filter, &conf->client_filters, FILTER_CLIENT,
	    (unsigned)conf->filter_timeout, &why))
		die(EX_CONFIG, "--client-filter: %s", why.s);
	buf_free(&why);
}

/* As if the server had said so. What the filter is to blame for itself can be
 * mended: that is for later. */
static void
put_reply(struct client *c, const struct verdict *v)
{
	struct buf text = { 0 };
	int code = v->code ? v->code : 500;

	if (v->judgement == FILTER_FAIL)
		code = 451;
	buf_printf(&text, "%d.%s preprocessing: %s", code / 100,
	    v->judgement == FILTER_FAIL ? "3.0" : "7.1", v->reason.s);
	reply_make(&c->reply, code, text.s);
	buf_free(&text);
}

enum claim_verdict
filters_ask(struct run *r, struct claim *m, enum judgement *how)
{
	struct verdict v = { 0 };
	enum claim_verdict verdict;

	claim_lend(m);
	outside_filter(&r->monitor, &r->filter, &r->spool, &m->id, &v);
	verdict = claim_resume(m);
	*how = v.judgement;
	r->enough |= v.stop;
	if (v.reason.n) {
		put_reply(&r->client, &v);
		if (verdict == CLAIM_OURS)
			buf_printf(&m->why, "preprocessing: %s", v.reason.s);
	}
	buf_free(&v.reason);
	return verdict;
}
