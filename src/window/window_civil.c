/*-------------------------------------------------------------------------
 *
 * window_civil.c
 *	  Civil days and months of a time zone, and the instants they begin at.
 *
 * NOTES
 *	  Two steps lead from a unit's number to an instant: from the number to
 *	  a local time (calendar arithmetic, no zone) and from the local time to
 *	  the first instant at which the zone's clocks show it or more.  Both
 *	  never decrease, so neither does the whole, and that is all that window
 *	  assignment relies on.
 *
 *	  PostgreSQL's own conversion of local times is not used: of a time that
 *	  comes twice it takes the second, and one that is skipped it moves by
 *	  the width of the gap, past times that do exist.
 *
 *	  Offsets come from pg_next_dst_boundary alone, in both directions, so
 *	  that the directions can't disagree.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "common/int.h"
#include "utils/datetime.h"

#include "window/window_civil.h"

/* seconds from the Unix epoch to PostgreSQL's */
#define EPOCH_DIFF_SECS \
	((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

/*
 * No zone is further from UTC: the zone library reads at most 167 hours from
 * a POSIX zone text.
 */
#define MAX_OFFSET_US (7 * USECS_PER_DAY)

/* A stretch of time in which a zone's clocks don't change. */
typedef struct ZoneSegment
{
	int64		offset_us;		/* local time minus UTC */
	int64		until;			/* first instant that is not in it any more */
} ZoneSegment;

static SaWindowError segment_at(const pg_tz *zone, int64 ts,
								ZoneSegment *segment);
static SaWindowError local_to_instant(const pg_tz *zone, int64 local,
									  int64 *ts);
static SaWindowError unit_local(const SaWindowSpec *spec, int64 unit,
								int64 *local);
static void local_date(int64 local, int64 *month, int *mday);

/*
 * Only names: pg_tzset would read "+02" as a POSIX zone, two hours west of
 * Greenwich, where whoever writes it means east.
 */
pg_tz *
sa_window_zone(const char *name)
{
	pg_tz	   *zone;

	if (!isalpha((unsigned char) name[0]))
		return NULL;
	zone = pg_tzset(name);
	if (zone == NULL || !pg_tz_acceptable(zone))
		return NULL;
	return zone;
}

SaWindowError
sa_civil_local(const pg_tz *zone, int64 ts, int64 *local)
{
	ZoneSegment segment;
	SaWindowError error;

	if (zone == NULL)
	{
		*local = ts;
		return SA_WINDOW_OK;
	}
	error = segment_at(zone, ts, &segment);
	if (error != SA_WINDOW_OK)
		return error;
	if (pg_add_s64_overflow(ts, segment.offset_us, local))
		return SA_WINDOW_OUT_OF_RANGE;
	return SA_WINDOW_OK;
}

void
sa_civil_set_anchor(SaWindowSpec *spec, int64 local)
{
	int64		day = sa_floor_div(local, USECS_PER_DAY);

	spec->anchor_time_us = local - day * USECS_PER_DAY;
	if (spec->unit == SA_WINDOW_MONTHS)
		local_date(local, &spec->anchor_count, &spec->anchor_mday);
	else
		spec->anchor_count = day;
}

/*
 * The local time at ts tells the unit, but for one case: where clocks were put
 * back over the beginning of a unit, that unit began the first time, and
 * times of the second pass lie in it although their local time is before it.
 */
SaWindowError
sa_civil_unit_at(const SaWindowSpec *spec, int64 ts, int64 *unit)
{
	int64		local;
	int64		begin;
	SaWindowError error;

	error = sa_civil_local(spec->zone, ts, &local);
	if (error != SA_WINDOW_OK)
		return error;

	if (spec->unit == SA_WINDOW_MONTHS)
	{
		int64		month;
		int			mday;

		local_date(local, &month, &mday);
		*unit = month - spec->anchor_count;
		error = unit_local(spec, *unit, &begin);
		if (error != SA_WINDOW_OK)
			return error;
		if (begin > local)
			(*unit)--;
	}
	else
		*unit = sa_floor_div(local - spec->anchor_time_us, USECS_PER_DAY) -
			spec->anchor_count;

	if (spec->zone == NULL)
		return SA_WINDOW_OK;
	for (;;)
	{
		error = sa_civil_unit_begin(spec, *unit + 1, &begin);
		if (error != SA_WINDOW_OK)
			return error;
		if (begin > ts)
			return SA_WINDOW_OK;
		(*unit)++;
	}
}

SaWindowError
sa_civil_unit_begin(const SaWindowSpec *spec, int64 unit, int64 *ts)
{
	int64		local;
	SaWindowError error;

	error = unit_local(spec, unit, &local);
	if (error != SA_WINDOW_OK)
		return error;
	if (spec->zone == NULL)
		*ts = local;
	else
	{
		error = local_to_instant(spec->zone, local, ts);
		if (error != SA_WINDOW_OK)
			return error;
	}
	return IS_VALID_TIMESTAMP(*ts) ? SA_WINDOW_OK : SA_WINDOW_OUT_OF_RANGE;
}

/*
 * The segment that holds ts.
 */
static SaWindowError
segment_at(const pg_tz *zone, int64 ts, ZoneSegment *segment)
{
	pg_time_t	secs = sa_floor_div(ts, USECS_PER_SEC) + EPOCH_DIFF_SECS;
	pg_time_t	boundary;
	long int	offset;
	long int	offset_after;
	int			isdst;
	int			isdst_after;
	int			found;

	found = pg_next_dst_boundary(&secs, &offset, &isdst, &boundary,
								 &offset_after, &isdst_after, zone);
	if (found < 0)
		return SA_WINDOW_OUT_OF_RANGE;
	segment->offset_us = offset * USECS_PER_SEC;
	if (found == 0 ||
		pg_mul_s64_overflow(boundary - EPOCH_DIFF_SECS, USECS_PER_SEC,
							&segment->until))
		segment->until = PG_INT64_MAX;
	return SA_WINDOW_OK;
}

/*
 * The first instant at which the zone's clocks show "local" or more.  Walks
 * from where that is impossible yet; clocks seldom change within the two weeks
 * in question, so that one or two segments are looked at.
 */
static SaWindowError
local_to_instant(const pg_tz *zone, int64 local, int64 *ts)
{
	int64		begin = local - MAX_OFFSET_US;

	for (;;)
	{
		ZoneSegment segment;
		SaWindowError error;

		error = segment_at(zone, begin, &segment);
		if (error != SA_WINDOW_OK)
			return error;
		if (pg_sub_s64_overflow(local, segment.offset_us, ts))
			return SA_WINDOW_OUT_OF_RANGE;
		if (*ts < begin)
			*ts = begin;		/* it was skipped: here the clocks jump */
		if (*ts < segment.until)
			return SA_WINDOW_OK;
		begin = segment.until;
	}
}

/*
 * The local time at which a unit begins.  The day of the month is the
 * anchor's, or the last one that the month has; it is always taken from the
 * anchor, so that 31 January is followed by 28 February and 31 March.
 */
static SaWindowError
unit_local(const SaWindowSpec *spec, int64 unit, int64 *local)
{
	int64		count;
	int64		day;

	if (pg_add_s64_overflow(spec->anchor_count, unit, &count))
		return SA_WINDOW_OUT_OF_RANGE;

	if (spec->unit == SA_WINDOW_MONTHS)
	{
		int64		year = sa_floor_div(count, MONTHS_PER_YEAR);
		int			month = count - year * MONTHS_PER_YEAR + 1;

		if (year < JULIAN_MINYEAR || year >= JULIAN_MAXYEAR)
			return SA_WINDOW_OUT_OF_RANGE;
		day = Min(spec->anchor_mday, day_tab[isleap(year)][month - 1]);
		day = date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
	}
	else
		day = count;

	if (pg_mul_s64_overflow(day, USECS_PER_DAY, local) ||
		pg_add_s64_overflow(*local, spec->anchor_time_us, local) ||
		!IS_VALID_TIMESTAMP(*local))
		return SA_WINDOW_OUT_OF_RANGE;
	return SA_WINDOW_OK;
}

/*
 * Month (since the start of year 0, which is 1 BC) and day of the month.
 */
static void
local_date(int64 local, int64 *month, int *mday)
{
	int			year;
	int			month_of_year;

	j2date(sa_floor_div(local, USECS_PER_DAY) + POSTGRES_EPOCH_JDATE,
		   &year, &month_of_year, mday);
	*month = (int64) year * MONTHS_PER_YEAR + month_of_year - 1;
}
