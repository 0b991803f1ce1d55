/* SPDX-License-Identifier: ISC */
#include "fuzz.h"

#include "judge/filter.h"
#include "judge/verify.h"
#include "mail/address.h"

static void
check_answer(const struct verify_answer *a, bool utf8)
{
	bool yes = a->verified == VERIFY_LOCAL || a->verified == VERIFY_REMOTE;

	CLAIM(yes == (a->address.n > 0));
	CLAIM(text_clean(buf_text(&a->address), a->address.n));
	CLAIM(text_clean(buf_text(&a->text), a->text.n));
	CLAIM(strlen(buf_text(&a->address)) == a->address.n);
	if (a->verified == VERIFY_REMOTE)
		CLAIM(address_check(a->address.s, utf8) == ADDRESS_OK);
	if (!yes)
		CLAIM(a->text.n > 0);
}

/* The first octet is the exit code. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct verify_answer a = { .verified = VERIFY_FAIL };
	struct buf output = { 0 };
	char *line;

	if (n == 0)
		return 0;
	buf_add(&output, data + 1, n - 1);
	line = as_string(data + 1, n - 1);
	for (int side = 0; side < 2; side++) {
		struct verdict v = { .judgement = FILTER_ACCEPT };

		verdict_read(&v, (enum filter_side)side, data[0], &output);
		CLAIM(v.code == 0 || (v.code >= 400 && v.code < 600));
		CLAIM((v.judgement == FILTER_REJECT) == (v.reason.n > 0));
		CLAIM(text_clean(buf_text(&v.reason), v.reason.n));
		buf_free(&v.reason);
		verify_read(&a, data[0], &output, side);
		check_answer(&a, side);
		verify_read_line(&a, line, side);
		check_answer(&a, side);
	}
	free(line);
	buf_free(&output);
	buf_free(&a.address);
	buf_free(&a.text);
	return 0;
}
