/*-------------------------------------------------------------------------
 *
 * aggregate_query.c
 *	  An aggregate view's query, taken apart, and the table that holds it.
 *
 * NOTES
 *	  Only what has a transition state that can be combined is kept here as a
 *	  state: aggregates with a combine function, and with functions to store
 *	  the state if its type is internal.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_agg.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

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

/* Sorts the GROUP BY items into keys and window columns. */
static void
analyze_keys(SaAggregateQuery *aq, ParseState *pstate)
{
	Query	   *query = aq->sq->query;
	bool		grouped_by_window = false;
	ListCell   *lc;

	foreach(lc, query->groupClause)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);
		TargetEntry *tle = get_sortgroupclause_tle(clause, query->targetList);
		SaGroupKey *key;

		if (window_column(aq->sq, tle->expr) != 0)
		{
			grouped_by_window = true;
			continue;
		}
		check_key(aq->sq, tle, clause, pstate);
		key = palloc0(sizeof(SaGroupKey));
		key->expr = tle->expr;
		key->clause = clause;
		key->name = tle->resjunk || tle->resname == NULL ? pstrdup("key") : tle->resname;
		aq->keys = lappend(aq->keys, key);
	}

	aq->windowed = aq->sq->window_kind != SA_WINDOW_NONE;
	if (aq->windowed && !grouped_by_window)
		ereport(ERROR,
				(errcode(ERRCODE_GROUPING_ERROR),
				 errmsg("the query of a continuous view with a window must be grouped by the window"),
				 errhint("Add window_start and window_end to GROUP BY.")));
}

/* ------------------------------------------------------------------------
 * Aggregates
 * ------------------------------------------------------------------------
 */

/* Reasons why an aggregate call has no state that can be combined. */
static void
check_aggregate(Aggref *aggref, ParseState *pstate)
{
	HeapTuple	tuple;
	Form_pg_aggregate form;
	bool		combinable;

	if (aggref->aggkind != AGGKIND_NORMAL)
		sa_refuse(pstate, aggref->location,
				  psprintf("aggregate %s() with WITHIN GROUP", get_func_name(aggref->aggfnoid)), NULL);
	if (aggref->aggdistinct != NIL)
		sa_refuse(pstate, aggref->location, "DISTINCT in an aggregate",
				  "Group by the value in one view and count its rows in a query over it.");
	if (aggref->aggorder != NIL)
		sa_refuse(pstate, aggref->location, "ORDER BY in an aggregate", NULL);

	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggref->aggfnoid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u", aggref->aggfnoid);
	form = (Form_pg_aggregate) GETSTRUCT(tuple);
	combinable = OidIsValid(form->aggcombinefn) &&
		(form->aggtranstype != INTERNALOID ||
		 (OidIsValid(form->aggserialfn) && OidIsValid(form->aggdeserialfn)));
	ReleaseSysCache(tuple);
	if (!combinable)
		sa_refuse(pstate, aggref->location,
				  psprintf("aggregate %s(), which has no combine function,",
						   get_func_name(aggref->aggfnoid)),
				  "Keep the rows in a view without GROUP BY and aggregate them in a query.");
}

/* Type of the state as it is stored, and whether it serves as the value. */
static void
resolve_state(SaAggregate *aggregate)
{
	Aggref	   *aggref = aggregate->aggref;
	Oid			argtypes[FUNC_MAX_ARGS];
	int			nargs = get_aggregate_argtypes(aggref, argtypes);
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggref->aggfnoid));
	Form_pg_aggregate form = (Form_pg_aggregate) GETSTRUCT(tuple);
	Oid			transtype = form->aggtranstype;
	bool		has_final = OidIsValid(form->aggfinalfn);

	ReleaseSysCache(tuple);
	transtype = resolve_aggregate_transtype(aggref->aggfnoid, transtype, argtypes, nargs);
	aggregate->state_type = transtype == INTERNALOID ? BYTEAOID : transtype;
	/* attribute numbers are given out by assign_columns; -1 is "wanted" */
	aggregate->state_attnum = has_final || aggregate->state_type != aggref->aggtype ? -1 : 0;
}

typedef struct CollectContext
{
	SaAggregateQuery *aq;
	ParseState *pstate;
	char	   *name;			/* for an aggregate found at the very top */
} CollectContext;

static bool
collect_aggregates_walker(Node *node, CollectContext *context)
{
	SaAggregateQuery *aq = context->aq;
	SaAggregate *aggregate;
	char	   *name = context->name;
	ListCell   *lc;

	if (node == NULL)
		return false;
	context->name = NULL;
	if (IsA(node, SubLink))
		sa_refuse(context->pstate, exprLocation(node),
				  "a subquery in the select list or HAVING of an aggregate",
				  "Join the table in FROM, or in a query over the continuous view.");
	if (IsA(node, GroupingFunc))
		sa_refuse(context->pstate, exprLocation(node), "GROUPING()", NULL);
	if (!IsA(node, Aggref))
		return expression_tree_walker(node, collect_aggregates_walker, context);

	foreach(lc, aq->aggregates)
	{
		aggregate = lfirst(lc);
		if (equal(aggregate->aggref, node))
			return false;
	}
	check_aggregate((Aggref *) node, context->pstate);
	aggregate = palloc0(sizeof(SaAggregate));
	aggregate->aggref = (Aggref *) node;
	aggregate->name = name != NULL ? name : get_func_name(((Aggref *) node)->aggfnoid);
	resolve_state(aggregate);
	aq->aggregates = lappend(aq->aggregates, aggregate);
	return false;
}

static void
analyze_aggregates(SaAggregateQuery *aq, ParseState *pstate)
{
	CollectContext context = {.aq = aq,.pstate = pstate};
	ListCell   *lc;

	foreach(lc, aq->sq->query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		context.name = tle->resjunk ? NULL : tle->resname;
		(void) collect_aggregates_walker((Node *) tle->expr, &context);
	}
	context.name = NULL;
	(void) collect_aggregates_walker(aq->sq->query->havingQual, &context);
}

/* ------------------------------------------------------------------------
 * The data table
 * ------------------------------------------------------------------------
 */

/* The name, or the name with a number behind it, that is not yet taken. */
static char *
unique_name(List **taken, const char *wanted)
{
	char	   *name = pstrdup(wanted);
	ListCell   *lc;
	bool		clash;
	int			n = 0;

	do
	{
		clash = false;
		foreach(lc, *taken)
			clash |= strcmp(lfirst(lc), name) == 0;
		if (clash)
			name = makeObjectName(wanted, NULL, psprintf("%d", ++n));
	} while (clash);
	*taken = lappend(*taken, name);
	return name;
}

static void
assign_columns(SaAggregateQuery *aq)
{
	List	   *taken = NIL;
	AttrNumber	attnum = 0;
	ListCell   *lc;

	/* our own names come first, so that they are what the documents say */
	taken = lappend(taken, "revision");
	if (aq->windowed)
	{
		taken = lappend(taken, "window_start");
		taken = lappend(taken, "window_end");
		taken = lappend(taken, "is_final");
	}

	foreach(lc, aq->keys)
	{
		SaGroupKey *key = lfirst(lc);

		key->name = unique_name(&taken, key->name);
		key->attnum = ++attnum;
	}
	if (aq->windowed)
	{
		aq->start_attnum = ++attnum;
		aq->end_attnum = ++attnum;
	}
	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);

		aggregate->name = unique_name(&taken, aggregate->name);
		aggregate->value_attnum = ++attnum;
	}
	if (aq->windowed)
		aq->final_attnum = ++attnum;
	aq->revision_attnum = ++attnum;
	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);

		if (aggregate->state_attnum == 0)
		{
			aggregate->state_attnum = aggregate->value_attnum;
			continue;
		}
		aggregate->state_name = unique_name(&taken, makeObjectName(aggregate->name, NULL, "state"));
		aggregate->state_attnum = ++attnum;
	}
	aq->natts = attnum;
}

/* Behind all other columns, under a name that none of them has. */
static ColumnDef *
last_event_time_column(List *columns)
{
	List	   *taken = NIL;
	ListCell   *lc;

	foreach(lc, columns)
		taken = lappend(taken, lfirst_node(ColumnDef, lc)->colname);
	return makeColumnDef(unique_name(&taken, "last_event_time"), TIMESTAMPTZOID, -1, InvalidOid);
}

List *
sa_aggregate_query_columns(const SaAggregateQuery *aq)
{
	List	   *columns = NIL;
	List	   *states = NIL;
	ListCell   *lc;

	foreach(lc, aq->keys)
	{
		SaGroupKey *key = lfirst(lc);
		Node	   *expr = (Node *) key->expr;

		columns = lappend(columns, makeColumnDef(key->name, exprType(expr), exprTypmod(expr),
											   exprCollation(expr)));
	}
	if (aq->windowed)
	{
		columns = lappend(columns, makeColumnDef("window_start", aq->sq->window_type, -1, InvalidOid));
		columns = lappend(columns, makeColumnDef("window_end", aq->sq->window_type, -1, InvalidOid));
	}
	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);
		Node	   *expr = (Node *) aggregate->aggref;

		columns = lappend(columns, makeColumnDef(aggregate->name, exprType(expr), exprTypmod(expr),
											   exprCollation(expr)));
		if (aggregate->state_attnum != aggregate->value_attnum)
			states = lappend(states,
							 makeColumnDef(aggregate->state_name, aggregate->state_type, -1,
										   get_typcollation(aggregate->state_type)));
	}
	if (aq->windowed)
		columns = lappend(columns, makeColumnDef("is_final", BOOLOID, -1, InvalidOid));
	columns = lappend(columns, makeColumnDef("revision", INT8OID, -1, InvalidOid));
	columns = list_concat(columns, states);
	if (aq->last_attnum != 0)
		columns = lappend(columns, last_event_time_column(columns));
	return columns;
}

void
sa_aggregate_query_set_ttl(SaAggregateQuery *aq, int64 state_ttl_us)
{
	Assert(aq->last_attnum == 0);
	aq->state_ttl_us = state_ttl_us;
	aq->last_attnum = ++aq->natts;
}

static void
check_windows(SaAggregateQuery *aq, ParseState *pstate)
{
	switch (aq->sq->window_kind)
	{
		case SA_WINDOW_NONE:
		case SA_WINDOW_TUMBLE:
			return;
		case SA_WINDOW_HOP:
		case SA_WINDOW_CUMULATE:
		case SA_WINDOW_SESSION:
			sa_refuse(pstate, -1, "a window other than tumble()", NULL);
	}
}

SaAggregateQuery *
sa_aggregate_query_analyze(const Query *definition, ParseState *pstate)
{
	SaAggregateQuery *aq = palloc0(sizeof(SaAggregateQuery));

	aq->sq = sa_stream_query_analyze(definition, pstate);
	aq->state_ttl_us = -1;
	check_windows(aq, pstate);
	analyze_keys(aq, pstate);
	analyze_aggregates(aq, pstate);
	assign_columns(aq);
	return aq;
}
