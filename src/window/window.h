/*-------------------------------------------------------------------------
 *
 * window.h
 *	  Which windows a time belongs to.
 *
 * NOTES
 *	  Pure functions: no palloc, no ereport, no clock, no session settings.
 *	  Times are microseconds since the PostgreSQL epoch (Timestamp and
 *	  TimestampTz alike; a timestamp without zone is taken as UTC).
 *
 *	  Every kind of window is arithmetic on one integer line.  A
 *	  specification has a unit: the microsecond, the civil day of a zone, or
 *	  the civil month of a zone.  Unit n begins at instant T(n), T never
 *	  decreases, and a time ts lies in unit max{n: T(n) <= ts}.  Windows are
 *	  runs of units [T(a), T(b)).  So a row always lies within its windows,
 *	  whatever the clocks of the zone do; all that is special about zones is
 *	  in T, that is in window_civil.c.
 *
 *	  T(n) of a civil unit is the first instant at which the clocks of the
 *	  zone show the unit's local time of beginning, or more.  A local time
 *	  that is skipped thus begins where the clocks jump, and one that comes
 *	  twice begins the first time.  A day that a zone left out altogether has
 *	  no length; windows that would begin together with their successor
 *	  (hop) or end together with it (cumulate) are left out.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_WINDOW_WINDOW_H
#define SA_WINDOW_WINDOW_H

#include "datatype/timestamp.h"
#include "pgtime.h"

typedef enum SaWindowKind
{
	SA_WINDOW_NONE,
	SA_WINDOW_TUMBLE,
	SA_WINDOW_HOP,
	SA_WINDOW_CUMULATE,
	SA_WINDOW_SESSION
} SaWindowKind;

typedef enum SaWindowUnit
{
	SA_WINDOW_MICROSECONDS,
	SA_WINDOW_DAYS,
	SA_WINDOW_MONTHS
} SaWindowUnit;

/* what the arguments of a window function amount to; see window_spec.c */
typedef struct SaWindowSpec
{
	SaWindowKind kind;
	Interval	size;			/* session: the gap */
	Interval	slide;			/* hop: slide; cumulate: step; else unused */
	bool		has_origin;
	int64		origin;
	pg_tz	   *zone;			/* NULL: UTC */

	/* derived by sa_window_spec_init */
	bool		fixed;			/* all units absolute: plain integer arithmetic */
	int64		size_us;		/* if fixed */
	int64		slide_us;		/* if fixed; tumble: same as size_us */
	int64		anchor_us;		/* a start on the grid, if fixed */

	/* the same, counted in "unit", which if fixed is the microsecond */
	SaWindowUnit unit;
	int64		size_units;
	int64		slide_units;	/* tumble: same as size_units */
	int64		grid_units;		/* from start to start: slide of a hop, else size */

	/* where unit 0 begins in local time, if not fixed */
	int64		anchor_count;	/* days since 2000-01-01; months since year 0 */
	int			anchor_mday;	/* months: the day of the month */
	int64		anchor_time_us; /* time of the day */
} SaWindowSpec;

typedef struct SaWindow
{
	int64		start;
	int64		end;
} SaWindow;

/* Enumerates the windows of one time; see sa_window_begin. */
typedef struct SaWindowCursor
{
	const SaWindowSpec *spec;
	int64		ts;
	int64		left;			/* windows to come, at most; 0: that was all */
	bool		endless;		/* windows to come are not counted */
	int64		start_unit;		/* of the next window */
	int64		end_unit;
} SaWindowCursor;

/* Why a specification or a time can't be used. */
typedef enum SaWindowError
{
	SA_WINDOW_OK,
	SA_WINDOW_NOT_POSITIVE,		/* size, slide or gap not above zero */
	SA_WINDOW_MIXED_UNITS,		/* months with smaller units, or with a zone
								 * days with hours */
	SA_WINDOW_GAP_NOT_FIXED,	/* session: the gap has months */
	SA_WINDOW_STEP_NOT_DIVISOR, /* cumulate: size is not a multiple of step */
	SA_WINDOW_INFINITE,			/* origin or an interval is infinity */
	SA_WINDOW_OUT_OF_RANGE		/* a window's bound is no valid time */
} SaWindowError;

/*
 * Fill *spec from the arguments of a window function; "slide" and "origin" may
 * be NULL.  The kind decides which arguments count.
 */
extern SaWindowError sa_window_spec_init(SaWindowSpec *spec, SaWindowKind kind,
										 const Interval *size,
										 const Interval *slide,
										 const int64 *origin, pg_tz *zone);

/*
 * The slices of a hop or cumulate: tumbling windows of the greatest width
 * such that every window of "spec" is made of whole ones.
 */
extern void sa_window_spec_pane(const SaWindowSpec *spec, SaWindowSpec *pane);

/* Whether there may be times that belong to no window. */
static inline bool
sa_window_has_gaps(const SaWindowSpec *spec)
{
	return spec->kind == SA_WINDOW_HOP && spec->slide_units > spec->size_units;
}

/* No window but a session is longer than this, in microseconds. */
extern int64 sa_window_max_length(const SaWindowSpec *spec);

/*
 * Times from *from to *until have windows with bounds that are valid times, and
 * so have the times in those windows.
 */
extern void sa_window_safe_range(const SaWindowSpec *spec, int64 *from, int64 *until);

/*
 * The zone of that name, or NULL.  Unlike the rest of this folder it may read
 * a file and allocate (for the life of the process).
 */
extern pg_tz *sa_window_zone(const char *name);

/*
 * The tumbling window that holds ts; for hop the last (latest starting) window
 * that was started at or before ts, whether or not it still holds ts; for
 * cumulate the window of full size.  ts must be finite.
 */
extern SaWindowError sa_window_assign(const SaWindowSpec *spec, int64 ts,
									  SaWindow *window);

/*
 * End of the tumbling or hopping window that starts at "start"; for session
 * of the one whose last row is at "start".
 */
extern SaWindowError sa_window_end(const SaWindowSpec *spec, int64 start,
								   int64 *end);

/*
 * All windows of any kind that hold ts, which must be finite, earliest first
 * (hop: by start; cumulate: by end).  The spec must outlive the cursor.
 *
 *		error = sa_window_begin(&cursor, spec, ts);
 *		while (error == SA_WINDOW_OK && cursor.left > 0)
 *			error = sa_window_next(&cursor, &window);
 *
 * A time in the gap between two windows of a hop has none: left is 0 at once.
 */
extern SaWindowError sa_window_begin(SaWindowCursor *cursor,
									 const SaWindowSpec *spec, int64 ts);
extern SaWindowError sa_window_next(SaWindowCursor *cursor, SaWindow *window);

/*
 * All windows that end after ts, in the order of their ends.  There is no end to
 * them: the caller stops, and errors when time itself ends.  Not for sessions.
 */
extern SaWindowError sa_window_begin_after(SaWindowCursor *cursor,
										   const SaWindowSpec *spec, int64 ts);

/*
 * What to report for an error: text for errmsg (lower case, no full stop), a
 * hint or NULL, and the SQLSTATE for errcode.
 */
extern const char *sa_window_error_text(SaWindowError error);
extern const char *sa_window_error_hint(SaWindowError error);
extern int	sa_window_error_code(SaWindowError error);

#endif							/* SA_WINDOW_WINDOW_H */
