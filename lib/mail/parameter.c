/* SPDX-License-Identifier: ISC */
#include "mail/parameter.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/xtext.h"

static enum parameter_verdict
size(const char *value, struct mail_parameters *out)
{
	if (!value || strlen(value) > 20 || out->has_size)
		return PARAMETER_SYNTAX;
	/* RFC 1870 has 20 digits, more than 64 bits: that is just too big. */
	while (value[0] == '0' && value[1])
		value++;
	out->has_size = true;
	if (strspn(value, "0123456789") == strlen(value) &&
	    !text_number(value, 0, UINT64_MAX, &out->size) && *value)
		out->size = UINT64_MAX;
	else if (!text_number(value, 0, UINT64_MAX, &out->size))
		return PARAMETER_SYNTAX;
	return PARAMETER_OK;
}

static enum parameter_verdict
body(const char *value, struct mail_parameters *out)
{
	if (!value)
		return PARAMETER_SYNTAX;
	if (strcasecmp(value, "8BITMIME") == 0)
		out->eight_bit = true;
	else if (strcasecmp(value, "7BIT") != 0)
		return PARAMETER_SYNTAX;
	return PARAMETER_OK;
}

static enum parameter_verdict
smtputf8(const char *value, struct mail_parameters *out)
{
	if (value)
		return PARAMETER_SYNTAX;
	out->utf8 = true;
	return PARAMETER_OK;
}

/* Whom the client says that it speaks for. It has no right to say so here,
 * which RFC 4954 section 5 answers with AUTH=<>; it only has to be right. */
static enum parameter_verdict
auth(const char *value, struct mail_parameters *out)
{
	struct buf decoded = { 0 };
	bool ok;

	(void)out;
	if (!value)
		return PARAMETER_SYNTAX;
	ok = strcmp(value, "<>") == 0 ||
	    xtext_decode(&decoded, value, strlen(value));
	buf_free(&decoded);
	return ok ? PARAMETER_OK : PARAMETER_SYNTAX;
}

static const struct {
	const char *name;
	enum parameter_verdict (*read)(const char *, struct mail_parameters *);
} known[] = {
	{ "SIZE", size },
	{ "BODY", body },
	{ "SMTPUTF8", smtputf8 },
	{ "AUTH", auth },
};

static enum parameter_verdict
read_one(const char *name, const char *value, struct mail_parameters *out)
{
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcasecmp(known[i].name, name) == 0)
			return known[i].read(value, out);
	return PARAMETER_UNKNOWN;
}

enum parameter_verdict
parameter_mail(char *rest, struct mail_parameters *out)
{
	enum parameter_verdict v = PARAMETER_OK;
	char *word, *value;

	if (*rest && *rest != ' ' && *rest != '\t')
		return PARAMETER_SYNTAX;
	while (v == PARAMETER_OK && (word = text_word(&rest)) != NULL) {
		value = strchr(word, '=');
		if (value)
			*value++ = '\0';
		v = read_one(word, value, out);
	}
	return v;
}

enum parameter_verdict
parameter_rcpt(char *rest)
{
	if (*rest && *rest != ' ' && *rest != '\t')
		return PARAMETER_SYNTAX;
	return text_word(&rest) ? PARAMETER_UNKNOWN : PARAMETER_OK;
}

bool
parameter_has_utf8(const char *arg)
{
	const char *p = strrchr(arg, '>');
	size_t n;

	for (p = p ? p + 1 : arg; *p; p += n) {
		p += strspn(p, " \t");
		n = strcspn(p, " \t");
		if (n == 8 && strncasecmp(p, "SMTPUTF8", 8) == 0)
			return true;
	}
	return false;
}
