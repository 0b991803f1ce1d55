/* SPDX-License-Identifier: ISC */
#ifndef UNIT_OWN_SPOOL_H
#define UNIT_OWN_SPOOL_H

/* A spool that each test finds empty: begin and end are its fixtures. */
#include "unit.h"

#include "spool/spool.h"

static char path[64];
static struct spool spool;

static int
begin(void **state)
{
	(void)state;
	scratch_make(path);
	return spool_open(&spool, path) ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	spool_close(&spool);
	scratch_remove(path);
	return 0;
}

#endif
