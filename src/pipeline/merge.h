/*-------------------------------------------------------------------------
 *
 * merge.h
 *	  From the groups of a batch to the rows of a view's table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_MERGE_H
#define SA_PIPELINE_MERGE_H

#include "tcop/dest.h"

#include "pipeline/batch.h"
#include "pipeline/view_plan.h"

/*
 * A receiver for the rows of the delta plan, or with "set" for those of the plan
 * of a kept set that feeds states, that merges each into plan->merge_table.
 * "scan" is what the plan is run over.  "by_place" is for many groups; they are then
 * written in an order that depends on what this process has written before.
 * rows_seen is increased by the number of rows that went into groups.
 */
extern DestReceiver *sa_merge_receiver(SaViewPlan *plan, const SaKeptSet *set,
									   const SaBatchScan *scan, bool by_place,
									   int64 *rows_seen);

#endif							/* SA_PIPELINE_MERGE_H */
