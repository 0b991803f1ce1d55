/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

#include "base/hmac.h"
#include "base/options.h"
#include "base/program.h"
#include "base/text.h"
#include "base/xtext.h"

enum format { DOTTED, BASE64, XTEXT };

static const char *const formats[] = {
	[DOTTED] = "dotted", [BASE64] = "base64", [XTEXT] = "xtext", NULL
};

struct config {
	struct options_common common;
	unsigned format;
	bool dotted;            /* what E-MailRelay 2 calls our default */
};

static const struct option_row rows[] = {
	{ "dotted", OPTION_FLAG, offsetof(struct config, dotted) },
	{ "format", OPTION_WORD, offsetof(struct config, format),
	    .words = formats },
	OPTIONS_LOG(struct config),
	OPTIONS_SPOOL(struct config)
};

static const struct option_set options = {
	.program = "spool-passwd",
	.purpose = "Makes a password from standard input a key for a "
	    "secrets file.",
	.usage = "",
	.rows = rows,
	.n = sizeof rows / sizeof rows[0],
};

enum { PASSWORD = 4000 };       /* octets */

/* The first line; what follows is nobody's business. False if it does not
 * fit. */
static bool
read_line(char line[PASSWORD + 1])
{
	size_t n = 0;
	ssize_t k;

	while (n < PASSWORD) {
		k = read(STDIN_FILENO, line + n, 1);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			die(EX_IOERR, "cannot read: %s", strerror(errno));
		if (k == 0 || line[n] == '\n' || line[n] == '\0')
			break;
		n++;
	}
	line[n] = '\0';
	return n < PASSWORD;
}

/* Typed by hand it is asked for, and not shown. Keys that raise signals are
 * off meanwhile, so that the terminal never stays blind. */
static bool
ask(char line[PASSWORD + 1])
{
	struct termios before, blind;
	bool ok;

	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return read_line(line);
	blind = before;
	blind.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	fputs("Password: ", stderr);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &blind);
	ok = read_line(line);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	fputs("\n", stderr);
	return ok;
}

static void
put(struct buf *out, enum format f, const char *password)
{
	struct hmac_key k;

	hmac_key(&k, password, strlen(password));
	switch (f) {
	case DOTTED:
		hmac_key_dotted(&k, out);
		break;
	case BASE64:
		hmac_key_base64(&k, out);
		break;
	case XTEXT:
		buf_reserve(out, 3 * PASSWORD);
		xtext_encode(out, password, strlen(password));
		break;
	}
	explicit_bzero(&k, sizeof k);
}

int
main(int argc, char *argv[])
{
	struct config conf = { .common.spool_dir = SPOOLDIR };
	char line[PASSWORD + 1], *password;
	struct buf key = { 0 };

	program_start(false);
	log_open("spool-passwd", NULL);
	if (options_read(&options, &conf.common, argc, argv) != argc)
		die(EX_USAGE, "the password is read from standard input; "
		    "try \"spool-passwd --help\"");
	if (!ask(line))
		die(EX_DATAERR, "the password is too long");
	password = text_trim(line);
	if (!*password)
		die(EX_DATAERR, "invalid password");
	put(&key, (enum format)conf.format, password);
	explicit_bzero(line, sizeof line);
	if (puts(buf_text(&key)) < 0 || fflush(stdout) != 0)
		die(EX_IOERR, "cannot write: %s", strerror(errno));
	buf_wipe(&key);
	return EX_OK;
}
