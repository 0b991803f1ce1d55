/* SPDX-License-Identifier: ISC */
#include "judge/outside.h"

#include "base/log.h"

/* --- filters --- */

static void
run(struct filter *f, const struct spool *s, const struct message_id *id,
    struct verdict *v)
{
	struct buf path = { 0 };

	spool_full_path(s, content_name(id).s, &path);
	filter_run(f, path.s, v);
	buf_free(&path);
}

void
outside_filter(struct monitor *m, struct filter *f, const struct spool *s,
    const struct message_id *id, struct verdict *v)
{
	struct petition p = { .what = OUTSIDE_FILTER };

	if (!m->split) {
		run(f, s, id, v);
		return;
	}
	list_add(&p.words, id->s);
	if (monitor_ask(m, &p)) {
		v->judgement = (enum judgement)petition_number(&p, 0,
		    FILTER_FAIL, FILTER_FAIL);
		v->rescan = petition_number(&p, 1, 1, 0);
		v->stop = petition_number(&p, 2, 1, 0);
		v->code = (int)petition_number(&p, 3, 599, 0);
		buf_set(&v->reason, petition_word(&p, 4));
	} else {
		log_error("nobody is there to run the filter");
		*v = (struct verdict){ .judgement = FILTER_FAIL,
			.reason = v->reason };
		buf_set(&v->reason, "pre-processing failed");
	}
	petition_free(&p);
}

void
outside_filter_attend(struct filter *f, const struct spool *s,
    struct petition *p)
{
	struct verdict v = { .judgement = FILTER_FAIL };
	struct message_id id;

	if (message_id_parse(&id, petition_word(p, 0))) {
		log_subject(id.s);
		run(f, s, &id, &v);
		log_subject(NULL);
	} else {
		buf_set(&v.reason, "no message");
	}
	petition_clear(p);
	petition_put(p, (int)v.judgement);
	petition_put(p, v.rescan);
	petition_put(p, v.stop);
	petition_put(p, v.code);
	list_add(&p->words, buf_text(&v.reason));
	buf_free(&v.reason);
}

/* --- the verifier --- */

void
outside_verify(struct monitor *m, struct verifier *v,
    const struct verify_question *q, struct verify_answer *a)
{
	struct petition p = { .what = OUTSIDE_VERIFY };

	if (!m->split) {
		verify(v, q, a);
		return;
	}
	list_add(&p.words, q->address);
	list_add(&p.words, q->from);
	list_add(&p.words, q->mechanism);
	list_add(&p.words, q->id);
	petition_put(&p, q->utf8);
	if (monitor_ask(m, &p)) {
		a->verified = (enum verified)petition_number(&p, 0,
		    VERIFY_FAIL, VERIFY_FAIL);
		buf_set(&a->address, petition_word(&p, 1));
		buf_set(&a->text, petition_word(&p, 2));
	} else {
		log_error("nobody is there to run the verifier");
		a->verified = VERIFY_FAIL;
	}
	petition_free(&p);
}

void
outside_verify_attend(struct verifier *v, const char *domain, const char *ip,
    struct petition *p)
{
	const struct verify_question q = {
		.address = petition_word(p, 0),
		.from = petition_word(p, 1),
		.mechanism = petition_word(p, 2),
		.id = petition_word(p, 3),
		.utf8 = petition_number(p, 4, 1, 0),
		.domain = domain,
		.ip = ip
	};
	struct verify_answer a = { .verified = VERIFY_FAIL };

	/* an address would do as an option of the program's */
	if (*q.address && *q.address != '-')
		verify(v, &q, &a);
	petition_clear(p);
	petition_put(p, (int)a.verified);
	list_add(&p->words, buf_text(&a.address));
	list_add(&p->words, buf_text(&a.text));
	buf_free(&a.address);
	buf_free(&a.text);
}
