/* SPDX-License-Identifier: ISC */
#include "send.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/helper.h"
#include "base/text.h"

enum {
	TOKEN_SECONDS = 60,     /* for the program */
	TOKEN_AGE = 45 * 60,    /* they are mostly good for an hour */
	WRITING = 60            /* longer than it takes to write one */
};

static const char cache[] = ".oauth-token";

/* Whose token is it? One spool may be forwarded to several servers. */
static void
put_owner(const struct client *c, const char *id, struct buf *out)
{
	buf_printf(out, "%s %s:%s\n", id, c->target.host, c->target.port);
}

/* What RFC 6750 allows, and nothing that could end the answer it is put
 * into. */
static bool
is_token(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return false;
	return n > 0;
}

static bool
set(struct token *t, const char *s, size_t n)
{
	buf_wipe(&t->text);
	if (!is_token(s, n))
		return false;
	buf_reserve(&t->text, n);
	buf_add(&t->text, s, n);
	return true;
}

bool
token_set(struct token *t, const char *text)
{
	return set(t, text, strlen(text));
}

/* Nobody else may have had a hand in it. */
static bool
is_ours(int fd)
{
	time_t now = time(NULL);
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_uid == geteuid() && !(st.st_mode & (S_IRWXG | S_IRWXO)) &&
	    st.st_nlink == 1 && st.st_mtime <= now &&
	    now - st.st_mtime < TOKEN_AGE;
}

static bool
read_cache(struct token *t, const struct buf *owner)
{
	int fd = openat(t->dir, cache, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
	    O_NONBLOCK);
	char text[HELPER_OUTPUT + 1024] = { 0 };
	ssize_t n = -1;
	bool ok;

	if (fd < 0)
		return false;
	if (is_ours(fd))
		n = read(fd, text, sizeof text);
	close(fd);
	ok = n > 0 && n > (ssize_t)owner->n && text[n - 1] == '\n' &&
	    memcmp(text, owner->s, owner->n) == 0 &&
	    set(t, text + owner->n, (size_t)n - 1 - owner->n);
	explicit_bzero(text, sizeof text);
	return ok;
}

static bool
write_and_close(int fd, const struct buf *text)
{
	int failed = write_all(fd, text->s, text->n);

	return close(fd) == 0 && !failed;
}

/* A file that nobody else writes at: other hosts have processes with our
 * number, and may have this spool. One that has been there for long was left
 * by somebody who has died. -1 and errno. */
static int
create(int dir, const char *name)
{
	const int how = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	int fd = openat(dir, name, how, 0600);
	struct stat st;

	if (fd >= 0 || errno != EEXIST ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fd;
	if (time(NULL) - st.st_mtime <= WRITING) {
		errno = EEXIST;
		return -1;
	}
	unlinkat(dir, name, 0);
	return openat(dir, name, how, 0600);
}

/* As a whole or not at all: others may read it now. */
static void
write_cache(const struct token *t, const struct buf *owner)
{
	struct buf text = { 0 };
	char name[48];
	int fd;

	snprintf(name, sizeof name, "%s.%ld", cache, (long)getpid());
	buf_reserve(&text, owner->n + t->text.n + 1);
	buf_add(&text, owner->s, owner->n);
	buf_add(&text, t->text.s, t->text.n);
	buf_putc(&text, '\n');
	fd = create(t->dir, name);
	if (fd < 0 || !write_and_close(fd, &text) ||
	    renameat(t->dir, name, t->dir, cache) < 0) {
		log_warning("cannot keep the token in '%s': %s", cache,
		    strerror(errno));
		if (fd >= 0)
			unlinkat(t->dir, name, 0);
	}
	buf_wipe(&text);
}

/* What is wrong with what the program did, or NULL. */
static const char *
objection(const struct helper_result *r)
{
	if (r->error)
		return strerror(r->error);
	if (r->timed_out)
		return "it takes too long";
	if (r->code != 0)
		return "it has failed";
	if (r->output.n >= HELPER_OUTPUT)
		return "it prints too much";
	return NULL;
}

/* Why it has failed the program can say as filters do, <<so>>. Nothing else
 * that it prints is told to anybody. */
static const char *
reason(struct buf *output)
{
	char *from, *to;

	if (output->n == 0)
		return NULL;
	from = strstr(output->s, "<<");
	to = from ? strstr(from, ">>") : NULL;
	if (!to)
		return NULL;
	*to = '\0';
	return from + 2;
}

static void
complain(const struct token *t, const char *no, struct helper_result *r)
{
	const char *why = r->error || r->timed_out || r->code == 0 ? NULL :
	    reason(&r->output);

	log_warning("no token from '%s': %s%s%s", list_get(&t->program, 0), no,
	    why ? ": " : "", why ? why : "");
}

bool
token_fetch(struct token *t)
{
	struct helper_result r = { 0 };
	const char *no, *text;

	buf_reserve(&r.output, HELPER_OUTPUT);
	helper_run(&r, &t->program, TOKEN_SECONDS);
	no = objection(&r);
	if (!no) {
		buf_putc(&r.output, '\0');
		text = text_trim(r.output.s);
		if (!token_set(t, text))
			no = "it has printed something else";
	}
	if (no)
		complain(t, no, &r);
	t->fresh = !no;
	buf_wipe(&r.output);
	return !no;
}

bool
token_get(struct client *c, const char *id, bool again)
{
	struct token *t = &c->token;
	struct buf owner = { 0 };
	bool ok = t->text.n > 0 && !again;

	put_owner(c, id, &owner);
	if (!ok && !again && t->dir >= 0)
		ok = read_cache(t, &owner);
	if (!ok) {
		ok = outside_token(c);
		if (ok && t->dir >= 0)
			write_cache(t, &owner);
	}
	buf_free(&owner);
	return ok;
}

void
token_forget(struct client *c, bool refused)
{
	buf_wipe(&c->token.text);
	if (refused && c->token.dir >= 0)
		unlinkat(c->token.dir, cache, 0);
	c->token.fresh = false;
}
