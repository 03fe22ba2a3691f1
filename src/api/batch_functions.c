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

/*
 * is_late(batch internal, row tid, window_end timestamptz) → boolean
 *
 * Whether the row came when its partition's watermark had already reached the
 * end of the window.
 */
Datum
stream_agg_is_late(PG_FUNCTION_ARGS)
{
	SaBatchScan *scan = (SaBatchScan *) PG_GETARG_POINTER(0);
	SaRow	   *row;

	/* the usual case, worth not looking at the row */
	if (!scan->any_behind || PG_ARGISNULL(2))
		PG_RETURN_BOOL(false);
	row = &scan->batch->rows[sa_batch_row_of_ctid((ItemPointer) PG_GETARG_POINTER(1))];
	PG_RETURN_BOOL(sa_batch_row_watermark(scan, row) >= PG_GETARG_TIMESTAMPTZ(2));
}
