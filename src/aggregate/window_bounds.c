/*-------------------------------------------------------------------------
 *
 * window_bounds.c
 *	  Whether a query computes with the bounds of its windows before it groups.
 *
 * NOTES
 *	  Which session a row belongs to is known only when all rows have been seen,
 *	  and a pane belongs to many windows.  So where rows are merged by such pieces
 *	  nothing but grouping, HAVING and the select list may depend on the bounds.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"

#include "aggregate/aggregate_query.h"
#include "base/compat.h"

/* what of a range table is not an expression of its own */
#define IGNORED_IN_RANGE_TABLE	(QTW_IGNORE_JOINALIASES | QTW_IGNORE_GROUPEXPRS)

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

bool
sa_window_bounds_are_needed(const SaAggregateQuery *aq, int *location)
{
	SaStreamQuery *sq = aq->sq;
	BoundsContext context = {.sq = *sq,.location = -1};
	List	   *calls;
	bool		found = false;
	ListCell   *lc;

	foreach(lc, aq->keys)
		found = found || bounds_walker((Node *) ((SaGroupKey *) lfirst(lc))->expr, &context);
	calls = pull_var_clause((Node *) list_make2(sq->query->targetList, sq->query->havingQual),
							PVC_INCLUDE_AGGREGATES | PVC_INCLUDE_PLACEHOLDERS);
	foreach(lc, calls)
		found = found || (IsA(lfirst(lc), Aggref) && bounds_walker(lfirst(lc), &context));
	for (int level = 0; level <= sq->window_level && !found; level++)
	{
		context.sq = sa_stream_query_below(sq, level);
		found = level_needs_bounds(&context);
	}
	*location = context.location;
	return found;
}
