/* SPDX-License-Identifier: ISC */
#include "fuzz.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../pop3-serve/session.h"

/* The program but for its main: its handlers, with a client that says what
 * the input is, on a spool with a few messages in it, which is never
 * changed. */
#include "../../pop3-serve/cmd.c"
#include "../../pop3-serve/login.c"
#include "../../pop3-serve/read.c"

static char path[] = "/tmp/sluice-fuzz-XXXXXX";
static struct spool spool;

static void
put(const char *name, const char *text)
{
	int fd = openat(spool.fd, name, O_WRONLY | O_CREAT, 0600);

	CLAIM(fd >= 0 && write_all(fd, text, strlen(text)) == 0);
	close(fd);
}

static void
clear_away(void)
{
	unlinkat(spool.fd, "emailrelay.1.1.1.content", 0);
	unlinkat(spool.fd, "emailrelay.1.1.1.envelope", 0);
	unlinkat(spool.fd, "emailrelay.1.1.2.content", 0);
	unlinkat(spool.fd, "emailrelay.1.1.2.envelope", 0);
	rmdir(path);
}

static void
prepare(void)
{
	if (spool.path)
		return;
	CLAIM(mkdtemp(path) && spool_open(&spool, path));
	put("emailrelay.1.1.1.content", "A: b\r\n\r\n.x\r\ny");
	put("emailrelay.1.1.1.envelope", "x");
	put("emailrelay.1.1.2.content", "");
	put("emailrelay.1.1.2.envelope", "x");
	atexit(clear_away);
}

/* All replies but those of lists and texts begin with a sign. */
static void
check_replies(int fd)
{
	static char heard[1 << 20];
	ssize_t n, all = 0;

	while ((n = read(fd, heard + all, sizeof heard - 1 - (size_t)all)) > 0)
		all += n;
	heard[all] = '\0';
	CLAIM(memchr(heard, '\0', (size_t)all) == NULL);
	for (const char *line = heard; *line; ) {
		const char *end = strstr(line, "\r\n");

		CLAIM(end && end - line <= 510);
		CLAIM(text_clean(line, (size_t)(end - line)));
		line = end + 2;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct config conf = { .no_delete = true };
	struct tls_config none = { .certificate = NULL };
	struct session s = { .conf = &conf };
	int in[2], out[2];

	if (n > 60000)
		return 0;
	prepare();
	CLAIM(pipe(in) == 0 && pipe(out) == 0);
	fcntl(in[1], F_SETPIPE_SZ, 1 << 16);
	fcntl(out[1], F_SETPIPE_SZ, 1 << 20);
	CLAIM(write(in[1], data, n) == (ssize_t)n);
	close(in[1]);
	s.spool = spool;
	secure_open(&s.tls, &none, false, false);
	io_open(&s.io, in[0], out[1], 5);
	s.server = (struct server){ &s.io, commands, &manners,
		TRANSACTION, 0, 0 };
	CLAIM(maildrop_open(&s.maildrop, &s.spool, NULL));
	serve(&s.server, &s);
	maildrop_close(&s.maildrop);
	io_close(&s.io);
	check_replies(out[0]);
	close(out[0]);
	buf_free(&s.user);
	return 0;
}
