/* SPDX-License-Identifier: ISC */
#include "send.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>

#include "base/base64.h"
#include "base/helper.h"

enum { COMMAND = 510 };         /* RFC 5321 section 4.5.3.1.4, without CR LF */

static bool
has_program(const struct client *c)
{
	return c->token.program.n > 0;
}

static bool
is_oauth(enum way w)
{
	return w == WAY_OAUTHBEARER || w == WAY_XOAUTH2;
}

static bool
is_challenge(enum way w)
{
	return w == WAY_SCRAM_SHA_256 || w == WAY_CRAM_MD5;
}

/* Any name there is will do for a token from a program. */
static bool
find_user(const struct client *c, struct sasl_client *s)
{
	static const enum way where[] = {
		WAY_XOAUTH2, WAY_PLAIN, WAY_LOGIN, WAY_CRAM_MD5
	};
	const char *user = c->conf->oauth_user;

	if (user && *user) {
		s->id = user;
		s->id_n = strlen(user);
		return true;
	}
	for (size_t i = 0; i < sizeof where / sizeof where[0]; i++)
		if (account_serves(&c->account, where[i], s))
			return true;
	return false;
}

/* Can we log in that way? With a program that gives tokens no password is
 * ever sent. */
static bool
serves(const struct client *c, enum way w, struct sasl_client *s)
{
	*s = (struct sasl_client){ .way = w, .host = c->target.host,
		.port = c->target.port };
	if (has_program(c))
		return is_oauth(w) && find_user(c, s);
	return account_serves(&c->account, w, s) && s->secret_n > 0;
}

void
login_prepare(struct client *c, const struct config *conf)
{
	struct token *t = &c->token;
	struct sasl_client s;

	c->conf = conf;
	if (conf->client_auth)
		account_read(&c->account, conf->client_auth,
		    options_from_environment(&conf->common, "client-auth"));
	if (conf->oauth_exec && !helper_parse(&t->program, conf->oauth_exec))
		die(EX_USAGE, "--oauth-exec wants the absolute path of a "
		    "program: %s", conf->oauth_exec);
	if (has_program(c) && !find_user(c, &s))
		die(EX_USAGE, "whose token? --oauth-user is missing");
	c->credentials = has_program(c) || account_any(&c->account);
	if (conf->client_auth && !c->credentials)
		log_warning("--client-auth: nothing there to log in with");
}

void
login_offer(struct client *c, const char *line)
{
	const char *p;
	enum way w;
	size_t n;

	if (strncasecmp(line, "AUTH ", 5) != 0 &&
	    strncasecmp(line, "AUTH=", 5) != 0)
		return;
	c->offers_auth = true;
	for (p = line + 4; *p; ) {
		p += strspn(p, " =");
		n = strcspn(p, " ");
		if (way_find(p, n, &w))
			c->ways |= 1u << w;
		p += n;
	}
}

/* --- one attempt --- */

/* A line with a secret in it, and what the log says instead. */
static void
say_secret(struct client *c, const char *prefix, const struct buf *answer,
    const char *shown)
{
	struct buf line = { 0 };

	buf_reserve(&line, strlen(prefix) + answer->n * 4 / 3 + 8);
	buf_puts(&line, prefix);
	base64_encode(&line, buf_text(answer), answer->n);
	client_say_secret(c, buf_text(&line), shown);
	buf_wipe(&line);
}

/* The question in a 334, to be freed. False if it is not base64. */
static bool
read_question(const struct client *c, struct buf *question)
{
	const char *text = c->reply.lines.n ?
	    list_get(&c->reply.lines, 0) : "";

	return c->reply.lines.n <= 1 &&
	    base64_decode(question, text, strlen(text));
}

static enum fate
cancel(struct client *c)
{
	enum fate f;

	client_say(c, "*");
	f = client_hear(c, CLIENT_AUTH, "*");
	if (!c->open)
		return f;
	/* It would take the next command for an answer. */
	if (c->reply.code == 334)
		client_drop(c);
	reply_make(&c->reply, 504, "5.5.2 unexpected question");
	return REFUSED;
}

/* Not the server it says it is: it cannot know the password, and so it gets
 * none in another way either. */
static enum fate
disbelieve(struct client *c)
{
	client_drop(c);
	reply_make(&c->reply, 451,
	    "4.7.0 the server has not shown that it knows the password");
	return LATER;
}

static enum fate
answer(struct client *c, struct sasl_client *s)
{
	struct buf question = { 0 };
	enum answer a = ANSWER_NONE;

	if (read_question(c, &question))
		a = sasl_client_step(s, buf_text(&question), question.n);
	buf_free(&question);
	if (a == ANSWER_IMPOSTOR)
		return disbelieve(c);
	if (a != ANSWER_READY)
		return cancel(c);
	say_secret(c, "", &s->answer, "[...]");
	return client_hear(c, CLIENT_AUTH, "AUTH");
}

/* AUTH WAY, with the first answer if there is room for it. */
static enum fate
begin(struct client *c, struct sasl_client *s, bool at_once)
{
	struct buf command = { 0 }, shown = { 0 };

	buf_printf(&command, "AUTH %s", way_name(s->way));
	if (at_once) {
		sasl_client_step(s, "", 0);
		at_once = command.n + 1 + (s->answer.n + 2) / 3 * 4 <= COMMAND;
	}
	if (at_once) {
		buf_printf(&shown, "%s [...]", command.s);
		buf_putc(&command, ' ');
		say_secret(c, command.s, &s->answer, shown.s);
	} else {
		sasl_client_reset(s);
		client_say(c, "%s", command.s);
	}
	buf_free(&command);
	buf_free(&shown);
	return client_hear(c, CLIENT_AUTH, "AUTH");
}

static enum fate
converse(struct client *c, struct sasl_client *s, bool at_once)
{
	enum fate f = begin(c, s, at_once);

	/* Some ask all the same. */
	if (f == SENT && c->reply.code == 334 && s->steps == 1 &&
	    s->way == WAY_PLAIN)
		s->steps = 0;
	while (f == SENT && c->reply.code == 334)
		f = answer(c, s);
	if (f == SENT && !sasl_client_believes(s))
		f = disbelieve(c);
	sasl_client_reset(s);
	return f;
}

/* A server that does not know of answers in the command says so by 501. */
static enum fate
attempt(struct client *c, struct sasl_client *s)
{
	bool first = way_speaks_first(s->way);
	enum fate f = converse(c, s, first);

	if (first && f == REFUSED && c->open &&
	    (c->reply.code == 500 || c->reply.code == 501))
		f = converse(c, s, false);
	return f;
}

static enum fate
no_token(struct client *c)
{
	reply_make(&c->reply, 451, "4.7.0 no token to log in with");
	return LATER;
}

/* A token from the cache may have been withdrawn: one more try with a new
 * one. */
static enum fate
attempt_token(struct client *c, struct sasl_client *s)
{
	struct buf id = { 0 };
	enum fate f;

	buf_add(&id, s->id, s->id_n);
	f = token_get(c, id.s, false) ? SENT : no_token(c);
	for (bool again = false; f == SENT; again = true) {
		s->secret = c->token.text.s;
		s->secret_n = c->token.text.n;
		f = attempt(c, s);
		if (f != REFUSED || !c->open || again || c->token.fresh)
			break;
		f = token_get(c, id.s, true) ? SENT : no_token(c);
	}
	buf_free(&id);
	return f;
}

/* --- which way --- */

/* Is what we send in the clear seen by this machine only? */
static bool
stays_here(const struct client *c)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a = { .v6 = { 0 } };
	socklen_t n = sizeof a;

	if (*c->proxy.host || getpeername(c->io.in, &a.any, &n) < 0)
		return false;
	if (a.any.sa_family == AF_INET)
		return ntohl(a.v4.sin_addr.s_addr) >> 24 == 127;
	return a.any.sa_family == AF_INET6 &&
	    IN6_IS_ADDR_LOOPBACK(&a.v6.sin6_addr);
}

/* Passwords have always been sent in the clear to who wants them so; tokens
 * never were. */
static bool
is_possible(const struct client *c, enum way w, struct sasl_client *s)
{
	return (c->ways & 1u << w) && serves(c, w, s) &&
	    (!is_oauth(w) || c->secure || stays_here(c));
}

static void
complain(struct client *c, const char *way)
{
	struct buf why = { 0 };

	/* Not in the words for a client that fails to log in: who blocks
	 * such clients would block the server. */
	reply_text(&c->reply, &why);
	log_warning("%s: SASL %s failed: %s", c->relay, way, why.s);
	buf_free(&why);
}

static enum fate
try_way(struct client *c, struct sasl_client *s)
{
	enum fate f = has_program(c) ? attempt_token(c, s) : attempt(c, s);

	check_login(c, way_name(s->way), f == SENT);
	if (f != SENT)
		complain(c, way_name(s->way));
	return f;
}

static void
nothing_in_common(struct client *c)
{
	const char *why = "4.7.0 the server does not offer AUTH";

	if (c->offers_auth)
		why = "4.7.0 no mechanism in common that may be used";
	else if (!c->secure && (c->can & STARTTLS))
		why = "4.7.0 the server does not offer AUTH in clear: "
		    "see --client-tls";
	reply_make(&c->reply, 451, why);
	check_login(c, NULL, false);
	complain(c, "login");
}

/* 535 (RFC 4954 section 6) is about the name and what goes with it, not about
 * the way: whoever bans those who guess counts it. One that has had the
 * password itself, or the token, will not like it better in another way; one
 * that was to know it for a challenge may keep only a hash of it, and still
 * like the password. */
static bool
is_hopeless(const struct client *c, const struct sasl_client *refused,
    const struct sasl_client *s)
{
	const bool same = refused->id && refused->id_n == s->id_n &&
	    memcmp(refused->id, s->id, s->id_n) == 0 && (has_program(c) ||
	    (refused->secret_n == s->secret_n &&
	    memcmp(refused->secret, s->secret, s->secret_n) == 0));

	return same && (!is_challenge(refused->way) || is_challenge(s->way));
}

/* One way after the other, till one is not refused. */
static enum fate
try_ways(struct client *c, const enum way order[WAYS], bool *tried)
{
	struct sasl_client s, refused[WAYS] = { { .id = NULL } };
	enum fate f = REFUSED;
	bool hopeless;

	for (int i = 0; i < WAYS && f == REFUSED && c->open; i++) {
		if (!is_possible(c, order[i], &s))
			continue;
		hopeless = false;
		for (int k = 0; k < i; k++)
			hopeless |= is_hopeless(c, &refused[k], &s);
		if (hopeless)
			continue;
		*tried = true;
		refused[i] = s;
		f = try_way(c, &s);
		if (f != REFUSED || c->reply.code != 535)
			refused[i].id = NULL;
	}
	return f;
}

bool
login(struct client *c)
{
	static const enum way clear[WAYS] = {
		WAY_OAUTHBEARER, WAY_XOAUTH2, WAY_SCRAM_SHA_256,
		WAY_CRAM_MD5, WAY_PLAIN, WAY_LOGIN
	}, secure[WAYS] = {
		WAY_OAUTHBEARER, WAY_XOAUTH2, WAY_SCRAM_SHA_256, WAY_PLAIN,
		WAY_LOGIN, WAY_CRAM_MD5
	};
	const enum way *order = c->secure ? secure : clear;
	bool tried = false;
	enum fate f;

	if (!c->credentials)
		return true;
	f = try_ways(c, order, &tried);
	if (!tried)
		nothing_in_common(c);
	if (has_program(c))
		token_forget(c, f == REFUSED && tried);
	c->authenticated = f == SENT;
	return c->authenticated;
}
