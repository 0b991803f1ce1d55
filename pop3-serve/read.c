/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "base/text.h"
#include "mail/dot.h"
#include "mail/excerpt.h"

enum { BLOCK = 65536 };

/* `01` and `+1` are 1, as ever; -1, 1x and what has too many digits are
 * nothing. */
static bool
read_number(const char *word, uint64_t *n)
{
	if (!word)
		return false;
	if (*word == '+')
		word++;
	while (word[0] == '0' && word[1])
		word++;
	return text_number(word, 0, UINT64_MAX, n);
}

/* The message that the next word names, or 0. */
static size_t
which(struct session *s, char **arg)
{
	uint64_t number;

	if (!read_number(text_word(arg), &number) ||
	    !maildrop_has(&s->maildrop, number))
		return 0;
	/* however many commands there are, there may be one for each */
	serve_step(&s->server);
	return (size_t)number;
}

void
do_stat(struct session *s, char *arg)
{
	(void)arg;
	say(s, "+OK %zu %" PRIu64, s->maildrop.left, s->maildrop.octets);
}

/* --- LIST and UIDL --- */

enum { ITEM = 128 };

_Static_assert(ITEM >= 20 + 1 + MAILDROP_UID + 3, "an item has room");

/* What there is to be said of a message, with its number before it and a NUL
 * behind. Where that is. There may be very many: no printf. */
typedef char *item(const struct maildrop *m, size_t number, char text[ITEM]);

static char *
size_item(const struct maildrop *m, size_t number, char text[ITEM])
{
	char *p = text_decimal(text, number);

	*p++ = ' ';
	p = text_decimal(p, maildrop_octets(m, number));
	*p = '\0';
	return p;
}

static char *
uid_item(const struct maildrop *m, size_t number, char text[ITEM])
{
	char *p = text_decimal(text, number);

	*p++ = ' ';
	maildrop_uid(m, number, p);
	return strchr(p, '\0');
}

static void
tell_all(struct session *s, item *tell)
{
	const struct maildrop *m = &s->maildrop;
	char lines[4096], *p = lines;

	say(s, "+OK %zu message(s)", m->left);
	for (size_t i = 1; i <= m->n; i++) {
		if (!maildrop_has(m, i))
			continue;
		p = tell(m, i, p);
		*p++ = '\r';
		*p++ = '\n';
		if (lines + sizeof lines - p < ITEM) {
			io_write(&s->io, lines, (size_t)(p - lines));
			p = lines;
		}
	}
	io_write(&s->io, lines, (size_t)(p - lines));
	say(s, ".");
}

static void
tell(struct session *s, char *arg, item *tell_one)
{
	char text[ITEM];
	size_t number;

	if (!*arg) {
		tell_all(s, tell_one);
		return;
	}
	number = which(s, &arg);
	if (!number) {
		say(s, "-ERR invalid id");
		return;
	}
	tell_one(&s->maildrop, number, text);
	say(s, "+OK %s", text);
}

void
do_list(struct session *s, char *arg)
{
	tell(s, arg, size_item);
}

void
do_uidl(struct session *s, char *arg)
{
	tell(s, arg, uid_item);
}

/* --- RETR and TOP --- */

/* The text, or what the excerpt takes of it. False if it could not be read,
 * or has become shorter than it was. */
static bool
pour(struct session *s, int fd, const struct stat *st, struct excerpt *e)
{
	struct dot_encoder dot = { .in_line = false };
	struct buf out = { 0 };
	static char block[BLOCK];       /* or it would be zeroed each time */
	const uint64_t all = (uint64_t)st->st_size;
	uint64_t left = all;
	int64_t began = date_ticks();
	ssize_t n;
	size_t plain;

	while (!e->done && left > 0 && s->io.state == IO_OPEN &&
	    (n = read(fd, block, left < BLOCK ? (size_t)left : BLOCK)) > 0) {
		left -= (uint64_t)n;
		s->io.until = serve_deadline(began, s->io.seconds, all - left);
		plain = dot_plain(&dot, block, (size_t)n);
		io_write(&s->io, block, excerpt_take(e, block, plain));
		dot_encode(&dot, block + plain, (size_t)n - plain, &out);
		io_write(&s->io, buf_text(&out),
		    excerpt_take(e, buf_text(&out), out.n));
		buf_clear(&out);
	}
	if (e->done)
		buf_puts(&out, ".\r\n");
	else
		dot_encode_end(&dot, &out);
	if (!e->done && left > 0) {
		buf_free(&out);
		return false;
	}
	io_write(&s->io, out.s, out.n);
	buf_free(&out);
	return true;
}

/* Half a text must not look like a whole one: hang up. */
static void
break_off(struct session *s)
{
	if (s->io.state == IO_OPEN)
		log_error("cannot read the text: %s",
		    errno ? strerror(errno) : "it has become shorter");
	s->server.refused = true;
	end_session(s);
}

/* True if it was sent whole. */
static bool
send_text(struct session *s, size_t number, const char *reply,
    struct excerpt *e)
{
	struct message_id id;
	struct stat st;
	int fd = maildrop_text(&s->maildrop, number, &st);
	bool ok = false;

	maildrop_id(&s->maildrop, number, &id);
	log_subject(id.s);
	if (fd < 0) {
		if (errno != ENOENT)
			log_error("cannot open the text: %s", strerror(errno));
		say(s, errno == ENOENT ? "-ERR that message is gone" :
		    "-ERR [SYS/TEMP] cannot read that message");
	} else {
		say(s, "%s", reply);
		errno = 0;
		ok = pour(s, fd, &st, e);
		if (!ok)
			break_off(s);
		close(fd);
		serve_progress(&s->server);
	}
	log_subject(NULL);
	return ok;
}

void
do_retr(struct session *s, char *arg)
{
	struct excerpt all = { .lines = UINT64_MAX };
	size_t number = which(s, &arg);
	char reply[64];

	if (!number) {
		say(s, "-ERR no such message");
		return;
	}
	snprintf(reply, sizeof reply, "+OK %" PRIu64 " octets",
	    maildrop_octets(&s->maildrop, number));
	if (send_text(s, number, reply, &all))
		counters_note(&s->counters, COUNT_FETCHED, 1);
}

/* Without a number of lines there are none of the body. */
void
do_top(struct session *s, char *arg)
{
	struct excerpt some = { .lines = 0 };
	size_t number = which(s, &arg);
	const char *lines = text_word(&arg);

	if (!number)
		say(s, "-ERR no such message");
	else if (lines && !read_number(lines, &some.lines))
		say(s, "-ERR invalid number of lines");
	else
		send_text(s, number, "+OK", &some);
}

/* --- DELE and RSET --- */

void
do_dele(struct session *s, char *arg)
{
	size_t number = which(s, &arg);

	if (!number) {
		say(s, "-ERR no such message");
		return;
	}
	maildrop_mark(&s->maildrop, number);
	serve_progress(&s->server);
	say(s, "+OK");
}

void
do_rset(struct session *s, char *arg)
{
	(void)arg;
	maildrop_unmark(&s->maildrop);
	say(s, "+OK");
}
