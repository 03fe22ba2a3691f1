/*-------------------------------------------------------------------------
 *
 * delta_private.h
 *	  Of what the plans of all kinds of windows are made.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_AGGREGATE_DELTA_PRIVATE_H
#define SA_AGGREGATE_DELTA_PRIVATE_H

#include "aggregate/delta.h"

/* Forgets what a definition selects; FROM and WHERE stay. */
extern void sa_delta_clear_output(Query *query);

/* Adds an output column; "clause" (or NULL) says how it is grouped. */
extern void sa_delta_add_output(Query *query, Expr *expr, const char *name,
								const SortGroupClause *clause);

/* How a column of our own is grouped. */
extern SortGroupClause *sa_delta_group_clause(Oid type);

/* count(*) FILTER (WHERE filter); the filter may be NULL. */
extern Expr *sa_delta_count_star(Expr *filter);

/* A time column as timestamptz; both types count the same microseconds. */
extern Expr *sa_delta_as_timestamptz(Var *var);

/* stream_agg.function($1, stream.ctid [, time]), of the type "result" */
extern Expr *sa_delta_row_call(SaStreamQuery *sq, const char *function,
							   Oid result, Expr *time);

/* Plans an aggregate query and makes it stop at the transition states. */
extern PlannedStmt *sa_delta_make_plan(Query *query);

#endif							/* SA_AGGREGATE_DELTA_PRIVATE_H */
