/* SPDX-License-Identifier: ISC */
#include "fuzz.h"

#include "mail/parameter.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mail_parameters p = { .size = 0 };
	char *text = as_string(data, n), *copy = need_copy(text);
	enum parameter_verdict v = parameter_mail(copy, &p);

	CLAIM(v == PARAMETER_OK || v == PARAMETER_SYNTAX ||
	    v == PARAMETER_UNKNOWN);
	if (v == PARAMETER_OK && !strchr(text, '>'))
		CLAIM(parameter_has_utf8(text) == p.utf8);
	CLAIM(p.has_size || p.size == 0);
	free(copy);
	copy = need_copy(text);
	if (parameter_rcpt(copy) == PARAMETER_OK)
		CLAIM(strspn(text, " \t") == strlen(text));
	free(copy);
	free(text);
	return 0;
}
