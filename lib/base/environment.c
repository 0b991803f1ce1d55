/* SPDX-License-Identifier: ISC */
#include "base/environment.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/date.h"

enum { PREFIX = sizeof ENVIRONMENT_PREFIX - 1 };
static const char file_suffix[] = "_FILE";
enum { FILE_SUFFIX = sizeof file_suffix - 1 };

/* FORWARD_TO is forward-to; in small letters it is nobody's. */
static const struct option_entry *
find(const char *name, size_t n)
{
	char option[64] = "";

	if (n >= sizeof option)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (islower((unsigned char)name[i]) || name[i] == '-')
			return NULL;
		option[i] = name[i] == '_' ? '-' :
		    (char)tolower((unsigned char)name[i]);
	}
	return option_find(option);
}

bool
environment_parse(struct variable *v, const char *string)
{
	const char *name = string + PREFIX, *end;
	size_t n;

	if (strncmp(string, ENVIRONMENT_PREFIX, PREFIX) != 0)
		return false;
	end = strchr(name, '=');
	if (!end)
		return false;
	n = (size_t)(end - name);
	*v = (struct variable){ .text = end + 1 };
	snprintf(v->name, sizeof v->name, "%.*s", (int)(n > 200 ? 200 :
	    n + PREFIX), string);
	v->option = find(name, n);
	if (!v->option && n > FILE_SUFFIX &&
	    strncmp(end - FILE_SUFFIX, file_suffix, FILE_SUFFIX) == 0) {
		v->option = find(name, n - FILE_SUFFIX);
		v->is_file = v->option != NULL;
	}
	return *v->text || (v->option && !v->option->value && !v->is_file);
}

/* --- a value from a file --- */

static _Noreturn void
die_of_file(const struct variable *v, const char *why)
{
	die(EX_CONFIG, "%s: cannot use '%s': %s", v->name, v->text, why);
}

/* A fifo may have nobody at its other end yet. */
static bool
wait_for(int fd, int64_t by)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t left;
	int n;

	do {
		left = by - date_ticks();
		n = left <= 0 ? 0 : poll(&p, 1, (int)left);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		errno = ETIMEDOUT;
	return n > 0;
}

/* As much as there is, but not much more than may be. */
static bool
read_all(int fd, struct buf *text)
{
	int64_t by = date_ticks() + ENVIRONMENT_SECONDS * 1000;
	enum { MOST = ENVIRONMENT_VALUE + 3 };
	ssize_t n;

	buf_reserve(text, MOST);
	while (text->n < MOST) {
		if (!wait_for(fd, by))
			return false;
		n = read(fd, text->s + text->n, MOST - text->n);
		if (n == 0)
			break;
		if (n > 0)
			text->n += (size_t)n;
		else if (errno != EINTR && errno != EAGAIN)
			return false;
	}
	text->s[text->n] = '\0';
	return true;
}

/* A device or a directory is not what was meant. */
static int
open_file(const struct variable *v)
{
	int fd = open(v->text, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		die_of_file(v, strerror(errno));
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		die_of_file(v, "it is no file");
	return fd;
}

static void
cut_line_end(struct buf *text)
{
	if (text->n > 0 && text->s[text->n - 1] == '\n')
		buf_cut(text, text->n - 1);
	if (text->n > 0 && text->s[text->n - 1] == '\r')
		buf_cut(text, text->n - 1);
}

static const char *
read_value(const struct variable *v)
{
	struct buf text = { 0 };
	const char *value;
	int fd = open_file(v);

	if (!read_all(fd, &text))
		die_of_file(v, strerror(errno));
	close(fd);
	cut_line_end(&text);
	if (text.n > ENVIRONMENT_VALUE)
		die_of_file(v, "it is too long");
	if (memchr(buf_text(&text), '\0', text.n))
		die_of_file(v, "there is a NUL in it");
	if (strchr(buf_text(&text), '\n'))
		die_of_file(v, "it has more than one line: it has to be the "
		    "value of the option");
	if (text.n == 0 && v->option->value)
		die_of_file(v, "it is empty");
	value = need_copy(buf_text(&text));
	buf_wipe(&text);
	return value;
}

const char *
environment_value(const struct variable *v)
{
	if (v->is_file)
		return read_value(v);
	if (strchr(v->text, '\n'))
		die(EX_CONFIG, "%s: it has more than one line", v->name);
	return v->text;
}

bool
environment_flag(const char *value, bool *yes)
{
	static const struct {
		const char *word;
		bool yes;
	} words[] = {
		{ "1", true }, { "yes", true }, { "true", true },
		{ "on", true }, { "", false }, { "0", false },
		{ "no", false }, { "false", false }, { "off", false },
	};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (strcasecmp(words[i].word, value) == 0) {
			*yes = words[i].yes;
			return true;
		}
	}
	return false;
}

void
environment_name(struct buf *out, const char *option)
{
	buf_puts(out, ENVIRONMENT_PREFIX);
	for (; *option; option++)
		buf_putc(out, *option == '-' ? '_' :
		    (char)toupper((unsigned char)*option));
}

char **
environment_others(void)
{
	size_t n = 0, kept = 0;
	char **all;

	while (environ && environ[n])
		n++;
	all = need_memory((n + 1) * sizeof *all);
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], ENVIRONMENT_PREFIX, PREFIX) != 0)
			all[kept++] = environ[i];
	all[kept] = NULL;
	return all;
}
