/* SPDX-License-Identifier: ISC */
#include "relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const char *const formats[] = {
	[PRINT_INETD] = "inetd", [PRINT_TCPSERVER] = "tcpserver",
	[PRINT_SYSTEMD] = "systemd", [PRINT_XINETD] = "xinetd",
	[PRINT_RUNIT] = "runit", [PRINT_CRON] = "cron", NULL
};

enum chapter { MODES, LISTENING, RECEIVING, SECURITY, FORWARDING, POPPING,
	COMMON, CHAPTERS };

static const char *const titles[CHAPTERS] = {
	[MODES] = "How to run", [LISTENING] = "Where to listen",
	[RECEIVING] = "Receiving", [SECURITY] = "Log-ins and TLS for clients",
	[FORWARDING] = "Forwarding", [POPPING] = "POP",
	[COMMON] = "Spool, log and help"
};

struct entry {
	struct option_row row;
	enum chapter chapter;
	unsigned to;            /* who takes it; 0: we alone */
	bool brief;             /* in --help without --verbose */
};

#define AT(member) offsetof(struct config, member)
#define DAY 86400
#define ONWARD (TO_RECV | TO_SEND | TO_ADMIN)
#define ALL (TO_RECV | TO_SEND | TO_POP | TO_ADMIN)

/* name, chapter, who takes it, where it goes */
#define FLAG(n, c, t, m, b)                                                  \
	{ { .name = n, .kind = OPTION_FLAG, .at = AT(m), .down = true },     \
	    c, t, b }
#define TEXT(n, c, t, m, b)                                                  \
	{ { .name = n, .kind = OPTION_TEXT, .at = AT(m), .down = true },     \
	    c, t, b }
#define LIST(n, c, t)                                                        \
	{ { .name = n, .kind = OPTION_LIST, .at = AT(list), .down = true },  \
	    c, t, false }
#define NUMBER(n, c, t, m, low, high, b)                                     \
	{ { .name = n, .kind = OPTION_NUMBER, .at = AT(m), .min = low,       \
	    .max = high, .down = true }, c, t, b }

/* Every option of the suite that a relay can make use of. What a program
 * takes and we do not check ourselves it checks: see plan_try. */
static const struct entry table[] = {
	FLAG("as-server", MODES, 0, as_server, true),
	TEXT("as-proxy", MODES, 0, as_proxy, true),
	TEXT("as-client", MODES, 0, as_client, true),
	FLAG("no-daemon", MODES, 0, no_daemon, false),
	FLAG("close-stderr", MODES, 0, close_stderr, false),
	FLAG("dont-serve", MODES, 0, dont_serve, false),
	TEXT("pid-file", MODES, TO_ADMIN, pid_file, false),
	TEXT("user", MODES, ALL, common.user, false),
	{ { .name = "print", .kind = OPTION_WORD, .at = AT(print),
	    .words = formats, .down = true }, MODES, 0, true },

	NUMBER("port", LISTENING, 0, port, 1, 65535, true),
	TEXT("interface", LISTENING, 0, interface, true),
	FLAG("no-smtp", LISTENING, 0, no_smtp, false),
	FLAG("pop", LISTENING, 0, pop, true),
	NUMBER("pop-port", LISTENING, 0, pop_port, 1, 65535, false),
	NUMBER("admin", LISTENING, 0, admin, 1, 65535, true),
	FLAG("admin-terminate", LISTENING, TO_ADMIN, admin_terminate, false),
	FLAG("remote-clients", LISTENING, TO_RECV | TO_POP | TO_ADMIN, flag,
	    true),
	TEXT("proxy-protocol", LISTENING, TO_RECV | TO_POP, text, false),
	TEXT("listener", LISTENING, 0, listener, false),

	TEXT("domain", RECEIVING, ALL, text, true),
	FLAG("anonymous", RECEIVING, TO_RECV, flag, false),
	NUMBER("size", RECEIVING, TO_RECV, number, 0, UINT64_MAX / 4, true),
	LIST("filter", RECEIVING, TO_RECV),
	NUMBER("filter-timeout", RECEIVING, ONWARD, number, 1, DAY, false),
	TEXT("verifier", RECEIVING, TO_RECV, text, false),
	NUMBER("max-recipients", RECEIVING, TO_RECV, number, 1, UINT64_MAX,
	    false),
	NUMBER("max-connections-per-client", RECEIVING, TO_RECV | TO_POP, number, 0,
	    UINT64_MAX, false),
	TEXT("max-rate-per-client", RECEIVING, TO_RECV | TO_POP, text, false),
	FLAG("limit-trusted", RECEIVING, TO_RECV | TO_POP, flag, false),
	NUMBER("idle-timeout", RECEIVING, TO_RECV | TO_POP | TO_ADMIN, number,
	    1, DAY, false),
	TEXT("bare-newline", RECEIVING, TO_RECV, text, false),

	TEXT("server-auth", SECURITY, TO_RECV, server_auth, true),
	TEXT("server-tls", SECURITY, TO_RECV | TO_POP, text, true),
	TEXT("tls-key", SECURITY, TO_RECV | TO_POP, text, false),
	FLAG("server-tls-connection", SECURITY, TO_RECV | TO_POP, flag, false),
	FLAG("server-tls-required", SECURITY, TO_RECV | TO_POP, flag, false),
	TEXT("server-tls-verify", SECURITY, TO_RECV | TO_POP, text, false),
	TEXT("tls-config", SECURITY, ALL, text, false),

	TEXT("forward-to", FORWARDING, ONWARD, forward_to, true),
	FLAG("forward", FORWARDING, 0, forward, true),
	FLAG("immediate", FORWARDING, TO_RECV, immediate, true),
	NUMBER("poll", FORWARDING, TO_SEND, poll, 0, DAY, true),
	FLAG("forward-on-disconnect", FORWARDING, TO_RECV, on_disconnect,
	    false),
	FLAG("forward-to-all", FORWARDING, ONWARD, flag, false),
	FLAG("forward-to-some", FORWARDING, ONWARD, flag, false),
	NUMBER("jobs", FORWARDING, ONWARD, number, 1, 100, false),
	LIST("client-filter", FORWARDING, ONWARD),
	TEXT("client-auth", FORWARDING, ONWARD, client_auth, true),
	TEXT("oauth-exec", FORWARDING, ONWARD, text, false),
	TEXT("oauth-user", FORWARDING, ONWARD, text, false),
	FLAG("client-tls", FORWARDING, ONWARD | TO_POP, flag, true),
	FLAG("client-tls-connection", FORWARDING, ONWARD, flag, false),
	FLAG("client-tls-required", FORWARDING, ONWARD, flag, false),
	TEXT("client-tls-verify", FORWARDING, ONWARD, text, false),
	TEXT("client-tls-server-name", FORWARDING, ONWARD, text, false),
	TEXT("client-tls-certificate", FORWARDING, ONWARD | TO_POP, text,
	    false),
	NUMBER("connection-timeout", FORWARDING, ONWARD, number, 1, DAY,
	    false),
	NUMBER("prompt-timeout", FORWARDING, ONWARD, number, 1, DAY, false),
	NUMBER("response-timeout", FORWARDING, ONWARD, number, 1, DAY, false),
	TEXT("retry-for", FORWARDING, ONWARD, text, false),

	TEXT("pop-auth", POPPING, TO_POP, pop_auth, false),
	FLAG("pop-by-name", POPPING, TO_POP, flag, false),
	FLAG("pop-no-delete", POPPING, TO_POP, flag, false),

	TEXT("spool-dir", COMMON, ALL, common.spool_dir, true),
	FLAG("log", COMMON, ALL, common.log.events, true),
	{ { .name = "log-format", .kind = OPTION_WORD,
	    .at = AT(common.log.format), .words = log_formats,
	    .down = true }, COMMON, ALL, false },
	FLAG("log-time", COMMON, ALL, common.log.time, false),
	FLAG("no-sandbox", COMMON, ALL, common.no_sandbox, false),
	FLAG("no-syslog", COMMON, ALL, common.log.no_syslog, false),
	FLAG("syslog", COMMON, ALL, common.log.syslog, false),
	FLAG("verbose", COMMON, ALL, common.log.verbose, true),
	FLAG("debug", COMMON, ALL, common.log.debug, false),
};

enum { ROWS = sizeof table / sizeof table[0] };
static struct option_row rows[ROWS];

const struct config defaults = {
	.common = { .spool_dir = SPOOLDIR, .user = "daemon" },
	.port = 25,
	.pop_port = 110,
	.poll = UINT64_MAX,
	.print = PRINT_NOTHING,
};

bool
option_is(const char *word, const char *name)
{
	size_t n = strlen(name);

	return strncmp(word + 2, name, n) == 0 &&
	    (!word[2 + n] || word[2 + n] == '=');
}

unsigned
config_takers(const char *name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (strcmp(table[i].row.name, name) == 0)
			return table[i].to;
	return 0;
}

bool
given(const struct config *conf, const char *name)
{
	const struct list *down = &conf->common.down;

	for (size_t i = 0; i < down->n; i++)
		if (option_is(list_get(down, i), name))
			return true;
	return options_from_environment(&conf->common, name);
}

/* --- --help, which comes before everything that may be wrong --- */

static void
print_chapter(enum chapter c, bool all)
{
	static const char *const always[] = { "config", "help", "version" };

	printf("\n%s:\n", titles[c]);
	for (size_t i = 0; i < ROWS; i++)
		if (table[i].chapter == c && (all || table[i].brief))
			option_print(option_find(table[i].row.name));
	for (size_t i = 0; c == COMMON && i < 3; i++)
		option_print(option_find(always[i]));
}

_Noreturn static void
help(bool all)
{
	printf("emailrelay (Sluice) %s: stores mail, forwards it, and lets "
	    "it be fetched\n\n%susage: emailrelay [options] [config-file]\n",
	    VERSION, all ? "" : "abbreviated ");
	for (unsigned c = 0; c < CHAPTERS; c++)
		if (all || (c != POPPING))
			print_chapter((enum chapter)c, all);
	if (all)
		puts("\nA store:   emailrelay --as-server\n"
		    "A proxy:   emailrelay --as-proxy=smarthost:25\n"
		    "Send all:  emailrelay --as-client=smarthost:25");
	else
		puts("\nThe other options: emailrelay --help --verbose");
	puts("The manual page has more: emailrelay.");
	exit(EX_OK);
}

/* Is this switch anywhere, on its own or among letters? A value that it does
 * not take is ignored, as everywhere. */
static bool
asked(int argc, char *argv[], const char *name, char letter)
{
	const char *s;

	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		s = argv[i];
		if (s[0] == '-' && s[1] == '-' && option_is(s, name))
			return true;
		if (s[0] == '-' && s[1] && strchr(s + 1, letter) &&
		    s[1 + strspn(s + 1, "dehlmrtvxfABGJLQVXbgjkn")] == '\0')
			return true;
	}
	return false;
}

_Noreturn static void
too_many(void)
{
	log_error("usage error: too many non-switch arguments");
	fputs("            try \"emailrelay --help --verbose\" for more "
	    "information\n", stderr);
	exit(1);
}

void
config_read(struct config *conf, int argc, char *argv[])
{
	const struct option_set set = {
		.program = "emailrelay",
		.usage = "[config-file]",
		.purpose = "Stores mail, forwards it, and lets it be fetched.",
		.rows = rows,
		.n = ROWS,
		.manual = true,
		.file_argument = true,
	};

	if (asked(argc, argv, "help", 'h'))
		help(asked(argc, argv, "verbose", 'v'));
	for (size_t i = 0; i < ROWS; i++)
		rows[i] = table[i].row;
	*conf = defaults;
	if (options_read(&set, &conf->common, argc, argv) != argc)
		too_many();
	/* who we start need not read that again, and perhaps may not */
	unsetenv("SLUICE_CONFIG");
	unsetenv("SLUICE_CONFIG_FILE");
}
