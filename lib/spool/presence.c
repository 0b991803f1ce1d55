/* SPDX-License-Identifier: ISC */
#include "spool/presence.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The tables stand behind the counters: SMTP, to servers, POP3. */
enum { TABLES = 3, TRIES = 32 };

_Static_assert(sizeof(struct connection) == 256, "records fill pages");
_Static_assert(COUNTERS_BYTES + TABLES * PRESENCE_PLACES *
    sizeof(struct connection) == COUNTERS_MOST, "they fill the file");

/* Where its table begins, or -1: it has none. */
static off_t
table_of(enum counter which)
{
	int n = which == COUNT_IN_STARTED ? 0 : which == COUNT_OUT_STARTED ? 1 :
	    which == COUNT_POP_STARTED ? 2 : -1;

	return n < 0 ? -1 : COUNTERS_BYTES + (off_t)n * PRESENCE_PLACES *
	    (off_t)sizeof(struct connection);
}

/* --- the octets --- */

/* Each kind has octets enough for nobody to meet somebody else; the first ones
 * have a record each. */
static int64_t
first_place(enum counter which)
{
	return (int64_t)(which + 1) << 40;
}

static uint64_t
some_number(void)
{
	struct timespec now;
	uint64_t x;

	clock_gettime(CLOCK_MONOTONIC, &now);
	x = (uint64_t)getpid() << 32 ^ (uint64_t)now.tv_nsec;
	/* the finisher of splitmix64 */
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static int
lock(int fd, int command, short type, int64_t place)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET,
		.l_start = place, .l_len = 1 };

	if (fcntl(fd, command, &l) < 0)
		return -1;
	return command == F_OFD_GETLK && l.l_type != F_UNLCK ? -1 : 0;
}

/* A free record, from a random one on: its octet, locked or only looked at.
 * 0: none was found. */
static int64_t
find_record(int fd, int command, enum counter which)
{
	uint64_t x = some_number();
	int64_t place;

	for (unsigned i = 0; i < TRIES; i++) {
		place = first_place(which) +
		    (int64_t)((x + i) % PRESENCE_PLACES);
		if (lock(fd, command, F_WRLCK, place) == 0)
			return place;
		if (command != F_OFD_GETLK && errno != EAGAIN &&
		    errno != EACCES)
			break;
	}
	return 0;
}

/* One without a record. */
static int64_t
find_place(int fd, enum counter which)
{
	int64_t place = first_place(which) + PRESENCE_PLACES +
	    (int64_t)(some_number() >> 25);

	return lock(fd, F_OFD_SETLK, F_WRLCK, place) == 0 ? place : 0;
}

/* Locks cannot be listed; but we may ask for one within a range, whichever,
 * and then what there is on either side of it. */
static unsigned
count_locks(int fd, int64_t from, int64_t to, unsigned most)
{
	struct flock l;
	unsigned n = 0;

	while (from < to && n < most) {
		l = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET,
			.l_start = from, .l_len = to - from };
		if (fcntl(fd, F_OFD_GETLK, &l) < 0 || l.l_type == F_UNLCK)
			break;
		n++;
		n += count_locks(fd, from, l.l_start, most - n);
		if (l.l_len == 0 || l.l_start < from)
			break;
		from = l.l_start + l.l_len;
	}
	return n;
}

unsigned
presence_count(const struct spool *s, enum counter which)
{
	int fd = spool_open_file(s, counters_name, O_RDONLY, NULL);
	unsigned n = 0;

	if (fd < 0)
		return 0;
	n = count_locks(fd, first_place(which), first_place(which + 1),
	    PRESENCE_CROWD);
	close(fd);
	return n;
}

/* --- the records --- */

static uint64_t
microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* In one write, which wakes those who watch. */
static bool
put_record(const struct counters *c, int64_t at, const struct connection *n,
    enum counter which)
{
	off_t where = table_of(which) + (off_t)(at - first_place(which)) *
	    (off_t)sizeof *n;

	return pwrite(c->fd, n, sizeof *n, where) == sizeof *n;
}

void
presence_try(struct presence *p, struct counters *c, enum counter which,
    const struct ends *to)
{
	struct connection n = { .since = microseconds(), .ends = *to };
	int64_t at;

	n.tried = n.since;
	*p = (struct presence){ .which = which, .tried = n.tried };
	if (!counters_make(c))
		return;
	at = find_record(c->fd, F_OFD_GETLK, which);
	if (at)
		put_record(c, at, &n, which);
}

void
presence_start(struct presence *p, struct counters *c, enum counter which,
    const struct ends *ends)
{
	struct connection n = { .since = microseconds(), .tried = p->tried };
	bool told = false;

	p->which = which;
	p->place = 0;
	counters_add(c, which);
	if (!c->words)
		return;
	if (ends && table_of(which) >= 0)
		p->place = find_record(c->fd, F_OFD_SETLK, which);
	if (p->place) {
		n.place = p->place;
		n.ends = *ends;
		told = put_record(c, p->place, &n, which);
	} else {
		p->place = find_place(c->fd, which);
	}
	if (!told)
		counters_ring(c);
}

void
presence_end(struct presence *p, struct counters *c)
{
	counters_add(c, p->which + 1);
	if (c->words && p->place)
		lock(c->fd, F_OFD_SETLK, F_UNLCK, p->place);
	*p = (struct presence){ .place = 0 };
	counters_ring(c);
}

static void
end_texts(struct ends *e)
{
	e->local[sizeof e->local - 1] = '\0';
	e->remote[sizeof e->remote - 1] = '\0';
	e->name[sizeof e->name - 1] = '\0';
}

static bool
read_table(int fd, enum counter which, struct connection all[PRESENCE_PLACES])
{
	size_t size = PRESENCE_PLACES * sizeof *all;
	ssize_t n = table_of(which) < 0 ? 0 :
	    pread(fd, all, size, table_of(which));

	if (n <= 0)
		return false;
	memset((char *)all + n, 0, size - (size_t)n);
	for (size_t i = 0; i < PRESENCE_PLACES; i++)
		end_texts(&all[i].ends);
	return true;
}

bool
presence_read(const struct spool *s, enum counter which,
    struct connection all[PRESENCE_PLACES])
{
	int fd = spool_open_file(s, counters_name, O_RDONLY, NULL);
	bool any = fd >= 0 && read_table(fd, which, all);

	if (fd >= 0)
		close(fd);
	return any;
}

bool
presence_look(const struct spool *s, enum counter which,
    struct connection all[PRESENCE_PLACES])
{
	int fd = spool_open_file(s, counters_name, O_RDONLY, NULL);
	bool any = fd >= 0 && read_table(fd, which, all);
	int64_t place;

	for (int i = 0; any && i < PRESENCE_PLACES; i++) {
		place = first_place(which) + i;
		if (all[i].place != place ||
		    lock(fd, F_OFD_GETLK, F_WRLCK, place) == 0)
			all[i].place = 0;
	}
	if (fd >= 0)
		close(fd);
	return any;
}
