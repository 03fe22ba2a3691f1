/*-------------------------------------------------------------------------
 *
 * expiry.c
 *	  When a group that nothing happens to comes to its end.
 *
 * NOTES
 *	  Groups are not known here, so each row is taken for the oldest of any: as
 *	  long as the watermark has not passed the oldest row by the length of
 *	  state_ttl, no group of the piece is over.  That nearly always holds for a
 *	  whole batch.  A batch of old data may cover many times that length and is cut
 *	  into as many pieces; rows that are older than that when they come cut it
 *	  once each, and so are better not frequent.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "pipeline/expiry.h"

int
sa_expiry_piece_end(const SaBatchScan *scan, int first, int last, int64 ttl_us)
{
	TimestampTz watermark = DT_NOBEGIN;
	TimestampTz oldest = DT_NOEND;

	for (int i = first; i < last; i++)
	{
		const SaRow *row = &scan->batch->rows[i];

		if (row->bad)
			continue;
		watermark = Max(watermark, sa_batch_row_watermark(scan, row));
		if (sa_expiry_is_over(oldest, watermark, ttl_us))
			return i;
		oldest = Min(oldest, row->event_time);
	}
	return last;
}
