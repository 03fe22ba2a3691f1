/*-------------------------------------------------------------------------
 *
 * view_bounds.h
 *	  What keeps the state of a continuous view from growing for ever.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_DDL_VIEW_BOUNDS_H
#define SA_DDL_VIEW_BOUNDS_H

#include "aggregate/aggregate_query.h"
#include "ddl/view_options.h"

/*
 * Raises an error if an option about late rows or about the end of rows does
 * not fit the query; aq is NULL for a load.
 */
extern void sa_view_bounds_check(const SaAggregateQuery *aq,
								 const SaViewOptions *options);

/*
 * Tells the user if nothing bounds the number of groups.  Only what can be seen
 * in the query itself is known: a view need not grow, but it may.
 */
extern void sa_view_bounds_notice(const SaAggregateQuery *aq, const char *name);

#endif							/* SA_DDL_VIEW_BOUNDS_H */
