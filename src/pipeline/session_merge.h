/*-------------------------------------------------------------------------
 *
 * session_merge.h
 *	  From the pieces of a batch to the sessions in a view's table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_SESSION_MERGE_H
#define SA_PIPELINE_SESSION_MERGE_H

#include "tcop/dest.h"

#include "pipeline/batch.h"
#include "pipeline/view_plan.h"

/*
 * A receiver for the rows of the session plan.  When it is shut down, it merges
 * them into the data table, and notes in scan->behind what became of rows that
 * are behind.  rows_in is increased by the number of rows that went into
 * sessions.
 */
extern DestReceiver *sa_session_receiver(SaViewPlan *plan, SaBatchScan *scan,
										 int64 *rows_in);

#endif							/* SA_PIPELINE_SESSION_MERGE_H */
