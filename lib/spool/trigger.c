/* SPDX-License-Identifier: ISC */
#include "spool/trigger.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const char lock_name[] = ".forward.lock";

enum { WAITING, RUNNING };      /* octets of the file */

int
trigger_file(const struct spool *s, int flags)
{
	return spool_open_file(s, lock_name, O_RDWR | flags, NULL);
}

/* Locks of the open file, not of the process: they work alike for two
 * descriptors of one process, and over NFS. */
static int
lock(int fd, int command, short type, off_t which)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET,
		.l_start = which, .l_len = 1 };

	return fcntl(fd, command, &l);
}

int
trigger_take(const struct spool *s)
{
	int fd = trigger_file(s, O_CREAT);

	if (fd < 0)
		return open("/dev/null", O_RDWR);
	if (lock(fd, F_OFD_SETLK, F_WRLCK, WAITING) < 0 &&
	    (errno == EAGAIN || errno == EACCES)) {
		close(fd);
		return -1;
	}
	fcntl(fd, F_SETFD, 0);  /* to live on in the forwarder */
	return fd;
}

/* Without locks it is better to run than to leave mail lying. */
static bool
wait_in_line(int fd, bool (*is_over)(void))
{
	while (lock(fd, F_OFD_SETLKW, F_WRLCK, RUNNING) < 0 && errno == EINTR)
		if (is_over())
			return false;
	return true;
}

static bool
leave(int *turn)
{
	close(*turn);
	*turn = -1;
	return false;
}

bool
trigger_wait(const struct spool *s, int *turn, bool (*is_over)(void))
{
	/* one from trigger_take has the place already */
	int fd = spool_is_named(s, STDIN_FILENO, lock_name) ? STDIN_FILENO :
	    trigger_file(s, O_CREAT);

	*turn = fd;
	if (fd < 0)
		return true;
	if (lock(fd, F_OFD_SETLK, F_WRLCK, WAITING) < 0 &&
	    (errno == EAGAIN || errno == EACCES))
		return leave(turn);
	if (!wait_in_line(fd, is_over))
		return leave(turn);
	lock(fd, F_OFD_SETLK, F_UNLCK, WAITING);
	return true;
}
