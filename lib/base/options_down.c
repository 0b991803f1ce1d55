/* SPDX-License-Identifier: ISC */
#include "base/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/environment.h"

/* What stands in a file was not for everybody to see. */
static bool
is_secret(const struct options_common *config, size_t i, const char **value)
{
	static const char inside[] = "--client-auth=plain:";
	const char *word = list_get(&config->down, i);

	*value = word + strlen("--client-auth=");
	return i >= config->typed &&
	    strncmp(word, inside, sizeof inside - 1) == 0;
}

static bool
is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

/* The environment is only for those to see who may do as we do. If it says
 * otherwise it wins over the file. */
static void
hand_over(const char *secret)
{
	static const char name[] = ENVIRONMENT_PREFIX "CLIENT_AUTH";

	if (!is_set(name) && !is_set(ENVIRONMENT_PREFIX "CLIENT_AUTH_FILE"))
		setenv(name, secret, 1);
}

void
options_hand_down(struct list *args, const struct options_common *config)
{
	const char *secret;

	for (size_t i = 0; i < config->down.n; i++) {
		if (is_secret(config, i, &secret))
			hand_over(secret);
		else
			list_add(args, list_get(&config->down, i));
	}
	unsetenv(ENVIRONMENT_PREFIX "CONFIG");
}
