/*-------------------------------------------------------------------------
 *
 * late_rows.h
 *	  Rows that came too late for all of their windows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_LATE_ROWS_H
#define SA_PIPELINE_LATE_ROWS_H

#include "tcop/dest.h"

#include "pipeline/batch.h"
#include "pipeline/view_plan.h"
#include "pipeline/view_run.h"

/* What is found out about the rows of one scan of a batch. */
typedef struct SaLateRows SaLateRows;

/* An empty collection, in CurrentMemoryContext. */
extern SaLateRows *sa_late_rows_begin(void);

/*
 * The row (its number in the batch) is late for a window; in any order, and
 * once for each of its windows.
 */
extern void sa_late_rows_add(SaLateRows *late, int row,
							 TimestampTz window_start, TimestampTz window_end);

/*
 * The row is in time for a window, so that it is no late row whatever it is
 * late for.
 */
extern void sa_late_rows_spare(SaLateRows *late, int row);

/* A receiver that takes the rows of a lateness plan (aggregate/delta.h). */
extern DestReceiver *sa_late_rows_receiver(SaLateRows *late);

/*
 * Counts the late rows, does with them what the view says, and forgets the
 * collection.  Each row is one late row, with the latest of its windows.  Call
 * as the view's owner, with an active snapshot.
 */
extern void sa_late_rows_finish(SaLateRows *late, const SaViewPlan *plan,
								const SaBatchScan *scan, SaViewCounts *counts);

#endif							/* SA_PIPELINE_LATE_ROWS_H */
