/* SPDX-License-Identifier: ISC */
#include "base/options.h"

#include <string.h>

/*
 * Sorted by name. The names, letters and meanings of the manual are kept;
 * rows that only the emailrelay command or another program acts upon are
 * here so that one configuration file can serve the whole suite.
 */
const struct option_entry option_catalogue[] = {
	{ "admin", 'a', "port",
	    "enables the administration interface on this port" },
	{ "admin-terminate", 'Q', NULL,
	    "enables the terminate command of the administration interface" },
	{ "age", 0, "time",
	    "leaves alone what is younger (default 1d)" },
	{ "all", 0, NULL, "acts on every message that qualifies" },
	{ "alpn", 0, "name",
	    "the protocol that clients may ask for by ALPN (default smtp)" },
	{ "anonymous", 'A', NULL,
	    "disables VRFY and says less about this host" },
	{ "as-client", 'q', "host:port",
	    "forwards all spooled mail to this host, then ends" },
	{ "as-proxy", 'y', "host:port",
	    "forwards each mail to this host as it comes in" },
	{ "as-server", 'd', NULL, "stores mail in the spool directory" },
	{ "bare-newline", 0, "normalize|reject|keep",
	    "a CR or LF on its own in the text of a message: made CR LF "
	    "(the default), refused, or kept" },
	{ "close-stderr", 'e', NULL,
	    "closes the standard error stream soon after start-up" },
	{ "config", 0, "file", "reads more options from this file" },
	{ "connection-timeout", 'U', "seconds",
	    "the time to connect to a server in (default 40)" },
	{ "debug", 'g', NULL, "logs what only a developer wants to know" },
	{ "domain", 'D', "fqdn",
	    "the name of this host (default: as hostname(1) has it)" },
	{ "dont-serve", 'x', NULL, "listens on no port" },
	{ "dotted", 0, NULL, "prints a key as numbers with dots (the default)" },
	{ "dry-run", 0, NULL, "says what would be done and does nothing" },
	{ "filter", 'z', "program",
	    "a program, or net:host:port, that processes messages as they "
	    "are stored; may be given more than once" },
	{ "filter-timeout", 'W', "seconds",
	    "the time a filter or the verifier may take (default 300)" },
	{ "format", 0, "dotted|base64|xtext",
	    "how the key looks (default dotted); xtext: the password itself" },
	{ "forward", 'f', NULL, "forwards stored mail on start-up" },
	{ "forward-on-disconnect", 0, NULL,
	    "forwards as soon as the client has gone: the same as --poll=0" },
	{ "forward-to", 'o', "host:port", "the server that mail goes to" },
	{ "from", 'f', "address", "the envelope sender" },
	{ "hand-back", 0, NULL,
	    "for smtp-recv: asks on stdin what to do with what was not sent" },
	{ "help", 'h', NULL, "prints this text" },
	{ "idle-timeout", 0, "seconds",
	    "how long a client may be silent (default 300)" },
	{ "immediate", 'm', NULL,
	    "forwards each message before its receipt is acknowledged" },
	{ "interface", 'I', "list", "the addresses to listen on" },
	{ "json", 0, NULL, "prints one JSON object a line" },
	{ "limit-trusted", 0, NULL,
	    "local and trusted clients are limited like the others" },
	{ "log", 'l', NULL, "logs each event on stderr and syslog" },
	{ "log-format", 0, "text|json", "how log lines look (default text)" },
	{ "log-time", 'L', NULL, "puts the time before each log line" },
	{ "mailq", 0, NULL, "prints the queue as mailq(1) does" },
	{ "max-connections-per-client", 0, "number",
	    "the most connections of a client at a time (default 0: no limit)" },
	{ "max-rate-per-client", 0, "number/time",
	    "how many connections of a client are taken in so much time, "
	    "such as 60/1m" },
	{ "max-recipients", 0, "number",
	    "the most recipients of a message (default 1000)" },
	{ "newer-than", 0, "time", "only messages younger than this" },
	{ "no-daemon", 't', NULL, "does not detach from the terminal" },
	{ "no-smtp", 'X', NULL, "listens for no SMTP connections" },
	{ "no-syslog", 'n', NULL,
	    "keeps the log away from syslog (unless --syslog)" },
	{ "older-than", 0, "time", "only messages older than this" },
	{ "pid-file", 'i', "path", "where the process id is written" },
	{ "poll", 'O', "seconds",
	    "forwards again and again with this pause; 0: whenever a client "
	    "has gone" },
	{ "pop", 'B', NULL, "enables the POP server" },
	{ "pop-auth", 'F', "file", "the secrets of the POP server" },
	{ "pop-by-name", 'J', NULL,
	    "gives each POP user a sub-directory of the spool" },
	{ "pop-no-delete", 'G', NULL, "disables deletion by POP" },
	{ "pop-port", 'E', "port", "the POP port (default 110)" },
	{ "port", 'p', "port", "the SMTP port (default 25)" },
	{ "prompt-timeout", 'w', "seconds",
	    "the time to wait for a server's greeting (default 20)" },
	{ "proxy-protocol", 0, "list",
	    "the addresses and ranges of proxies, which have to send a PROXY "
	    "header" },
	{ "quiet", 'q', NULL, "prints message ids only" },
	{ "recipient", 0, "pattern",
	    "only messages with a recipient like this (* and ? match)" },
	{ "relay", 0, NULL,
	    "for programs of this suite: the other end is on descriptor 3" },
	{ "remote-clients", 'r', NULL,
	    "lets clients on other machines connect" },
	{ "report", 0, NULL,
	    "prints what became of each message: id, status, reply" },
	{ "response-timeout", 'T', "seconds",
	    "the time to wait for a server's reply (default 1800)" },
	{ "retry-for", 0, "time",
	    "gives a message up that cannot be sent for so long "
	    "(default 5d; 0: at its first failure)" },
	{ "sender", 0, "pattern",
	    "only messages from a sender like this (* and ? match)" },
	{ "server-auth", 'S', "file",
	    "clients have to log in: a secrets file, /pam, or "
	    "checkpassword:/path/program" },
	{ "server-tls", 'K', "file",
	    "offers TLS: a PEM file of the certificate, its chain and key" },
	{ "server-tls-connection", 0, NULL,
	    "TLS from the start, without STARTTLS" },
	{ "server-tls-required", 0, NULL,
	    "refuses mail and log-ins without TLS" },
	{ "server-tls-verify", 0, "file|dir",
	    "clients need a certificate that these certificates vouch for" },
	{ "size", 'M', "octets",
	    "the largest message that is taken (default 0: no limit)" },
	{ "spool-dir", 's', "dir",
	    "the spool directory (default " SPOOLDIR ")" },
	{ "state", 0, "list",
	    "only messages in these states: ready busy bad hold new local" },
	{ "syslog", 'k', NULL, "logs to syslog in any case" },
	{ "tls-config", '0', "settings",
	    "4: asks for the peer's certificate, 8: verifies it; "
	    "tlsv1.2: no older version, -tlsv1.2: no newer one" },
	{ "tls-key", 0, "file",
	    "the key of --server-tls, if it is not in that file" },
	{ "user", 'u', "name",
	    "the user to become if started as root (default daemon)" },
	{ "verbose", 'v', NULL, "says more" },
	{ "verifier", 'Z', "program",
	    "a program, or net:host:port, that verifies recipients" },
	{ "version", 'V', NULL, "prints the version" },
	{ NULL, 0, NULL, NULL }
};

const struct option_entry *
option_find(const char *name)
{
	const struct option_entry *o;

	for (o = option_catalogue; o->name; o++)
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}
