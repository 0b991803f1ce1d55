/* SPDX-License-Identifier: ISC */
#include "relay.h"

#include <string.h>

#include "base/text.h"

static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@+=:,./_-";

static bool
is_plain(const char *word)
{
	return *word && word[strspn(word, plain)] == '\0';
}

static void
quote_shell(struct buf *out, const char *word, bool cron)
{
	buf_putc(out, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			buf_puts(out, "'\\''");
		else if (*word == '%' && cron)
			buf_puts(out, "'\\%'");         /* a line end else */
		else
			buf_putc(out, *word);
	}
	buf_putc(out, '\'');
}

/* systemd.service(5), "Command lines": specifiers and variables, too. */
static void
quote_systemd(struct buf *out, const char *word)
{
	buf_putc(out, '"');
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			buf_putc(out, '\\');
		else if (*word == '%' || *word == '$')
			buf_putc(out, *word);
		buf_putc(out, *word);
	}
	buf_putc(out, '"');
}

bool
quote(struct buf *out, const char *word, enum quoting how)
{
	if (!text_clean(word, strlen(word)))
		return false;
	if (is_plain(word)) {
		buf_puts(out, word);
		return true;
	}
	switch (how) {
	case QUOTE_SHELL:
	case QUOTE_CRON:
		quote_shell(out, word, how == QUOTE_CRON);
		break;
	case QUOTE_SYSTEMD:
		quote_systemd(out, word);
		break;
	case QUOTE_NONE:
		if (!*word || strpbrk(word, " \"'\\"))
			return false;
		buf_puts(out, word);
		break;
	}
	return true;
}
