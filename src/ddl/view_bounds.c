/*-------------------------------------------------------------------------
 *
 * view_bounds.c
 *	  What keeps the state of a continuous view from growing for ever.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "ddl/view_bounds.h"

/* In so many windows a row may be before the user is told. */
#define MANY_WINDOWS	10000

static void
refuse_without_window(const char *option)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"stream_agg.%s\" is for views with a window", option),
			 errhint("Leave the option out, or group by a window.")));
}

void
sa_view_bounds_check(const SaAggregateQuery *aq, const SaViewOptions *options)
{
	bool		windowed = aq != NULL && aq->windowed;

	if (options->late_function != NULL && !windowed)
		refuse_without_window("late_function");
	if (options->retention_us >= 0 && !windowed)
		refuse_without_window("retention");
	if (options->state_ttl_us >= 0 && windowed)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"stream_agg.state_ttl\" is for views without a window"),
				 errhint("Use the option \"stream_agg.retention\" to remove settled windows.")));
	if (options->state_ttl_us >= 0 && (aq == NULL || aq->keys == NIL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"stream_agg.state_ttl\" is for aggregates with GROUP BY"),
				 errhint("Leave the option out.")));
}

/* ------------------------------------------------------------------------
 * Notices
 * ------------------------------------------------------------------------
 */

/* An expression that can have a few values only, whatever the rows are. */
static bool
has_few_values(Node *expr)
{
	Oid			type = getBaseType(exprType(expr));
	ListCell   *lc;

	if (type == BOOLOID || get_typtype(type) == TYPTYPE_ENUM || !contain_var_clause(expr))
		return true;
	if (!IsA(expr, CaseExpr))
		return false;
	foreach(lc, ((CaseExpr *) expr)->args)
	{
		if (!has_few_values((Node *) lfirst_node(CaseWhen, lc)->result))
			return false;
	}
	return has_few_values((Node *) ((CaseExpr *) expr)->defresult);
}

/* Functions that are stable, and so allowed, but differ from batch to batch. */
static bool
is_clock_function(Oid funcid, void *context)
{
	return funcid == F_NOW || funcid == F_TRANSACTION_TIMESTAMP ||
		funcid == F_STATEMENT_TIMESTAMP || funcid == F_AGE_TIMESTAMPTZ ||
		funcid == F_AGE_TIMESTAMP;
}

static bool
reads_clock_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, is_clock_function, NULL))
		return true;
	if (IsA(node, SQLValueFunction))
	{
		switch (((SQLValueFunction *) node)->op)
		{
			case SVFOP_CURRENT_DATE:
			case SVFOP_CURRENT_TIME:
			case SVFOP_CURRENT_TIME_N:
			case SVFOP_CURRENT_TIMESTAMP:
			case SVFOP_CURRENT_TIMESTAMP_N:
			case SVFOP_LOCALTIME:
			case SVFOP_LOCALTIME_N:
			case SVFOP_LOCALTIMESTAMP:
			case SVFOP_LOCALTIMESTAMP_N:
				return true;
			case SVFOP_CURRENT_ROLE:
			case SVFOP_CURRENT_USER:
			case SVFOP_USER:
			case SVFOP_SESSION_USER:
			case SVFOP_CURRENT_CATALOG:
			case SVFOP_CURRENT_SCHEMA:
				return false;
		}
	}
	return expression_tree_walker(node, reads_clock_walker, context);
}

/* Open windows are made when they are read, and each is stored in the end. */
static void
notice_many_windows(const SaWindowSpec *window, const char *name)
{
	int64		windows = 1;

	if (window->kind == SA_WINDOW_HOP || window->kind == SA_WINDOW_CUMULATE)
		windows = window->size_units / window->slide_units;
	if (windows > MANY_WINDOWS)
		ereport(NOTICE,
				(errmsg("each row of continuous view \"%s\" is in " INT64_FORMAT " windows",
						name, windows),
				 errhint("Choose a longer slide or step.")));
}

void
sa_view_bounds_notice(const SaAggregateQuery *aq, const char *name)
{
	bool		few_groups = true;
	bool		by_clock = false;
	ListCell   *lc;

	foreach(lc, aq->keys)
	{
		Node	   *expr = (Node *) ((SaGroupKey *) lfirst(lc))->expr;
		int			level;

		/* what a column of a subquery is computed from is looked at, too */
		expr = sa_stream_query_trace(aq->sq, expr, &level);
		few_groups &= has_few_values(expr);
		by_clock |= reads_clock_walker(expr, NULL);
	}
	if (by_clock)
		ereport(NOTICE,
				(errmsg("continuous view \"%s\" groups by the time at which rows are read", name),
				 errdetail("Into which group a row goes depends on when its batch runs."),
				 errhint("Group by the event time of the rows.")));
	else if (!aq->windowed && aq->state_ttl_us < 0 && !few_groups)
		ereport(NOTICE,
				(errmsg("continuous view \"%s\" keeps a row for every group for ever", name),
				 errhint("If groups come and go, set the option \"stream_agg.state_ttl\" or group by a window.")));
	notice_many_windows(&aq->sq->window, name);
}
