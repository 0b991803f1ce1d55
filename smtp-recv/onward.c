/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/program.h"
#include "base/text.h"
#include "spool/trigger.h"

/* smtp-send's own time limits mostly end it before. */
enum { FORWARDER_SECONDS = 3600 };

static bool
wanted(const struct session *s)
{
	return (s->conf->forward_on_disconnect && s->kept) ||
	    (s->rescan && s->conf->forward_to);
}

void
onward(struct session *s)
{
	io_close(&s->io);
	if (wanted(s))
		outside_onward(s);
}

void
onward_exec(struct session *s)
{
	struct list args = { 0 };
	int place, null;

	place = trigger_take(&s->spool);
	if (place < 0) {
		counters_once(&s->spool, COUNT_POLL_BUSY);
		return;
	}
	/* The client has hung up: this process becomes the forwarder, which
	 * needs no process of its own and stays within systemd's unit. */
	dup2(place, STDIN_FILENO);
	null = open("/dev/null", O_RDWR);
	dup2(null, STDOUT_FILENO);
	options_hand_down(&args, &s->conf->common);
	/* the same as --forward-on-disconnect, whatever SLUICE_POLL says */
	list_add(&args, "--poll=0");
	program_exec("smtp-send", &args);
}

int
onward_forwarder(const struct session *s)
{
	struct list args = { 0 };
	int fd;

	options_hand_down(&args, &s->conf->common);
	list_add(&args, "--hand-back");
	list_add(&args, "-");
	fd = program_converse("smtp-send", &args, true);
	list_free(&args);
	return fd;
}

/* The forwarder of this session: one for all its messages, so that they
 * share a connection to the next server. */
static bool
start_forwarder(struct session *s)
{
	int fd;

	if (s->has_forwarder)
		return s->forwarder.state == IO_OPEN;
	fd = outside_forwarder(s);
	if (fd < 0)
		return false;
	io_open(&s->forwarder, fd, fd, FORWARDER_SECONDS);
	s->forwarder.lf = true;
	s->has_forwarder = true;
	return true;
}

/* `ID STATUS CODE ENHANCED TEXT`, as `smtp-send --report` prints it: was it
 * sent, or is it at least still in the spool? Otherwise it waits to be told what to do
 * with the message. */
static bool
understand(char *line, const struct message_id *id, struct buf *reply)
{
	char *rest = line, *about = text_word(&rest), *status = text_word(&rest);
	char *code = text_word(&rest), *enhanced = text_word(&rest);
	uint64_t n;

	if (!enhanced || strcmp(about, id->s) != 0 ||
	    !text_number(code, 400, 599, &n) ||
	    (strcmp(status, "deferred") != 0 && strcmp(status, "bounced") != 0))
		return true;
	/* that somebody else is closing is no news for our client */
	buf_printf(reply, "%s %s message processing failed: %s",
	    n == 421 ? "451" : code, enhanced, rest);
	return false;
}

bool
onward_now(struct session *s, const struct message_id *id, struct buf *reply)
{
	char *line;
	size_t n;

	io_flush(&s->io);
	if (start_forwarder(s)) {
		io_print(&s->forwarder, "%s\n", id->s);
		if (io_line(&s->forwarder, IO_BUFFER / 2, &line, &n) ==
		    IO_LINE) {
			if (understand(line, id, reply))
				return true;
			/* What local recipients have cannot be taken back:
			 * then all of the message is ours. */
			io_print(&s->forwarder, "%s\n",
			    s->envelope.local.n ? "keep" : "drop");
			io_flush(&s->forwarder);
			return s->envelope.local.n > 0;
		}
	}
	/* It is in the spool, on disk, and the next forwarder will find it:
	 * we may promise that. */
	log_warning("%s: cannot forward at once: no answer from smtp-send",
	    id->s);
	return true;
}

void
onward_end(struct session *s)
{
	if (s->has_forwarder)
		io_close(&s->forwarder);
}
