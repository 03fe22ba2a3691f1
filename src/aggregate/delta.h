/*-------------------------------------------------------------------------
 *
 * delta.h
 *	  Plans that turn one batch into transition states.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_AGGREGATE_DELTA_H
#define SA_AGGREGATE_DELTA_H

#include "nodes/plannodes.h"

#include "aggregate/aggregate_query.h"

/*
 * Parameter $1 of both plans: a pointer of type internal, passed on to
 * stream_agg.is_late(internal, tid, timestamptz) and its like.
 */
#define SA_BATCH_PARAM	1

/*
 * Rows of the delta plan are: the keys in the order of aq->keys, window_start
 * if windowed, the aggregates' states in the order of aq->aggregates (serialized
 * if internal), then, if the view allows lateness, the number of rows that came
 * after the end of the group's window, if groups expire, the ctid of the group's
 * first row and the greatest event time of its rows, and last the number of rows
 * of the batch in that group.  Late rows are left out.
 */
extern PlannedStmt *sa_delta_plan(const Query *definition, bool allows_lateness,
								  bool expires);

/*
 * Rows of the lateness plan, one per row of the batch and window: the row's
 * ctid, window_start, window_end, and whether the row is late for the window.
 */
extern PlannedStmt *sa_lateness_plan(const Query *definition);

/*
 * Refuses a plan that scans a stream more than once: an SQL function that the
 * planner inlined may have brought in a second scan, which would see the batch
 * as if it were the stream.
 */
extern void sa_plan_check_single_scan(const PlannedStmt *plan);

#endif							/* SA_AGGREGATE_DELTA_H */
