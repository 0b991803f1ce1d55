/* SPDX-License-Identifier: ISC */
/*
 * Files of the spool that are no messages: the counters, and who has come how
 * often. Whatever is in them, they are used and put right, or left alone.
 */
#include "parts/box.h"

#include <unistd.h>

#include "spool/counters.h"
#include "spool/crowd.h"
#include "spool/presence.h"

/* Nobody is there, whatever is written of him. */
static void
check_presence(const struct spool *s)
{
	static struct connection all[PRESENCE_PLACES];

	CLAIM(presence_count(s, COUNT_IN_STARTED) == 0);
	if (!presence_look(s, COUNT_IN_STARTED, all))
		return;
	for (size_t i = 0; i < PRESENCE_PLACES; i++) {
		CLAIM(all[i].place == 0);
		CLAIM(strlen(all[i].ends.local) < sizeof all[i].ends.local);
		CLAIM(strlen(all[i].ends.remote) < sizeof all[i].ends.remote);
		CLAIM(strlen(all[i].ends.name) < sizeof all[i].ends.name);
	}
}

static void
check_counters(const struct spool *s, const uint8_t *data, size_t n)
{
	uint64_t before[COUNTERS], after[COUNTERS];
	struct buf file = { 0 };
	bool known;

	box_put(counters_name, data, n);
	known = counters_read(s, before);
	CLAIM(known ? n == 0 || (n >= COUNTERS_BYTES && n <= COUNTERS_MOST) :
	    n > 0);
	counters_once(s, COUNT_RECEIVED);
	if (known) {
		CLAIM(counters_read(s, after));
		before[COUNT_RECEIVED]++;
		CLAIM(memcmp(before, after, sizeof before) == 0);
	} else {
		CLAIM(box_get(counters_name, &file));
		CLAIM(file.n == n && memcmp(file.s, data, n) == 0);
	}
	check_presence(s);
	buf_free(&file);
}

/* So many come in, and then no more; whatever was in the file. */
static void
check_crowd(const struct spool *s, const uint8_t *data, size_t n)
{
	static const struct crowd_rate rate = { 3, 3600 };
	struct buf file = { 0 };
	enum crowd_verdict v = CROWD_FINE;
	int64_t full, now = 1;
	int fd, fine = 0;

	/* one shelf all over the file */
	while (n > 0 && file.n < CROWD_BYTES)
		buf_add(&file, data, n < 128 ? n : 128);
	box_put(".clients", buf_text(&file), file.n);
	for (int i = 0; i < 5; i++) {
		v = crowd_enter(s, "192.0.2.1", 2, &rate, &fd);
		CLAIM(v == CROWD_FINE || v == CROWD_TOO_FAST);
		fine += v == CROWD_FINE;
		close(fd);
	}
	CLAIM(fine <= 3 && v == CROWD_TOO_FAST);
	if (n >= sizeof full + sizeof now) {
		memcpy(&full, data, sizeof full);
		memcpy(&now, data + sizeof full, sizeof now);
		now &= (INT64_C(1) << 61) - 1;
		crowd_admit(&rate, now, &full);
		CLAIM(full >= now && full - now <= INT64_C(3600) * 1000000);
	}
	buf_free(&file);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct spool *s = box_open();

	check_counters(s, data, n);
	check_crowd(s, data, n);
	return 0;
}
