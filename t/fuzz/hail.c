/* SPDX-License-Identifier: ISC */
/*
 * What answers us in a line or a few octets: the server of a net: verifier or
 * filter, and a SOCKS proxy. The first octet says how much is heard at a time;
 * the rest is the wire's (parts/wire.h).
 */
#include "parts/wire.h"

#include <unistd.h>

#include "wire/hail.h"
#include "wire/socks.h"

int __wrap_net_connect(const struct net_target *t, unsigned seconds,
    char ip[64], struct buf *why);

int
__wrap_net_connect(const struct net_target *t, unsigned seconds, char ip[64],
    struct buf *why)
{
	(void)t;
	(void)seconds;
	(void)why;
	snprintf(ip, 64, "192.0.2.1");
	return wire_open();
}

/* Three questions, over as many connections as it takes. */
static void
ask(const uint8_t *data, size_t n)
{
	struct hail h = { .open = false };
	struct list fields = { .n = 0 };
	struct buf why = { 0 };
	const char *answer, *lf;
	enum hail_result result;
	int64_t began;

	list_add(&fields, "a@b");
	list_add(&fields, "A");
	wire_start(data + 1, n - 1);
	wire.most = data[0] % 8;
	for (int i = 0; i < 3; i++) {
		began = wire.now;
		result = hail_ask(&h, &fields, 5, &answer, &why);
		CLAIM(wire.now - began <= 5000);
		CLAIM((result == HAIL_ANSWERED) == (why.n == 0));
		if (result == HAIL_ANSWERED)
			CLAIM(strlen(answer) <= HAIL_ANSWER &&
			    !strchr(answer, '\n'));
		/* a question is a line, as often as it was asked */
		lf = memchr(wire.sent.s, '\n', wire.sent.n);
		CLAIM(lf == wire.sent.s + 5);
	}
	CLAIM(wire.sent.n % 6 == 0);
	hail_close(&h);
	list_free(&fields);
	buf_free(&why);
}

static void
pass_on(const uint8_t *data, size_t n)
{
	const struct net_target to = { .host = "a.test", .port = "25" };
	struct buf why = { 0 };
	int fd = wire_open();
	bool ok;

	wire_start(data + 1, n - 1);
	wire.most = data[0] % 8;
	ok = socks_ask(fd, &to, 5, &why);
	/* what comes behind it is not ours */
	CLAIM(wire.heard.n <= SOCKS_REPLY);
	CLAIM(ok == (why.n == 0));
	if (ok)
		CLAIM(wire.heard.n == SOCKS_REPLY && wire.heard.s[0] == 0 &&
		    wire.heard.s[1] == 90);
	close(fd);
	buf_free(&why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 1)
		return 0;
	ask(data, n);
	pass_on(data, n);
	return 0;
}
