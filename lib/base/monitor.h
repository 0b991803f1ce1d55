/* SPDX-License-Identifier: ISC */
#ifndef BASE_MONITOR_H
#define BASE_MONITOR_H

/*
 * Privilege separation, as sshd(8) has it: a program that talks to strangers
 * goes on as a child, in a sandbox, and the process it was stays outside, to
 * do for it the few things that cannot be done in there. It is asked over a
 * socket pair, with a number that says what for, a few words, and descriptors;
 * which questions there are, and that they are sensible ones, is for the
 * program: who asks may not be himself any more.
 *
 *	if (monitor_split(&m)) {
 *		sandbox_enter(...);
 *		...			monitor_ask(&m, &p)
 *	} else {
 *		while (monitor_hear(&m, &p))
 *			...		monitor_answer(&m, &p)
 *		status = monitor_end(&m);
 *	}
 */
#include <stdbool.h>
#include <sys/types.h>

#include "base/list.h"

enum {
	MONITOR_MOST = 65536,   /* octets of a question, or of an answer */
	MONITOR_FDS = 4
};

struct petition {
	unsigned what;          /* the question; in an answer as the two agree */
	struct list words;
	int fds[MONITOR_FDS];   /* the first `n` */
	size_t n;
};

/* A zeroed one is not split. */
struct monitor {
	bool split;
	int fd;
	pid_t child;            /* 0 in the child */
};

/* True in the child, false in the parent, whose descriptors 0 and 1 are
 * /dev/null from here on: the conversation there is the child's. The child is
 * killed if the parent is. Dies when there can be no process. */
bool monitor_split(struct monitor *m);

/* --- in the child --- */

/* Ask. p becomes the answer, whose descriptors are ours to close. False:
 * there is none, and errno; p is empty then, and unless it was the question
 * that was too large (E2BIG) there will be no more answers. */
bool monitor_ask(struct monitor *m, struct petition *p);

/* --- in the parent --- */

/* The next question; its descriptors are closed by monitor_answer. False: the
 * child has ended, or talks nonsense. */
bool monitor_hear(struct monitor *m, struct petition *p);

/* Forget the question, and begin the answer. */
void petition_clear(struct petition *p);
void monitor_answer(struct monitor *m, struct petition *p);

/* These signals mean the child: it gets them in our place. */
void monitor_pass_on(const struct monitor *m, const int *signals, size_t n);

/* Bury another child of ours that has ended: its number, and its status as of
 * wait(2); 0: there is none. How that child has ended is for monitor_end. */
pid_t monitor_reap(const struct monitor *m, int *status);

/* Wait for the child's end: its status, as of wait(2). */
int monitor_end(struct monitor *m);

/* End as the child has. */
_Noreturn void monitor_follow(int status);

/* Append a number as a word. Word i as a number from 0 to most; what is not
 * there, or is none, is `otherwise`. Word i as it is; what is not there is "". */
void petition_put(struct petition *p, long n);
long petition_number(const struct petition *p, size_t i, long most,
    long otherwise);
const char *petition_word(const struct petition *p, size_t i);

void petition_free(struct petition *p);

#endif
