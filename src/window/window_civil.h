/*-------------------------------------------------------------------------
 *
 * window_civil.h
 *	  Civil days and months of a zone, counted from an anchor.
 *
 * NOTES
 *	  For the other files of window/ only.  All take a spec whose unit is
 *	  the day or the month.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_WINDOW_WINDOW_CIVIL_H
#define SA_WINDOW_WINDOW_CIVIL_H

#include "window/window.h"

/* Quotient rounded down, for divisors above zero. */
static inline int64
sa_floor_div(int64 a, int64 b)
{
	return a / b - (a % b < 0);
}

/* What the clocks of the zone (NULL: UTC) show at ts, as microseconds. */
extern SaWindowError sa_civil_local(const pg_tz *zone, int64 ts, int64 *local);

/* Let unit 0 of the spec begin at this local time. */
extern void sa_civil_set_anchor(SaWindowSpec *spec, int64 local);

/* The unit that ts lies in. */
extern SaWindowError sa_civil_unit_at(const SaWindowSpec *spec, int64 ts,
									  int64 *unit);

/* The instant at which a unit begins. */
extern SaWindowError sa_civil_unit_begin(const SaWindowSpec *spec, int64 unit,
										 int64 *ts);

#endif							/* SA_WINDOW_WINDOW_CIVIL_H */
