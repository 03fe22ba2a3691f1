/*-------------------------------------------------------------------------
 *
 * session_query.c
 *	  What is special about queries over sessions.
 *
 * NOTES
 *	  Which session a row belongs to is known only when all rows have been seen.
 *	  The plan therefore doesn't group by the window.  It groups by a grid of
 *	  time as wide as the gap: two rows of one group in one field of it are
 *	  surely in one session.  So a session of a million rows is merged from a few
 *	  states, and what the pieces make is found out by whoever receives them.
 *
 *	  The function in FROM stays, but nothing asks for its columns; the planner
 *	  inlines it away.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_func.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "aggregate/delta_private.h"
#include "aggregate/session_query.h"
#include "stream_agg.h"

/* stream_agg.tumble_start(time, gap, NULL, NULL) */
static Expr *
make_bucket(SaStreamQuery *sq)
{
	Oid			argtypes[] = {TIMESTAMPTZOID, INTERVALOID, TIMESTAMPTZOID, TEXTOID};
	List	   *name = list_make2(makeString(SA_SCHEMA), makeString("tumble_start"));
	Interval   *width = palloc0(sizeof(Interval));
	Const	   *width_const;

	width->time = sq->window.size_us;
	width_const = makeConst(INTERVALOID, -1, InvalidOid, sizeof(Interval),
							IntervalPGetDatum(width), false, false);
	return (Expr *) makeFuncExpr(LookupFuncName(name, 4, argtypes, false), TIMESTAMPTZOID,
								 list_make4(sa_delta_event_time(sq), width_const,
											makeNullConst(TIMESTAMPTZOID, -1, InvalidOid),
											makeNullConst(TEXTOID, -1, DEFAULT_COLLATION_OID)),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

PlannedStmt *
sa_session_plan(const Query *definition, const SaView *view)
{
	SaAggregateQuery *aq = sa_aggregate_query_analyze(definition, view, NULL);
	SaStreamQuery *sq = aq->sq;
	Query	   *query = sq->query;
	ListCell   *lc;

	sa_delta_clear_output(query);
	foreach(lc, aq->keys)
	{
		SaGroupKey *key = lfirst(lc);

		sa_delta_add_output(query, key->expr, key->name, key->clause);
	}
	sa_delta_add_output(query, make_bucket(sq), "bucket",
						sa_delta_group_clause(TIMESTAMPTZOID));
	sa_delta_add_output(query, sa_delta_batch_call("arrival", INT4OID,
															 list_make1(sa_delta_row_ctid(sq))), "arrival",
						sa_delta_group_clause(INT4OID));
	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);

		if (aggregate->mode != SA_AGGREGATE_KEPT)
			sa_delta_add_output(query, (Expr *) aggregate->aggref, aggregate->name, NULL);
	}
	sa_delta_add_output(query, sa_delta_extreme(F_MIN_TIMESTAMPTZ, sa_delta_event_time(sq)), "first", NULL);
	sa_delta_add_output(query, sa_delta_extreme(F_MAX_TIMESTAMPTZ, sa_delta_event_time(sq)), "last", NULL);
	sa_delta_add_output(query, (Expr *) sa_count_star(), "rows", NULL);
	if (aq->kept != NIL)
		sa_delta_add_output(query, sa_delta_extreme(F_MIN_INT8, sa_delta_key_hash(aq)),
							"key_hash", NULL);
	query->hasAggs = true;
	return sa_delta_make_plan(query, true);
}
