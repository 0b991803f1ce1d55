/* SPDX-License-Identifier: ISC */
#include "session.h"

static const char *const newlines[] = {
	[NEWLINE_NORMALIZE] = "normalize",
	[NEWLINE_REJECT] = "reject",
	[NEWLINE_KEEP] = "keep",
	NULL
};

#define AT(member) offsetof(struct config, member)
#define DAY 86400

static const struct option_row rows[] = {
	OPTIONS_SPOOL(struct config),
	OPTIONS_GATE(struct config),
	{ "server-auth", OPTION_TEXT, AT(server_auth) },
	{ "server-tls", OPTION_TEXT, AT(tls.certificate) },
	{ "tls-key", OPTION_TEXT, AT(tls.key) },
	{ "tls-config", OPTION_TEXT, AT(tls.settings), .down = true },
	{ "server-tls-connection", OPTION_FLAG, AT(server_tls_connection) },
	{ "server-tls-required", OPTION_FLAG, AT(server_tls_required) },
	{ "server-tls-verify", OPTION_TEXT, AT(tls.trusted) },
	{ "anonymous", OPTION_FLAG, AT(anonymous) },
	{ "size", OPTION_NUMBER, AT(size), 0, UINT64_MAX / 4 },
	{ "max-recipients", OPTION_NUMBER, AT(max_recipients), 1,
	    ENVELOPE_RECIPIENTS },
	{ "idle-timeout", OPTION_NUMBER, AT(idle_timeout), 1, DAY },
	{ "filter", OPTION_LIST, AT(filters) },
	{ "filter-timeout", OPTION_NUMBER, AT(filter_timeout), 1, DAY,
	    .down = true },
	{ "client-filter", OPTION_LIST, AT(client_filters), .down = true },
	{ "verifier", OPTION_TEXT, AT(verifier) },
	{ "bare-newline", OPTION_WORD, AT(bare_newline), .words = newlines },
	{ "immediate", OPTION_FLAG, AT(immediate) },
	{ "forward-on-disconnect", OPTION_FLAG, AT(forward_on_disconnect) },
	{ "poll", OPTION_NUMBER, AT(poll), 0, DAY },
	{ "forward-to", OPTION_TEXT, AT(forward_to), .down = true },
	{ "forward-to-all", OPTION_FLAG, AT(to_all), .down = true },
	{ "forward-to-some", OPTION_FLAG, AT(to_some), .down = true },
	/* no secret of smtp-send's comes into a process that strangers talk to,
	 * if we can help it */
	{ "client-auth", OPTION_TEXT, AT(handed_text), .down = true,
	    .others = true },
	{ "oauth-exec", OPTION_TEXT, AT(handed_text), .down = true },
	{ "oauth-user", OPTION_TEXT, AT(handed_text), .down = true },
	{ "client-tls", OPTION_FLAG, AT(client_tls), .down = true },
	{ "client-tls-connection", OPTION_FLAG, AT(client_tls_connection),
	    .down = true },
	{ "client-tls-required", OPTION_FLAG, AT(client_tls_required),
	    .down = true },
	{ "client-tls-verify", OPTION_TEXT, AT(handed_text), .down = true },
	{ "client-tls-server-name", OPTION_TEXT, AT(handed_text),
	    .down = true },
	{ "client-tls-certificate", OPTION_TEXT, AT(handed_text),
	    .down = true },
	{ "connection-timeout", OPTION_NUMBER, AT(handed_down), 1, DAY,
	    .down = true },
	{ "prompt-timeout", OPTION_NUMBER, AT(handed_down), 1, DAY,
	    .down = true },
	{ "response-timeout", OPTION_NUMBER, AT(handed_down), 1, DAY,
	    .down = true },
	{ "jobs", OPTION_NUMBER, AT(handed_down), 1, JOBS_MOST,
	    .down = true },
	{ "retry-for", OPTION_SECONDS, AT(handed_down), .down = true },
	OPTIONS_LOG(struct config),
};

const struct option_set options = {
	.program = "smtp-recv",
	.purpose = "receives mail over SMTP on descriptors 0 and 1, "
	    "into the spool directory",
	.usage = "",
	.rows = rows,
	.n = sizeof rows / sizeof rows[0],
};

const struct config defaults = {
	.common = { .spool_dir = SPOOLDIR, .user = "daemon" },
	.tls.alpn = "smtp",
	.idle_timeout = 300,
	.filter_timeout = 300,
	.max_recipients = 1000,
	.poll = UINT64_MAX,
};
