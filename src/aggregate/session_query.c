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
#include "parser/parsetree.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "aggregate/delta_private.h"
#include "aggregate/session_query.h"
#include "base/compat.h"
#include "stream_agg.h"

/* what of a range table is not an expression of its own */
#define IGNORED_IN_RANGE_TABLE	(QTW_IGNORE_JOINALIASES | QTW_IGNORE_GROUPEXPRS)

/* ------------------------------------------------------------------------
 * Checks
 * ------------------------------------------------------------------------
 */

typedef struct BoundsContext
{
	SaStreamQuery sq;			/* from the level on whose expression is walked */
	int			sublevels_up;	/* from that level down to the walker */
	int			location;
} BoundsContext;

static bool bounds_walker(Node *node, BoundsContext *context);

/* Whether a Var of the walked level is a bound, or made of one further down. */
static bool
is_bound(Var *var, BoundsContext *context)
{
	SaStreamQuery *sq = &context->sq;
	Var		   *local = copyObject(var);
	int			level;
	Node	   *source;

	local->varlevelsup = 0;
	source = sa_stream_query_trace(sq, (Node *) local, &level);
	if (level > sq->window_level)
		return false;
	if (IsA(source, Var))
	{
		int			varno = ((Var *) source)->varno;

		if (level == sq->window_level)
			return varno == sq->window_rtindex;
		/* the row of a subquery has all of its columns */
		return ((Var *) source)->varattno == 0 && varno == sq->path[level];
	}
	else
	{
		BoundsContext below = {.sq = sa_stream_query_below(sq, level)};

		return bounds_walker(source, &below);
	}
}

static bool
bounds_walker(Node *node, BoundsContext *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if (var->varlevelsup != context->sublevels_up || !is_bound(var, context))
			return false;
		context->location = var->location;
		return true;
	}
	if (IsA(node, Query))
	{
		bool		found;

		context->sublevels_up++;
		found = query_tree_walker((Query *) node, bounds_walker, context,
								  IGNORED_IN_RANGE_TABLE);
		context->sublevels_up--;
		return found;
	}
	return expression_tree_walker(node, bounds_walker, context);
}

/* Conditions of one level, and what stands beside the stream in its FROM. */
static bool
level_needs_bounds(BoundsContext *context)
{
	SaStreamQuery *sq = &context->sq;
	int			rtindex = 0;
	ListCell   *lc;

	if (bounds_walker((Node *) sq->query->jointree, context))
		return true;
	foreach(lc, sq->query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (++rtindex != sq->path[0] &&
			range_table_entry_walker(rte, bounds_walker, context, IGNORED_IN_RANGE_TABLE))
			return true;
	}
	return false;
}

void
sa_session_query_check(SaAggregateQuery *aq, ParseState *pstate)
{
	SaStreamQuery *sq = aq->sq;
	BoundsContext context = {.sq = *sq};
	bool		found = false;
	ListCell   *lc;

	foreach(lc, aq->keys)
		found = found || bounds_walker((Node *) ((SaGroupKey *) lfirst(lc))->expr, &context);
	foreach(lc, aq->aggregates)
		found = found || bounds_walker((Node *) ((SaAggregate *) lfirst(lc))->aggref, &context);
	for (int level = 0; level <= sq->window_level && !found; level++)
	{
		context.sq = sa_stream_query_below(sq, level);
		found = level_needs_bounds(&context);
	}
	if (found)
		sa_refuse(pstate, context.location,
				  "a bound of a session outside of GROUP BY, HAVING and the select list",
				  "Use the bounds in a query over the continuous view.");
}

/* ------------------------------------------------------------------------
 * The plan
 * ------------------------------------------------------------------------
 */

/* The stream's event time, at level 0. */
static Expr *
make_time(SaStreamQuery *sq)
{
	return sa_delta_as_timestamptz(sa_stream_query_stream_var(sq, sq->time_attnum,
															  sq->window_type, -1,
															  InvalidOid));
}

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
								 list_make4(make_time(sq), width_const,
											makeNullConst(TIMESTAMPTZOID, -1, InvalidOid),
											makeNullConst(TEXTOID, -1, DEFAULT_COLLATION_OID)),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/* min(time) or max(time) */
static Expr *
make_extreme(SaStreamQuery *sq, Oid aggregate)
{
	Aggref	   *aggref = makeNode(Aggref);

	aggref->aggfnoid = aggregate;
	aggref->aggtype = TIMESTAMPTZOID;
	aggref->aggtranstype = InvalidOid;
	aggref->aggargtypes = list_make1_oid(TIMESTAMPTZOID);
	aggref->args = list_make1(makeTargetEntry(make_time(sq), 1, NULL, false));
	aggref->aggkind = AGGKIND_NORMAL;
	aggref->aggsplit = AGGSPLIT_SIMPLE;
	aggref->aggno = -1;
	aggref->aggtransno = -1;
	aggref->location = -1;
	return (Expr *) aggref;
}

PlannedStmt *
sa_session_plan(const Query *definition)
{
	SaAggregateQuery *aq = sa_aggregate_query_analyze(definition, NULL);
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
	sa_delta_add_output(query, sa_delta_row_call(sq, "arrival", INT4OID, NULL), "arrival",
						sa_delta_group_clause(INT4OID));
	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);

		sa_delta_add_output(query, (Expr *) aggregate->aggref, aggregate->name, NULL);
	}
	sa_delta_add_output(query, make_extreme(sq, F_MIN_TIMESTAMPTZ), "first", NULL);
	sa_delta_add_output(query, make_extreme(sq, F_MAX_TIMESTAMPTZ), "last", NULL);
	sa_delta_add_output(query, sa_delta_count_star(NULL), "rows", NULL);
	return sa_delta_make_plan(query);
}
