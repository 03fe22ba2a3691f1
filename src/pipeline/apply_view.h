/*-------------------------------------------------------------------------
 *
 * apply_view.h
 *	  What a batch does to one view.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_APPLY_VIEW_H
#define SA_PIPELINE_APPLY_VIEW_H

#include "portability/instr_time.h"

#include "pipeline/batch.h"
#include "pipeline/held_groups.h"
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
	instr_time	elapsed;

	SaBatchScan scan;
	SaHeldGroups *held;			/* what is not in the table yet; NULL: nothing */
	TimestampTz watermark_before;	/* of the batch */
	TimestampTz closed_to;		/* watermark up to which windows were closed */
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

typedef enum SaApplyMode
{
	SA_APPLY_PLAIN,				/* errors of rows are thrown */
	SA_APPLY_HOLD,				/* the same; more chunks may follow */
	SA_APPLY_GUARDED			/* errors of rows make dead letters */
} SaApplyMode;

/* Brings the view up to date with the chunk, but for groups that it holds. */
extern void sa_view_apply_chunk(SaBatch *batch, SaBatchView *bv, SaApplyMode mode,
								SaBatchStop *stop);

/* Writes what is held, removes what is due, and saves how far the view has come. */
extern void sa_view_finish_batch(const SaBatch *batch, SaBatchView *bv);

#endif							/* SA_PIPELINE_APPLY_VIEW_H */
