/* SPDX-License-Identifier: ISC */
#include "send.h"

#define AT(member) offsetof(struct config, member)
#define DAY 86400

static const struct option_row rows[] = {
	{ "forward-to", OPTION_TEXT, AT(forward_to) },
	OPTIONS_SPOOL(struct config),
	{ "domain", OPTION_TEXT, AT(domain) },
	{ "poll", OPTION_NUMBER, AT(poll), 0, DAY },
	{ "forward-on-disconnect", OPTION_FLAG, AT(forward_on_disconnect) },
	{ "connection-timeout", OPTION_NUMBER, AT(connection_timeout), 1,
	    DAY },
	{ "prompt-timeout", OPTION_NUMBER, AT(prompt_timeout), 1, DAY },
	{ "response-timeout", OPTION_NUMBER, AT(response_timeout), 1, DAY },
	{ "retry-for", OPTION_SECONDS, AT(retry_for) },
	{ "report", OPTION_FLAG, AT(report) },
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
	.retry_for = 5 * DAY,
};
