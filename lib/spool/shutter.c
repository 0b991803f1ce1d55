/* SPDX-License-Identifier: ISC */
#include "spool/shutter.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const char name[] = ".smtp-disabled";

bool
shutter_is_down(const struct spool *s)
{
	struct stat st;

	return s->fd >= 0 &&
	    fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

bool
shutter_set(const struct spool *s, bool down)
{
	int fd;

	if (!down)
		return unlinkat(s->fd, name, 0) == 0 || errno == ENOENT;
	fd = spool_open_file(s, name, O_WRONLY | O_CREAT, NULL);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}
