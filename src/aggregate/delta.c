/*-------------------------------------------------------------------------
 *
 * delta.c
 *	  Plans that turn one batch into transition states.
 *
 * NOTES
 *	  The delta query is built anew from the definition: its FROM and WHERE, its
 *	  group keys, the bare aggregates.  It is planned like any other query, and
 *	  then the Agg node at the top is told to stop at the transition states, as
 *	  the lower half of a parallel aggregate does.  A user's query must never be
 *	  marked so itself: HAVING or an expression over an aggregate would then
 *	  compute with states instead of values.
 *
 *	  Only window_start is grouped by: the other bound follows from it, and
 *	  hashing one column less is measurable.
 *
 *	  Whether a row is late depends on the watermark before that very row, which
 *	  is not a column.  The condition is a call with the batch, the row's number
 *	  in it (its ctid) and the window's end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/namespace.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/planner.h"
#include "parser/parse_func.h"
#include "parser/parse_oper.h"
#include "tcop/tcopprot.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "aggregate/delta.h"
#include "metadata/stream.h"
#include "stream_agg.h"

/* Adds an output column; "clause" (or NULL) says how it is grouped. */
static void
add_output(Query *query, Expr *expr, const char *name, const SortGroupClause *clause)
{
	TargetEntry *tle = makeTargetEntry(expr, list_length(query->targetList) + 1,
									   pstrdup(name), false);

	query->targetList = lappend(query->targetList, tle);
	if (clause != NULL)
	{
		SortGroupClause *group = copyObject(unconstify(SortGroupClause *, clause));

		tle->ressortgroupref = list_length(query->targetList);
		group->tleSortGroupRef = tle->ressortgroupref;
		query->groupClause = lappend(query->groupClause, group);
	}
}

/* A time column as timestamptz; both types count the same microseconds. */
static Expr *
as_timestamptz(Var *var)
{
	if (var->vartype == TIMESTAMPTZOID)
		return (Expr *) var;
	return (Expr *) makeRelabelType((Expr *) var, TIMESTAMPTZOID, -1, InvalidOid,
									COERCE_IMPLICIT_CAST);
}

/* ($1, stream.ctid): a row of the batch */
static List *
make_row_arguments(SaStreamQuery *sq)
{
	Param	   *batch = makeNode(Param);

	batch->paramkind = PARAM_EXTERN;
	batch->paramid = SA_BATCH_PARAM;
	batch->paramtype = INTERNALOID;
	batch->paramtypmod = -1;
	batch->location = -1;
	return list_make2(batch, sa_stream_query_stream_var(sq, SelfItemPointerAttributeNumber,
														TIDOID, -1, InvalidOid));
}

/* stream_agg.function(arguments) */
static Expr *
make_row_function(const char *function, Oid result_type, List *arguments)
{
	static const Oid argtypes[] = {INTERNALOID, TIDOID, TIMESTAMPTZOID};
	List	   *name = list_make2(makeString(SA_SCHEMA), makeString(pstrdup(function)));

	return (Expr *) makeFuncExpr(LookupFuncName(name, list_length(arguments), argtypes, false),
								 result_type, arguments, InvalidOid, InvalidOid,
								 COERCE_EXPLICIT_CALL);
}

/* stream_agg.function($1, stream.ctid, window_end) */
static Expr *
make_row_test(SaStreamQuery *sq, const char *function)
{
	return make_row_function(function, BOOLOID,
							 lappend(make_row_arguments(sq),
									 as_timestamptz(sa_stream_query_window_var(sq, 2))));
}

/* An aggregate of one argument that gives one of its arguments. */
static Expr *
make_selection(Oid aggregate, Expr *argument)
{
	Aggref	   *aggref = makeNode(Aggref);
	Oid			type = exprType((Node *) argument);

	aggref->aggfnoid = aggregate;
	aggref->aggtype = type;
	aggref->aggtranstype = InvalidOid;
	aggref->aggargtypes = list_make1_oid(type);
	aggref->args = list_make1(makeTargetEntry(argument, 1, NULL, false));
	aggref->aggkind = AGGKIND_NORMAL;
	aggref->aggsplit = AGGSPLIT_SIMPLE;
	aggref->aggno = -1;
	aggref->aggtransno = -1;
	aggref->location = -1;
	return (Expr *) aggref;
}

static void
add_qual(Query *query, Expr *qual)
{
	query->jointree->quals = (Node *)
		make_and_qual(query->jointree->quals, (Node *) qual);
}

static SortGroupClause *
make_group_clause(Oid type)
{
	SortGroupClause *clause = makeNode(SortGroupClause);

	get_sort_group_operators(type, true, true, false, &clause->sortop, &clause->eqop,
							 NULL, &clause->hashable);
	return clause;
}

/* Forgets what the definition selects; FROM and WHERE stay. */
static void
clear_output(Query *query)
{
	query->targetList = NIL;
	query->groupClause = NIL;
	query->havingQual = NULL;
	query->hasAggs = false;
	query->constraintDeps = NIL;
}

/* count(*) FILTER (WHERE filter) */
static Expr *
make_count_star(Expr *filter)
{
	Aggref	   *count = makeNode(Aggref);

	count->aggfnoid = F_COUNT_;
	count->aggtype = INT8OID;
	count->aggtranstype = InvalidOid;
	count->aggstar = true;
	count->aggfilter = filter;
	count->aggkind = AGGKIND_NORMAL;
	count->aggsplit = AGGSPLIT_SIMPLE;
	count->aggno = -1;
	count->aggtransno = -1;
	count->location = -1;
	return (Expr *) count;
}

void
sa_plan_check_single_scan(const PlannedStmt *plan)
{
	int			scans = 0;
	ListCell   *lc;

	foreach(lc, plan->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RELATION && rte->relkind == RELKIND_FOREIGN_TABLE &&
			sa_is_stream(rte->relid))
			scans++;
	}
	if (scans != 1)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a function in a continuous view must not read a stream"),
				 errhint("Read the stream in FROM, once.")));
}

static bool
mark_partial_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Aggref))
	{
		Aggref	   *aggref = (Aggref *) node;

		if (aggref->aggsplit == AGGSPLIT_SIMPLE)
			mark_partial_aggref(aggref, AGGSPLIT_INITIAL_SERIAL);
		return false;
	}
	return expression_tree_walker(node, mark_partial_walker, context);
}

/* Makes the plan stop at the transition states. */
static void
mark_partial(PlannedStmt *plan)
{
	Agg		   *agg = (Agg *) plan->planTree;

	if (!IsA(agg, Agg) || agg->aggsplit != AGGSPLIT_SIMPLE ||
		agg->groupingSets != NIL || agg->chain != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("plan of a continuous view has an unexpected shape"),
				 errdetail("The topmost node must be an aggregate.")));
	agg->aggsplit = AGGSPLIT_INITIAL_SERIAL;
	(void) mark_partial_walker((Node *) agg->plan.targetlist, NULL);
}

PlannedStmt *
sa_delta_plan(const Query *definition, bool allows_lateness, bool expires)
{
	SaAggregateQuery *aq = sa_aggregate_query_analyze(definition, NULL);
	Query	   *query = aq->sq->query;
	PlannedStmt *plan;
	ListCell   *lc;

	clear_output(query);
	foreach(lc, aq->keys)
	{
		SaGroupKey *key = lfirst(lc);

		add_output(query, key->expr, key->name, key->clause);
	}
	if (aq->windowed)
		add_output(query, (Expr *) sa_stream_query_window_var(aq->sq, 1), "window_start",
				   make_group_clause(aq->sq->window_type));
	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);

		add_output(query, (Expr *) aggregate->aggref, aggregate->name, NULL);
	}
	if (aq->windowed && allows_lateness)
		add_output(query, make_count_star(make_row_test(aq->sq, "is_after_end")),
				   "revisions", NULL);
	if (expires)
	{
		List	   *row = make_row_arguments(aq->sq);

		add_output(query, make_selection(F_MIN_TID, lsecond(row)), "first_row", NULL);
		add_output(query,
				   make_selection(F_MAX_TIMESTAMPTZ,
								  make_row_function("row_event_time", TIMESTAMPTZOID, row)),
				   "last_event_time", NULL);
	}
	add_output(query, make_count_star(NULL), "rows", NULL);
	query->hasAggs = true;
	if (aq->windowed)
		add_qual(query, make_notclause(make_row_test(aq->sq, "is_late")));

	plan = pg_plan_query(query, "", 0, NULL);
	sa_plan_check_single_scan(plan);
	mark_partial(plan);
	return plan;
}

PlannedStmt *
sa_lateness_plan(const Query *definition)
{
	SaAggregateQuery *aq = sa_aggregate_query_analyze(definition, NULL);
	SaStreamQuery *sq = aq->sq;
	Query	   *query = sq->query;
	PlannedStmt *plan;

	clear_output(query);
	add_output(query, (Expr *) sa_stream_query_stream_var(sq, SelfItemPointerAttributeNumber,
														  TIDOID, -1, InvalidOid),
			   "ctid", NULL);
	add_output(query, as_timestamptz(sa_stream_query_window_var(sq, 1)), "window_start", NULL);
	add_output(query, as_timestamptz(sa_stream_query_window_var(sq, 2)), "window_end", NULL);
	add_output(query, make_row_test(sq, "is_late"), "is_late", NULL);

	plan = pg_plan_query(query, "", 0, NULL);
	sa_plan_check_single_scan(plan);
	return plan;
}
