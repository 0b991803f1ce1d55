/* SPDX-License-Identifier: ISC */
#include "spool/shield.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "spool/trigger.h"

/* FNV-1a. The first octets are those of trigger.h. */
static off_t
octet(const struct message_id *id)
{
	uint32_t hash = 2166136261U;

	for (const char *s = id->s; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 16777619U;
	return TRIGGER_OCTETS + (off_t)hash;
}

/* Shared, so that those with the same octet do not wait for each other. */
int
shield_raise(const struct spool *s, const struct message_id *id)
{
	struct flock l = { .l_type = F_RDLCK, .l_whence = SEEK_SET,
		.l_start = octet(id), .l_len = 1 };
	int fd = trigger_file(s, O_CREAT);

	if (fd >= 0 && fcntl(fd, F_OFD_SETLK, &l) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

bool
shield_is_up(const struct spool *s, const struct message_id *id)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
		.l_start = octet(id), .l_len = 1 };
	int fd = trigger_file(s, 0);
	bool up;

	/* if in doubt it is */
	if (fd < 0)
		return errno != ENOENT;
	up = fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
	close(fd);
	errno = 0;
	return up;
}
