/* SPDX-License-Identifier: ISC */
#include "spool/counters.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

const char counters_name[] = ".counters";

/*
 * The file's words: what it is (a machine of another byte order reads
 * something else there), the bell, the counters. The bell is written to when
 * something starts or ends: memory that changes wakes nobody who watches the
 * file, writing does.
 */
enum { MAGIC, BELL, FIRST, WORDS = COUNTERS_BYTES / sizeof(uint64_t) };

static const uint64_t magic = UINT64_C(0x31746e63756c7301);

_Static_assert(FIRST + COUNTERS <= WORDS, "the counters fit the file");

void
counters_start(struct counters *c, const struct spool *s)
{
	*c = (struct counters){ .spool = s->fd >= 0 ? s : NULL, .fd = -1 };
}

static void
close_file(struct counters *c)
{
	if (c->words)
		munmap(c->words, COUNTERS_BYTES);
	if (c->fd >= 0)
		close(c->fd);
	c->words = NULL;
	c->fd = -1;
}

void
counters_end(struct counters *c)
{
	if (!c->spool)
		return;
	counters_post(c);
	close_file(c);
	c->spool = NULL;
}

void
counters_abandon(struct counters *c)
{
	if (c->spool)
		close_file(c);
	c->spool = NULL;
}

/* Behind the counters there may be the records of presence.h. */
static bool
is_size(off_t size)
{
	return size >= COUNTERS_BYTES && size <= COUNTERS_MOST;
}

static bool
has_its_size(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && is_size(st.st_size);
}

/* Give a new file its size, and the space for it. Two who do it at once do
 * the same, and whoever dies before has left an empty file. */
static void
lay_out(int fd)
{
	if (fallocate(fd, 0, 0, COUNTERS_BYTES) < 0 && errno != ENOSPC &&
	    ftruncate(fd, COUNTERS_BYTES) < 0)
		return;         /* its size will tell */
}

/*
 * A page that cannot be written to, since the disk is full or somebody has
 * cut the file off, is death by SIGBUS; here it is an error. Kernels before
 * 5.14 do not know how to tell.
 */
static bool
is_sound(const struct counters *c)
{
#ifdef MADV_POPULATE_WRITE
	if (madvise(c->words, COUNTERS_BYTES, MADV_POPULATE_WRITE) == 0)
		return true;
	if (errno != EINVAL)
		return false;
#endif
	return has_its_size(c->fd);
}

static bool
is_ours(uint64_t *words)
{
	uint64_t was = 0;

	return __atomic_compare_exchange_n(&words[MAGIC], &was, magic, false,
	    __ATOMIC_RELAXED, __ATOMIC_RELAXED) || was == magic;
}

static bool
open_file(struct counters *c)
{
	struct stat st;
	void *p;

	c->fd = spool_open_file(c->spool, counters_name, O_RDWR | O_CREAT,
	    &st);
	if (c->fd < 0)
		return false;
	if (st.st_size == 0)
		lay_out(c->fd);
	if (!is_size(st.st_size) && !has_its_size(c->fd))
		return false;
	p = mmap(NULL, COUNTERS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
	    c->fd, 0);
	if (p == MAP_FAILED)
		return false;
	c->words = p;
	return is_sound(c) && is_ours(c->words);
}

/* Can we write to the file now? If not, the next time will tell. */
static bool
have_file(struct counters *c)
{
	if (c->words ? is_sound(c) : open_file(c))
		return true;
	close_file(c);
	return false;
}

bool
counters_make(struct counters *c)
{
	return c->spool && have_file(c);
}

void
counters_note(struct counters *c, enum counter which, uint64_t n)
{
	c->pending[which] += n;
}

static bool
anything_pending(const struct counters *c)
{
	for (int i = 0; i < COUNTERS; i++)
		if (c->pending[i])
			return true;
	return false;
}

void
counters_post(struct counters *c)
{
	if (!anything_pending(c) || !counters_make(c))
		return;
	for (int i = 0; i < COUNTERS; i++)
		if (c->pending[i])
			__atomic_fetch_add(&c->words[FIRST + i],
			    c->pending[i], __ATOMIC_RELAXED);
	if (c->pending[COUNT_SENT])
		__atomic_store_n(&c->words[FIRST + COUNT_LAST_SENT],
		    (uint64_t)time(NULL), __ATOMIC_RELAXED);
	memset(c->pending, 0, sizeof c->pending);
}

void
counters_add(struct counters *c, enum counter which)
{
	counters_note(c, which, 1);
	counters_post(c);
}

void
counters_once(const struct spool *s, enum counter which)
{
	struct counters c;

	counters_start(&c, s);
	counters_add(&c, which);
	counters_end(&c);
}

/* --- those who watch and look --- */

void
counters_ring(const struct counters *c)
{
	ssize_t n = 0;

	if (c->words)
		n = pwrite(c->fd, "", 1, BELL * sizeof(uint64_t));
	(void)n;        /* then nobody hears it */
}

static bool
read_words(int fd, const struct stat *st, uint64_t words[WORDS])
{
	ssize_t k = pread(fd, words, COUNTERS_BYTES, 0);

	if (k >= 0)
		errno = EINVAL;
	return k == 0 || (k == COUNTERS_BYTES && is_size(st->st_size) &&
	    (words[MAGIC] == magic || words[MAGIC] == 0));
}

bool
counters_read(const struct spool *s, uint64_t n[COUNTERS])
{
	uint64_t words[WORDS] = { 0 };
	struct stat st;
	int fd = spool_open_file(s, counters_name, O_RDONLY, &st), saved;
	bool ok;

	memset(n, 0, COUNTERS * sizeof *n);
	if (fd < 0)
		return errno == ENOENT;
	ok = read_words(fd, &st, words);
	saved = errno;
	close(fd);
	errno = saved;
	if (ok)
		memcpy(n, words + FIRST, COUNTERS * sizeof *n);
	return ok;
}
