/*-------------------------------------------------------------------------
 *
 * expiry.h
 *	  When a group that nothing happens to comes to its end.
 *
 * NOTES
 *	  A view with state_ttl forgets a group when the watermark has passed its last
 *	  event time by that length.  Next time the group begins anew.  As with late
 *	  rows it is the watermark before each row that decides, so that the result
 *	  depends on the order of rows alone.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_EXPIRY_H
#define SA_PIPELINE_EXPIRY_H

#include "pipeline/batch.h"

/*
 * Whether a group with that last event time is over.  Rows of the table that
 * are no longer needed (sa_sweep_by_block) and those that the user's view hides
 * follow the same rule.
 */
static inline bool
sa_expiry_is_over(TimestampTz last_event_time, TimestampTz watermark, int64 ttl_us)
{
	/* neither end of the range of time is far enough out to overflow */
	return watermark != DT_NOBEGIN && watermark - ttl_us > last_event_time;
}

/*
 * The end of the longest piece of a scan, beginning at row "first", in which no
 * group can come to its end between two of its rows.  Such a piece can be
 * aggregated at one go.
 */
extern int	sa_expiry_piece_end(const SaBatchScan *scan, int first, int last, int64 ttl_us);

#endif							/* SA_PIPELINE_EXPIRY_H */
