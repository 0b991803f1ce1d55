/* SPDX-License-Identifier: ISC */
#include "script.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/text.h"

static const char usage[] =
	"usage: answer [options]\n"
	"VERB is the verb of a command, or GREETING, EOD (the final dot, or BDAT\n"
	"... LAST), AUTH+ (a line of the AUTH exchange), OTHER. VERB:N is the\n"
	"N-th of it, counted over all connections. TEXT knows \\r \\n \\t \\\\\n"
	"\\xHH; it gets its line end added, or none if it closes with \\c.\n"
	"  --ehlo CAPABILITY          offered (may come again)\n"
	"  --reply VERB[:N]=TEXT      say this (also --reply-nth)\n"
	"  --to ADDRESS=TEXT          say this to its RCPT\n"
	"  --crowd N                  452 to RCPT after so many were accepted\n"
	"  --greeting TEXT, --eod TEXT    the same for GREETING, EOD\n"
	"  --close VERB[:N]           hang up in place of a reply\n"
	"  --close-after VERB[:N]     reply, then hang up\n"
	"  --close-eod                the same as --close EOD\n"
	"  --silent VERB[:N]          never say anything again\n"
	"  --garbage VERB[:N]         say what is no SMTP\n"
	"  --endless VERB[:N]         a reply that has no last line\n"
	"  --endless-line VERB[:N]    a reply whose line has no end\n"
	"  --flood VERB[:N]           replies without end\n"
	"  --close-data OCTETS        hang up when so much text, or so much of a\n"
	"                             chunk, has come\n"
	"  --reset                    hanging up is a TCP reset\n"
	"  --delay-ms N               before each reply\n"
	"  --drip-ms N                before each octet of a reply\n"
	"  --gather N                 no reply to the final dot before there were\n"
	"                             N connections\n"
	"  --most N                   421 to more connections at a time\n"
	"  --save DIR                 messages: NNN.wire, .content, .log\n"
	"  --log FILE                 all commands; CONNECT, LOST, EARLY (the\n"
	"                             client did not wait), BARE (a CR or LF\n"
	"                             on its own in the text)\n"
	"  --limit-connections N      end after so many\n"
	"  --ipv6                     on ::1, not on 127.0.0.1\n"
	"  --deaf                     never accept: the backlog is full\n";

const struct verb_row verbs[VERBS] = {
	[GREETING] = { "GREETING", "220 answer ESMTP", true },
	[EHLO] = { "EHLO", "250 answer", true },
	[HELO] = { "HELO", "250 answer", true },
	[MAIL] = { "MAIL", "250 2.1.0 ok", false },
	[RCPT] = { "RCPT", "250 2.1.5 ok", false },
	[DATA] = { "DATA", "354 go on", true },
	[EOD] = { "EOD", "250 2.0.0 kept", false },
	[BDAT] = { "BDAT", "250 2.0.0 ok", false },
	[RSET] = { "RSET", "250 2.0.0 ok", false },
	[NOOP] = { "NOOP", "250 2.0.0 ok", true },
	[VRFY] = { "VRFY", "252 2.1.5 perhaps", true },
	[AUTH] = { "AUTH", "235 2.7.0 welcome", true },
	[AUTH_MORE] = { "AUTH+", "235 2.7.0 welcome", true },
	[STARTTLS] = { "STARTTLS", "454 4.7.0 not now", true },
	[QUIT] = { "QUIT", "221 2.0.0 bye", true },
	[OTHER] = { "OTHER", "500 5.5.2 what?", true },
};

_Noreturn static void
complain(const char *about)
{
	fprintf(stderr, "answer: what is \"%s\"?\n%s", about, usage);
	exit(EX_USAGE);
}

enum verb
verb_of(const char *word)
{
	enum verb v;

	for (v = 0; v < OTHER; v++)
		if (strcasecmp(verbs[v].word, word) == 0)
			break;
	return v;
}

static void
unescape(struct buf *out, const char *s)
{
	static const char letters[] = "rnt\\", mean[] = "\r\n\t\\";
	const char *l;
	unsigned c;

	for (; *s; s++) {
		if (*s != '\\' || !s[1]) {
			buf_putc(out, *s);
		} else if (strcmp(s, "\\c") == 0) {
			return;
		} else if (sscanf(s, "\\x%2x", &c) == 1) {
			buf_putc(out, (char)c);
			s += 3;
		} else if ((l = strchr(letters, *++s)) != NULL) {
			buf_putc(out, mean[l - letters]);
		} else {
			complain(s - 1);
		}
	}
	if (!out->n || out->s[out->n - 1] != '\n')
		buf_puts(out, "\r\n");
}

static void
add_rule(struct script *s, enum act act, const char *what, const char *text)
{
	struct rule *r = &s->rules[s->n];
	char word[16];
	const char *colon = strchr(what, ':');
	size_t n = colon ? (size_t)(colon - what) : strlen(what);

	if (n >= sizeof word || s->n == RULES)
		complain(what);
	snprintf(word, sizeof word, "%.*s", (int)n, what);
	r->act = act;
	r->verb = verb_of(word);
	if (r->verb == OTHER && strcasecmp(word, "OTHER") != 0)
		complain(what);
	if (colon && !text_number(colon + 1, 1, UINT32_MAX, &r->nth))
		complain(what);
	if (text)
		unescape(&r->text, text);
	s->n++;
}

static void
add_reply(struct script *s, char *value)
{
	char *equals = strchr(value, '=');

	if (!equals)
		complain(value);
	*equals = '\0';
	add_rule(s, REPLY, value, equals + 1);
}

static void
add_address(struct script *s, char *value)
{
	struct buf text = { 0 };
	char *equals = strchr(value, '=');

	if (!equals)
		complain(value);
	*equals = '\0';
	unescape(&text, equals + 1);
	list_add(&s->whom, value);
	list_add(&s->whom, text.s);
	buf_free(&text);
}

static uint64_t
number(const char *text)
{
	uint64_t n;

	if (!text_number(text, 0, UINT32_MAX, &n))
		complain(text);
	return n;
}

static int
open_or_die(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0666);

	if (fd < 0)
		die(EX_CANTCREAT, "cannot open '%s': %s", path,
		    strerror(errno));
	return fd;
}

static void
add_capability(struct script *s, const char *capability)
{
	list_add(&s->capabilities, capability);
	s->pipelining |= strcasecmp(capability, "PIPELINING") == 0;
}

static void
take_option(struct script *s, int c, char *value)
{
	static const enum act acts[] = {
		['c'] = CLOSE, ['a'] = CLOSE_AFTER, ['s'] = SILENT,
		['g'] = GARBAGE, ['e'] = ENDLESS, ['l'] = ENDLESS_LINE,
		['f'] = FLOOD
	};

	switch (c) {
	case 'E': add_capability(s, value); break;
	case 'R': add_reply(s, value); break;
	case 'T': add_address(s, value); break;
	case 'W': s->crowd = number(value); break;
	case 'G': add_rule(s, REPLY, "GREETING", value); break;
	case 'D': add_rule(s, REPLY, "EOD", value); break;
	case 'C': add_rule(s, CLOSE, "EOD", NULL); break;
	case 'c': case 'a': case 's': case 'g': case 'e': case 'l': case 'f':
		add_rule(s, acts[c], value, NULL);
		break;
	case 'O': s->close_data = number(value); break;
	case 'X': s->reset = true; break;
	case '6': s->ipv6 = true; break;
	case 'Q': s->deaf = true; break;
	case 'A': s->gather = number(value); break;
	case 'm': s->most = number(value); break;
	case 'M': s->delay = number(value); break;
	case 'd': s->drip = number(value); break;
	case 'N': s->connections = number(value); break;
	case 'S':
		s->save = open_or_die(value, O_RDONLY | O_DIRECTORY);
		break;
	case 'L':
		s->log = open_or_die(value, O_WRONLY | O_APPEND | O_CREAT);
		break;
	case 'h':
		fputs(usage, stdout);
		exit(EX_OK);
	default:
		complain("this option");
	}
}

void
script_read(struct script *s, int argc, char *argv[])
{
	static const struct option options[] = {
		{ "ehlo", required_argument, NULL, 'E' },
		{ "reply", required_argument, NULL, 'R' },
		{ "reply-nth", required_argument, NULL, 'R' },
		{ "to", required_argument, NULL, 'T' },
		{ "crowd", required_argument, NULL, 'W' },
		{ "greeting", required_argument, NULL, 'G' },
		{ "eod", required_argument, NULL, 'D' },
		{ "close", required_argument, NULL, 'c' },
		{ "close-after", required_argument, NULL, 'a' },
		{ "close-eod", no_argument, NULL, 'C' },
		{ "silent", required_argument, NULL, 's' },
		{ "garbage", required_argument, NULL, 'g' },
		{ "endless", required_argument, NULL, 'e' },
		{ "endless-line", required_argument, NULL, 'l' },
		{ "flood", required_argument, NULL, 'f' },
		{ "close-data", required_argument, NULL, 'O' },
		{ "reset", no_argument, NULL, 'X' },
		{ "delay-ms", required_argument, NULL, 'M' },
		{ "gather", required_argument, NULL, 'A' },
		{ "most", required_argument, NULL, 'm' },
		{ "drip-ms", required_argument, NULL, 'd' },
		{ "save", required_argument, NULL, 'S' },
		{ "log", required_argument, NULL, 'L' },
		{ "limit-connections", required_argument, NULL, 'N' },
		{ "ipv6", no_argument, NULL, '6' },
		{ "deaf", no_argument, NULL, 'Q' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		take_option(s, c, optarg);
	if (optind < argc)
		complain(argv[optind]);
}

const struct rule *
script_rule(const struct script *s, enum verb verb, unsigned nth, bool after)
{
	const struct rule *any = NULL;

	for (size_t i = 0; i < s->n; i++) {
		const struct rule *r = &s->rules[i];

		if (r->verb != verb || (r->act == CLOSE_AFTER) != after)
			continue;
		if (r->nth == nth)
			return r;
		if (r->nth == 0 && !any)
			any = r;
	}
	return any;
}
