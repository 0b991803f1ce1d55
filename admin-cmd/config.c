/* SPDX-License-Identifier: ISC */
#include "session.h"

#define AT(member) offsetof(struct config, member)
#define DAY 86400

/* What smtp-send takes is handed down to it as it is. */
#define TEXT(name) { name, OPTION_TEXT, AT(handed_text), .down = true }
#define FLAG(name) { name, OPTION_FLAG, AT(handed_flag), .down = true }
#define LIST(name) { name, OPTION_LIST, AT(handed_list), .down = true }
#define WAIT(name) { name, OPTION_NUMBER, AT(handed_number), 1, DAY,         \
	    .down = true }

static const struct option_row rows[] = {
	OPTIONS_SPOOL(struct config),
	{ "admin-terminate", OPTION_FLAG, AT(admin_terminate) },
	{ "pid-file", OPTION_TEXT, AT(pid_file) },
	{ "remote-clients", OPTION_FLAG, AT(remote_clients) },
	{ "idle-timeout", OPTION_NUMBER, AT(idle_timeout), 1, DAY },
	{ "forward-to", OPTION_TEXT, AT(forward_to), .down = true },
	FLAG("forward-to-all"),
	FLAG("forward-to-some"),
	{ "jobs", OPTION_NUMBER, AT(handed_number), 1, 100, .down = true },
	TEXT("domain"),
	FLAG("client-tls"),
	FLAG("client-tls-connection"),
	FLAG("client-tls-required"),
	TEXT("client-tls-verify"),
	TEXT("client-tls-server-name"),
	TEXT("client-tls-certificate"),
	TEXT("tls-config"),
	WAIT("connection-timeout"),
	WAIT("prompt-timeout"),
	WAIT("response-timeout"),
	{ "retry-for", OPTION_SECONDS, AT(handed_number), .down = true },
	LIST("client-filter"),
	WAIT("filter-timeout"),
	/* who has to know the password reads it himself, if he can */
	{ "client-auth", OPTION_TEXT, AT(handed_text), .down = true,
	    .others = true },
	TEXT("oauth-exec"),
	TEXT("oauth-user"),
	OPTIONS_LOG(struct config),
};

const struct option_set options = {
	.program = "admin-cmd",
	.purpose = "the administration interface on descriptors 0 and 1, or "
	    "one command",
	.usage = "[command]",
	.rows = rows,
	.n = sizeof rows / sizeof rows[0],
};

const struct config defaults = {
	.common = { .spool_dir = SPOOLDIR, .user = "daemon" },
	.idle_timeout = 300,
};
