/*-------------------------------------------------------------------------
 *
 * pane_settle.c
 *	  Windows made of panes become rows of the data table.
 *
 * NOTES
 *	  Which windows are due is computed here, so that a watermark that moves
 *	  within a window costs nothing, and each window reads its own panes and no
 *	  others.  Where event time jumps there may be any number of windows without
 *	  a single row: they are passed over from one pane to the next.
 *
 *	  Windows are stored some hundred at a time, which bounds the memory of one
 *	  statement.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/timestamp.h"

#include "pipeline/pane_settle.h"
#include "pipeline/statement.h"
#include "window/window_check.h"

#define WINDOWS_PER_STATEMENT	256

typedef struct DueWindows
{
	SaViewPlan *plan;
	SaStoreWindows store;
	void	   *arg;
	int			n;
	Datum		starts[WINDOWS_PER_STATEMENT];
	Datum		ends[WINDOWS_PER_STATEMENT];
} DueWindows;

/* The first pane that starts at a time or after it; DT_NOEND: there is none. */
static TimestampTz
first_pane(SaViewPlan *plan, TimestampTz time)
{
	Datum		values[] = {TimestampTzGetDatum(time)};
	TimestampTz pane = DT_NOEND;
	Datum		value;
	bool		isnull;

	SPI_connect();
	if (SPI_execute_plan(plan->first_pane, values, NULL, false, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not look for panes of a continuous view");
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (!isnull)
		pane = DatumGetTimestampTz(value);
	SPI_finish();
	return pane;
}

static Datum
time_array(Datum *times, int n, Oid type)
{
	return PointerGetDatum(construct_array(times, n, type, sizeof(TimestampTz),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static void
store_windows(DueWindows *due)
{
	Oid			type = due->plan->aq->sq->window_type;
	Datum		values[2];

	if (due->n == 0)
		return;
	values[0] = time_array(due->starts, due->n, type);
	values[1] = time_array(due->ends, due->n, type);
	if (due->store != NULL)
		due->store(due->arg, values[0], values[1]);
	else
		sa_statement_execute(due->plan->settle, values);
	due->n = 0;
}

static void
add_window(DueWindows *due, const SaWindow *window)
{
	due->starts[due->n] = TimestampTzGetDatum(window->start);
	due->ends[due->n] = TimestampTzGetDatum(window->end);
	if (++due->n == WINDOWS_PER_STATEMENT)
		store_windows(due);
}

/* Whether any window ends on the way, with rows or without. */
static bool
any_is_due(const SaWindowSpec *spec, TimestampTz after, TimestampTz until)
{
	SaWindowCursor cursor;
	SaWindow	window;

	if (after == DT_NOBEGIN)
		return true;
	if (after >= until)
		return false;
	sa_window_check(sa_window_begin_after(&cursor, spec, after));
	sa_window_check(sa_window_next(&cursor, &window));
	return window.end <= until;
}

void
sa_panes_settle(SaViewPlan *plan, TimestampTz after, TimestampTz until,
				SaStoreWindows store, void *arg)
{
	const SaWindowSpec *spec = &plan->aq->sq->window;
	DueWindows	due = {.plan = plan,.store = store,.arg = arg};
	TimestampTz pane;
	TimestampTz safe_from;
	TimestampTz safe_until;
	bool		more = true;

	/* no row has a window that reaches beyond the ends of time, but the
	 * watermark may be there */
	sa_window_safe_range(spec, &safe_from, &safe_until);
	if (after != DT_NOBEGIN)
		after = Max(after, MIN_TIMESTAMP + (safe_from - MIN_TIMESTAMP) / 2);
	until = Min(until, END_TIMESTAMP - (END_TIMESTAMP - safe_until) / 2);
	if (!any_is_due(spec, after, until))
		return;
	pane = first_pane(plan, DT_NOBEGIN);
	while (more && pane != DT_NOEND)
	{
		SaWindowCursor cursor;
		SaWindow	window;

		sa_window_check(sa_window_begin_after(&cursor, spec, Max(after, pane)));
		for (;;)
		{
			sa_window_check(sa_window_next(&cursor, &window));
			more = window.end <= until;
			if (!more)
				break;
			if (window.start > pane)
				pane = first_pane(plan, window.start);
			if (pane >= window.end)
				break;
			add_window(&due, &window);
			after = window.end;
		}
	}
	store_windows(&due);
}
