/*-------------------------------------------------------------------------
 *
 * batch_functions.c
 *	  Functions that stand in the plans behind continuous views.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "storage/itemptr.h"
#include "utils/timestamp.h"

#include "pipeline/batch.h"
#include "window/window_check.h"
#include "stream_agg.h"

SA_FUNCTION_INFO_V1(stream_agg_is_late);
SA_FUNCTION_INFO_V1(stream_agg_is_after_end);
SA_FUNCTION_INFO_V1(stream_agg_pane_start);
SA_FUNCTION_INFO_V1(stream_agg_pane_watermark);
SA_FUNCTION_INFO_V1(stream_agg_arrival);
SA_FUNCTION_INFO_V1(stream_agg_is_late_row);
SA_FUNCTION_INFO_V1(stream_agg_last_window_start);
SA_FUNCTION_INFO_V1(stream_agg_last_window_end);
SA_FUNCTION_INFO_V1(stream_agg_row_offset);
SA_FUNCTION_INFO_V1(stream_agg_row_partition);
SA_FUNCTION_INFO_V1(stream_agg_row_event_time);

/* Watermark that decides about a row; DT_NOBEGIN: surely before any window's end. */
static inline TimestampTz
row_watermark(SaBatchScan *scan, Datum tid)
{
	int			row;

	/* the usual case, worth not looking at the row */
	if (!scan->any_behind)
		return DT_NOBEGIN;
	row = sa_batch_row_of_ctid((ItemPointer) DatumGetPointer(tid));
	return sa_batch_row_watermark(scan, &scan->batch->rows[row]);
}

/*
 * is_late(batch internal, row tid, window_end timestamptz) → boolean
 *
 * Whether the row came when its partition's watermark had already reached the
 * end of the window and the view's allowed lateness was over, too.
 */
Datum
stream_agg_is_late(PG_FUNCTION_ARGS)
{
	SaBatchScan *scan = (SaBatchScan *) PG_GETARG_POINTER(0);
	TimestampTz watermark = row_watermark(scan, PG_GETARG_DATUM(1));

	if (watermark == DT_NOBEGIN || PG_ARGISNULL(2))
		PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(watermark - scan->allowed_lateness_us >= PG_GETARG_TIMESTAMPTZ(2));
}

/*
 * is_after_end(batch internal, row tid, window_end timestamptz) → boolean
 *
 * Whether the row came when its partition's watermark had already reached the
 * end of the window; if it is not late, it revises the window.
 */
Datum
stream_agg_is_after_end(PG_FUNCTION_ARGS)
{
	SaBatchScan *scan = (SaBatchScan *) PG_GETARG_POINTER(0);
	TimestampTz watermark = row_watermark(scan, PG_GETARG_DATUM(1));

	if (watermark == DT_NOBEGIN || PG_ARGISNULL(2))
		PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(watermark >= PG_GETARG_TIMESTAMPTZ(2));
}

/*
 * pane_start(batch internal, event_time timestamptz) → timestamptz
 *
 * Start of the pane of a time.  All times of a pane have the same windows.
 */
Datum
stream_agg_pane_start(PG_FUNCTION_ARGS)
{
	SaBatchScan *scan = (SaBatchScan *) PG_GETARG_POINTER(0);
	SaWindow	pane;

	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	sa_window_check(sa_window_assign(scan->pane, PG_GETARG_TIMESTAMPTZ(1), &pane));
	/* else it would be found out when the windows are settled, and by all rows */
	if (pane.start < scan->safe_from || pane.start > scan->safe_until)
		sa_window_raise(SA_WINDOW_OUT_OF_RANGE);
	PG_RETURN_TIMESTAMPTZ(pane.start);
}

/* The greater of the two that the watermark has reached. */
static inline void
take_if_reached(TimestampTz watermark, TimestampTz boundary, TimestampTz *greatest)
{
	if (boundary <= watermark && boundary > *greatest)
		*greatest = boundary;
}

/*
 * pane_watermark(batch internal, row tid, event_time timestamptz) → timestamptz
 *
 * What of the row's watermark decides for which windows of its pane the row is
 * late, and for which it comes after the end: the greatest time reached of those
 * at which one of them ends or is settled.  "-infinity" if none is reached, the
 * usual case; "infinity" if the row is late for all of its windows, or has none.
 */
Datum
stream_agg_pane_watermark(PG_FUNCTION_ARGS)
{
	SaBatchScan *scan = (SaBatchScan *) PG_GETARG_POINTER(0);
	TimestampTz watermark = row_watermark(scan, PG_GETARG_DATUM(1));
	TimestampTz reached = DT_NOBEGIN;
	TimestampTz last_settled = DT_NOEND;
	SaWindowCursor cursor;
	SaWindow	window;

	if (PG_ARGISNULL(2))
		PG_RETURN_NULL();
	if (watermark <= PG_GETARG_TIMESTAMPTZ(2) && !sa_window_has_gaps(scan->window))
		PG_RETURN_TIMESTAMPTZ(DT_NOBEGIN);

	sa_window_check(sa_window_begin(&cursor, scan->window, PG_GETARG_TIMESTAMPTZ(2)));
	if (cursor.left == 0)
		PG_RETURN_TIMESTAMPTZ(DT_NOEND);
	if (watermark == DT_NOBEGIN)
		PG_RETURN_TIMESTAMPTZ(DT_NOBEGIN);
	while (cursor.left > 0)
	{
		sa_window_check(sa_window_next(&cursor, &window));
		if (window.end > watermark)
		{
			last_settled = DT_NOEND;
			break;
		}
		last_settled = window.end + scan->allowed_lateness_us;
		take_if_reached(watermark, window.end, &reached);
		take_if_reached(watermark, last_settled, &reached);
	}
	PG_RETURN_TIMESTAMPTZ(last_settled <= watermark ? DT_NOEND : reached);
}

/* row_offset(batch internal, row tid) → bigint */
Datum
stream_agg_row_offset(PG_FUNCTION_ARGS)
{
	SaBatchScan *scan = (SaBatchScan *) PG_GETARG_POINTER(0);
	int			row = sa_batch_row_of_ctid((ItemPointer) PG_GETARG_POINTER(1));

	PG_RETURN_INT64(scan->batch->rows[row].offset);
}

/* row_partition(batch internal, row tid) → int */
Datum
stream_agg_row_partition(PG_FUNCTION_ARGS)
{
	SaBatchScan *scan = (SaBatchScan *) PG_GETARG_POINTER(0);
	int			row = sa_batch_row_of_ctid((ItemPointer) PG_GETARG_POINTER(1));

	PG_RETURN_INT32(scan->batch->parts[scan->batch->rows[row].part].partition);
}

/*
 * arrival(batch internal, row tid) → int
 *
 * Which rows of the batch came before which; see sa_batch_arrival.
 */
Datum
stream_agg_arrival(PG_FUNCTION_ARGS)
{
	SaBatchScan *scan = (SaBatchScan *) PG_GETARG_POINTER(0);
	int			row;

	/* the usual case, worth not looking at the row */
	if (scan->nbehind == 0)
		PG_RETURN_INT32(0);
	row = sa_batch_row_of_ctid((ItemPointer) DatumGetPointer(PG_GETARG_DATUM(1)));
	PG_RETURN_INT32(sa_batch_arrival(scan, row));
}

/*
 * is_late_row(batch internal, row tid, key_hash bigint) → boolean
 *
 * Whether the merge of sessions found the row too late in its group.
 */
Datum
stream_agg_is_late_row(PG_FUNCTION_ARGS)
{
	SaBatchScan *scan = (SaBatchScan *) PG_GETARG_POINTER(0);

	PG_RETURN_BOOL(sa_batch_is_late(scan, sa_batch_row_of_ctid((ItemPointer) PG_GETARG_POINTER(1)),
									PG_GETARG_INT64(2)));
}

/* The last window of a time; false if there is none. */
static bool
last_window(FunctionCallInfo fcinfo, SaWindow *window)
{
	SaBatchScan *scan = (SaBatchScan *) PG_GETARG_POINTER(0);

	if (PG_ARGISNULL(1))
		return false;
	sa_window_check(sa_window_assign(scan->window, PG_GETARG_TIMESTAMPTZ(1), window));
	return PG_GETARG_TIMESTAMPTZ(1) < window->end;
}

/* last_window_start(batch internal, event_time timestamptz) → timestamptz */
Datum
stream_agg_last_window_start(PG_FUNCTION_ARGS)
{
	SaWindow	window;

	if (!last_window(fcinfo, &window))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(window.start);
}

/* last_window_end(batch internal, event_time timestamptz) → timestamptz */
Datum
stream_agg_last_window_end(PG_FUNCTION_ARGS)
{
	SaWindow	window;

	if (!last_window(fcinfo, &window))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(window.end);
}

static inline const SaRow *
row_of_batch(const SaBatchScan *scan, Datum tid)
{
	return &scan->batch->rows[sa_batch_row_of_ctid((ItemPointer) DatumGetPointer(tid))];
}

/*
 * row_event_time(batch internal, row tid) → timestamptz
 */
Datum
stream_agg_row_event_time(PG_FUNCTION_ARGS)
{
	SaBatchScan *scan = (SaBatchScan *) PG_GETARG_POINTER(0);

	PG_RETURN_TIMESTAMPTZ(row_of_batch(scan, PG_GETARG_DATUM(1))->event_time);
}
