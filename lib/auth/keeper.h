/* SPDX-License-Identifier: ISC */
#ifndef AUTH_KEEPER_H
#define AUTH_KEEPER_H

/*
 * A small process beside ours that has passwords checked by another
 * program: one that speaks the checkpassword interface, pam-check or any
 * other. It is started before root is given up, because such a program
 * mostly needs it, and it never sees the client: all it knows are a few
 * blocks of name, password and time, and all it answers is one octet.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "base/list.h"

enum {
	KEEPER_QUESTIONS = 16,  /* then it ends, whoever asks */
	KEEPER_SECONDS = 60     /* that the program may take */
};

enum keeper_verdict { KEEPER_LATER, KEEPER_NO, KEEPER_YES };

struct keeper {
	int fd;
	pid_t pid;              /* 0: not started */
};

/* words: the program, an absolute path, and its arguments. False, with
 * errno, if there can be no process. */
bool keeper_start(struct keeper *k, const struct list *words);

/* Is that the password? The program finds `from`, the client's address, in
 * TCPREMOTEIP. LATER when the program could not tell, which is logged; if it
 * did not answer at all it is not asked again. */
enum keeper_verdict keeper_ask(struct keeper *k, const char *from,
    const char *id, const char *password);

void keeper_end(struct keeper *k);

#endif
