/*-------------------------------------------------------------------------
 *
 * aggregate_call.c
 *	  The aggregate calls in a view's query, and what is kept for them.
 *
 * NOTES
 *	  Most aggregates have a combine function: their transition states are all
 *	  that is kept of the rows.  Of the others the arguments are kept, in a table
 *	  of their own, and the call is computed from them when its value is needed:
 *	  when the view is read, and a last time when the window is settled.  So a row
 *	  costs the same however many are kept already.
 *
 *	  DISTINCT is between the two: values are kept in a set, and only those that
 *	  are new to it go into the transition state.  With panes or sessions, where a
 *	  value may be new to one part of a window and not to the other, the value is
 *	  computed from the sets.
 *
 *	  array_agg and string_agg are computed from their arguments, too, although
 *	  they have combine functions from PostgreSQL 16 on: their states grow with
 *	  every row and would be written anew by every batch, and those of array_agg
 *	  hold numbers of types, which mean nothing in another database.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_agg.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "aggregate/aggregate_query.h"

/* Kept sets have their table as relation 1 of a query of their own. */
#define KEPT_RTINDEX	1

typedef struct CollectContext
{
	SaAggregateQuery *aq;
	ParseState *pstate;
	char	   *name;			/* for an aggregate found at the very top */
} CollectContext;

/* ------------------------------------------------------------------------
 * Modes
 * ------------------------------------------------------------------------
 */

static bool
state_grows(Oid aggfnoid)
{
	return aggfnoid == F_ARRAY_AGG_ANYNONARRAY || aggfnoid == F_ARRAY_AGG_ANYARRAY ||
		aggfnoid == F_STRING_AGG_TEXT_TEXT || aggfnoid == F_STRING_AGG_BYTEA_BYTEA;
}

bool
sa_aggregate_is_combinable(const Aggref *aggref)
{
	HeapTuple	tuple;
	Form_pg_aggregate form;
	bool		combinable;

	if (aggref->aggkind != AGGKIND_NORMAL || aggref->aggorder != NIL ||
		state_grows(aggref->aggfnoid))
		return false;
	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggref->aggfnoid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u", aggref->aggfnoid);
	form = (Form_pg_aggregate) GETSTRUCT(tuple);
	combinable = OidIsValid(form->aggcombinefn) &&
		(form->aggtranstype != INTERNALOID ||
		 (OidIsValid(form->aggserialfn) && OidIsValid(form->aggdeserialfn)));
	ReleaseSysCache(tuple);
	return combinable;
}

static SaAggregateMode
choose_mode(const SaAggregateQuery *aq, const Aggref *aggref)
{
	if (!sa_aggregate_is_combinable(aggref))
		return SA_AGGREGATE_KEPT;
	if (aggref->aggdistinct == NIL)
		return SA_AGGREGATE_COMBINED;
	return aq->panes || aq->sq->window_kind == SA_WINDOW_SESSION ?
		SA_AGGREGATE_KEPT : SA_AGGREGATE_DISTINCT;
}

void
sa_aggregate_resolve_state(SaAggregate *aggregate)
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
	/* attribute numbers are given out with the layout; -1 is "wanted" */
	aggregate->state_attnum = has_final || aggregate->state_type != aggref->aggtype ? -1 : 0;
}

/* ------------------------------------------------------------------------
 * Kept arguments
 * ------------------------------------------------------------------------
 */

/* The first column of a kept set that is an argument; see the layout. */
static AttrNumber
first_kept_column(const SaAggregateQuery *aq)
{
	return 1 + list_length(aq->keys) + (aq->windowed ? 1 : 0) + (aq->panes ? 1 : 0) + 1;
}

/*
 * The expression in terms of what is kept: constants stay, rows are taken apart
 * since no column can have their type, anything else becomes a column.
 */
static Expr *
keep_expr(Expr *expr, List **kept, AttrNumber first, ParseState *pstate)
{
	int			n = 0;
	ListCell   *lc;

	if (IsA(expr, Const))
		return expr;
	if (IsA(expr, RowExpr))
	{
		RowExpr    *row = copyObject((RowExpr *) expr);

		foreach(lc, row->args)
			lfirst(lc) = keep_expr(lfirst(lc), kept, first, pstate);
		return (Expr *) row;
	}
	if (get_typtype(exprType((Node *) expr)) == TYPTYPE_PSEUDO)
		sa_refuse(pstate, exprLocation((Node *) expr),
				  psprintf("an argument of type %s of this aggregate",
						   format_type_be(exprType((Node *) expr))),
				  "Pass the single columns.");
	foreach(lc, *kept)
	{
		if (equal(lfirst(lc), expr))
			break;
		n++;
	}
	if (lc == NULL)
		*kept = lappend(*kept, expr);
	return (Expr *) makeVar(KEPT_RTINDEX, first + n, exprType((Node *) expr),
							exprTypmod((Node *) expr), exprCollation((Node *) expr), 0);
}

/* A set with this filter, and if its members are distinct with these columns. */
static SaKeptSet *
find_set(SaAggregateQuery *aq, Expr *filter, bool distinct, List *exprs)
{
	SaKeptSet  *set;
	ListCell   *lc;

	foreach(lc, aq->kept)
	{
		set = lfirst(lc);
		if (set->distinct == distinct && equal(set->filter, filter) &&
			(!distinct || equal(set->exprs, exprs)))
			return set;
	}
	set = palloc0(sizeof(SaKeptSet));
	set->filter = filter;
	set->distinct = distinct;
	set->first_expr = first_kept_column(aq);
	aq->kept = lappend(aq->kept, set);
	return set;
}

/* The call's arguments as columns of the set's table. */
static List *
keep_arguments(const SaAggregateQuery *aq, const Aggref *aggref, List **exprs,
			   ParseState *pstate)
{
	List	   *args = copyObject(aggref->args);
	ListCell   *lc;

	foreach(lc, args)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		tle->expr = keep_expr(tle->expr, exprs, first_kept_column(aq), pstate);
	}
	return args;
}

static void
keep_call(SaAggregateQuery *aq, SaAggregate *aggregate, ParseState *pstate)
{
	Aggref	   *aggref = aggregate->aggref;
	Aggref	   *call = copyObject(aggref);
	bool		distinct = aggref->aggdistinct != NIL &&
		aq->sq->window_kind != SA_WINDOW_SESSION;
	List	   *exprs = NIL;

	if (distinct)
	{
		call->args = keep_arguments(aq, aggref, &exprs, pstate);
		aggregate->kept = find_set(aq, aggref->aggfilter, true, exprs);
		aggregate->kept->exprs = exprs;
	}
	else
	{
		aggregate->kept = find_set(aq, aggref->aggfilter, false, NIL);
		call->args = keep_arguments(aq, aggref, &aggregate->kept->exprs, pstate);
	}
	call->aggfilter = NULL;
	if (aggregate->mode == SA_AGGREGATE_DISTINCT)
	{
		call->aggdistinct = NIL;
		aggregate->kept->feeds_states = true;
	}
	aggregate->kept_call = call;
}

int
sa_kept_set_number(const SaAggregateQuery *aq, const SaKeptSet *set)
{
	int			n = 0;
	ListCell   *lc;

	foreach(lc, aq->kept)
	{
		if (lfirst(lc) == set)
			break;
		n++;
	}
	Assert(n < list_length(aq->kept));
	return n;
}

/* ------------------------------------------------------------------------
 * Calls
 * ------------------------------------------------------------------------
 */

Aggref *
sa_count_star(void)
{
	Aggref	   *count = makeNode(Aggref);

	count->aggfnoid = F_COUNT_;
	count->aggtype = INT8OID;
	count->aggtranstype = InvalidOid;
	count->aggstar = true;
	count->aggkind = AGGKIND_NORMAL;
	count->aggsplit = AGGSPLIT_SIMPLE;
	count->aggno = -1;
	count->aggtransno = -1;
	count->location = -1;
	return count;
}

static SaAggregate *
add_aggregate(SaAggregateQuery *aq, Aggref *aggref, char *name)
{
	SaAggregate *aggregate = palloc0(sizeof(SaAggregate));

	aggregate->aggref = aggref;
	aggregate->name = name;
	aggregate->mode = choose_mode(aq, aggref);
	aq->aggregates = lappend(aq->aggregates, aggregate);
	return aggregate;
}

static bool
collect_calls_walker(Node *node, CollectContext *context)
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
		return expression_tree_walker(node, collect_calls_walker, context);

	foreach(lc, aq->aggregates)
	{
		aggregate = lfirst(lc);
		if (equal(aggregate->aggref, node))
			return false;
	}
	if (get_typtype(exprType(node)) == TYPTYPE_PSEUDO)
		sa_refuse(context->pstate, exprLocation(node),
				  psprintf("an aggregate of type %s", format_type_be(exprType(node))),
				  "Cast its argument to a type that has a name.");
	aggregate = add_aggregate(aq, (Aggref *) node, name != NULL ? name :
							  get_func_name(((Aggref *) node)->aggfnoid));
	if (aggregate->mode != SA_AGGREGATE_KEPT)
		sa_aggregate_resolve_state(aggregate);
	if (aggregate->mode != SA_AGGREGATE_COMBINED)
		keep_call(aq, aggregate, context->pstate);
	return false;
}

static bool
any_is_kept(const SaAggregateQuery *aq)
{
	ListCell   *lc;

	foreach(lc, aq->aggregates)
	{
		if (((SaAggregate *) lfirst(lc))->mode == SA_AGGREGATE_KEPT)
			return true;
	}
	return false;
}

/*
 * Each kept set reads the batch by itself, and must see the rows that the others
 * see.
 */
static void
check_from(const SaAggregateQuery *aq, ParseState *pstate)
{
	Query		from = *aq->sq->query;

	from.targetList = NIL;
	from.havingQual = NULL;
	if (aq->kept != NIL && contain_volatile_functions((Node *) &from))
		sa_refuse(pstate, -1,
				  "a volatile function in FROM or WHERE beside an aggregate whose arguments are kept",
				  "Leave out DISTINCT, ORDER BY and WITHIN GROUP, or filter by an immutable function of the row.");
}

void
sa_aggregate_calls_analyze(SaAggregateQuery *aq, ParseState *pstate)
{
	CollectContext context = {.aq = aq,.pstate = pstate};
	ListCell   *lc;

	foreach(lc, aq->sq->query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		context.name = tle->resjunk ? NULL : tle->resname;
		(void) collect_calls_walker((Node *) tle->expr, &context);
	}
	context.name = NULL;
	(void) collect_calls_walker(aq->sq->query->havingQual, &context);
	check_from(aq, pstate);

	/* tells rows that are settled from those whose arguments are still there */
	if (any_is_kept(aq) && !aq->panes)
	{
		aq->kept_count = add_aggregate(aq, sa_count_star(), "rows_kept");
		sa_aggregate_resolve_state(aq->kept_count);
	}
}
