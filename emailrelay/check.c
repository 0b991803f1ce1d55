/* SPDX-License-Identifier: ISC */
#include "relay.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "wire/socks.h"

#define SAY(text) die(EX_USAGE, "usage error: %s", text)

static void
imply(struct config *conf)
{
	struct log_config *log = &conf->common.log;

	if (conf->as_client || conf->as_proxy || conf->as_server)
		log->events = true;
	if (conf->as_proxy || conf->as_server)
		conf->close_stderr = true;
	if (conf->as_client) {
		log->no_syslog = true;
		conf->no_daemon = conf->dont_serve = conf->forward = true;
	}
	if (conf->as_client)
		conf->forward_to = conf->as_client;
	else if (conf->as_proxy)
		conf->forward_to = conf->as_proxy;
	conf->on_disconnect |= conf->poll == 0 || conf->as_proxy;
}

static void
check_ports(const struct config *conf)
{
	static const char *const of_pop[] = {
		"pop-by-name", "pop-no-delete", "pop-port", "pop-auth"
	};
	uint64_t smtp = conf->no_smtp || conf->dont_serve ? 0 : conf->port;
	uint64_t pop = conf->pop ? conf->pop_port : 0;

	if ((smtp && (smtp == pop || smtp == conf->admin)) ||
	    (pop && pop == conf->admin))
		SAY("the listening ports must be different");
	for (size_t i = 0; i < sizeof of_pop / sizeof of_pop[0]; i++)
		if (given(conf, of_pop[i]) && !conf->pop)
			SAY("pop options require --pop");
	if (conf->admin_terminate && !conf->admin)
		SAY("the --admin-terminate option requires --admin");
}

static void
check_forwarding(const struct config *conf)
{
	struct net_target to, proxy;

	if ((conf->forward || conf->immediate || conf->on_disconnect ||
	    given(conf, "poll")) && !conf->forward_to)
		SAY("the --forward, --immediate and --poll options require "
		    "--forward-to");
	if (given(conf, "client-filter") && !conf->forward &&
	    !conf->immediate && !conf->on_disconnect && !given(conf, "poll"))
		SAY("the --client-filter option requires --as-proxy, "
		    "--as-client, --poll, --immediate or --forward");
	if (given(conf, "client-tls") && given(conf, "client-tls-connection"))
		SAY("the --client-tls and --client-tls-connection options "
		    "cannot be used together");
	if (conf->forward_to &&
	    !socks_parse(&to, &proxy, conf->forward_to))
		die(EX_USAGE, "exception: invalid host:service format: %s",
		    conf->forward_to);
}

/* What makes no sense without a server. */
static void
check_serving(const struct config *conf)
{
	static const char *const serving[] = {
		"filter", "port", "server-auth", "pop", "admin", "poll"
	};

	for (size_t i = 0; conf->dont_serve && i < 6; i++)
		if (given(conf, serving[i]))
			die(EX_USAGE, "usage error: the --%s option cannot be "
			    "used with --as-client or --dont-serve",
			    serving[i]);
	for (size_t i = 0; conf->no_smtp && i < 3; i++)
		if (given(conf, serving[i]))
			die(EX_USAGE, "usage error: the --%s option cannot be "
			    "used with --no-smtp", serving[i]);
}

static void
check_log(const struct config *conf)
{
	const struct log_config *log = &conf->common.log;

	if (log->verbose && !log->events)
		SAY("the --verbose option must be used with --log, --help, "
		    "--as-client, --as-server or --as-proxy");
	if (log->debug && !log->events)
		SAY("the --debug option requires --log, --as-client, "
		    "--as-server or --as-proxy");
	if (log->events && conf->close_stderr && log->no_syslog &&
	    !log->syslog)
		log_warning("the log goes nowhere: --close-stderr and "
		    "--no-syslog");
}

/* What stands before a path and is not of it: the length of "file:", or 0. */
static size_t
scheme(const char *path)
{
	static const char file[] = "file:";

	return strncmp(path, file, sizeof file - 1) == 0 ? sizeof file - 1 : 0;
}

/* A file, and one whose place depends on where we are? */
static bool
is_relative(const char *path)
{
	size_t n;

	if (!path)
		return false;
	n = scheme(path);
	return path[n] != '/' && (n || !strchr(path, ':'));
}

/* In the background there is no "here" any more. */
static void
check_paths(const struct config *conf)
{
	if (conf->no_daemon || conf->print != PRINT_NOTHING)
		return;
	if (is_relative(conf->common.spool_dir))
		SAY("in daemon mode the spool-dir must be an absolute path");
	if (is_relative(conf->server_auth) || is_relative(conf->client_auth) ||
	    is_relative(conf->pop_auth))
		SAY("in daemon mode the authorisation secrets file(s) must be "
		    "absolute paths");
	if (is_relative(conf->pid_file))
		die(EX_USAGE, "exception: invalid pid file: must be an "
		    "absolute path: %s", conf->pid_file);
}

static bool
is_pam(const char *auth)
{
	return auth && strcmp(auth, "/pam") == 0;
}

static void
check_log_ins(const struct config *conf)
{
	bool tls = given(conf, "server-tls");

	if (is_pam(conf->server_auth) && !tls)
		SAY("--server-auth using pam requires --server-tls");
	if (is_pam(conf->pop_auth) && !tls)
		SAY("--pop-auth using pam requires --server-tls");
	if (conf->client_auth && !conf->dont_serve &&
	    strncmp(conf->client_auth, "fd:", 3) == 0)
		SAY("--client-auth=fd:N is for --as-client and --dont-serve: "
		    "a descriptor can be read only once");
}

/* --- where we are --- */

static bool
is_path(const char *option)
{
	static const char *const paths[] = {
		"server-tls=", "tls-key=", "server-tls-verify=",
		"client-tls-verify=", "client-tls-certificate=",
		"server-auth=", "pop-auth=", "client-auth=", "pid-file=",
		"spool-dir=", "listener="
	};
	const char *path = strchr(option, '=');

	if (!path || !is_relative(path + 1) || !path[1] ||
	    strcmp(path, "=default") == 0 || strcmp(path, "=none") == 0)
		return false;
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		if (strncmp(option + 2, paths[i], strlen(paths[i])) == 0)
			return true;
	return false;
}

static const char *
absolute(const char *here, const char *path)
{
	struct buf out = { 0 };

	if (!path || *path == '/')
		return path;
	buf_printf(&out, "%s/%s", here, path);
	return out.s;
}

/* `down` has the options of argv first; a path in the file that had to be
 * changed is one of these from now on. */
static void
make_absolute(struct config *conf)
{
	struct list *down = &conf->common.down, front = { 0 }, back = { 0 };
	struct buf option = { 0 };
	char *here = getcwd(NULL, 0);
	const char *old, *path;

	if (!here)
		die(EX_OSERR, "cannot find out where we are: %s",
		    strerror(errno));
	for (size_t i = 0; i < down->n; i++) {
		buf_set(&option, "");
		old = list_get(down, i);
		if (is_path(old)) {
			path = strchr(old, '=') + 1;
			path += scheme(path);
			buf_printf(&option, "%.*s%s/%s", (int)(path - old), old,
			    here, path);
		}
		list_add(i < conf->common.typed || option.n ? &front : &back,
		    option.n ? option.s : old);
	}
	conf->common.typed = front.n;
	for (size_t i = 0; i < back.n; i++)
		list_add(&front, list_get(&back, i));
	list_free(&back);
	list_free(down);
	*down = front;
	conf->common.spool_dir = absolute(here, conf->common.spool_dir);
	conf->common.file = absolute(here, conf->common.file);
	conf->pid_file = absolute(here, conf->pid_file);
	conf->listener = absolute(here, conf->listener);
	free(here);
	buf_free(&option);
}

/* What is printed may be for another machine, which has other users; but it
 * is printed as it is, where a blank or "%u" would be more than a name. */
static void
check_user(const struct config *conf)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	const char *user = conf->common.user;
	bool good = *user && !user[strspn(user, letters)];

	if (conf->print == PRINT_NOTHING)
		good = geteuid() != 0 || getpwnam(user);
	if (!good)
		die(EX_NOUSER, "exception: no such user: %s", user);
}

void
check(struct config *conf)
{
	imply(conf);
	check_ports(conf);
	check_forwarding(conf);
	check_serving(conf);
	check_log(conf);
	check_paths(conf);
	check_log_ins(conf);
	make_absolute(conf);
	check_user(conf);
	log_configure(&conf->common.log);
}
