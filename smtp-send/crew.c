/* SPDX-License-Identifier: ISC */
#include "jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/date.h"

void
crew_open(struct crew *c, size_t places)
{
	c->places = places;
	c->workers = need_memory(places * sizeof *c->workers);
	for (size_t i = 0; i < places; i++)
		c->workers[i] = (struct worker){ .fd = -1 };
}

bool
worker_is_alive(const struct worker *w)
{
	return w->fd >= 0 && !w->leaving;
}

bool
worker_is_idle(const struct worker *w)
{
	return worker_is_alive(w) && !w->busy;
}

bool
worker_is_opening(const struct worker *w)
{
	return w->fd >= 0 && w->busy && !w->session;
}

bool
worker_has_session(const struct worker *w)
{
	return worker_is_alive(w) && w->session;
}

bool
worker_is_busy(const struct worker *w)
{
	return w->fd >= 0 && w->busy;
}

size_t
crew_count(const struct crew *c, bool (*is)(const struct worker *))
{
	size_t n = 0;

	for (size_t i = 0; i < c->places; i++)
		n += is(&c->workers[i]);
	return n;
}

size_t
crew_others(const struct crew *c, const struct worker *w)
{
	return crew_count(c, worker_is_alive) - worker_is_alive(w);
}

struct worker *
crew_idle(const struct crew *c)
{
	struct worker *found = NULL, *w;

	for (size_t i = 0; i < c->places; i++) {
		w = &c->workers[i];
		if (worker_is_idle(w) &&
		    (!found || w->session > found->session))
			found = w;
	}
	return found;
}

struct worker *
crew_place(const struct crew *c)
{
	for (size_t i = 0; i < c->places; i++)
		if (c->workers[i].fd < 0)
			return &c->workers[i];
	return NULL;
}

/* In the new process: only what it needs stays open. With our end of another
 * worker's line it would keep that one from seeing us end; with the turn, the
 * next forwarder from its own. */
static _Noreturn void
become_worker(const struct crew *c, struct run *r, int boss, struct manner how)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (size_t i = 0; i < c->places; i++)
		if (c->workers[i].fd >= 0)
			close(c->workers[i].fd);
	if (r->turn > STDIN_FILENO)
		close(r->turn);
	r->turn = -1;
	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		_exit(EX_OSERR);
	close(null);
	/* who is there now is known by the file that he has opened himself */
	counters_end(&r->client.counters);
	counters_start(&r->client.counters, &r->spool);
	/* each event comes once, to one of all who have the descriptor */
	sweep_end(&r->sweeper);
	r->sweeper = (struct sweeper){ .spool = NULL };
	/* a conversation has two ends, not three */
	for (size_t i = 0; i < r->filter.n; i++)
		hail_close(&r->filter.judges[i].hail);
	worker_run(r, boss, how);
}

bool
crew_hire(struct crew *c, struct worker *w, struct run *r, struct manner how)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return false;
	*w = (struct worker){ .pid = fork(), .fd = -1 };
	if (w->pid == 0) {
		close(pair[0]);
		become_worker(c, r, pair[1], how);
	}
	close(pair[1]);
	if (w->pid < 0) {
		close(pair[0]);
		return false;
	}
	w->fd = pair[0];
	return true;
}

void
worker_tell(const struct worker *w, enum order_kind kind)
{
	struct order o;

	memset(&o, 0, sizeof o);
	o.kind = kind;
	o.id = w->id;
	while (send(w->fd, &o, sizeof o, MSG_NOSIGNAL) < 0) {
		if (errno == EINTR)
			continue;
		/* if it is not dead it shall not wait for ever: either way
		 * we shall see its end */
		shutdown(w->fd, SHUT_RDWR);
		break;
	}
}

void
worker_dismiss(struct worker *w)
{
	if (worker_is_alive(w))
		shutdown(w->fd, SHUT_WR);
	w->leaving = true;
}

enum heard
worker_hear(const struct worker *w, struct word *said)
{
	ssize_t n = recv(w->fd, said, sizeof *said, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return HEARD_NOTHING;
	return n == sizeof *said ? HEARD_WORD : HEARD_END;
}

int
worker_bury(struct worker *w)
{
	int status = 0;

	/* the line first: if it was the line that has failed, not the worker,
	 * that one must not wait for orders while we wait for its end */
	close(w->fd);
	w->fd = -1;
	while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return status;
}

void
crew_free(struct crew *c)
{
	free(c->workers);
}
