/*-------------------------------------------------------------------------
 *
 * trial_plan.c
 *	  A plan that finds rows which some aggregate can't take.
 *
 * NOTES
 *	  Where arguments are kept, the transition function doesn't see a row before
 *	  a value is computed, which is long after the row's batch is over.  So a row
 *	  is given to it on arrival, too, as a group of its own, and the result is
 *	  thrown away: a key that is NULL fails at once, and not in each computation
 *	  from then on.
 *
 *	  Rows that fail only beside certain others are not found, whatever the
 *	  grouping: a batch that fails is halved, and the halves would not fail.  Nor
 *	  does the final function run, since with the rows to come it may do: one
 *	  that divides by the number of rows less one would refuse the first row of
 *	  every group.  Both are dealt with when the window is settled; see
 *	  pipeline/guarded_close.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "utils/fmgroids.h"
#include "utils/syscache.h"

#include "aggregate/delta_private.h"

/* Whether some row's arguments may be refused by the transition function. */
static bool
can_fail(const Aggref *aggref)
{
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggref->aggfnoid));
	Oid			transition;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u", aggref->aggfnoid);
	transition = ((Form_pg_aggregate) GETSTRUCT(tuple))->aggtransfn;
	ReleaseSysCache(tuple);
	switch (transition)
	{
		case F_ORDERED_SET_TRANSITION:
		case F_ORDERED_SET_TRANSITION_MULTI:
		case F_ARRAY_AGG_TRANSFN:
		case F_STRING_AGG_TRANSFN:
		case F_BYTEA_STRING_AGG_TRANSFN:
		case F_INT8INC:
		case F_INT8INC_ANY:
			return false;
		default:
			return true;
	}
}

PlannedStmt *
sa_trial_plan(const Query *definition, const SaView *view)
{
	SaAggregateQuery *aq = sa_aggregate_query_analyze(definition, view, NULL);
	Query	   *query = aq->sq->query;
	SortGroupClause *by_row = sa_delta_group_clause(TIDOID);
	PlannedStmt *plan;
	ListCell   *lc;

	/* rows come in this order, and sorted there is one state at a time */
	by_row->hashable = false;
	sa_delta_clear_output(query);
	sa_delta_add_output(query, sa_delta_row_ctid(aq->sq), "ctid", by_row);
	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);

		if (aggregate->mode != SA_AGGREGATE_KEPT || !can_fail(aggregate->aggref))
			continue;
		sa_delta_add_output(query, (Expr *) aggregate->aggref, aggregate->name, NULL);
		query->hasAggs = true;
	}
	if (!query->hasAggs)
		return NULL;
	sa_delta_add_in_time(aq);

	plan = sa_delta_make_plan(query, false);
	/* what has no combine function may have no way to serialize its state */
	sa_delta_mark_partial(plan, (AggSplit) AGGSPLITOP_SKIPFINAL);
	return plan;
}
