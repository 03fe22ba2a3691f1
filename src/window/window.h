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
	int64		slide_us;		/* if fixed */
	int64		anchor_us;		/* a start on the grid, if fixed */
} SaWindowSpec;

typedef struct SaWindow
{
	int64		start;
	int64		end;
} SaWindow;

/* Why a specification or a time can't be used. */
typedef enum SaWindowError
{
	SA_WINDOW_OK,
	SA_WINDOW_NOT_POSITIVE,		/* size, slide or gap not above zero */
	SA_WINDOW_MIXED_UNITS,		/* months with smaller units, or with a zone
								 * days with hours */
	SA_WINDOW_STEP_NOT_DIVISOR, /* cumulate: size is not a multiple of step */
	SA_WINDOW_INFINITE,			/* origin is infinity */
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
 * The tumbling window that holds ts; for hop the last (latest starting) window
 * that was started at or before ts, whether or not it still holds ts.
 */
extern SaWindowError sa_window_assign(const SaWindowSpec *spec, int64 ts,
									  SaWindow *window);

/* End of the tumbling or hopping window that starts at "start". */
extern SaWindowError sa_window_end(const SaWindowSpec *spec, int64 start,
								   int64 *end);

/* Text for an error, for errmsg: lower case, no full stop. */
extern const char *sa_window_error_text(SaWindowError error);

#endif							/* SA_WINDOW_WINDOW_H */
