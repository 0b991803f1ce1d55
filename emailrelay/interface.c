/* SPDX-License-Identifier: ISC */
#include "relay.h"

#include <arpa/inet.h>
#include <string.h>
#include <sysexits.h>

#include "base/text.h"

static const char *const qualifiers[] = {
	[SMTP] = "smtp=", [POP3] = "pop=", [ADMIN] = "admin="
};

bool
place_is_v6(const struct place *at)
{
	return strchr(at->address, ':') != NULL;
}

void
place_text(struct buf *out, const struct place *at)
{
	buf_printf(out, place_is_v6(at) ? "[%s]:%u" : "%s:%u", at->address,
	    at->port);
}

/* Brackets are for those who are used to them. */
static void
add_address(struct list *addresses, char *text)
{
	unsigned char bits[sizeof(struct in6_addr)];
	char plain[INET6_ADDRSTRLEN];
	size_t n = strlen(text);
	int family;

	if (n > 2 && text[0] == '[' && text[n - 1] == ']') {
		text[n - 1] = '\0';
		text++;
	}
	family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(family, text, bits) != 1)
		die(EX_USAGE, "exception: invalid interface address: %s",
		    text);
	inet_ntop(family, bits, plain, sizeof plain);
	for (size_t i = 0; i < addresses->n; i++)
		if (strcmp(list_get(addresses, i), plain) == 0)
			return;
	list_add(addresses, plain);
}

/* The item if it is for this kind: without its qualifier. */
static char *
for_kind(char *item, enum kind kind)
{
	for (unsigned k = 0; k < sizeof qualifiers / sizeof *qualifiers; k++)
		if (text_starts(item, qualifiers[k]))
			return k == (unsigned)kind ?
			    item + strlen(qualifiers[k]) : NULL;
	if (strchr(item, '='))
		die(EX_USAGE, "exception: invalid interface: %s: only smtp=, "
		    "pop= and admin= may stand before an address", item);
	return item;
}

/* Does [::] take the connections to 0.0.0.0 too, as is usual? Then nobody
 * else can listen there. */
static void
drop_covered(struct list *addresses)
{
	struct list kept = { 0 };
	bool all = false;

	for (size_t i = 0; i < addresses->n; i++)
		all |= strcmp(list_get(addresses, i), "::") == 0;
	for (size_t i = 0; i < addresses->n; i++)
		if (!all || strcmp(list_get(addresses, i), "0.0.0.0") != 0)
			list_add(&kept, list_get(addresses, i));
	list_free(addresses);
	*addresses = kept;
}

void
interface_list(struct list *addresses, const char *interface, enum kind kind)
{
	char *copy = need_copy(interface ? interface : ""), *rest = copy;
	char *item;

	while ((item = strsep(&rest, ",/")) != NULL) {
		item = text_trim(item);
		if (*item && (item = for_kind(item, kind)) != NULL)
			add_address(addresses, item);
	}
	if (addresses->n == 0)
		list_add(addresses, "0.0.0.0");
	drop_covered(addresses);
}
