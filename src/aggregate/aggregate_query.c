/*-------------------------------------------------------------------------
 *
 * aggregate_query.c
 *	  An aggregate view's query, taken apart: group keys and windows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "aggregate/aggregate_query.h"

bool
sa_query_is_aggregate(const Query *query)
{
	return query->hasAggs || query->groupClause != NIL ||
		query->groupingSets != NIL || query->havingQual != NULL;
}

/* ------------------------------------------------------------------------
 * Group keys
 * ------------------------------------------------------------------------
 */

/* 1 for window_start, 2 for window_end, 0 for any other expression */
static AttrNumber
window_column(SaStreamQuery *sq, Expr *expr)
{
	int			level;
	Node	   *node;

	if (sq->window_kind == SA_WINDOW_NONE)
		return 0;
	node = sa_stream_query_trace(sq, (Node *) expr, &level);
	if (IsA(node, Var) && level == sq->window_level &&
		((Var *) node)->varno == sq->window_rtindex)
		return ((Var *) node)->varattno;
	return 0;
}

static void
check_key(const SaStreamQuery *sq, TargetEntry *tle, SortGroupClause *clause, ParseState *pstate)
{
	Oid			type = exprType((Node *) tle->expr);
	int			location = exprLocation((Node *) tle->expr);

	if (sa_stream_query_is_volatile(sq, (Node *) tle->expr))
		sa_refuse(pstate, location, "a volatile grouping expression",
				  "Group by columns of the stream and immutable functions of them.");
	if (!OidIsValid(clause->sortop))
		sa_refuse(pstate, location,
				  psprintf("a group key of type %s, which has no btree operator class,",
						   format_type_be(type)),
				  "Cast the key to a type that can be sorted.");
	if (get_typtype(type) == TYPTYPE_PSEUDO)
		sa_refuse(pstate, location,
				  psprintf("a group key of type %s", format_type_be(type)),
				  "Group by the single columns.");
}

/*
 * One bound of a window tells the other, but not if windows grow or merge.
 */
static void
check_grouping(SaWindowKind kind, bool by_start, bool by_end)
{
	bool		both = kind == SA_WINDOW_CUMULATE || kind == SA_WINDOW_SESSION;

	if (kind == SA_WINDOW_NONE)
		return;
	if (!by_start && !by_end)
		ereport(ERROR,
				(errcode(ERRCODE_GROUPING_ERROR),
				 errmsg("the query of a continuous view with a window must be grouped by the window"),
				 errhint("Add window_start and window_end to GROUP BY.")));
	if (both && !(by_start && by_end))
		ereport(ERROR,
				(errcode(ERRCODE_GROUPING_ERROR),
				 errmsg("the query of a continuous view with %s() must be grouped by both bounds of the window",
						kind == SA_WINDOW_SESSION ? "session" : "cumulate"),
				 errhint("Add %s to GROUP BY.", by_start ? "window_end" : "window_start")));
}

/* Sorts the GROUP BY items into keys and window columns. */
static void
analyze_keys(SaAggregateQuery *aq, ParseState *pstate)
{
	Query	   *query = aq->sq->query;
	bool		grouped_by[3] = {false, false, false};	/* other, start, end */
	ListCell   *lc;

	foreach(lc, query->groupClause)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);
		TargetEntry *tle = get_sortgroupclause_tle(clause, query->targetList);
		AttrNumber	column = window_column(aq->sq, tle->expr);
		SaGroupKey *key;

		grouped_by[column] = true;
		if (column != 0)
			continue;
		check_key(aq->sq, tle, clause, pstate);
		key = palloc0(sizeof(SaGroupKey));
		key->expr = tle->expr;
		key->clause = clause;
		key->name = tle->resjunk || tle->resname == NULL ? pstrdup("key") : tle->resname;
		aq->keys = lappend(aq->keys, key);
	}

	aq->windowed = aq->sq->window_kind != SA_WINDOW_NONE;
	check_grouping(aq->sq->window_kind, grouped_by[1], grouped_by[2]);
}

/* ------------------------------------------------------------------------
 * Windows
 * ------------------------------------------------------------------------
 */

/*
 * How windows are put together.  Where a hop's bounds are needed row by row, a row
 * goes into each of its windows.
 */
static void
analyze_window(SaAggregateQuery *aq, ParseState *pstate)
{
	int			location;

	switch (aq->sq->window_kind)
	{
		case SA_WINDOW_NONE:
		case SA_WINDOW_TUMBLE:
			return;
		case SA_WINDOW_HOP:
			aq->panes = !sa_window_bounds_are_needed(aq, &location);
			return;
		case SA_WINDOW_CUMULATE:
		case SA_WINDOW_SESSION:
			break;
	}
	if (sa_window_bounds_are_needed(aq, &location))
		sa_refuse(pstate, location, aq->sq->window_kind == SA_WINDOW_SESSION ?
				  "a bound of a session outside of GROUP BY, HAVING and the select list" :
				  "a bound of a cumulating window outside of GROUP BY, HAVING and the select list",
				  "Use the bounds in a query over the continuous view.");
	aq->panes = aq->sq->window_kind == SA_WINDOW_CUMULATE;
}

AttrNumber
sa_window_attnum(const SaAggregateQuery *aq, Node *node)
{
	AttrNumber	column = 0;

	if (aq->windowed && IsA(node, Var))
		column = window_column(aq->sq, (Expr *) node);
	return column == 0 ? 0 : column == 1 ? aq->start_attnum : aq->end_attnum;
}

bool
sa_group_key_is_hashable(const SaGroupKey *key)
{
	TypeCacheEntry *type = lookup_type_cache(exprType((Node *) key->expr),
											 TYPECACHE_HASH_EXTENDED_PROC);

	return OidIsValid(type->hash_extended_proc);
}

int
sa_aggregate_query_key_count(const SaAggregateQuery *aq)
{
	int			count = list_length(aq->keys);

	if (!aq->windowed)
		return count;
	/* windows that grow have their start in common */
	return count + (aq->sq->window_kind == SA_WINDOW_CUMULATE ? 2 : 1);
}

SaAggregateQuery *
sa_aggregate_query_analyze(const Query *definition, const SaView *view, ParseState *pstate)
{
	SaAggregateQuery *aq = palloc0(sizeof(SaAggregateQuery));

	aq->allowed_lateness_us = view->allowed_lateness_us;
	aq->state_ttl_us = view->state_ttl_us;
	aq->sq = sa_stream_query_analyze(definition, pstate);
	analyze_keys(aq, pstate);
	analyze_window(aq, pstate);
	sa_aggregate_calls_analyze(aq, pstate);
	sa_data_layout_assign(aq);
	return aq;
}

SaAggregateQuery *
sa_aggregate_query_of_view(const SaView *view)
{
	Relation	definition;
	SaAggregateQuery *aq;

	if (view->kind != SA_VIEW_AGGREGATE)
		return NULL;
	definition = table_open(view->definition, AccessShareLock);
	aq = sa_aggregate_query_analyze(get_view_query(definition), view, NULL);
	table_close(definition, NoLock);
	return aq;
}
