/*-------------------------------------------------------------------------
 *
 * delta_private.h
 *	  Of what the plans of all kinds of windows are made.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_AGGREGATE_DELTA_PRIVATE_H
#define SA_AGGREGATE_DELTA_PRIVATE_H

#include "nodes/nodes.h"

#include "aggregate/delta.h"

/* Forgets what a definition selects; FROM and WHERE stay. */
extern void sa_delta_clear_output(Query *query);

/* Adds an output column; "clause" (or NULL) says how it is grouped. */
extern void sa_delta_add_output(Query *query, Expr *expr, const char *name,
								const SortGroupClause *clause);

/* Group keys, then what tells the windows of a group apart. */
extern void sa_delta_add_group(SaAggregateQuery *aq, bool grouped);

/*
 * A condition for rows that are not late.  With panes it replaces the window
 * function: call it last.
 */
extern void sa_delta_add_in_time(SaAggregateQuery *aq);

extern void sa_delta_add_qual(Query *query, Expr *qual);

/* min(argument) or max(argument), such as F_MIN_TIMESTAMPTZ */
extern Expr *sa_delta_extreme(Oid aggregate, Expr *argument);

/* How a column of our own is grouped. */
extern SortGroupClause *sa_delta_group_clause(Oid type);

/* A time as timestamptz; both types count the same microseconds. */
extern Expr *sa_delta_as_timestamptz(Expr *expr);

/* The stream's event time, at level 0. */
extern Expr *sa_delta_event_time(SaStreamQuery *sq);

/* hash_record_extended(ROW(key, …), 0) */
extern Expr *sa_delta_key_hash(const SaAggregateQuery *aq);

/* A row's ctid, which is its number in the batch. */
extern Expr *sa_delta_row_ctid(SaStreamQuery *sq);

/*
 * A call of one of the functions that know the batch, $1 being the first
 * argument; see 10_catalogs.sql.
 */
extern Expr *sa_delta_batch_call(const char *function, Oid result, List *args);

/* Plans a query; a partial plan stops at the transition states. */
extern PlannedStmt *sa_delta_make_plan(Query *query, bool partial);

/* Makes a plan stop at the transition states; its topmost node is an Agg. */
extern void sa_delta_mark_partial(PlannedStmt *plan, AggSplit split);

#endif							/* SA_AGGREGATE_DELTA_PRIVATE_H */
