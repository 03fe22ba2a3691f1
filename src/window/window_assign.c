/*-------------------------------------------------------------------------
 *
 * window_assign.c
 *	  The windows that hold a time.
 *
 * NOTES
 *	  With n the unit that a time lies in, [T(a), T(b)) holds the time if
 *	  and only if a <= n < b.  So windows are found by integer arithmetic on
 *	  units, and instants are computed for the windows found only.
 *
 *	  For lengths in microseconds T is an addition and a tumbling window
 *	  costs one division.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"

#include "window/window_civil.h"

static SaWindowError unit_at(const SaWindowSpec *spec, int64 ts, int64 *unit);
static SaWindowError unit_begin(const SaWindowSpec *spec, int64 unit,
								int64 *ts);
static SaWindowError units_to_window(const SaWindowSpec *spec, int64 start_unit,
									 int64 end_unit, SaWindow *window);
static SaWindowError session_window(const SaWindowSpec *spec, int64 ts,
									SaWindow *window);
static SaWindowError is_superseded(const SaWindowCursor *cursor,
								   const SaWindow *window, bool *superseded);

SaWindowError
sa_window_assign(const SaWindowSpec *spec, int64 ts, SaWindow *window)
{
	int64		unit;
	int64		start_unit;
	int64		end_unit;
	SaWindowError error;

	switch (spec->kind)
	{
		case SA_WINDOW_NONE:
			window->start = DT_NOBEGIN;
			window->end = DT_NOEND;
			return SA_WINDOW_OK;
		case SA_WINDOW_SESSION:
			return session_window(spec, ts, window);
		case SA_WINDOW_TUMBLE:
		case SA_WINDOW_HOP:
		case SA_WINDOW_CUMULATE:
			break;
	}

	error = unit_at(spec, ts, &unit);
	if (error != SA_WINDOW_OK)
		return error;
	start_unit = sa_floor_div(unit, spec->grid_units);
	if (pg_mul_s64_overflow(start_unit, spec->grid_units, &start_unit) ||
		pg_add_s64_overflow(start_unit, spec->size_units, &end_unit))
		return SA_WINDOW_OUT_OF_RANGE;
	return units_to_window(spec, start_unit, end_unit, window);
}

SaWindowError
sa_window_end(const SaWindowSpec *spec, int64 start, int64 *end)
{
	SaWindow	window;
	SaWindowError error;

	/* the last window that was started at or before "start" is the one */
	error = sa_window_assign(spec, start, &window);
	if (error == SA_WINDOW_OK)
		*end = window.end;
	return error;
}

/*
 * Where the first window begins that ends after ts, and of those windows that have
 * begun by then the last one.
 */
static SaWindowError
first_and_last_start(const SaWindowSpec *spec, int64 unit, int64 *first, int64 *last)
{
	int64		last_end;

	/* numbers on the grid, then units */
	if (pg_sub_s64_overflow(unit, spec->size_units, first))
		return SA_WINDOW_OUT_OF_RANGE;
	*first = sa_floor_div(*first, spec->grid_units) + 1;
	*last = sa_floor_div(unit, spec->grid_units);
	if (pg_mul_s64_overflow(*first, spec->grid_units, first) ||
		pg_mul_s64_overflow(*last, spec->grid_units, last) ||
		pg_add_s64_overflow(*last, spec->size_units, &last_end))
		return SA_WINDOW_OUT_OF_RANGE;
	return SA_WINDOW_OK;
}

static SaWindowError
begin_at_unit(SaWindowCursor *cursor, const SaWindowSpec *spec, int64 ts)
{
	int64		unit;
	int64		last;
	SaWindowError error;

	cursor->spec = spec;
	cursor->ts = ts;
	cursor->left = 1;
	cursor->start_unit = cursor->end_unit = 0;
	if (spec->kind == SA_WINDOW_NONE || spec->kind == SA_WINDOW_SESSION)
		return SA_WINDOW_OK;

	error = unit_at(spec, ts, &unit);
	if (error == SA_WINDOW_OK)
		error = first_and_last_start(spec, unit, &cursor->start_unit, &last);
	if (error != SA_WINDOW_OK)
		return error;
	cursor->left = (last - cursor->start_unit) / spec->grid_units + 1;
	cursor->end_unit = cursor->start_unit + spec->size_units;

	if (spec->kind == SA_WINDOW_CUMULATE)
	{
		int64		steps_over;

		steps_over = (unit - cursor->start_unit) / spec->slide_units;
		cursor->left = spec->size_units / spec->slide_units - steps_over;
		cursor->end_unit = cursor->start_unit +
			(steps_over + 1) * spec->slide_units;
	}
	return SA_WINDOW_OK;
}

SaWindowError
sa_window_begin(SaWindowCursor *cursor, const SaWindowSpec *spec, int64 ts)
{
	cursor->endless = false;
	return begin_at_unit(cursor, spec, ts);
}

SaWindowError
sa_window_begin_after(SaWindowCursor *cursor, const SaWindowSpec *spec, int64 ts)
{
	SaWindowError error = begin_at_unit(cursor, spec, ts);

	/* between two windows there is none that holds ts, but there is a next one */
	cursor->endless = true;
	cursor->left = 1;
	return error;
}

/* Moves on to the next window. */
static SaWindowError
advance(SaWindowCursor *cursor)
{
	const SaWindowSpec *spec = cursor->spec;

	if (cursor->endless)
		cursor->left = 2;
	/* can't overflow if there is an end: the units of the last were checked */
	if (--cursor->left == 0)
		return SA_WINDOW_OK;
	if (spec->kind != SA_WINDOW_CUMULATE)
		cursor->start_unit += spec->slide_units;
	if (pg_add_s64_overflow(cursor->end_unit, spec->slide_units, &cursor->end_unit))
		return SA_WINDOW_OUT_OF_RANGE;
	if (spec->kind == SA_WINDOW_CUMULATE &&
		cursor->end_unit - cursor->start_unit > spec->size_units)
		cursor->start_unit += spec->size_units;
	return SA_WINDOW_OK;
}

SaWindowError
sa_window_next(SaWindowCursor *cursor, SaWindow *window)
{
	const SaWindowSpec *spec = cursor->spec;
	bool		superseded;

	Assert(cursor->left > 0);
	if (spec->kind == SA_WINDOW_NONE || spec->kind == SA_WINDOW_SESSION)
	{
		cursor->left--;
		return sa_window_assign(spec, cursor->ts, window);
	}

	do
	{
		SaWindowError error;

		error = units_to_window(spec, cursor->start_unit, cursor->end_unit,
								window);
		if (error != SA_WINDOW_OK)
			return error;

		error = advance(cursor);
		if (error != SA_WINDOW_OK)
			return error;
		error = is_superseded(cursor, window, &superseded);
		if (error != SA_WINDOW_OK)
			return error;
	} while (superseded);
	return SA_WINDOW_OK;
}

static SaWindowError
unit_at(const SaWindowSpec *spec, int64 ts, int64 *unit)
{
	if (!spec->fixed)
		return sa_civil_unit_at(spec, ts, unit);
	if (pg_sub_s64_overflow(ts, spec->anchor_us, unit))
		return SA_WINDOW_OUT_OF_RANGE;
	return SA_WINDOW_OK;
}

static SaWindowError
unit_begin(const SaWindowSpec *spec, int64 unit, int64 *ts)
{
	if (!spec->fixed)
		return sa_civil_unit_begin(spec, unit, ts);
	if (pg_add_s64_overflow(spec->anchor_us, unit, ts) ||
		!IS_VALID_TIMESTAMP(*ts))
		return SA_WINDOW_OUT_OF_RANGE;
	return SA_WINDOW_OK;
}

static SaWindowError
units_to_window(const SaWindowSpec *spec, int64 start_unit, int64 end_unit,
				SaWindow *window)
{
	SaWindowError error;

	error = unit_begin(spec, start_unit, &window->start);
	if (error != SA_WINDOW_OK)
		return error;
	return unit_begin(spec, end_unit, &window->end);
}

static SaWindowError
session_window(const SaWindowSpec *spec, int64 ts, SaWindow *window)
{
	window->start = ts;
	if (pg_add_s64_overflow(ts, spec->size_us, &window->end) ||
		!IS_VALID_TIMESTAMP(window->end))
		return SA_WINDOW_OUT_OF_RANGE;
	return SA_WINDOW_OK;
}

/*
 * Does the window at the cursor begin (hop) or end (cumulate) together with
 * this one, which came before?  Only where a zone left out whole days.  For
 * then the start of a hop would not tell its end, and a cumulate would have
 * the same window twice.
 */
static SaWindowError
is_superseded(const SaWindowCursor *cursor, const SaWindow *window,
			  bool *superseded)
{
	const SaWindowSpec *spec = cursor->spec;
	SaWindowError error;
	int64		next;

	*superseded = false;
	if (spec->fixed || spec->zone == NULL || cursor->left == 0)
		return SA_WINDOW_OK;
	if (spec->kind == SA_WINDOW_CUMULATE)
	{
		error = unit_begin(spec, cursor->end_unit, &next);
		*superseded = (error == SA_WINDOW_OK && next == window->end);
	}
	else
	{
		error = unit_begin(spec, cursor->start_unit, &next);
		*superseded = (error == SA_WINDOW_OK && next == window->start);
	}
	return error;
}
