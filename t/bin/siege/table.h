/* SPDX-License-Identifier: ISC */
#ifndef SIEGE_TABLE_H
#define SIEGE_TABLE_H

/*
 * A table of hostile inputs. Its lines, fields parted by tabs:
 *
 *   # ...                 a comment
 *   include FILE          a table beside this one, here
 *   let NAME TEXT         {NAME} stands for TEXT from here on
 *   group NAME            goes before the names of the rows that follow
 *   form TEXT             what is said, with {} for the octets of the row;
 *                         without TEXT: just these
 *   want REPLIES CHECK... what follows from it, for rows that do not say
 *   with OPTION...        options of the program; blanks part them
 *   environment NAME=TEXT...   what is in its environment, with {} as in form
 *   limit WHAT N          of the program: files, file-size or memory, in octets;
 *                         without WHAT: none
 *   end HOW               see enum ending
 *   piece N               so many octets are sent when those before are read
 *   cut yes | no          also cut the input off behind each of its octets
 *   NAME OCTETS [REPLIES [CHECK...]]
 *
 * In OCTETS, TEXT and the values of checks \r \n \t \0 \\ \xHH \{ \} stand
 * for octets, {N*X} for N times X, with {#} in it for which time it is,
 * {64:X} for X in base64, {chunk:X} and {last:X} for X with a BDAT before it.
 * REPLIES is a regular expression for all of the codes; "=" stands for that of
 * `want`. judge.h has the checks.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/list.h"

enum ending {
	FIN,            /* our direction ends behind the input */
	CLOSE,          /* both end, without a word read */
	RESET,          /* RST, on a TCP connection */
	HOLD,           /* nothing ends: the program has to */
	DEAF            /* we read nothing at all, and do not end */
};

struct row {
	char *where;            /* FILE:LINE */
	char *name;
	char *input;            /* not filled in yet */
	char *codes;
	struct list checks;
	struct list options;
	struct list environment;
	int limit;              /* an RLIMIT_, or -1 */
	rlim_t most;            /* and how much that is */
	enum ending ending;
	size_t piece;           /* or 0 */
	bool cut;
};

struct table {
	struct row *rows;
	size_t n, cap;
};

/* Add what is in the file, or leave with a message. */
void table_read(struct table *t, const char *path);

/* What a text with its escapes stands for. */
void fill(struct buf *out, const char *text);

#endif
