/* SPDX-License-Identifier: ISC */
#include "fuzz.h"

#include "mail/address.h"
#include "mail/mailboxes.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct list out = { .n = 0 };
	struct buf bad = { 0 }, name = { 0 };
	char *text = as_string(data, n);

	if (mailboxes_read((const char *)data, n, &out, &bad))
		CLAIM(bad.n == 0);
	for (size_t i = 0; i < out.n; i++)
		CLAIM(*list_get(&out, i) &&
		    address_check(list_get(&out, i), true) == ADDRESS_OK);
	mailbox_display_name(&name, text);
	CLAIM(text_clean(buf_text(&name), name.n) &&
	    text_ascii(buf_text(&name), name.n));
	list_free(&out);
	buf_free(&bad);
	buf_free(&name);
	free(text);
	return 0;
}
