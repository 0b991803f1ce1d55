/* SPDX-License-Identifier: ISC */
#include "spool/crowd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

/* A client's bucket, as it is in the file. */
struct slot {
	uint64_t client;
	int64_t full;
};

/* Clients whose numbers are alike share a shelf. Only when more of them than
 * have room there come within one period, the one that has been the quietest
 * is forgotten. */
enum { SHELF = 8, SHELVES = CROWD_BYTES / (SHELF * sizeof(struct slot)) };

bool
crowd_rate_parse(struct crowd_rate *r, const char *text)
{
	char count[16];
	size_t n = strcspn(text, "/");

	if (!text[n] || n >= sizeof count)
		return false;
	snprintf(count, sizeof count, "%.*s", (int)n, text);
	return text_number(count, 1, 1000000, &r->count) &&
	    text_duration(text + n + 1, &r->seconds) && r->seconds > 0;
}

bool
crowd_admit(const struct crowd_rate *r, int64_t now, int64_t *full)
{
	int64_t period = (int64_t)r->seconds * 1000000;
	int64_t token = period / (int64_t)r->count;

	/* the clock was set back */
	if (*full < now || *full > now + period)
		*full = now;
	if (*full + token > now + period)
		return false;
	*full += token;
	return true;
}

/* --- who it is --- */

static bool
number_of(const char *ip, uint64_t *client)
{
	unsigned char bits[16];
	size_t n = 4;

	*client = 0;
	if (inet_pton(AF_INET, ip, bits) == 1)
		*client = 1;    /* no IPv6 address begins like this */
	else if (inet_pton(AF_INET6, ip, bits) == 1)
		n = 8;
	else
		return false;
	for (size_t i = 0; i < n; i++)
		*client = *client << 8 | bits[i];
	return true;
}

/* Spread neighbours over the whole range: the finisher of splitmix64. */
static uint64_t
scatter(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* --- how fast --- */

static int
lock(int fd, int command, short type, off_t start, off_t n)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET,
		.l_start = start, .l_len = n };

	return fcntl(fd, command, &l);
}

static int64_t
microseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The client's own slot, or else the one that says least. */
static struct slot *
choose(struct slot *shelf, uint64_t client)
{
	struct slot *least = shelf;

	for (size_t i = 0; i < SHELF; i++) {
		if (shelf[i].client == client)
			return &shelf[i];
		if (shelf[i].full < least->full)
			least = &shelf[i];
	}
	*least = (struct slot){ .client = client };
	return least;
}

static enum crowd_verdict
take_token(int fd, off_t at, uint64_t client, const struct crowd_rate *rate)
{
	struct slot shelf[SHELF] = { { 0 } }, *mine;
	ssize_t n = pread(fd, shelf, sizeof shelf, at);

	if (n < 0)
		return CROWD_UNKNOWN;
	mine = choose(shelf, client);
	if (!crowd_admit(rate, microseconds(), &mine->full))
		return CROWD_TOO_FAST;
	n = pwrite(fd, mine, sizeof *mine, at + (char *)mine - (char *)shelf);
	return n == (ssize_t)sizeof *mine ? CROWD_FINE : CROWD_UNKNOWN;
}

/* It is held for a moment only; whoever holds it longer is not waited for. */
static bool
lock_soon(int fd, off_t at, off_t n)
{
	for (int tries = 0; tries < 50; tries++) {
		if (lock(fd, F_OFD_SETLK, F_WRLCK, at, n) == 0)
			return true;
		if (errno != EAGAIN && errno != EACCES)
			return false;
		poll(NULL, 0, 10);
	}
	return false;
}

static enum crowd_verdict
check_rate(int fd, uint64_t client, const struct crowd_rate *rate)
{
	const off_t n = SHELF * sizeof(struct slot);
	/* another listener with another rate has buckets of its own */
	uint64_t key = client ^ scatter(rate->count << 32 ^ rate->seconds);
	off_t at = (off_t)(scatter(key) % SHELVES) * n;
	enum crowd_verdict v;

	if (!lock_soon(fd, at, n))
		return CROWD_UNKNOWN;
	v = take_token(fd, at, key, rate);
	lock(fd, F_OFD_SETLK, F_UNLCK, at, n);
	return v;
}

/* --- how many --- */

/* There are 2^52 rows: nobody shares his with somebody else. */
static off_t
row_of(uint64_t client)
{
	return CROWD_BYTES + (off_t)(scatter(client) >> 12) * 1024;
}

static enum crowd_verdict
take_place(int fd, uint64_t client, unsigned places)
{
	off_t row = row_of(client);
	/* most find the first place they try to be free */
	unsigned first = (unsigned)getpid() % places;

	for (unsigned i = 0; i < places; i++) {
		if (lock(fd, F_OFD_SETLK, F_WRLCK,
		    row + (first + i) % places, 1) == 0)
			return CROWD_FINE;
		if (errno != EAGAIN && errno != EACCES)
			return CROWD_UNKNOWN;
	}
	return CROWD_TOO_MANY;
}

enum crowd_verdict
crowd_enter(const struct spool *s, const char *ip, unsigned places,
    const struct crowd_rate *rate, int *fd)
{
	enum crowd_verdict v = CROWD_FINE;
	uint64_t client;

	*fd = -1;
	if (!number_of(ip, &client)) {
		errno = EAFNOSUPPORT;
		return CROWD_UNKNOWN;
	}
	*fd = spool_open_file(s, ".clients", O_RDWR | O_CREAT, NULL);
	if (*fd < 0)
		return CROWD_UNKNOWN;
	if (rate->count)
		v = check_rate(*fd, client, rate);
	if (v == CROWD_FINE && places)
		v = take_place(*fd, client, places);
	return v;
}
