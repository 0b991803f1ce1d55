/* SPDX-License-Identifier: ISC */
#include "mail/bounce.h"

#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/text.h"
#include "mail/header.h"
#include "mail/reply.h"

/* Texts are cut to so many octets, and lines to what RFC 5322 allows. */
enum { DIAGNOSTIC = 500, MESSAGE_ID = 250, LINE = 998, COLUMNS = 72 };

/* --- may there be one? --- */

static bool
says_no(const struct header_field *f)
{
	struct buf value = { 0 };
	char *rest, *word;
	bool no;

	buf_add(&value, f->value, f->value_n);
	for (size_t i = 0; i < value.n; i++)
		if (strchr("\r\n;(", value.s[i]))
			value.s[i] = ' ';
	rest = value.s;
	word = value.n ? text_word(&rest) : NULL;
	no = word && text_starts(word, "no") && word[2] == '\0';
	buf_free(&value);
	return no;
}

const char *
bounce_objection(const struct bounce *b)
{
	const struct envelope *e = b->envelope;
	struct header_walk w = { b->header, b->n };
	struct header_field f;

	if (e->from.n == 0)
		return "has no sender who could be told";
	if (envelope_recipients(e, RECIPIENT_DONE) == e->remote.n)
		return "has no recipient who has not got it";
	while (header_next(&w, &f))
		if (header_is(&f, "Auto-Submitted") && !says_no(&f))
			return "was sent by a program that wants no answer";
	return NULL;
}

/* --- what went wrong --- */

struct failure {
	const char *address;
	const char *text;       /* "550 5.1.1 no such user", or without a code */
	bool from_server;       /* it has a code */
	char status[12];
};

static const char *
without_preface(const char *reason)
{
	static const char preface[] = "smtp client failure: ";

	return text_starts(reason, preface) ? reason + sizeof preface - 1 :
	    reason;
}

/* The next one who has not got it, from the i-th on. */
static bool
next_failure(const struct envelope *e, size_t *i, struct failure *f)
{
	struct reply reply = { 0 };
	char code[16];

	while (*i < e->remote.n && envelope_recipient(e, *i) == RECIPIENT_DONE)
		++*i;
	if (*i == e->remote.n)
		return false;
	f->address = list_get(&e->remote, *i);
	f->text = envelope_refusal(e, (*i)++);
	if (!*f->text)
		f->text = without_preface(buf_text(&e->reason));
	if (!*f->text)
		f->text = "it was given up";
	reply_read(&reply, f->text);
	/* what has no code was made a 550 */
	snprintf(code, sizeof code, "%d", reply.code);
	f->from_server = text_starts(f->text, code);
	reply_enhanced(&reply, f->status);
	if (f->status[0] != '4' && f->status[0] != '5')
		strcpy(f->status, "5.0.0");
	reply_free(&reply);
	return true;
}

/* --- lines --- */

/* Append text by words, in lines of at most COLUMNS if words allow, the first
 * one begun already; others begin with `indent`. */
static void
put_folded(struct buf *out, size_t column, const char *indent,
    const char *text)
{
	struct buf copy = { 0 };
	char *rest, *word;
	size_t n = strnlen(text, DIAGNOSTIC);

	/* no half character */
	while (text[n] && n > 0 && (text[n] & 0xc0) == 0x80)
		n--;
	buf_add(&copy, text, n);
	rest = copy.s;
	while ((word = text_word(&rest)) != NULL) {
		n = strlen(word);
		if (column + 1 + n > COLUMNS) {
			buf_printf(out, "\r\n%s", indent);
			column = strlen(indent);
		} else {
			buf_putc(out, ' ');
			column++;
		}
		buf_puts(out, word);
		column += n;
	}
	buf_puts(out, "\r\n");
	buf_free(&copy);
}

static void
put_date(struct buf *out, const char *name, time_t when)
{
	buf_printf(out, "%s: ", name);
	date_mail(out, when);
	buf_puts(out, "\r\n");
}

/* `Content-Type: TYPE`, in a part of its own. */
static void
open_part(const struct bounce *b, struct buf *out, const char *type,
    const struct buf *content)
{
	bool ascii = text_ascii(buf_text(content), content->n);

	buf_printf(out, "\r\n--%s\r\nContent-Type: %s\r\n", b->boundary, type);
	if (!ascii)
		buf_puts(out, "Content-Transfer-Encoding: 8bit\r\n");
	buf_puts(out, "\r\n");
	buf_add(out, buf_text(content), content->n);
}

/* --- the parts --- */

static void
put_words(const struct bounce *b, struct buf *out)
{
	struct buf text = { 0 };
	struct failure f;

	buf_printf(&text, "This is the mail system at %s.\r\n\r\n"
	    "Your message could not be delivered to:\r\n\r\n", b->domain);
	for (size_t i = 0; next_failure(b->envelope, &i, &f); ) {
		buf_printf(&text, "<%s>\r\n   ", f.address);
		put_folded(&text, 3, "    ", f.text);
		buf_puts(&text, "\r\n");
	}
	buf_puts(&text, "It is not tried any more. The header of your message "
	    "is attached.\r\n");
	open_part(b, out, text_ascii(text.s, text.n) ? "text/plain" :
	    "text/plain; charset=utf-8", &text);
	buf_free(&text);
}

static void
put_status_of(struct buf *out, const struct failure *f, bool global)
{
	struct buf text = { 0 };
	const char *type = f->from_server ? "smtp" : "X-Sluice";

	buf_printf(out, "\r\nFinal-Recipient: %s; %s\r\nAction: failed\r\n"
	    "Status: %s\r\n", text_ascii(f->address, strlen(f->address)) ?
	    "rfc822" : "utf-8", f->address, f->status);
	buf_puts(&text, f->text);
	for (size_t i = 0; i < text.n; i++)
		if (!global && (unsigned char)text.s[i] >= 0x80)
			text.s[i] = '?';
	buf_printf(out, "Diagnostic-Code: %s;", type);
	put_folded(out, strlen("Diagnostic-Code: ;") + strlen(type), " ",
	    text.s);
	buf_free(&text);
}

static bool
has_global_recipient(const struct envelope *e)
{
	struct failure f;

	for (size_t i = 0; next_failure(e, &i, &f); )
		if (!text_ascii(f.address, strlen(f.address)))
			return true;
	return false;
}

static void
put_status(const struct bounce *b, struct buf *out)
{
	bool global = has_global_recipient(b->envelope);
	struct buf text = { 0 };
	struct failure f;

	buf_printf(&text, "Reporting-MTA: dns; %s\r\nX-Sluice-Id: %s\r\n",
	    b->domain, b->id);
	if (b->arrived)
		put_date(&text, "Arrival-Date", b->arrived);
	for (size_t i = 0; next_failure(b->envelope, &i, &f); )
		put_status_of(&text, &f, global);
	open_part(b, out, global ? "message/global-delivery-status" :
	    "message/delivery-status", &text);
	buf_free(&text);
}

/* A line without its end: with nothing in it that a server could refuse the
 * report for. */
static void
put_line(struct buf *out, const char *line, size_t n)
{
	size_t start = out->n;

	if (n > 0 && line[n - 1] == '\r')
		n--;
	buf_add(out, line, n < LINE ? n : LINE);
	for (size_t i = start; i < out->n; i++)
		if (out->s[i] == '\0' || out->s[i] == '\r')
			out->s[i] = '?';
	buf_puts(out, "\r\n");
}

static void
put_field(struct buf *out, const struct header_field *f)
{
	const char *lf;
	size_t n;

	for (size_t at = 0; at < f->n; at += n + 1) {
		lf = memchr(f->start + at, '\n', f->n - at);
		n = lf ? (size_t)(lf - f->start) - at : f->n - at;
		put_line(out, f->start + at, n);
	}
}

/* What is no field may be the body of a message that has no header. */
static void
put_header(const struct bounce *b, struct buf *out)
{
	struct header_walk w = { b->header, b->n };
	struct header_field f;
	struct buf text = { 0 };

	while (header_next(&w, &f) && text.n + f.n <= BOUNCE_HEADER)
		if (f.name_n > 0)
			put_field(&text, &f);
	open_part(b, out, !text_ascii(buf_text(&text), text.n) &&
	    text_utf8(text.s, text.n) ? "message/global-headers" :
	    "text/rfc822-headers", &text);
	buf_free(&text);
}

/* --- the whole --- */

/* Its mail program shows the report beside the message. */
static void
put_reference(const struct bounce *b, struct buf *out)
{
	struct header_walk w = { b->header, b->n };
	struct header_field f;
	struct buf id = { 0 };
	const char *text = "";
	size_t n;

	while (header_next(&w, &f)) {
		if (!header_is(&f, "Message-ID"))
			continue;
		buf_clear(&id);
		buf_add(&id, f.value, f.value_n);
		text = text_trim(id.s);
	}
	n = strlen(text);
	if (n > 2 && n <= MESSAGE_ID && text[0] == '<' && text[n - 1] == '>' &&
	    text_clean(text, n) && text_ascii(text, n) && !strchr(text, ' '))
		buf_printf(out, "In-Reply-To: %s\r\nReferences: %s\r\n", text,
		    text);
	buf_free(&id);
}

static void
put_head(const struct bounce *b, struct buf *out)
{
	put_date(out, "Date", b->now);
	buf_printf(out, "From: Mail Delivery System <MAILER-DAEMON@%s>\r\n"
	    "To: <%s>\r\n"
	    "Subject: Your message could not be delivered\r\n"
	    "Message-ID: <%s@%s>\r\n", b->domain, b->envelope->from.s,
	    b->unique, b->domain);
	put_reference(b, out);
	buf_printf(out, "Auto-Submitted: auto-replied\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	    "\tboundary=\"%s\"\r\n\r\n"
	    "This is a message in MIME format, a delivery report.\r\n",
	    b->boundary);
}

void
bounce_make(const struct bounce *b, struct envelope *e, struct buf *out)
{
	const struct buf *to = &b->envelope->from;
	size_t start = out->n;

	put_head(b, out);
	put_words(b, out);
	put_status(b, out);
	put_header(b, out);
	buf_printf(out, "\r\n--%s--\r\n", b->boundary);
	list_add(&e->remote, to->s);
	buf_set(&e->client, "127.0.0.1");
	e->utf8 = !text_ascii(to->s, to->n);
	e->eight_bit = !text_ascii(out->s + start, out->n - start);
}
