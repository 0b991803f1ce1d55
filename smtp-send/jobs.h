/* SPDX-License-Identifier: ISC */
#ifndef SMTP_SEND_JOBS_H
#define SMTP_SEND_JOBS_H

/*
 * What the process that shares the work out and its workers say to each
 * other: one datagram each time, over a socket pair for each worker.
 *
 *	ORDER_SEND ID		WORD_DONE, once it is done with
 *	ORDER_GIVE_BACK		WORD_RETURNED
 *	ORDER_GO_ON		WORD_DONE
 *	the end			the worker ends
 *
 * A worker says WORD_SESSION when it has a session with the server, and
 * WORD_NO_SESSION when it gets none for the message at hand, which it holds
 * on to until it is told to give it back, or to go on as if it were alone.
 * WORD_RETURNED means that nothing has happened to the message, that nobody
 * has it now, and that the worker ends.
 *
 * So who shares the work out knows at any time who is at what, and nothing
 * else is shared: whichever of the processes dies, the others see the end of
 * their socket and know what to do.
 */
#include "send.h"

enum order_kind { ORDER_SEND, ORDER_GIVE_BACK, ORDER_GO_ON };

struct order {
	enum order_kind kind;
	struct message_id id;
};

enum word_kind { WORD_SESSION, WORD_NO_SESSION, WORD_RETURNED, WORD_DONE };

struct word {
	enum word_kind kind;
	bool session;           /* there is one still */
	bool stop;              /* these four as in struct run, */
	bool enough;
	unsigned losses;
	unsigned sent, later, bad;      /* and what the message adds to these */
};

/* How work is done: even if it is not due; and as it comes, so that a server
 * that was not there is asked again. */
struct manner {
	bool forced;
	bool streaming;
};

/* --- the messages that wait --- */

struct backlog {
	struct list *ids;       /* these, from here on, */
	size_t next;
	struct list back;       /* and what was given back */
	struct list own;        /* ids, if they come from stdin */
	struct buf line;        /* of it, up to now */
	const char *wrong;      /* a line that is no id: the last one read */
	bool ended;             /* no more will come */
};

size_t backlog_size(const struct backlog *b);
/* The next one. False: there is none. */
bool backlog_take(struct backlog *b, struct message_id *id);
void backlog_return(struct backlog *b, const struct message_id *id);
/* Read as much of it as is there, one id a line. */
void backlog_read(struct backlog *b, struct io *in);
void backlog_free(struct backlog *b);

/* --- those who send them --- */

struct worker {
	pid_t pid;
	int fd;                 /* our line to it; -1: this place is free */
	bool busy;              /* with this: */
	struct message_id id;
	bool leaving;           /* it gets no more work */
	bool session;
	unsigned losses;        /* of connections, in a row */
	int64_t idle_since;     /* date_ticks() */
};

struct crew {
	struct worker *workers;
	size_t places;
};

void crew_open(struct crew *c, size_t places);
void crew_free(struct crew *c);
size_t crew_count(const struct crew *c, bool (*is)(const struct worker *));
/* Will it get more work, now or later? */
bool worker_is_alive(const struct worker *w);
bool worker_is_busy(const struct worker *w);
bool worker_is_idle(const struct worker *w);
bool worker_has_session(const struct worker *w);
/* Busy without a session: it may yet give back what it is at. */
bool worker_is_opening(const struct worker *w);
/* How many are alive besides this one. */
size_t crew_others(const struct crew *c, const struct worker *w);
/* One with nothing to do, better one with a session; or NULL. */
struct worker *crew_idle(const struct crew *c);
/* A free place, or NULL. */
struct worker *crew_place(const struct crew *c);
/* Start a process there. False: errno. */
bool crew_hire(struct crew *c, struct worker *w, struct run *r,
    struct manner how);

/* An order, about its message. */
void worker_tell(const struct worker *w, enum order_kind kind);
/* Let it go, once it is done with what it is at. */
void worker_dismiss(struct worker *w);
/* What it says, without waiting. */
enum heard { HEARD_NOTHING, HEARD_WORD, HEARD_END };
enum heard worker_hear(const struct worker *w, struct word *said);
/* Wait for its end, and free its place: how it has ended, as of wait(2). */
int worker_bury(struct worker *w);

/* Send what the other end of this socket orders, to the end of the process. */
_Noreturn void worker_run(struct run *r, int boss, struct manner how);

#endif
