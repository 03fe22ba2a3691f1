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
 *	  Arguments are kept by an INSERT into the set's table.  Its text is parsed
 *	  with an empty subquery in the place of the definition, which is put in
 *	  afterwards: the definition's own parts have been through the rewriter and
 *	  could not go through text again.
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
#include "rewrite/rewriteHandler.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "aggregate/delta.h"
#include "aggregate/rows_sql.h"
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
as_timestamptz(Expr *expr)
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

static Expr *
row_ctid(SaStreamQuery *sq)
{
	return (Expr *) sa_stream_query_stream_var(sq, SelfItemPointerAttributeNumber,
											   TIDOID, -1, InvalidOid);
}

/* A call of one of the functions that know the batch; see 10_catalogs.sql. */
static Expr *
batch_call(const char *function, Oid result, List *args)
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

/* stream_agg.function($1, stream.ctid, window_end) */
static Expr *
make_row_test(SaStreamQuery *sq, const char *function)
{
	return batch_call(function, BOOLOID,
					  list_make2(row_ctid(sq),
								 as_timestamptz((Expr *) sa_stream_query_window_var(sq, 2))));
}

/* A timestamptz as the type of the window's columns. */
static Expr *
as_window_type(const SaStreamQuery *sq, Expr *expr)
{
	if (sq->window_type == TIMESTAMPTZOID)
		return expr;
	return (Expr *) makeRelabelType(expr, sq->window_type, -1, InvalidOid, COERCE_IMPLICIT_CAST);
}

/* The event time, where the window function takes it. */
static Expr *
event_time(SaStreamQuery *sq)
{
	return as_timestamptz(copyObject(linitial(sq->window_call->args)));
}

/* stream_agg.pane_start($1, event_time) */
static Expr *
make_pane_start(SaStreamQuery *sq)
{
	return batch_call("pane_start", TIMESTAMPTZOID, list_make1(event_time(sq)));
}

/* stream_agg.pane_watermark($1, stream.ctid, event_time) */
static Expr *
make_pane_watermark(SaStreamQuery *sq)
{
	return batch_call("pane_watermark", TIMESTAMPTZOID,
					  list_make2(row_ctid(sq), event_time(sq)));
}

static void
add_qual(Query *query, Expr *qual)
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

/* Group keys, then what tells the windows of a group apart. */
static void
add_group_outputs(SaAggregateQuery *aq, bool grouped)
{
	SaStreamQuery *sq = aq->sq;
	SortGroupClause *by_time = grouped && aq->windowed ? make_group_clause(sq->window_type) : NULL;
	ListCell   *lc;

	foreach(lc, aq->keys)
	{
		SaGroupKey *key = lfirst(lc);

		add_output(sq->query, key->expr, key->name, grouped ? key->clause : NULL);
	}
	if (aq->panes)
	{
		add_output(sq->query, as_window_type(sq, make_pane_start(sq)), "pane_start", by_time);
		add_output(sq->query, as_window_type(sq, make_pane_watermark(sq)), "row_watermark",
				   by_time);
	}
	else if (aq->windowed)
		add_output(sq->query, (Expr *) sa_stream_query_window_var(sq, 1), "window_start", by_time);
}

/* A row goes where it is not late. */
static void
add_in_time_qual(SaAggregateQuery *aq)
{
	SaStreamQuery *sq = aq->sq;
	Const	   *never;

	if (!aq->windowed)
		return;
	if (!aq->panes)
	{
		add_qual(sq->query, make_notclause(make_row_test(sq, "is_late")));
		return;
	}
	never = makeConst(TIMESTAMPTZOID, -1, InvalidOid, sizeof(TimestampTz),
					  TimestampTzGetDatum(DT_NOEND), false, FLOAT8PASSBYVAL);
	add_qual(sq->query, (Expr *)
			 makeFuncExpr(F_TIMESTAMPTZ_LT, BOOLOID, list_make2(make_pane_watermark(sq), never),
						  InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
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

static PlannedStmt *
plan_query(Query *query)
{
	PlannedStmt *plan = pg_plan_query(query, "", 0, NULL);

	sa_plan_check_single_scan(plan);
	return plan;
}

PlannedStmt *
sa_delta_plan(const Query *definition, int64 allowed_lateness_us)
{
	SaAggregateQuery *aq = sa_aggregate_query_analyze(definition, allowed_lateness_us, NULL);
	Query	   *query = aq->sq->query;
	PlannedStmt *plan;
	ListCell   *lc;

	clear_output(query);
	add_group_outputs(aq, true);
	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);

		if (aggregate->mode == SA_AGGREGATE_COMBINED)
			add_output(query, (Expr *) aggregate->aggref, aggregate->name, NULL);
		else if (aggregate->mode == SA_AGGREGATE_DISTINCT)
			add_output(query, empty_call(aggregate->aggref), aggregate->name, NULL);
	}
	if (aq->windowed && !aq->panes && allowed_lateness_us > 0)
	{
		Aggref	   *revisions = sa_count_star();

		revisions->aggfilter = make_row_test(aq->sq, "is_after_end");
		add_output(query, (Expr *) revisions, "revisions", NULL);
	}
	add_output(query, (Expr *) sa_count_star(), "rows", NULL);
	query->hasAggs = true;
	add_in_time_qual(aq);

	plan = plan_query(query);
	mark_partial(plan);
	return plan;
}

/* ------------------------------------------------------------------------
 * Kept arguments
 * ------------------------------------------------------------------------
 */

/* hash_record_extended(ROW(key, …), 0) */
static Expr *
make_key_hash(const SaAggregateQuery *aq)
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

/* What is to be kept of the rows of a batch, in the order of the set's columns. */
static Query *
kept_rows_query(SaAggregateQuery *aq, const SaKeptSet *set)
{
	SaStreamQuery *sq = aq->sq;
	Query	   *query = sq->query;
	ListCell   *lc;

	clear_output(query);
	add_output(query, make_key_hash(aq), "key_hash", NULL);
	add_group_outputs(aq, false);
	foreach(lc, set->exprs)
		add_output(query, lfirst(lc), "argument", NULL);
	if (!set->distinct)
	{
		add_output(query, batch_call("row_offset", INT8OID, list_make1(row_ctid(sq))),
				   "row_offset", NULL);
		add_output(query, batch_call("row_partition", INT4OID, list_make1(row_ctid(sq))),
				   "row_partition", NULL);
	}
	if (set->filter != NULL)
		add_qual(query, set->filter);
	add_in_time_qual(aq);
	return query;
}

/* INSERT INTO set SELECT … FROM (SELECT NULL::type AS column, …) AS source */
static char *
kept_insert_sql(const SaKeptSet *set, Oid table)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s SELECT %s source.* FROM (SELECT ",
					 sa_relation_sql(table), set->distinct ? "DISTINCT" : "");
	foreach(lc, set->columns)
	{
		ColumnDef  *column = lfirst_node(ColumnDef, lc);

		appendStringInfo(&sql, "%s%s AS %s", lc == list_head(set->columns) ? "" : ", ",
						 sa_typed_null_sql(column->typeName->typeOid, column->typeName->typemod,
										   column->collOid),
						 quote_identifier(column->colname));
	}
	appendStringInfo(&sql, ") AS source %s", set->distinct ? "ON CONFLICT DO NOTHING" : "");
	return sql.data;
}

/*
 * The same, with the states of those calls that are fed by what is new to the
 * set.
 */
static char *
kept_states_sql(const SaAggregateQuery *aq, const SaKeptSet *set, const SaViewTables *tables,
				Oid table)
{
	int			ngroup = list_length(aq->keys) + (aq->windowed ? 1 : 0);
	StringInfoData group;
	StringInfoData calls;
	ListCell   *lc;

	initStringInfo(&group);
	initStringInfo(&calls);
	for (AttrNumber attnum = 2; attnum <= ngroup + 1; attnum++)
		appendStringInfo(&group, "%sfresh.%s", group.len > 0 ? ", " : "",
						 sa_column_sql(table, attnum));
	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);

		if (aggregate->mode == SA_AGGREGATE_DISTINCT && aggregate->kept == set)
			appendStringInfo(&calls, "%s, ",
							 sa_kept_call_sql(aq, aggregate, tables->data, table, "fresh"));
	}
	return psprintf("WITH fresh AS (%s RETURNING *)"
					" SELECT %s%s %s pg_catalog.count(*) FROM fresh %s %s",
					kept_insert_sql(set, table), group.data, group.len > 0 ? "," : "",
					calls.data, group.len > 0 ? "GROUP BY" : "", group.data);
}

/* Puts the query into the place of the subquery that is called source. */
static bool
replace_source_walker(Node *node, Query *source)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind != RTE_SUBQUERY || strcmp(rte->eref->aliasname, "source") != 0)
			return false;
		rte->subquery = source;
		return true;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, replace_source_walker, source,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, replace_source_walker, source);
}

PlannedStmt *
sa_kept_plan(const Query *definition, int64 allowed_lateness_us, const SaViewTables *tables,
			 int n)
{
	SaAggregateQuery *aq = sa_aggregate_query_analyze(definition, allowed_lateness_us, NULL);
	SaKeptSet  *set = list_nth(aq->kept, n);
	Oid			table = list_nth_oid(tables->kept, n);
	char	   *sql = set->feeds_states ? kept_states_sql(aq, set, tables, table) :
		kept_insert_sql(set, table);
	RawStmt    *parsetree = linitial_node(RawStmt, pg_parse_query(sql));
	List	   *rewritten = pg_analyze_and_rewrite_fixedparams(parsetree, sql, NULL, 0, NULL);
	PlannedStmt *plan;

	if (list_length(rewritten) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" of a continuous view must not have rules",
						get_rel_name(table))));
	if (!replace_source_walker(linitial(rewritten), kept_rows_query(aq, set)))
		elog(ERROR, "no place for the rows of a batch in \"%s\"", sql);
	plan = plan_query(linitial_node(Query, rewritten));
	if (set->feeds_states)
		mark_partial(plan);
	return plan;
}

PlannedStmt *
sa_lateness_plan(const Query *definition)
{
	SaAggregateQuery *aq = sa_aggregate_query_analyze(definition, 0, NULL);
	SaStreamQuery *sq = aq->sq;
	Query	   *query = sq->query;

	clear_output(query);
	add_output(query, row_ctid(sq), "ctid", NULL);
	add_output(query, as_timestamptz((Expr *) sa_stream_query_window_var(sq, 1)),
			   "window_start", NULL);
	add_output(query, as_timestamptz((Expr *) sa_stream_query_window_var(sq, 2)),
			   "window_end", NULL);
	add_output(query, make_row_test(sq, "is_late"), "is_late", NULL);
	return plan_query(query);
}
