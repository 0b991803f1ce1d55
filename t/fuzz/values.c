/* SPDX-License-Identifier: ISC */
/* What stands behind an option or in an argument: all that read one. */
#include "fuzz.h"

#include "auth/guard.h"
#include "base/cidr.h"
#include "base/environment.h"
#include "judge/judge.h"
#include "spool/crowd.h"
#include "wire/socks.h"
#include "wire/tls.h"

static void
check_target(const struct net_target *t)
{
	CLAIM(*t->host && *t->port);
	CLAIM(text_clean(t->host, strlen(t->host)));
	CLAIM(text_clean(t->port, strlen(t->port)));
	CLAIM(!strpbrk(t->host, "@/ \t[]"));
}

static void
check_net(const char *s)
{
	struct net_target to, proxy;
	struct buf again = { 0 }, request = { 0 };

	if (net_parse(&to, s))
		check_target(&to);
	if (!socks_parse(&to, &proxy, s))
		return;
	check_target(&to);
	buf_printf(&again, strchr(to.host, ':') ? "[%s]:%s" : "%s:%s", to.host,
	    to.port);
	CLAIM(strncmp(again.s, s, again.n) == 0 || *s == '[');
	CLAIM(!strchr(s, '@') == !*proxy.host);
	if (*proxy.host)
		check_target(&proxy);
	socks_request(&request, to.host, 25);
	CLAIM(request.n == 9 + strlen(to.host) + 1);
	buf_free(&request);
	buf_free(&again);
}

static void
check_judge(const char *s)
{
	struct judge j;
	struct buf why = { 0 };

	if (judge_open(&j, s, &why)) {
		CLAIM(why.n == 0 && j.code >= 0 && j.code <= 255);
		CLAIM(!j.net || j.words.n == 0);
		if (j.words.n > 0)
			CLAIM(list_get(&j.words, 0)[0] == '/');
	} else {
		CLAIM(why.n > 0);
	}
	judge_close(&j);
	buf_free(&why);
}

static void
check_numbers(const char *s)
{
	struct crowd_rate rate;
	struct tls_settings set;
	uint64_t n = 7;
	char text[24];

	if (text_number(s, 5, UINT64_MAX, &n)) {
		snprintf(text, sizeof text, "%llu", (unsigned long long)n);
		CLAIM(n >= 5 && strcmp(text, s) == 0);
	} else {
		CLAIM(n == 7);
	}
	if (text_duration(s, &n))
		CLAIM(n <= UINT64_C(10) * 366 * 86400);
	if (crowd_rate_parse(&rate, s))
		CLAIM(rate.count > 0 && rate.seconds > 0);
	if (tls_settings_parse(&set, s))
		CLAIM(set.floor <= set.ceiling);
	guard_is_pam(s);
}

/* What makes no sense matches nothing. */
static void
check_ranges(const char *s)
{
	static const char *const ips[] = {
		"192.0.2.1", "255.255.255.255", "::1", "2001:db8::1", "unknown"
	};
	bool one = cidr_valid(s), all = cidr_list_valid(s);

	CLAIM(!one || all);
	for (size_t i = 0; i < sizeof ips / sizeof ips[0]; i++) {
		CLAIM(!cidr_match(s, ips[i]) || one);
		CLAIM(!cidr_match(s, ips[i]) || cidr_list_match(s, ips[i]));
		CLAIM(!cidr_match(s, "unknown"));
	}
}

static void
check_environment(const char *s)
{
	struct variable v;
	bool yes = true;

	if (environment_flag(s, &yes))
		CLAIM(strlen(s) <= 5);
	if (!environment_parse(&v, s))
		return;
	CLAIM(strlen(v.name) < sizeof v.name && !strchr(v.name, '='));
	CLAIM(v.text > s && v.text[-1] == '=');
	CLAIM(!v.is_file || v.option);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *s = as_string(data, n);

	check_net(s);
	check_judge(s);
	check_numbers(s);
	check_ranges(s);
	check_environment(s);
	free(s);
	return 0;
}
