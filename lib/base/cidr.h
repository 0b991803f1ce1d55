/* SPDX-License-Identifier: ISC */
#ifndef BASE_CIDR_H
#define BASE_CIDR_H

#include <stdbool.h>

/* Is the address ip in the range that pattern names?
 *
 *	192.168.0.5		this address
 *	192.168.0.0/24		CIDR; host bits in it do not matter
 *	192.168.0.*		the octets that are given, of four
 *	2001:db8::/32		CIDR
 *	20010db8...0000/32	the manual's form: 32 hex digits
 *
 * A pattern that makes no sense matches nothing. */
bool cidr_match(const char *pattern, const char *ip);

/* Does a pattern make sense? For those who read configuration. */
bool cidr_valid(const char *pattern);

/* The same for a list of patterns with commas, no blanks: is the address in
 * any of them, and do they all make sense? */
bool cidr_list_match(const char *list, const char *ip);
bool cidr_list_valid(const char *list);

#endif
