/* SPDX-License-Identifier: ISC */
#include "auth/account.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/helper.h"
#include "base/log.h"
#include "base/program.h"
#include "base/text.h"

static void
read_file(struct account *a, const char *path)
{
	struct buf why = { 0 };

	buf_set(&a->name, path);
	if (!secrets_read(&a->secrets, buf_text(&a->name), &why))
		die(EX_CONFIG, "%s", why.s);
}

/* It is closed with the others that we have inherited. */
static void
read_fd(struct account *a, const char *number)
{
	struct buf why = { 0 };
	uint64_t fd;

	if (!text_number(number, PROGRAM_FIRST, PROGRAM_LAST, &fd))
		die(EX_CONFIG, "not a descriptor from %d to %d: 'fd:%s'",
		    PROGRAM_FIRST, PROGRAM_LAST, number);
	buf_printf(&a->name, "fd:%s", number);
	if (!secrets_read_fd(&a->secrets, (int)fd, a->name.s, &why))
		die(EX_CONFIG, "%s", why.s);
}

static void
read_program(struct account *a, const char *command)
{
	struct helper_result r = { 0 };
	struct list words = { 0 };

	if (!helper_parse(&words, command))
		die(EX_CONFIG, "not the absolute path of a program: '%s'",
		    command);
	helper_run(&r, &words, ACCOUNT_SECONDS);
	if (r.code != 0)
		die(EX_CONFIG, "no secrets from '%s': %s",
		    list_get(&words, 0), r.error ? strerror(r.error) :
		    r.timed_out ? "it takes too long" : "it has failed");
	if (r.output.n >= HELPER_OUTPUT)
		die(EX_CONFIG, "no secrets from '%s': it prints too much",
		    list_get(&words, 0));
	buf_set(&a->name, list_get(&words, 0));
	buf_reserve(&r.output, 1);
	secrets_parse(&a->secrets, a->name.s, r.output.s, r.output.n);
	buf_wipe(&r.output);
	list_free(&words);
}

static void
read_credential(struct account *a, const char *name)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	struct buf path = { 0 };

	if (!*name || *name == '.' || strchr(name, '/'))
		die(EX_CONFIG, "not the name of a credential: '%s'", name);
	if (!dir || !*dir)
		die(EX_CONFIG, "no CREDENTIALS_DIRECTORY to look for '%s' in",
		    name);
	buf_printf(&path, "%s/%s", dir, name);
	read_file(a, path.s);
	buf_free(&path);
}

/* What it is is not said again: it has a password in it. */
static void
read_plain(struct account *a, const char *both)
{
	const char *colon = strchr(both, ':');
	struct buf line = { 0 };

	buf_set(&a->name, "plain:");
	buf_reserve(&line, strlen(both) + 32);
	buf_puts(&line, "client plain:b ");
	if (colon) {
		buf_add(&line, both, (size_t)(colon - both));
		buf_printf(&line, " %s", colon + 1);
	}
	secrets_parse(&a->secrets, a->name.s, line.s, line.n);
	buf_wipe(&line);
	if (a->secrets.n != 1)
		die(EX_CONFIG, "plain: wants a name and a password in base64, "
		    "with a colon between");
}

/* For a spec that may be a secret, dies before anybody says what it is. */
static void
demand_source(const char *spec)
{
	static const char *const words[] = {
		"file:", "fd:", "exec:", "cred:", "plain:"
	};
	const char *path = text_starts(spec, words[0]) ? spec + 5 : spec;

	for (size_t i = 1; i < sizeof words / sizeof words[0]; i++)
		if (text_starts(spec, words[i]))
			return;
	if (access(path, F_OK) < 0)
		die(EX_CONFIG, "--client-auth: cannot find the secrets file "
		    "that the environment names: %s", strerror(errno));
}

void
account_read(struct account *a, const char *spec, bool discreet)
{
	static const struct {
		const char *word;
		void (*read)(struct account *a, const char *rest);
	} sources[] = {
		{ "file:", read_file }, { "fd:", read_fd },
		{ "exec:", read_program }, { "cred:", read_credential },
		{ "plain:", read_plain }, { "", read_file },
	};
	size_t i = 0;

	if (discreet)
		demand_source(spec);
	while (!text_starts(spec, sources[i].word))
		i++;
	sources[i].read(a, spec + strlen(sources[i].word));
}

/* Which entries are of use for which way, the best first. */
static const enum secret_kind kinds[WAYS][3] = {
	[WAY_OAUTHBEARER] = { SECRET_OAUTH, SECRET_KINDS },
	[WAY_XOAUTH2] = { SECRET_OAUTH, SECRET_KINDS },
	[WAY_CRAM_MD5] = { SECRET_CRAM_MD5, SECRET_ANY, SECRET_KINDS },
	[WAY_PLAIN] = { SECRET_PLAIN, SECRET_LOGIN, SECRET_ANY },
	[WAY_LOGIN] = { SECRET_LOGIN, SECRET_ANY, SECRET_KINDS },
	[WAY_SCRAM_SHA_256] = { SECRET_ANY, SECRET_KINDS },
};

bool
account_serves(const struct account *a, enum way w, struct sasl_client *s)
{
	const struct secret *e = NULL;

	for (int i = 0; i < 3 && !e && kinds[w][i] != SECRET_KINDS; i++)
		e = secrets_own(&a->secrets, kinds[w][i]);
	if (!e)
		return false;
	s->id = secrets_id(&a->secrets, e);
	s->id_n = e->id_n;
	s->secret = secrets_value(&a->secrets, e);
	s->secret_n = e->value_n;
	s->key = e->kind == SECRET_CRAM_MD5;
	return true;
}

bool
account_any(const struct account *a)
{
	struct sasl_client s = { 0 };

	for (enum way w = 0; w < WAYS; w++)
		if (account_serves(a, w, &s))
			return true;
	return false;
}

void
account_wipe(struct account *a)
{
	secrets_wipe(&a->secrets);
	buf_free(&a->name);
	*a = (struct account){ .name = { 0 } };
}
