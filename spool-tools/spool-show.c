/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "base/date.h"
#include "base/options.h"
#include "base/program.h"
#include "base/text.h"
#include "base/xtext.h"
#include "mail/header.h"
#include "mail/words.h"
#include "spool/present.h"
#include "spool/select.h"

struct config {
	struct options_common common;
	bool raw;
	bool json;
};

static const struct option_row rows[] = {
	{ "raw", OPTION_FLAG, offsetof(struct config, raw) },
	{ "json", OPTION_FLAG, offsetof(struct config, json) },
	OPTIONS_LOG(struct config),
	OPTIONS_SPOOL(struct config)
};

static const struct option_set options = {
	.program = "spool-show",
	.purpose = "Shows the envelopes and the headers of messages.",
	.usage = "[id ... | -]",
	.rows = rows,
	.n = sizeof rows / sizeof rows[0],
};

/* So much of a header is shown. */
enum { HEADER_MOST = 1 << 20 };

struct show {
	struct config conf;
	struct spool spool;
	time_t now;
	uint64_t messages;
};

/* --- for people --- */

static void
put(struct buf *out, const char *key, const char *value)
{
	buf_printf(out, "%s: ", key);
	text_printable(out, value, strlen(value));
	buf_putc(out, '\n');
}

static void
put_some(struct buf *out, const char *key, const struct buf *value)
{
	if (value->n > 0)
		put(out, key, value->s);
}

static void
put_time(struct buf *out, const char *key, time_t when)
{
	struct buf date = { 0 };

	date_mail(&date, when);
	put(out, key, date.s);
	buf_free(&date);
}

static void
put_address(struct buf *out, const char *key, const char *address)
{
	buf_printf(out, "%s: ", key);
	log_quote(out, address);
	buf_putc(out, '\n');
}

static void
put_addresses(struct buf *out, const char *key, const struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		put_address(out, key, list_get(l, i));
}

/* The remote recipients: who is still to get it, who has got it, and who was
 * refused, with the reply. */
static void
put_remote(struct buf *out, const struct envelope *e)
{
	static const char *const keys[RECIPIENT_STATES] = {
		[RECIPIENT_PENDING] = "To", [RECIPIENT_DONE] = "Sent-To",
		[RECIPIENT_REFUSED] = "Refused-To"
	};
	const char *reply;

	for (size_t i = 0; i < e->remote.n; i++) {
		put_address(out, keys[envelope_recipient(e, i)],
		    list_get(&e->remote, i));
		reply = envelope_refusal(e, i);
		if (*reply) {
			buf_cut(out, out->n - 1);
			buf_printf(out, " (%s)\n", reply);
		}
	}
}

/* Who logged in, which the envelope has in xtext. */
static void
login_name(const struct envelope *e, struct buf *name)
{
	if (!xtext_decode(name, buf_text(&e->auth), e->auth.n))
		buf_set(name, buf_text(&e->auth));
}

static void
put_envelope(struct buf *out, const struct inspected *m)
{
	const struct envelope *e = &m->envelope;
	struct buf login = { 0 };

	login_name(e, &login);
	put_address(out, "From", buf_text(&e->from));
	put_remote(out, e);
	put_addresses(out, "To-Local", &e->local);
	put_some(out, "Client", &e->client);
	put_some(out, "Client-Name", &e->client_name);
	put_some(out, "Login", &login);
	put_some(out, "Forward-To", &e->forward_to);
	if (e->tries > 0)
		buf_printf(out, "Tries: %" PRIu64 "\n", e->tries);
	if (e->next_try > 0)
		put_time(out, "Next-Try", (time_t)e->next_try);
	put_some(out, "Reason", &e->reason);
	put_some(out, "Bounced", &e->bounced);
	buf_free(&login);
}

static void
put_fields(struct buf *out, const struct buf *header)
{
	struct header_walk w = { .p = buf_text(header), .n = header->n };
	struct header_field f;
	struct buf value = { 0 };

	while (header_next(&w, &f)) {
		buf_clear(&value);
		if (f.name_n > 0) {
			text_printable(out, f.start, f.name_n);
			buf_puts(out, ": ");
			words_decode(&value, f.value, f.value_n);
		} else {
			words_decode(&value, f.start, f.n);
		}
		text_printable(out, buf_text(&value), value.n);
		buf_putc(out, '\n');
	}
	buf_free(&value);
}

static void
show_readable(struct buf *out, const struct inspected *m,
    const struct buf *header)
{
	put(out, "Id", m->id.s);
	put(out, "State", state_words[m->state]);
	if (m->has_text) {
		buf_printf(out, "Size: %" PRIu64 "\n", m->octets);
		put_time(out, "Arrived", m->time);
	}
	if (m->damaged)
		put(out, "Damaged", m->why.s);
	else
		put_envelope(out, m);
	buf_putc(out, '\n');
	put_fields(out, header);
}

/* --- for programs --- */

static void
put_json(struct buf *out, const char *key, const char *value)
{
	buf_printf(out, ",\"%s\":\"", key);
	text_json(out, value);
	buf_putc(out, '"');
}

/* A pair of name and value for each field, in their order: a name may come
 * more than once. */
static void
put_json_fields(struct buf *out, const struct buf *header)
{
	struct header_walk w = { .p = buf_text(header), .n = header->n };
	struct header_field f;
	struct buf text = { 0 };
	const char *comma = "";

	buf_puts(out, ",\"header\":[");
	while (header_next(&w, &f)) {
		if (f.name_n == 0)
			continue;
		buf_clear(&text);
		buf_add(&text, f.start, f.name_n);
		buf_printf(out, "%s[\"", comma);
		text_json(out, text.s);
		buf_puts(out, "\",\"");
		buf_clear(&text);
		words_decode(&text, f.value, f.value_n);
		text_json(out, buf_text(&text));
		buf_puts(out, "\"]");
		comma = ",";
	}
	buf_putc(out, ']');
	buf_free(&text);
}

static void
show_json(struct buf *out, const struct inspected *m, const struct buf *header)
{
	const struct envelope *e = &m->envelope;
	struct buf login = { 0 };

	login_name(e, &login);
	buf_putc(out, '{');
	present_json_members(out, m);
	put_json(out, "client", buf_text(&e->client));
	put_json(out, "client_name", buf_text(&e->client_name));
	put_json(out, "login", buf_text(&login));
	put_json(out, "forward_to", buf_text(&e->forward_to));
	put_json(out, "bounced", buf_text(&e->bounced));
	put_json_fields(out, header);
	buf_puts(out, "}\n");
	buf_free(&login);
}

static void
show_raw(struct show *s, struct buf *out, const struct inspected *m,
    const struct buf *header)
{
	struct buf envelope = { 0 };

	if (!spool_read_start(&s->spool, envelope_name(&m->id,
	    m->state).s, ENVELOPE_OCTETS, &envelope))
		log_error("%s: cannot read the envelope: %s", m->id.s,
		    strerror(errno));
	buf_add(out, buf_text(&envelope), envelope.n);
	buf_puts(out, "\r\n");
	buf_add(out, buf_text(header), header->n);
	buf_free(&envelope);
}

static void
show(struct show *s, struct inspected *m)
{
	struct buf header = { 0 }, out = { 0 };

	inspect_text(m, &s->spool, s->now);
	if (m->has_text && !inspect_header(m, &s->spool, HEADER_MOST,
	    &header))
		log_error("%s: cannot read the text: %s", m->id.s,
		    strerror(errno));
	if (s->messages++ > 0 && !s->conf.json)
		buf_puts(&out, s->conf.raw ? "\r\n" : "\n");
	if (s->conf.json)
		show_json(&out, m, &header);
	else if (s->conf.raw)
		show_raw(s, &out, m, &header);
	else
		show_readable(&out, m, &header);
	fwrite(buf_text(&out), 1, out.n, stdout);
	buf_free(&out);
	buf_free(&header);
}

int
main(int argc, char *argv[])
{
	struct show s = { .conf.common.spool_dir = SPOOLDIR,
		.now = time(NULL) };
	struct inspected m = { 0 };
	struct spool_entry e;
	struct selection sel;
	char **args;
	int first;

	program_start(false);
	signal(SIGPIPE, SIG_DFL);       /* "spool-show ... | head" */
	log_open("spool-show", NULL);
	first = options_read(&options, &s.conf.common, argc, argv);
	if (s.conf.raw && s.conf.json)
		die(EX_USAGE, "only one of --raw and --json");
	args = select_arguments(argv + first);
	if (!*args)
		die(EX_USAGE, "of which messages? "
		    "try \"spool-show --help\"");
	select_spool(&s.spool, s.conf.common.spool_dir, EX_NOINPUT);
	words_prepare();
	select_confine(&s.spool, &s.conf.common);
	select_start(&sel, &s.spool, args, false);
	while (select_next(&sel, &e)) {
		inspect_start(&m, &e);
		if (inspect_envelope(&m, &s.spool))
			show(&s, &m);
	}
	if (fflush(stdout) != 0 || ferror(stdout))
		die(EX_IOERR, "cannot write: %s", strerror(errno));
	select_end(&sel);
	inspect_free(&m);
	spool_close(&s.spool);
	return sel.status;
}
