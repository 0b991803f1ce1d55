/* SPDX-License-Identifier: ISC */
#include "session.h"

#define AT(member) offsetof(struct config, member)
#define DAY 86400

static const struct option_row rows[] = {
	OPTIONS_SPOOL(struct config),
	OPTIONS_GATE(struct config),
	{ "pop-auth", OPTION_TEXT, AT(pop_auth) },
	{ "pop-by-name", OPTION_FLAG, AT(by_name) },
	{ "pop-no-delete", OPTION_FLAG, AT(no_delete) },
	{ "server-tls", OPTION_TEXT, AT(tls.certificate) },
	{ "tls-key", OPTION_TEXT, AT(tls.key) },
	{ "tls-config", OPTION_TEXT, AT(tls.settings) },
	{ "server-tls-connection", OPTION_FLAG, AT(server_tls_connection) },
	{ "server-tls-required", OPTION_FLAG, AT(server_tls_required) },
	{ "server-tls-verify", OPTION_TEXT, AT(tls.trusted) },
	{ "client-tls", OPTION_FLAG, AT(client_tls) },
	{ "client-tls-certificate", OPTION_TEXT, AT(client_certificate) },
	{ "idle-timeout", OPTION_NUMBER, AT(idle_timeout), 1, DAY },
	OPTIONS_LOG(struct config),
};

const struct option_set options = {
	.program = "pop3-serve",
	.purpose = "lets a client fetch mail from the spool directory over "
	    "POP3 on descriptors 0 and 1",
	.usage = "",
	.rows = rows,
	.n = sizeof rows / sizeof rows[0],
};

/* RFC 1939 wants ten minutes for the silent. */
const struct config defaults = {
	.common = { .spool_dir = SPOOLDIR, .user = "daemon" },
	.pop_auth = SYSCONFDIR "/emailrelay.auth",
	.tls.alpn = "pop3",
	.idle_timeout = 600,
};
