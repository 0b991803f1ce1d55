/* SPDX-License-Identifier: ISC */
#ifndef TRACE_NAMES_H
#define TRACE_NAMES_H

/* The name of a system call, or "other". */
const char *call_name(long number);

#endif
