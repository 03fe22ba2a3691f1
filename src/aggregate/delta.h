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
#include "utils/queryenvironment.h"
#include "utils/tuplestore.h"

#include "aggregate/aggregate_query.h"

/*
 * Parameter $1 of both plans: a pointer of type internal, passed on to
 * stream_agg.is_late(internal, tid, timestamptz).
 */
#define SA_BATCH_PARAM	1

/*
 * Rows of the delta plan are: the keys in the order of aq->keys; window_start, or
 * pane_start and row_watermark; states of the aggregates in the order of
 * aq->aggregates (serialized if internal, left out if arguments are kept); then,
 * if the view allows lateness and has no panes, the number of rows that came
 * after the end of the group's window; if groups expire, the ctid of the
 * group's first row and the greatest event time of its rows; and last the number
 * of rows of the batch in that group.  Late rows are left out.
 *
 * The usual batch has no row behind its watermark, and every time has a window.
 * Then a plan made without any_behind will do, which doesn't look at each row.
 */
extern PlannedStmt *sa_delta_plan(const Query *definition, const SaView *view,
								  bool any_behind);

/*
 * Adds the batch to kept set number n.  If the set feeds states, rows of the plan
 * are: the keys, window_start if there is one, the states of those aggregates
 * that the set feeds, and last the number of rows that were new to it.
 */
extern PlannedStmt *sa_kept_plan(const Query *definition, const SaView *view,
								 const SaViewTables *tables, int n);

/* Whether one plan can read the batch for both of these sets. */
extern bool sa_kept_sets_match(const SaAggregateQuery *aq, const SaKeptSet *set,
							   const SaKeptSet *other);

/*
 * The distinct values of the batch for some sets (a list of numbers) that match.
 * Rows of the plan are: the columns of the sets, which are the same, and for each
 * set whether it has the value as a member; NULL: it hasn't.
 */
extern PlannedStmt *sa_kept_values_plan(const Query *definition, const SaView *view,
										List *sets);

/*
 * What is new to some of these sets, as states of all that they feed: rows as those
 * of sa_kept_plan(), from the rows of sa_kept_fresh_rows().
 */
extern PlannedStmt *sa_kept_states_plan(const Query *definition, const SaView *view,
										const SaViewTables *tables, List *sets);

/* The columns of a set's table, which must be open, and a flag for each set. */
extern TupleDesc sa_kept_fresh_columns(Oid table, List *sets);

/* Rows with these columns, as what that plan reads beside the scan. */
extern QueryEnvironment *sa_kept_fresh_rows(TupleDesc columns, Tuplestorestate *rows);

/*
 * Gives each row of the batch that is not late to the aggregates whose arguments
 * are kept, and fails if one of them can't take it.  What it returns means
 * nothing.  NULL if there is no aggregate that could fail.
 */
extern PlannedStmt *sa_trial_plan(const Query *definition, const SaView *view);

/*
 * Rows of the lateness plan, one per row of the batch and window: the row's
 * ctid, window_start, window_end, and whether the row is late for the window.
 */
extern PlannedStmt *sa_lateness_plan(const Query *definition, const SaView *view);

/*
 * Refuses a plan that scans a stream more than once: an SQL function that the
 * planner inlined may have brought in a second scan, which would see the batch
 * as if it were the stream.
 */
extern void sa_plan_check_single_scan(const PlannedStmt *plan);

#endif							/* SA_AGGREGATE_DELTA_H */
