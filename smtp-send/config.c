/* SPDX-License-Identifier: ISC */
#include "send.h"

#define AT(member) offsetof(struct config, member)
#define DAY 86400

static const struct option_row rows[] = {
	{ "forward-to", OPTION_TEXT, AT(forward_to) },
	{ "forward-to-all", OPTION_FLAG, AT(to_all) },
	{ "forward-to-some", OPTION_FLAG, AT(to_some) },
	OPTIONS_SPOOL(struct config),
	{ "domain", OPTION_TEXT, AT(domain) },
	{ "client-tls", OPTION_FLAG, AT(client_tls) },
	{ "client-tls-connection", OPTION_FLAG, AT(client_tls_connection) },
	{ "client-tls-required", OPTION_FLAG, AT(client_tls_required) },
	{ "client-tls-verify", OPTION_TEXT, AT(tls.trusted) },
	{ "client-tls-server-name", OPTION_TEXT, AT(tls.server_name) },
	{ "client-tls-certificate", OPTION_TEXT, AT(tls.certificate) },
	{ "tls-config", OPTION_TEXT, AT(tls.settings) },
	{ "poll", OPTION_NUMBER, AT(poll), 0, DAY },
	{ "forward-on-disconnect", OPTION_FLAG, AT(forward_on_disconnect) },
	{ "connection-timeout", OPTION_NUMBER, AT(connection_timeout), 1,
	    DAY },
	{ "prompt-timeout", OPTION_NUMBER, AT(prompt_timeout), 1, DAY },
	{ "response-timeout", OPTION_NUMBER, AT(response_timeout), 1, DAY },
	{ "jobs", OPTION_NUMBER, AT(jobs), 1, JOBS_MOST },
	{ "retry-for", OPTION_SECONDS, AT(retry_for) },
	{ "client-filter", OPTION_LIST, AT(client_filters) },
	{ "filter-timeout", OPTION_NUMBER, AT(filter_timeout), 1, DAY },
	{ "client-auth", OPTION_TEXT, AT(client_auth) },
	{ "oauth-exec", OPTION_TEXT, AT(oauth_exec) },
	{ "oauth-user", OPTION_TEXT, AT(oauth_user) },
	{ "report", OPTION_FLAG, AT(report) },
	{ "check", OPTION_FLAG, AT(check), .argv_only = true },
	{ "json", OPTION_FLAG, AT(json) },
	{ "hand-back", OPTION_FLAG, AT(hand_back), .argv_only = true },
	OPTIONS_LOG(struct config),
};

const struct option_set options = {
	.program = "smtp-send",
	.purpose = "forwards spooled mail: what is due, or the messages named "
	    "(- reads ids from stdin)",
	.usage = "[id ... | -]",
	.rows = rows,
	.n = sizeof rows / sizeof rows[0],
};

const struct config defaults = {
	.common = { .spool_dir = SPOOLDIR, .user = "daemon" },
	.connection_timeout = 40,
	.prompt_timeout = 20,
	.response_timeout = 1800,
	.poll = UINT64_MAX,
	.jobs = 1,
	.retry_for = 5 * DAY,
	.filter_timeout = 300,
};
