/* SPDX-License-Identifier: ISC */
/*
 * What receiving costs at least: an SMTP server for one connection on 0 and
 * 1, under tcpserver, with nothing but the Received line that everybody has to
 * add (RFC 5321 section 4.4), which makes two blocks of 4 KiB, and what makes a
 * message as durable as lib/spool/draft.c makes it. With --copy: cat from the
 * socket to a file.
 *
 *	floor DIR | floor --copy DIR
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "parts/smtp.h"

static struct {
	int dir, content;
	char id[64];
} the;

/* No reply is a failure that the load generator will not overlook. */
static void
need(int ok)
{
	if (!ok)
		_exit(EXIT_FAILURE);
}

static int
create(const char *name)
{
	int fd = openat(the.dir, name, O_WRONLY | O_CREAT | O_EXCL, 0660);

	need(fd >= 0);
	return fd;
}

static void
put(int fd, const char *p, size_t n)
{
	ssize_t k;

	for (; n > 0; p += k, n -= (size_t)k) {
		k = write(fd, p, n);
		need(k > 0);
	}
}

static void
name_it(char name[96], const char *suffix)
{
	snprintf(name, 96, "%s.%s", the.id, suffix);
}

static void
begin(void)
{
	struct timespec now;
	char name[96], received[256], date[64];

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(the.id, sizeof the.id, "emailrelay.%ld.%lld.%06ld",
	    (long)getpid(), (long long)now.tv_sec, now.tv_nsec / 1000);
	name_it(name, "content");
	the.content = create(name);
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000",
	    gmtime(&now.tv_sec));
	snprintf(received, sizeof received, "Received: from load.example.com "
	    "([127.0.0.1]) by localhost with ESMTP id %s ; %s\r\n", the.id,
	    date);
	put(the.content, received, strlen(received));
}

static void
text(const char *p, size_t n)
{
	put(the.content, p, n);
}

static void
end(void)
{
	static const char envelope[] =
	    "X-MailRelay-Format: #2821.4\r\n"
	    "X-MailRelay-Content: 7bit\r\n"
	    "X-MailRelay-From: sender@example.com\r\n"
	    "X-MailRelay-ToCount: 1\r\n"
	    "X-MailRelay-To-Remote: recipient@example.com\r\n"
	    "X-MailRelay-Authentication: \r\n"
	    "X-MailRelay-Client: 127.0.0.1\r\n"
	    "X-MailRelay-ClientName: \r\n"
	    "X-MailRelay-ClientCertificate: \r\n"
	    "X-MailRelay-End: 1\r\n";
	char from[96], to[96];
	int fd;

	name_it(from, "envelope.new");
	name_it(to, "envelope");
	sync_file_range(the.content, 0, 0, SYNC_FILE_RANGE_WRITE);
	fd = create(from);
	put(fd, envelope, sizeof envelope - 1);
	need(fsync(fd) == 0 && fsync(the.content) == 0);
	close(fd);
	close(the.content);
	need(renameat(the.dir, from, the.dir, to) == 0 && fsync(the.dir) == 0);
}

static void
copy(void)
{
	static const char done[] = "250 OK\r\n";
	static char block[131072];      /* as cat has it */
	char name[32];
	ssize_t n;
	int fd;

	snprintf(name, sizeof name, "copy.%ld", (long)getpid());
	fd = create(name);
	while ((n = read(STDIN_FILENO, block, sizeof block)) > 0)
		put(fd, block, (size_t)n);
	need(n == 0 && fsync(fd) == 0);
	put(STDOUT_FILENO, done, sizeof done - 1);
}

int
main(int argc, char *argv[])
{
	const struct smtp s = { .in = STDIN_FILENO, .out = STDOUT_FILENO,
		.begin = begin, .text = text, .end = end };

	need(argc >= 2);
	the.dir = open(argv[argc - 1], O_RDONLY | O_DIRECTORY);
	need(the.dir >= 0);
	if (strcmp(argv[1], "--copy") == 0)
		copy();
	else
		smtp_serve(&s);
	return EXIT_SUCCESS;
}
