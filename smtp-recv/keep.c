/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/date.h"
#include "base/xtext.h"

/* What a client said in HELO, fit for a header field. */
static void
put_helo(struct buf *out, const char *helo)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";

	for (; *helo; helo++)
		buf_putc(out, strchr(good, *helo) ? *helo : '?');
}

/* RFC 5321 section 4.4. */
static void
put_received(const struct session *s, struct buf *out)
{
	const char *ip = s->peer.ip;

	buf_puts(out, "Received: from ");
	put_helo(out, buf_text(&s->helo));
	buf_printf(out, " ([%s%s]) by %s with %s%s%s id %s",
	    strchr(ip, ':') ? "IPv6:" : "", ip,
	    s->domain.n ? s->domain.s : "localhost",
	    s->parameters.utf8 ? "UTF8SMTP" :
	    s->tls.on || s->authenticated ? "ESMTP" : s->protocol,
	    s->tls.on ? "S" : "", s->authenticated ? "A" : "",
	    s->draft.id.s);
	starttls_received(s, out);
	buf_puts(out, " ; ");
	date_mail(out, time(NULL));
	buf_puts(out, "\r\n");
}

bool
keep_open(struct session *s)
{
	struct buf line = { 0 };

	s->octets = 0;
	if (!draft_open(&s->draft, &s->spool)) {
		keep_failed(s);
		return false;
	}
	if (s->conf->anonymous && s->domain.n == 0)
		return true;
	put_received(s, &line);
	draft_write(&s->draft, line.s, line.n);
	buf_free(&line);
	return true;
}

static bool
is_full(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

void
keep_failed(struct session *s)
{
	struct buf why = { 0 };

	draft_error(&s->draft, &why);
	log_error("%s", why.s);
	buf_free(&why);
	if (is_full(s->draft.error))
		say(s, "452 4.3.1 message processing failed: "
		    "insufficient system storage");
	else
		say(s, "451 4.3.0 message processing failed: local error");
}

static void
log_client(const struct session *s)
{
	struct buf id = { 0 };

	xtext_encode(&id, buf_text(&s->login), s->login.n);
	log_event("receive", "client", s->peer.name,
	    "sasl_method", s->authenticated ? s->mechanism : NULL,
	    "sasl_username", s->authenticated ? id.s : NULL, NULL);
	buf_free(&id);
}

static void
log_kept(const struct session *s)
{
	char size[24], nrcpt[24];

	snprintf(size, sizeof size, "%" PRIu64, s->draft.octets);
	snprintf(nrcpt, sizeof nrcpt, "%zu",
	    s->envelope.local.n + s->envelope.remote.n);
	log_subject(s->draft.id.s);
	log_client(s);
	log_event("queue", "from", buf_text(&s->envelope.from), "size", size,
	    "nrcpt", nrcpt, NULL);
	log_subject(NULL);
}

/* Is there anybody to forward it to? If all recipients are local it is not
 * for smtp-send, which would give it up. */
static bool
for_others(const struct session *s)
{
	return s->envelope.local.n == 0 || s->envelope.remote.n > 0;
}

static bool
commit(struct session *s)
{
	if (!for_others(s))
		return draft_commit_local(&s->draft);
	return (s->envelope.local.n == 0 ||
	    draft_copy_local(&s->draft, &s->envelope)) &&
	    draft_commit(&s->draft);
}

/* It is on disk: with --immediate that is half of what a 250 needs. */
static void
acknowledge(struct session *s)
{
	struct buf reply = { 0 };

	if (s->conf->immediate && for_others(s) &&
	    !onward_now(s, &s->draft.id, &reply)) {
		say(s, "%s", buf_text(&reply));
	} else {
		serve_progress(&s->server);
		s->kept++;
		if (s->conf->anonymous)
			say(s, "250 2.0.0 OK");
		else
			say(s, "250 2.0.0 OK queued as %s", s->draft.id.s);
	}
	buf_free(&reply);
}

void
keep(struct session *s)
{
	if (s->conf->size && s->octets > s->conf->size) {
		reject(s, "END-OF-MESSAGE", "552 5.3.4 message size exceeds "
		    "fixed maximum message size");
		return;
	}
	if (s->text.bare && s->conf->bare_newline == NEWLINE_REJECT) {
		reject(s, "END-OF-MESSAGE",
		    "554 5.6.0 bare CR or LF in the message text");
		return;
	}
	s->envelope.eight_bit = s->text.eight_bit;
	if (!draft_seal(&s->draft, &s->envelope)) {
		keep_failed(s);
	} else if (filtered(s)) {
		if (commit(s)) {
			log_kept(s);
			acknowledge(s);
		} else {
			keep_failed(s);
		}
	}
}
