/* SPDX-License-Identifier: ISC */
#ifndef TRACE_MACHINE_H
#define TRACE_MACHINE_H

/*
 * A stopped process that is traced: its registers, and its memory. What
 * differs between processors is here.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct call {
	long number;            /* the system call */
	uint64_t args[6];
	int64_t result;         /* when it has returned */
};

/* At the entry to a system call: false if the process is gone. */
bool machine_entry(pid_t pid, struct call *c);

/* At the entry: read(-1, ...) is made instead, which fails and does nothing.
 * A seccomp filter that allows anything at all allows that. */
bool machine_avert(pid_t pid);

/* At the entry: the third argument, an amount of octets, becomes this. */
bool machine_amount(pid_t pid, uint64_t amount);

/* At the exit. */
bool machine_result(pid_t pid, int64_t *result);
bool machine_set_result(pid_t pid, int64_t result);

/* Stop the process that has just called execve where its own code begins,
 * behind the dynamic loader. False if it cannot be looked into. */
struct gate {
	uint64_t at;            /* 0: none */
	long code;              /* what stood there */
};
bool machine_gate(pid_t pid, struct gate *g);
/* Is that where it has stopped? Then the gate is opened. */
bool machine_passed(pid_t pid, struct gate *g);

/* Its memory: how many octets could be read. */
size_t machine_read(pid_t pid, uint64_t at, void *to, size_t n);
/* A string of less than n octets; "" if it cannot be read. */
void machine_string(pid_t pid, uint64_t at, char *to, size_t n);

#endif
