/* SPDX-License-Identifier: ISC */
#include "wire/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "base/program.h"
#include "base/text.h"

/* The manual's numbers, as bits: 1 to 3 stood for what is obsolete. */
enum { ASK = 4, VERIFY = 8, ALL = 15 };

static bool
is(const char *p, size_t n, const char *word)
{
	return strlen(word) == n && strncmp(p, word, n) == 0;
}

static bool
find_version(const char *p, size_t n, enum tls_version *v)
{
	static const char *const names[] = {
		[TLS_1_0] = "tlsv1.0", [TLS_1_1] = "tlsv1.1",
		[TLS_1_2] = "tlsv1.2", [TLS_1_3] = "tlsv1.3"
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (is(p, n, names[i])) {
			*v = (enum tls_version)i;
			return true;
		}
	return false;
}

static bool
take_number(struct tls_settings *set, const char *p, size_t n)
{
	char number[4] = "";
	uint64_t flags;

	if (n == 0 || n >= sizeof number)
		return false;
	memcpy(number, p, n);
	if (!text_number(number, 0, ALL, &flags))
		return false;
	set->ask |= (flags & ASK) != 0;
	set->verify |= (flags & VERIFY) != 0;
	return true;
}

static bool
take_word(struct tls_settings *set, const char *p, size_t n)
{
	if (find_version(p, n, &set->floor))
		return true;
	if (n > 0 && *p == '-')
		return find_version(p + 1, n - 1, &set->ceiling);
	/* E-MailRelay 2 can be told which library to use */
	return is(p, n, "openssl") || is(p, n, "mbedtls") ||
	    take_number(set, p, n);
}

bool
tls_settings_parse(struct tls_settings *set, const char *text)
{
	size_t n;

	*set = (struct tls_settings){ .floor = TLS_1_2, .ceiling = TLS_1_3 };
	for (; text; text = text[n] ? text + n + 1 : NULL) {
		n = strcspn(text, ",+");
		if (!take_word(set, text, n))
			return false;
	}
	return set->floor <= set->ceiling;
}

/* A look at the start is all that a connection in clear can afford. */
static bool
is_pem(int fd)
{
	static const char mark[] = "-----BEGIN ";
	char block[8192];
	ssize_t n = pread(fd, block, sizeof block, 0);

	return n > 0 && memmem(block, (size_t)n, mark, sizeof mark - 1);
}

static int
open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		die(EX_CONFIG, "cannot open '%s': %s", path, strerror(errno));
	if (!is_pem(fd))
		die(EX_CONFIG, "there is nothing in PEM format in '%s'", path);
	return fd;
}

void
tls_open(struct tls_config *conf)
{
	struct tls_settings set;
	struct buf path = { 0 };

	if (!tls_settings_parse(&set, conf->settings))
		die(EX_CONFIG, "invalid --tls-config: %s", conf->settings);
	conf->certificate_fd = conf->certificate ?
	    open_file(conf->certificate) : -1;
	conf->key_fd = conf->key ? open_file(conf->key) : -1;
	program_find(&path, "tls-io");
	conf->program = need_copy(path.s);
	buf_free(&path);
}
