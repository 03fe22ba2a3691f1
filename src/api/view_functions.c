/*-------------------------------------------------------------------------
 *
 * view_functions.c
 *	  Functions that stand in the queries behind continuous views.
 *
 * NOTES
 *	  They run with the rights and in the snapshot of whoever reads the view, so
 *	  that what they say fits the rows of the same query.  A watermark is no
 *	  secret: everybody may call them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/timestamp.h"

#include "metadata/view.h"
#include "stream_agg.h"

SA_FUNCTION_INFO_V1(stream_agg_closed_until);

/*
 * closed_until(data regclass [, delay interval]) → timestamptz
 *
 * The stream watermark of the view behind which the table is, as the calling
 * query's snapshot has it, less the delay.  -infinity: the view has no watermark
 * yet, or the table belongs to no view.
 */
Datum
stream_agg_closed_until(PG_FUNCTION_ARGS)
{
	TimestampTz watermark = sa_progress_watermark(PG_GETARG_OID(0));

	if (PG_NARGS() > 1 && watermark != DT_NOBEGIN)
	{
		Interval   *delay = PG_GETARG_INTERVAL_P(1);
		int64		delay_us = delay->day * USECS_PER_DAY + delay->time;

		if (watermark < MIN_TIMESTAMP + delay_us)
			watermark = DT_NOBEGIN;
		else
			watermark -= delay_us;
	}
	PG_RETURN_TIMESTAMPTZ(watermark);
}
