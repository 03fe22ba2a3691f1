/*-------------------------------------------------------------------------
 *
 * apply_batch.h
 *	  What one transaction does with a batch.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_APPLY_BATCH_H
#define SA_PIPELINE_APPLY_BATCH_H

#include "pipeline/batch.h"
#include "pipeline/view_plan.h"
#include "pipeline/view_run.h"

/* A view together with what this batch needs for it. */
typedef struct SaBatchView
{
	SaView	   *view;
	Oid			owner;
	SaViewPlan *plan;
	SaProgress *progress;
	SaViewCounts counts;
} SaBatchView;

/*
 * The batch must stop before this row, because the stream says on_error
 * 'stop'; set before an error is thrown.
 */
typedef struct SaBatchStop
{
	bool		requested;
	int32		partition;
	int64		offset;
	char		reason[512];
} SaBatchStop;

/*
 * Views of the batch's reader with their plans, in the order of their OIDs; a
 * list of SaBatchView *.  Locks what they use.
 */
extern List *sa_batch_views(SaBatch *batch);

/* Columns of the stream that any of the views reads. */
extern Bitmapset *sa_batch_view_columns(List *views);

/*
 * Brings the views up to date with the batch, whose rows have been checked,
 * and moves the positions.  The reader must be locked and a snapshot of the
 * caller's own be active (PushCopiedSnapshot).
 *
 * If guarded, an error that a row causes in a view makes that row a dead
 * letter of that view.  Otherwise the error is thrown; the caller aborts, and
 * may come again with the same messages, guarded.  *stop tells about rows at
 * which a stream with on_error 'stop' has to stop.
 */
extern void sa_batch_apply(SaBatch *batch, List *views, bool guarded,
						   SaBatchStop *stop);

/*
 * The position at which a partition has to stop because of a bad row, if the
 * stream says so; cuts the batch off there.  Call after the rows were checked.
 */
extern void sa_batch_stop_at_bad_rows(SaBatch *batch, Bitmapset *attnums);

#endif							/* SA_PIPELINE_APPLY_BATCH_H */
