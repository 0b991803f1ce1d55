/* SPDX-License-Identifier: ISC */
/* Foreign text on its way into logs, replies, JSON, terminals and headers. */
#include "fuzz.h"

#include "base/log.h"
#include "mail/mailboxes.h"
#include "mail/words.h"

static void
check_printable(const char *s, size_t n)
{
	struct buf once = { 0 }, twice = { 0 };

	text_printable(&once, s, n);
	CLAIM(text_clean(buf_text(&once), once.n));
	CLAIM(text_utf8(buf_text(&once), once.n));
	CLAIM(once.n >= n && once.n <= 4 * n);
	text_printable(&twice, buf_text(&once), once.n);
	CLAIM(same(&once, &twice));
	buf_free(&once);
	buf_free(&twice);
}

/* The inside of a JSON string, RFC 8259 section 7. */
static void
check_json(const char *s)
{
	struct buf out = { 0 };
	size_t k;

	text_json(&out, s);
	CLAIM(text_utf8(buf_text(&out), out.n));
	for (const char *p = buf_text(&out); *p; p += k) {
		k = 1;
		CLAIM((unsigned char)*p >= ' ' && *p != '"');
		if (*p != '\\')
			continue;
		k = p[1] == 'u' ? 6 : 2;
		CLAIM(strlen(p) >= k && strchr("\"\\/bfnrtu", p[1]));
		if (k == 6)
			CLAIM(strspn(p + 2, "0123456789abcdefABCDEF") >= 4);
	}
	buf_free(&out);
}

/* One field stays one field. */
static void
check_quote(const char *s)
{
	struct buf out = { 0 };

	log_quote(&out, s);
	CLAIM(out.n >= 2 && *out.s == '<' && out.s[out.n - 1] == '>');
	CLAIM(strcspn(out.s + 1, "<> ,") == out.n - 2);
	buf_free(&out);
}

static void
check_name(const char *s)
{
	struct buf name = { 0 }, back = { 0 };

	mailbox_display_name(&name, s);
	CLAIM(text_ascii(buf_text(&name), name.n));
	CLAIM(!strchr(buf_text(&name), '\177'));
	words_decode(&back, buf_text(&name), name.n);
	buf_free(&name);
	buf_free(&back);
}

static void
check_words(const char *s)
{
	char *copy = need_copy(s), *rest = copy, *word;

	while ((word = text_word(&rest)) != NULL)
		CLAIM(*word && !strpbrk(word, " \t"));
	free(copy);
	copy = need_copy(s);
	word = text_trim(copy);
	CLAIM(!*word || (!strchr(" \t\r\n", *word) &&
	    !strchr(" \t\r\n", word[strlen(word) - 1])));
	free(copy);
	CLAIM(text_distance(s, "forward-to") == text_distance("forward-to", s));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *s = as_string(data, n);
	struct buf words = { 0 };

	check_printable(s, n);
	check_json(s);
	check_quote(s);
	check_name(s);
	check_words(s);
	words_decode(&words, s, n);
	check_printable(buf_text(&words), words.n);
	buf_free(&words);
	free(s);
	return 0;
}
