/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/program.h"
#include "wire/socks.h"

static void
check(const struct config *conf)
{
	struct net_target to, proxy;

	if (conf->forward_to && !socks_parse(&to, &proxy, conf->forward_to))
		die(EX_CONFIG, "invalid host:service format: %s",
		    conf->forward_to);
}

/* Only this machine, unless told otherwise. That somebody may relay mail
 * (RELAYCLIENT) does not make him an administrator. */
static bool
may_talk(const struct session *s)
{
	if (s->peer.local || s->conf->remote_clients)
		return true;
	log_warning("configured to reject non-local admin connection: %s",
	    s->peer.name);
	return false;
}

static bool
is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

static void
serve_client(struct session *s)
{
	peer_find(&s->peer, STDIN_FILENO);
	log_info("connect from %s", s->peer.name);
	if (may_talk(s)) {
		outside_begin(s);
		converse(s);
	}
	log_info("disconnect from %s", s->peer.name);
}

/* A command is our arguments with blanks between. */
static void
serve_arguments(struct session *s, char *argv[])
{
	struct buf line = { 0 };

	for (; *argv; argv++)
		buf_printf(&line, "%s%s", line.n ? " " : "", *argv);
	s->once = s->over = true;
	obey(s, line.s, line.n, line.n > LINES_MOST);
	send_out(s);
	converse(s);
	buf_free(&line);
}

int
main(int argc, char *argv[])
{
	static struct session s;
	struct config conf = defaults;
	bool served;
	int first;

	program_start(true);
	served = is_socket(STDIN_FILENO);
	log_open("admin-cmd", served ? "sluice/admin" : NULL);
	s.conf = &conf;
	s.run.fd = s.watch.fd = -1;
	if (served)
		die_saying("error: service not available\r\n");
	first = options_read(&options, &conf.common, argc, argv);
	check(&conf);
	if (!spool_open(&s.spool, conf.common.spool_dir))
		die(select_status(errno, EX_NOINPUT),
		    "cannot open spool '%s': %s", conf.common.spool_dir,
		    strerror(errno));
	program_become(conf.common.user);
	io_open(&s.io, STDIN_FILENO, STDOUT_FILENO,
	    (unsigned)conf.idle_timeout);
	if (first < argc)
		serve_arguments(&s, argv + first);
	else
		serve_client(&s);
	io_close(&s.io);
	return s.status;
}
