/* SPDX-License-Identifier: ISC */
#include "fuzz.h"

#include <fcntl.h>
#include <unistd.h>

#include "auth/secrets.h"
#include "base/cidr.h"
#include "base/hmac.h"
#include "base/log.h"

static void
inspect(const struct secrets *s, const struct secret *e)
{
	const struct secret *found;
	struct hmac_key k;

	CLAIM(e->kind < SECRET_KINDS);
	CLAIM(strlen(secrets_id(s, e)) == e->id_n);
	CLAIM(text_clean(secrets_id(s, e), e->id_n));
	CLAIM(secrets_value(s, e)[e->value_n] == '\0');
	CLAIM(text_clean(secrets_selector(s, e),
	    strlen(secrets_selector(s, e))));
	if (e->kind == SECRET_CRAM_MD5)
		CLAIM(hmac_key_parse(&k, secrets_value(s, e)));
	if (e->client)
		return;
	CLAIM(e->id_n > 0 && secrets_has(s, e->kind));
	found = secrets_find(s, e->kind, secrets_id(s, e), e->id_n);
	CLAIM(found && found <= e);
	if (e->kind == SECRET_NONE)
		CLAIM(cidr_valid(secrets_id(s, e)));
}

/* A log that finds its stderr to be nothing says nothing. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct log_config quiet = { .no_syslog = true };
	int err = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);

	(void)argc;
	(void)argv;
	dup2(null, STDERR_FILENO);
	log_open("fuzz", "fuzz");
	log_configure(&quiet);
	dup2(err, STDERR_FILENO);
	close(err);
	close(null);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = as_string(data, n);
	struct secrets s;
	size_t room;

	secrets_parse(&s, "secrets", text, n);
	/* no secret has been left behind where the store once was */
	room = s.store.cap;
	CLAIM(room >= n + 1 && room <= (n < 64 ? 128 : 2 * n + 2));
	for (size_t i = 0; i < s.n; i++)
		inspect(&s, &s.entries[i]);
	secrets_trust(&s, "192.0.2.1");
	secrets_wipe(&s);
	free(text);
	return 0;
}
