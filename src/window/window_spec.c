/*-------------------------------------------------------------------------
 *
 * window_spec.c
 *	  From the arguments of a window function to integers.
 *
 * NOTES
 *	  An interval has months, days and microseconds, which do not convert
 *	  into each other where calendars and clocks are involved.  A window is
 *	  therefore measured in one of them only:
 *
 *		months			always civil, in the zone or else in UTC
 *		days			civil if there is a zone; else 24 hours
 *		microseconds	absolute, zone or not
 *
 *	  Everything is checked here, once, so that assigning a row can fail
 *	  for one reason only: a bound that is no valid time.
 *
 *	  Windows lie on a grid, which has the Unix epoch on it, or, if it is
 *	  one of whole weeks, the Monday after.  What counts is the distance from
 *	  start to start: the slide of a hop, else the size.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "common/int.h"

#include "window/window_civil.h"

/* Thursday 1970-01-01 and Monday 1970-01-05, 00:00 */
#define UNIX_EPOCH_US \
	((int64) (UNIX_EPOCH_JDATE - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY)
#define FIRST_MONDAY_US (UNIX_EPOCH_US + 4 * USECS_PER_DAY)

#define DAYS_PER_WEEK 7
#define USECS_PER_WEEK (DAYS_PER_WEEK * USECS_PER_DAY)

static SaWindowError measure_interval(const Interval *interval, bool civil_days,
									  SaWindowUnit *unit, int64 *units);
static SaWindowError set_lengths(SaWindowSpec *spec);
static SaWindowError set_grid(SaWindowSpec *spec);
static int64 default_anchor(const SaWindowSpec *spec);
static void use_microseconds(SaWindowSpec *spec, int64 anchor_us);
static bool is_infinite(const Interval *interval);
static int64 greatest_common_divisor(int64 a, int64 b);

SaWindowError
sa_window_spec_init(SaWindowSpec *spec, SaWindowKind kind,
					const Interval *size, const Interval *slide,
					const int64 *origin, pg_tz *zone)
{
	SaWindowError error;

	memset(spec, 0, sizeof(*spec));
	spec->kind = kind;
	if (kind == SA_WINDOW_NONE)
		return SA_WINDOW_OK;

	spec->size = *size;
	if (kind == SA_WINDOW_HOP || kind == SA_WINDOW_CUMULATE)
		spec->slide = *slide;
	if (kind != SA_WINDOW_SESSION)
	{
		spec->zone = zone;
		spec->has_origin = (origin != NULL);
		spec->origin = spec->has_origin ? *origin : 0;
	}

	if (spec->has_origin && TIMESTAMP_NOT_FINITE(spec->origin))
		return SA_WINDOW_INFINITE;
	error = set_lengths(spec);
	if (error != SA_WINDOW_OK)
		return error;
	return set_grid(spec);
}

void
sa_window_spec_pane(const SaWindowSpec *spec, SaWindowSpec *pane)
{
	int64		width = greatest_common_divisor(spec->size_units,
												spec->slide_units);

	Assert(spec->kind != SA_WINDOW_NONE && spec->kind != SA_WINDOW_SESSION);

	*pane = *spec;
	pane->kind = SA_WINDOW_TUMBLE;
	pane->size_units = pane->slide_units = pane->grid_units = width;

	/* a width that divides what an interval holds fits into an interval */
	memset(&pane->size, 0, sizeof(pane->size));
	memset(&pane->slide, 0, sizeof(pane->slide));
	switch (pane->unit)
	{
		case SA_WINDOW_MICROSECONDS:
			pane->size.time = width;
			pane->size_us = pane->slide_us = width;
			break;
		case SA_WINDOW_DAYS:
			pane->size.day = width;
			break;
		case SA_WINDOW_MONTHS:
			pane->size.month = width;
			break;
	}
}

int64
sa_window_max_length(const SaWindowSpec *spec)
{
	int64		days = spec->size_units;

	switch (spec->unit)
	{
		case SA_WINDOW_MICROSECONDS:
			return spec->size_units;
		case SA_WINDOW_MONTHS:
			days = days * 31;
			break;
		case SA_WINDOW_DAYS:
			break;
	}
	/* clocks that are set may make it longer, by a day where the date line moved */
	return (days + 2) * USECS_PER_DAY;
}

void
sa_window_safe_range(const SaWindowSpec *spec, int64 *from, int64 *until)
{
	/* longer windows than a sixteenth of all time are for nobody */
	int64		length = Min(sa_window_max_length(spec), END_TIMESTAMP / 16);

	*from = MIN_TIMESTAMP + 2 * length;
	*until = END_TIMESTAMP - 2 * length;
}

const char *
sa_window_error_text(SaWindowError error)
{
	switch (error)
	{
		case SA_WINDOW_OK:
			break;
		case SA_WINDOW_NOT_POSITIVE:
			return "size, slide, step and gap of a window must be greater than zero";
		case SA_WINDOW_MIXED_UNITS:
			return "window mixes units that do not convert into each other";
		case SA_WINDOW_GAP_NOT_FIXED:
			return "session gap must not contain months";
		case SA_WINDOW_STEP_NOT_DIVISOR:
			return "window size is not a multiple of its step";
		case SA_WINDOW_INFINITE:
			return "window arguments must be finite";
		case SA_WINDOW_OUT_OF_RANGE:
			return "window is out of the range of timestamps";
	}
	return "no error";
}

const char *
sa_window_error_hint(SaWindowError error)
{
	switch (error)
	{
		case SA_WINDOW_MIXED_UNITS:
			return "Use months alone, or days and smaller units without months; "
				"with a time zone, use days alone or smaller units alone.";
		case SA_WINDOW_GAP_NOT_FIXED:
			return "Use days, which count 24 hours here, or smaller units.";
		case SA_WINDOW_STEP_NOT_DIVISOR:
			return "Use a step that divides the size.";
		case SA_WINDOW_OK:
		case SA_WINDOW_NOT_POSITIVE:
		case SA_WINDOW_INFINITE:
		case SA_WINDOW_OUT_OF_RANGE:
			break;
	}
	return NULL;
}

int
sa_window_error_code(SaWindowError error)
{
	if (error == SA_WINDOW_OUT_OF_RANGE)
		return ERRCODE_DATETIME_VALUE_OUT_OF_RANGE;
	return ERRCODE_INVALID_PARAMETER_VALUE;
}

/*
 * Count an interval in the one unit that it consists of.
 */
static SaWindowError
measure_interval(const Interval *interval, bool civil_days,
				 SaWindowUnit *unit, int64 *units)
{
	if (is_infinite(interval))
		return SA_WINDOW_INFINITE;

	if (interval->month != 0)
	{
		if (interval->day != 0 || interval->time != 0)
			return SA_WINDOW_MIXED_UNITS;
		*unit = SA_WINDOW_MONTHS;
		*units = interval->month;
	}
	else if (civil_days && interval->day != 0)
	{
		if (interval->time != 0)
			return SA_WINDOW_MIXED_UNITS;
		*unit = SA_WINDOW_DAYS;
		*units = interval->day;
	}
	else
	{
		*unit = SA_WINDOW_MICROSECONDS;
		if (pg_mul_s64_overflow(interval->day, USECS_PER_DAY, units) ||
			pg_add_s64_overflow(*units, interval->time, units))
			return SA_WINDOW_OUT_OF_RANGE;
	}
	return *units > 0 ? SA_WINDOW_OK : SA_WINDOW_NOT_POSITIVE;
}

/*
 * Unit, size, slide and the distance between starts.
 */
static SaWindowError
set_lengths(SaWindowSpec *spec)
{
	bool		civil_days = (spec->zone != NULL);
	SaWindowUnit slide_unit;
	SaWindowError error;

	if (spec->kind == SA_WINDOW_SESSION && spec->size.month != 0 &&
		!is_infinite(&spec->size))
		return SA_WINDOW_GAP_NOT_FIXED;

	error = measure_interval(&spec->size, civil_days, &spec->unit,
							 &spec->size_units);
	if (error != SA_WINDOW_OK)
		return error;
	spec->slide_units = spec->grid_units = spec->size_units;
	if (spec->kind != SA_WINDOW_HOP && spec->kind != SA_WINDOW_CUMULATE)
		return SA_WINDOW_OK;

	error = measure_interval(&spec->slide, civil_days, &slide_unit,
							 &spec->slide_units);
	if (error != SA_WINDOW_OK)
		return error;
	if (slide_unit != spec->unit)
		return SA_WINDOW_MIXED_UNITS;
	if (spec->kind == SA_WINDOW_HOP)
		spec->grid_units = spec->slide_units;
	else if (spec->size_units % spec->slide_units != 0)
		return SA_WINDOW_STEP_NOT_DIVISOR;
	return SA_WINDOW_OK;
}

/*
 * Where the grid lies.
 */
static SaWindowError
set_grid(SaWindowSpec *spec)
{
	int64		anchor = default_anchor(spec);
	long int	offset;

	if (spec->unit == SA_WINDOW_MICROSECONDS)
	{
		use_microseconds(spec, spec->has_origin ? spec->origin : anchor);
		return SA_WINDOW_OK;
	}

	/* days of a zone that never changes its clocks have 24 hours, too */
	if (spec->unit == SA_WINDOW_DAYS &&
		pg_get_timezone_offset(spec->zone, &offset))
	{
		spec->unit = SA_WINDOW_MICROSECONDS;
		if (pg_mul_s64_overflow(spec->size_units, USECS_PER_DAY,
								&spec->size_units) ||
			pg_mul_s64_overflow(spec->slide_units, USECS_PER_DAY,
								&spec->slide_units) ||
			pg_mul_s64_overflow(spec->grid_units, USECS_PER_DAY,
								&spec->grid_units))
			return SA_WINDOW_OUT_OF_RANGE;
		use_microseconds(spec, spec->has_origin ? spec->origin :
						 anchor - offset * USECS_PER_SEC);
		return SA_WINDOW_OK;
	}

	if (spec->has_origin)
	{
		SaWindowError error;

		error = sa_civil_local(spec->zone, spec->origin, &anchor);
		if (error != SA_WINDOW_OK)
			return error;
	}
	sa_civil_set_anchor(spec, anchor);
	return SA_WINDOW_OK;
}

/*
 * A start on the grid, in local time, for want of an origin.
 */
static int64
default_anchor(const SaWindowSpec *spec)
{
	bool		weeks = false;

	switch (spec->unit)
	{
		case SA_WINDOW_MICROSECONDS:
			weeks = (spec->grid_units % USECS_PER_WEEK == 0);
			break;
		case SA_WINDOW_DAYS:
			weeks = (spec->grid_units % DAYS_PER_WEEK == 0);
			break;
		case SA_WINDOW_MONTHS:
			break;
	}
	return weeks ? FIRST_MONDAY_US : UNIX_EPOCH_US;
}

/*
 * Of all starts on the grid the one at or next after 2000-01-01 is kept as
 * the anchor: far from the ends of time, so that a distant origin does not make
 * the distance to a row overflow.
 */
static void
use_microseconds(SaWindowSpec *spec, int64 anchor_us)
{
	int64		periods = sa_floor_div(anchor_us, spec->grid_units);

	spec->fixed = true;
	spec->size_us = spec->size_units;
	spec->slide_us = spec->slide_units;
	spec->anchor_us = anchor_us - periods * spec->grid_units;
}

/*
 * Infinite intervals exist from PostgreSQL 17 on; before, the same fields were
 * merely absurd.
 */
static bool
is_infinite(const Interval *interval)
{
	return (interval->month == INT_MAX && interval->day == INT_MAX &&
			interval->time == PG_INT64_MAX) ||
		(interval->month == INT_MIN && interval->day == INT_MIN &&
		 interval->time == PG_INT64_MIN);
}

static int64
greatest_common_divisor(int64 a, int64 b)
{
	while (b != 0)
	{
		int64		rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}
