/* SPDX-License-Identifier: ISC */
#include "base/date.h"

#include <stdlib.h>

static int
zone_minutes(const struct tm *tm)
{
	return (int)(tm->tm_gmtoff / 60);
}

void
date_mail(struct buf *out, time_t when)
{
	/* strftime would ask the locale. */
	static const char day[7][4] = {
		"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"
	};
	static const char month[12][4] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun",
		"Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
	};
	struct tm tm;
	int zone;

	localtime_r(&when, &tm);
	zone = zone_minutes(&tm);
	buf_printf(out, "%s, %d %s %d %02d:%02d:%02d %c%02d%02d",
	    day[tm.tm_wday], tm.tm_mday, month[tm.tm_mon],
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    zone < 0 ? '-' : '+', abs(zone) / 60, abs(zone) % 60);
}

void
date_iso(struct buf *out, time_t when)
{
	struct tm tm;
	int zone;

	localtime_r(&when, &tm);
	zone = zone_minutes(&tm);
	buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
	    tm.tm_hour, tm.tm_min, tm.tm_sec,
	    zone < 0 ? '-' : '+', abs(zone) / 60, abs(zone) % 60);
}

int64_t
date_ticks(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
