/* SPDX-License-Identifier: ISC */
#include "spool/trigger.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { WAITING, RUNNING };      /* octets of the file */

static int
open_lock(const struct spool *s)
{
	return spool_open_file(s, ".forward.lock", O_RDWR | O_CREAT, NULL);
}

/* Locks of the open file, not of the process: they work alike for two
 * descriptors of one process, and over NFS. */
static int
set_lock(int fd, short type, off_t which, bool wait)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET,
		.l_start = which, .l_len = 1 };
	int n;

	do {
		n = fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &l);
	} while (n < 0 && errno == EINTR);
	return n;
}

static bool
is_taken(int error)
{
	return error == EAGAIN || error == EACCES;
}

bool
trigger_wanted(const struct spool *s)
{
	int fd = open_lock(s);
	bool taken;

	if (fd < 0)
		return true;
	taken = set_lock(fd, F_WRLCK, WAITING, false) < 0 && is_taken(errno);
	close(fd);
	return !taken;
}

bool
trigger_wait(const struct spool *s)
{
	int fd = open_lock(s);

	/* Without locks it is better to run than to leave mail lying. */
	if (fd < 0)
		return true;
	if (set_lock(fd, F_WRLCK, WAITING, false) < 0) {
		if (!is_taken(errno))
			return true;
		close(fd);
		return false;
	}
	if (set_lock(fd, F_WRLCK, RUNNING, true) == 0)
		set_lock(fd, F_UNLCK, WAITING, false);
	/* fd stays open: it is the turn */
	return true;
}
