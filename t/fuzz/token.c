/* SPDX-License-Identifier: ISC */
/*
 * Where smtp-send has its OAuth token from: the input is what is in the cache,
 * then, behind an octet 0x1e, what the program prints. The first octet is its
 * exit code.
 */
#include "parts/box.h"
#include "parts/wire.h"

#include <time.h>
#include <unistd.h>

#include "base/helper.h"
#include "smtp-send/send.h"

static const uint8_t *printed;
static size_t printed_n;
static int code;
static unsigned runs;

void __wrap_helper_run(struct helper_result *r, const struct list *words,
    unsigned seconds);
time_t __wrap_time(time_t *t);

void
__wrap_helper_run(struct helper_result *r, const struct list *words,
    unsigned seconds)
{
	(void)words;
	(void)seconds;
	r->code = code;
	buf_add(&r->output, printed, printed_n);
	runs++;
}

/* The seconds of time(2) may be behind those of a file that was made just
 * now. */
time_t
__wrap_time(time_t *t)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (t)
		*t = now.tv_sec;
	return now.tv_sec;
}

/* Nothing in it ends an answer, or a header field. */
static void
check(const struct token *t)
{
	CLAIM(t->text.n > 0);
	for (size_t i = 0; i < t->text.n; i++)
		CLAIM(t->text.s[i] > ' ' && t->text.s[i] <= '~');
}

static void
use(struct client *c)
{
	struct buf first = { 0 };

	runs = 0;
	if (token_get(c, "ann", false)) {
		check(&c->token);
		CLAIM(runs == 0 || code == 0);
		buf_set(&first, c->token.text.s);
		/* it is kept for the next one, as it is */
		token_forget(c, false);
		runs = 0;
		CLAIM(token_get(c, "ann", false) && runs == 0);
		CLAIM(same(&first, &c->token.text));
	} else {
		CLAIM(runs == 1);
	}
	token_forget(c, true);
	CLAIM(box_count() == 0 && c->token.text.n == 0);
	buf_free(&first);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct config conf;
	static struct client c = { .conf = &conf };
	const struct net_target to = { .host = "a.test", .port = "25" };
	const uint8_t *cut;
	size_t cached;

	if (n < 1)
		return 0;
	if (c.token.program.n == 0) {
		wire_be_silent();
		list_add(&c.token.program, "/program");
		c.target = to;
	}
	c.token.dir = box_open()->fd;
	code = data[0] % 3;
	cut = memchr(data + 1, 0x1e, n - 1);
	cached = cut ? (size_t)(cut - data) - 1 : n - 1;
	printed = cut ? cut + 1 : data + n;
	printed_n = (size_t)(data + n - printed);
	box_put(".oauth-token", data + 1, cached);
	use(&c);
	return 0;
}
