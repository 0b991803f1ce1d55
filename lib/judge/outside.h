/* SPDX-License-Identifier: ISC */
#ifndef JUDGE_OUTSIDE_H
#define JUDGE_OUTSIDE_H

/*
 * Filters and verifiers of a program in a sandbox: they are the user's own,
 * and run outside of it. A pair of functions for each question, one within and
 * one for the monitor.
 */
#include "base/monitor.h"
#include "judge/filter.h"
#include "judge/verify.h"
#include "spool/spool.h"

enum { OUTSIDE_FILTER = 2000, OUTSIDE_VERIFY };

/* filter_run about the text of this message, in the spool directory itself,
 * and verify, there if m is split and else here. A monitor that does not
 * answer is a filter, or a verifier, that is broken. */
void outside_filter(struct monitor *m, struct filter *f,
    const struct spool *s, const struct message_id *id, struct verdict *v);
void outside_verify(struct monitor *m, struct verifier *v,
    const struct verify_question *q, struct verify_answer *a);

/* In the monitor: p becomes the answer. The domain of a question to the
 * verifier, and whose address it is about, are not the asker's to say. */
void outside_filter_attend(struct filter *f, const struct spool *s,
    struct petition *p);
void outside_verify_attend(struct verifier *v, const char *domain,
    const char *ip, struct petition *p);

#endif
