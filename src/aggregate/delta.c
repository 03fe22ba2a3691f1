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
 *	  With panes the window function has no part in it: a call with the batch and
 *	  the event time gives the one pane of a row, and rows of a pane that are late
 *	  for different windows are kept apart by another.
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
#include "parser/parsetree.h"
#include "tcop/tcopprot.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "aggregate/delta_private.h"
#include "metadata/stream.h"
#include "stream_agg.h"

void
sa_delta_add_output(Query *query, Expr *expr, const char *name,
					const SortGroupClause *clause)
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

Expr *
sa_delta_as_timestamptz(Expr *expr)
{
	if (exprType((Node *) expr) == TIMESTAMPTZOID)
		return expr;
	return (Expr *) makeRelabelType(expr, TIMESTAMPTZOID, -1, InvalidOid,
									COERCE_IMPLICIT_CAST);
}

static Expr *
batch_param(void)
{
	Param	   *batch = makeNode(Param);

	batch->paramkind = PARAM_EXTERN;
	batch->paramid = SA_BATCH_PARAM;
	batch->paramtype = INTERNALOID;
	batch->paramtypmod = -1;
	batch->location = -1;
	return (Expr *) batch;
}

Expr *
sa_delta_row_ctid(SaStreamQuery *sq)
{
	return (Expr *) sa_stream_query_stream_var(sq, SelfItemPointerAttributeNumber,
											   TIDOID, -1, InvalidOid);
}

Expr *
sa_delta_batch_call(const char *function, Oid result, List *args)
{
	List	   *name = list_make2(makeString(SA_SCHEMA), makeString(pstrdup(function)));
	Oid			argtypes[3];
	int			nargs = 0;
	ListCell   *lc;

	args = lcons(batch_param(), args);
	foreach(lc, args)
		argtypes[nargs++] = exprType(lfirst(lc));
	return (Expr *) makeFuncExpr(LookupFuncName(name, nargs, argtypes, false), result, args,
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/* window_start (1) or window_end (2) as timestamptz */
static Expr *
make_bound(SaStreamQuery *sq, AttrNumber column)
{
	return sa_delta_as_timestamptz((Expr *) sa_stream_query_window_var(sq, column));
}

/* stream_agg.function($1, stream.ctid, window_end) */
static Expr *
make_row_test(SaStreamQuery *sq, const char *function)
{
	return sa_delta_batch_call(function, BOOLOID,
							   list_make2(sa_delta_row_ctid(sq), make_bound(sq, 2)));
}

/* stream_agg.row_event_time($1, stream.ctid) */
static Expr *
make_row_time(SaStreamQuery *sq)
{
	return sa_delta_batch_call("row_event_time", TIMESTAMPTZOID,
							   list_make1(sa_delta_row_ctid(sq)));
}

/* A timestamptz as the type of the window's columns. */
static Expr *
as_window_type(const SaStreamQuery *sq, Expr *expr)
{
	if (sq->window_type == TIMESTAMPTZOID)
		return expr;
	return (Expr *) makeRelabelType(expr, sq->window_type, -1, InvalidOid, COERCE_IMPLICIT_CAST);
}

Expr *
sa_delta_event_time(SaStreamQuery *sq)
{
	return sa_delta_as_timestamptz((Expr *) sa_stream_query_stream_var(sq, sq->time_attnum,
																	   sq->window_type, -1,
																	   InvalidOid));
}

/* stream_agg.pane_start($1, event_time) */
static Expr *
make_pane_start(SaStreamQuery *sq)
{
	return sa_delta_batch_call("pane_start", TIMESTAMPTZOID, list_make1(sa_delta_event_time(sq)));
}

/* stream_agg.pane_watermark($1, stream.ctid, event_time) */
static Expr *
make_pane_watermark(SaStreamQuery *sq)
{
	return sa_delta_batch_call("pane_watermark", TIMESTAMPTZOID,
					  list_make2(sa_delta_row_ctid(sq), sa_delta_event_time(sq)));
}

/* stream_agg.pane_watermark(…) < 'infinity': in time for one of its windows */
static Expr *
make_is_in_time(SaStreamQuery *sq)
{
	Const	   *never = makeConst(TIMESTAMPTZOID, -1, InvalidOid, sizeof(TimestampTz),
								  TimestampTzGetDatum(DT_NOEND), false, FLOAT8PASSBYVAL);

	return (Expr *) makeFuncExpr(F_TIMESTAMPTZ_LT, BOOLOID,
								 list_make2(make_pane_watermark(sq), never),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

Expr *
sa_delta_extreme(Oid aggregate, Expr *argument)
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

Expr *
sa_delta_key_hash(const SaAggregateQuery *aq)
{
	Const	   *zero = makeConst(INT8OID, -1, InvalidOid, sizeof(int64), Int64GetDatum(0),
								 false, FLOAT8PASSBYVAL);
	RowExpr    *row = makeNode(RowExpr);
	ListCell   *lc;

	foreach(lc, aq->keys)
	{
		SaGroupKey *key = lfirst(lc);

		if (!sa_group_key_is_hashable(key))
			continue;
		row->args = lappend(row->args, copyObject(key->expr));
		row->colnames = lappend(row->colnames, makeString(key->name));
	}
	if (row->args == NIL)
		return (Expr *) zero;
	row->row_typeid = RECORDOID;
	row->row_format = COERCE_EXPLICIT_CALL;
	row->location = -1;
	return (Expr *) makeFuncExpr(F_HASH_RECORD_EXTENDED, INT8OID, list_make2(row, zero),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

void
sa_delta_add_qual(Query *query, Expr *qual)
{
	query->jointree->quals = (Node *)
		make_and_qual(query->jointree->quals, (Node *) qual);
}

/*
 * Puts a window function in the place of the query's own that gives one row and,
 * since nothing refers to its columns, costs nothing.
 */
static void
replace_window_function(SaStreamQuery *sq)
{
	Query	   *query = sa_stream_query_level(sq, sq->window_level);
	RangeTblEntry *rte = rt_fetch(sq->window_rtindex, query->rtable);
	RangeTblFunction *function = linitial_node(RangeTblFunction, rte->functions);
	FuncExpr   *call = copyObject(sq->window_call);
	Oid			argtypes[] = {sq->window_type, INTERVALOID};
	List	   *name = list_make2(makeString(get_namespace_name(get_func_namespace(call->funcid))),
								  makeString(pstrdup("session")));

	call->funcid = LookupFuncName(name, 2, argtypes, false);
	call->args = list_make2(linitial(call->args), lsecond(call->args));
	function->funcexpr = (Node *) call;
}

SortGroupClause *
sa_delta_group_clause(Oid type)
{
	SortGroupClause *clause = makeNode(SortGroupClause);

	get_sort_group_operators(type, true, true, false, &clause->sortop, &clause->eqop,
							 NULL, &clause->hashable);
	return clause;
}

void
sa_delta_clear_output(Query *query)
{
	query->targetList = NIL;
	query->groupClause = NIL;
	query->havingQual = NULL;
	query->hasAggs = false;
	query->constraintDeps = NIL;
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
mark_partial_walker(Node *node, AggSplit *split)
{
	if (node == NULL)
		return false;
	if (IsA(node, Aggref))
	{
		Aggref	   *aggref = (Aggref *) node;

		if (aggref->aggsplit == AGGSPLIT_SIMPLE)
			mark_partial_aggref(aggref, *split);
		return false;
	}
	return expression_tree_walker(node, mark_partial_walker, split);
}

void
sa_delta_mark_partial(PlannedStmt *plan, AggSplit split)
{
	Agg		   *agg = (Agg *) plan->planTree;

	if (!IsA(agg, Agg) || agg->aggsplit != AGGSPLIT_SIMPLE ||
		agg->groupingSets != NIL || agg->chain != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("plan of a continuous view has an unexpected shape"),
				 errdetail("The topmost node must be an aggregate.")));
	agg->aggsplit = split;
	(void) mark_partial_walker((Node *) agg->plan.targetlist, &split);
}

static void
add_keys(SaAggregateQuery *aq, bool grouped)
{
	ListCell   *lc;

	foreach(lc, aq->keys)
	{
		SaGroupKey *key = lfirst(lc);

		sa_delta_add_output(aq->sq->query, key->expr, key->name, grouped ? key->clause : NULL);
	}
}

/* The group of rows of which none is behind its watermark. */
static void
add_pane_in_time(SaAggregateQuery *aq)
{
	SaStreamQuery *sq = aq->sq;
	Const	   *never = makeConst(sq->window_type, -1, InvalidOid, sizeof(TimestampTz),
								  TimestampTzGetDatum(DT_NOBEGIN), false, FLOAT8PASSBYVAL);

	add_keys(aq, true);
	sa_delta_add_output(sq->query, as_window_type(sq, make_pane_start(sq)), "pane_start",
						sa_delta_group_clause(sq->window_type));
	sa_delta_add_output(sq->query, (Expr *) never, "row_watermark", NULL);
}

void
sa_delta_add_group(SaAggregateQuery *aq, bool grouped)
{
	SaStreamQuery *sq = aq->sq;
	SortGroupClause *by_time = NULL;

	if (grouped && aq->windowed)
		by_time = sa_delta_group_clause(sq->window_type);
	add_keys(aq, grouped);
	if (aq->panes)
	{
		sa_delta_add_output(sq->query, as_window_type(sq, make_pane_start(sq)), "pane_start", by_time);
		sa_delta_add_output(sq->query, as_window_type(sq, make_pane_watermark(sq)), "row_watermark",
				   by_time);
	}
	else if (sq->window_kind == SA_WINDOW_SESSION)
		sa_delta_add_output(sq->query, as_window_type(sq, sa_delta_event_time(sq)), "at", by_time);
	else if (aq->windowed)
		sa_delta_add_output(sq->query, (Expr *) sa_stream_query_window_var(sq, 1),
							"window_start", by_time);
}

void
sa_delta_add_in_time(SaAggregateQuery *aq)
{
	SaStreamQuery *sq = aq->sq;
	Expr	   *test;

	if (!aq->windowed)
		return;
	if (sq->window_kind == SA_WINDOW_SESSION)
	{
		test = sa_delta_batch_call("is_late_row", BOOLOID,
								   list_make2(sa_delta_row_ctid(sq), sa_delta_key_hash(aq)));
		sa_delta_add_qual(sq->query, make_notclause(test));
		return;
	}
	if (!aq->panes)
	{
		sa_delta_add_qual(sq->query, make_notclause(make_row_test(sq, "is_late")));
		return;
	}
	sa_delta_add_qual(sq->query, make_is_in_time(sq));
	/* its rows would be windows */
	replace_window_function(sq);
}

/* The call that starts a state of distinct values: it sees no row. */
static Expr *
empty_call(const Aggref *aggref)
{
	Aggref	   *call = copyObject(unconstify(Aggref *, aggref));

	call->aggdistinct = NIL;
	call->aggfilter = (Expr *) makeBoolConst(false, false);
	return (Expr *) call;
}

PlannedStmt *
sa_delta_make_plan(Query *query, bool partial)
{
	PlannedStmt *plan = pg_plan_query(query, "", 0, NULL);

	sa_plan_check_single_scan(plan);
	if (partial)
		sa_delta_mark_partial(plan, AGGSPLIT_INITIAL_SERIAL);
	return plan;
}

PlannedStmt *
sa_delta_plan(const Query *definition, const SaView *view, bool any_behind)
{
	SaAggregateQuery *aq = sa_aggregate_query_analyze(definition, view, NULL);
	Query	   *query = aq->sq->query;
	ListCell   *lc;

	sa_delta_clear_output(query);
	if (any_behind || !aq->panes)
		sa_delta_add_group(aq, true);
	else
		add_pane_in_time(aq);
	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);

		if (aggregate->mode == SA_AGGREGATE_COMBINED)
			sa_delta_add_output(query, (Expr *) aggregate->aggref, aggregate->name, NULL);
		else if (aggregate->mode == SA_AGGREGATE_DISTINCT)
			sa_delta_add_output(query, empty_call(aggregate->aggref), aggregate->name, NULL);
	}
	if (aq->windowed && !aq->panes && aq->allowed_lateness_us > 0)
	{
		Aggref	   *revisions = sa_count_star();

		revisions->aggfilter = any_behind ? make_row_test(aq->sq, "is_after_end") :
			(Expr *) makeBoolConst(false, false);
		sa_delta_add_output(query, (Expr *) revisions, "revisions", NULL);
	}
	if (aq->last_attnum != 0)
	{
		sa_delta_add_output(query, sa_delta_extreme(F_MIN_TID, sa_delta_row_ctid(aq->sq)),
							"first_row", NULL);
		sa_delta_add_output(query, sa_delta_extreme(F_MAX_TIMESTAMPTZ,
													make_row_time(aq->sq)),
							"last_event_time", NULL);
	}
	sa_delta_add_output(query, (Expr *) sa_count_star(), "rows", NULL);
	query->hasAggs = true;
	if (any_behind)
		sa_delta_add_in_time(aq);
	else if (aq->panes)
		replace_window_function(aq->sq);

	return sa_delta_make_plan(query, true);
}

/* stream_agg.function($1, event_time) */
static Expr *
make_last_window(SaStreamQuery *sq, const char *function)
{
	return sa_delta_batch_call(function, TIMESTAMPTZOID, list_make1(sa_delta_event_time(sq)));
}

/*
 * With panes, only rows that are late for all of their windows, and of those the
 * last: else a row would be as many as it has windows.
 */
static void
add_late_for_all(SaStreamQuery *sq)
{
	NullTest   *has_window = makeNode(NullTest);

	sa_delta_add_output(sq->query, make_last_window(sq, "last_window_start"), "window_start", NULL);
	sa_delta_add_output(sq->query, make_last_window(sq, "last_window_end"), "window_end", NULL);
	sa_delta_add_output(sq->query, (Expr *) makeBoolConst(true, false), "is_late", NULL);
	has_window->arg = make_last_window(sq, "last_window_end");
	has_window->nulltesttype = IS_NOT_NULL;
	has_window->location = -1;
	sa_delta_add_qual(sq->query, (Expr *) has_window);
	sa_delta_add_qual(sq->query, make_notclause(make_is_in_time(sq)));
	replace_window_function(sq);
}

PlannedStmt *
sa_lateness_plan(const Query *definition, const SaView *view)
{
	SaAggregateQuery *aq = sa_aggregate_query_analyze(definition, view, NULL);
	SaStreamQuery *sq = aq->sq;
	Query	   *query = sq->query;

	sa_delta_clear_output(query);
	sa_delta_add_output(query, sa_delta_row_ctid(sq), "ctid", NULL);
	if (aq->panes)
		add_late_for_all(sq);
	else
	{
		sa_delta_add_output(query, make_bound(sq, 1), "window_start", NULL);
		sa_delta_add_output(query, make_bound(sq, 2), "window_end", NULL);
		sa_delta_add_output(query, make_row_test(sq, "is_late"), "is_late", NULL);
	}
	return sa_delta_make_plan(query, false);
}
