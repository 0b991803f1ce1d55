/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "spool/inspect.h"

/* Could a message be written? A file without a name tells, which nobody sees
 * and nobody has to remove. 0, or errno. */
static int
try_to_write(const struct spool *s)
{
	int fd = openat(s->fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	int error = fd < 0 ? errno : 0;

	if (error == EOPNOTSUPP || error == EISDIR || error == EINVAL)
		return faccessat(s->fd, ".", R_OK | W_OK | X_OK, AT_EACCESS) ?
		    errno : 0;
	if (error)
		return error;
	if (write(fd, "x", 1) != 1)
		error = errno;
	close(fd);
	return error ? error : faccessat(s->fd, ".", R_OK, AT_EACCESS) ?
	    errno : 0;
}

/* The first of those that wait to be sent. False: none. */
static bool
find_oldest(struct spool_walk *walk, struct spool_entry *oldest)
{
	struct spool_entry e;
	bool any = false;

	while (spool_walk_next(walk, &e)) {
		if (e.content || (e.state != STATE_READY &&
		    e.state != STATE_BUSY))
			continue;
		if (!any || message_id_order(e.id.s, oldest->id.s) < 0)
			*oldest = e;
		any = true;
	}
	return any;
}

static bool
oldest_age(const struct spool *s, uint64_t *age)
{
	struct inspected m = { 0 };
	struct spool_entry e;
	struct spool_walk walk;
	bool any;

	if (!spool_walk_start(&walk, s))
		return false;
	any = find_oldest(&walk, &e);
	spool_walk_end(&walk);
	if (!any)
		return false;
	inspect_start(&m, &e);
	inspect_text(&m, s, time(NULL));
	*age = m.age;
	inspect_free(&m);
	return true;
}

/* Silent if all is well: that is asked every minute. */
void
do_health(struct session *s, char *arg)
{
	uint64_t most = UINT64_MAX, age = 0;
	int error;

	if (*arg && !text_duration(arg, &most)) {
		say_error(s, EX_USAGE, "usage: health [time]");
		return;
	}
	error = try_to_write(&s->spool);
	if (error) {
		say_error(s, EX_UNAVAILABLE, "cannot write to the spool "
		    "'%s': %s", s->spool.path, strerror(error));
		return;
	}
	if (oldest_age(&s->spool, &age) && age > most)
		say_error(s, EX_UNAVAILABLE, "a message has been waiting for %"
		    PRIu64 " seconds", age);
	else if (!s->once || s->conf->common.log.verbose)
		say(s, "OK: oldest message %" PRIu64 " seconds", age);
}
