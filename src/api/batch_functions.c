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
#include "stream_agg.h"

SA_FUNCTION_INFO_V1(stream_agg_is_late);
SA_FUNCTION_INFO_V1(stream_agg_is_after_end);
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
 * row_event_time(batch internal, row tid) → timestamptz
 */
Datum
stream_agg_row_event_time(PG_FUNCTION_ARGS)
{
	SaBatchScan *scan = (SaBatchScan *) PG_GETARG_POINTER(0);
	int			row = sa_batch_row_of_ctid((ItemPointer) PG_GETARG_POINTER(1));

	PG_RETURN_TIMESTAMPTZ(scan->batch->rows[row].event_time);
}
