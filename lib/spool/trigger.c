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
lock(int fd, int command, short type, off_t which)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET,
		.l_start = which, .l_len = 1 };
	int n = fcntl(fd, command, &l);

	return n == 0 && command == F_OFD_GETLK ? l.l_type : n;
}

bool
trigger_wanted(const struct spool *s)
{
	int fd = open_lock(s);
	bool wanted;

	if (fd < 0)
		return true;
	/* Only look: who takes the place, if only for a moment, has to run. */
	wanted = lock(fd, F_OFD_GETLK, F_WRLCK, WAITING) != F_WRLCK;
	close(fd);
	return wanted;
}

bool
trigger_wait(const struct spool *s)
{
	int fd = open_lock(s);

	/* Without locks it is better to run than to leave mail lying. */
	if (fd < 0)
		return true;
	if (lock(fd, F_OFD_SETLK, F_WRLCK, WAITING) < 0 &&
	    (errno == EAGAIN || errno == EACCES)) {
		close(fd);
		return false;
	}
	if (lock(fd, F_OFD_SETLKW, F_WRLCK, RUNNING) < 0 && errno == EINTR) {
		close(fd);
		return false;
	}
	lock(fd, F_OFD_SETLK, F_UNLCK, WAITING);
	/* fd stays open: it is the turn */
	return true;
}
