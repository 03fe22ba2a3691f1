/*-------------------------------------------------------------------------
 *
 * aggregate_query.c
 *	  An aggregate view's query, taken apart: group keys and windows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
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
	switch (kind)
	{
		case SA_WINDOW_NONE:
			return;
		case SA_WINDOW_TUMBLE:
		case SA_WINDOW_HOP:
			if (by_start || by_end)
				return;
			break;
		case SA_WINDOW_CUMULATE:
		case SA_WINDOW_SESSION:
			if (by_start && by_end)
				return;
			break;
	}
	ereport(ERROR,
			(errcode(ERRCODE_GROUPING_ERROR),
			 errmsg("the query of a continuous view with a window must be grouped by the window"),
			 errhint("Add window_start and window_end to GROUP BY.")));
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

typedef struct WindowReference
{
	int			rtindex;
	int			levels_up;
} WindowReference;

static bool
references_window_walker(Node *node, WindowReference *window)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return ((Var *) node)->varno == window->rtindex &&
			((Var *) node)->varlevelsup == window->levels_up;
	if (IsA(node, Query))
	{
		bool		found;

		window->levels_up++;
		found = query_tree_walker((Query *) node, references_window_walker, window, 0);
		window->levels_up--;
		return found;
	}
	return expression_tree_walker(node, references_window_walker, window);
}

/* Whether FROM or WHERE computes with the window's columns. */
static bool
from_references_window(Query *query, WindowReference *window)
{
	int			rtindex = 0;
	ListCell   *lc;

	if (references_window_walker((Node *) query->jointree, window))
		return true;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (++rtindex == window->rtindex)
			continue;
		if (references_window_walker((Node *) rte->functions, window) ||
			references_window_walker((Node *) rte->subquery, window) ||
			references_window_walker((Node *) rte->values_lists, window))
			return true;
	}
	return false;
}

/*
 * A row goes into one pane, whatever its windows are, so nothing but the grouping
 * may depend on which window it is.
 */
static bool
can_use_panes(const SaAggregateQuery *aq)
{
	SaStreamQuery *sq = aq->sq;
	WindowReference window = {.rtindex = sq->window_rtindex};
	ListCell   *lc;

	if (sq->window_kind != SA_WINDOW_HOP && sq->window_kind != SA_WINDOW_CUMULATE)
		return false;
	if (sq->window_level != 0 || from_references_window(sq->query, &window))
		return false;
	foreach(lc, aq->keys)
	{
		if (references_window_walker((Node *) ((SaGroupKey *) lfirst(lc))->expr, &window))
			return false;
	}
	foreach(lc, pull_var_clause((Node *) list_make2(sq->query->targetList, sq->query->havingQual),
								PVC_INCLUDE_AGGREGATES | PVC_INCLUDE_PLACEHOLDERS))
	{
		if (IsA(lfirst(lc), Aggref) && references_window_walker(lfirst(lc), &window))
			return false;
	}
	return true;
}

static void
check_windows(SaAggregateQuery *aq, ParseState *pstate)
{
	switch (aq->sq->window_kind)
	{
		case SA_WINDOW_NONE:
		case SA_WINDOW_TUMBLE:
		case SA_WINDOW_HOP:
			return;
		case SA_WINDOW_CUMULATE:
			if (!aq->panes)
				sa_refuse(pstate, -1, "a computation with the bounds of a cumulate() window",
						  "Use window_start and window_end in GROUP BY, the select list and HAVING only, outside of aggregates.");
			return;
		case SA_WINDOW_SESSION:
			sa_refuse(pstate, -1, "a window other than tumble()", NULL);
	}
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
sa_aggregate_query_analyze(const Query *definition, int64 allowed_lateness_us,
						   ParseState *pstate)
{
	SaAggregateQuery *aq = palloc0(sizeof(SaAggregateQuery));


	aq->allowed_lateness_us = allowed_lateness_us;
	aq->sq = sa_stream_query_analyze(definition, pstate);
	analyze_keys(aq, pstate);
	aq->panes = can_use_panes(aq);
	check_windows(aq, pstate);
	sa_aggregate_calls_analyze(aq, pstate);
	sa_data_layout_assign(aq);
	return aq;
}
