/*-------------------------------------------------------------------------
 *
 * data_layout.c
 *	  The columns of the tables behind an aggregate view.
 *
 * NOTES
 *	  See aggregate_query.h for the order of columns.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"

#include "aggregate/aggregate_query.h"

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

static ColumnDef *
simple_column(const char *name, Oid type)
{
	return makeColumnDef(name, type, -1, get_typcollation(type));
}

static ColumnDef *
expr_column(const char *name, Expr *expr)
{
	return makeColumnDef(name, exprType((Node *) expr), exprTypmod((Node *) expr),
						 exprCollation((Node *) expr));
}

/* Not of a domain: it may be NULL as long as the value isn't known. */
static ColumnDef *
value_column(const SaAggregate *aggregate)
{
	Node	   *expr = (Node *) aggregate->aggref;
	int32		typmod = exprTypmod(expr);
	Oid			type = getBaseTypeAndTypmod(exprType(expr), &typmod);

	return makeColumnDef(aggregate->name, type, typmod, exprCollation(expr));
}

static List *
key_columns(const SaAggregateQuery *aq)
{
	List	   *columns = NIL;
	ListCell   *lc;

	foreach(lc, aq->keys)
	{
		SaGroupKey *key = lfirst(lc);

		columns = lappend(columns, expr_column(key->name, key->expr));
	}
	return columns;
}

static void
assign_states(SaAggregateQuery *aq, List **taken, AttrNumber *attnum)
{
	AttrNumber	pane_attnum = list_length(aq->keys) + 2;
	ListCell   *lc;

	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);

		if (aggregate->mode == SA_AGGREGATE_KEPT)
			continue;
		if (aq->panes)
		{
			aggregate->state_name = unique_name(taken, makeObjectName(aggregate->name, NULL, "state"));
			aggregate->pane_attnum = ++pane_attnum;
		}
		else if (aggregate->state_attnum == 0)
			aggregate->state_attnum = aggregate->value_attnum;
		else
		{
			aggregate->state_name = unique_name(taken, makeObjectName(aggregate->name, NULL, "state"));
			aggregate->state_attnum = ++(*attnum);
		}
	}
}

/* The table of a kept set. */
static List *
kept_columns(const SaAggregateQuery *aq, const SaKeptSet *set)
{
	List	   *columns = list_make1(simple_column("key_hash", INT8OID));
	List	   *taken = NIL;
	int			n = 0;
	ListCell   *lc;

	taken = lappend(taken, "key_hash");
	taken = lappend(taken, "at");
	taken = lappend(taken, "row_watermark");
	taken = lappend(taken, "row_offset");
	taken = lappend(taken, "row_partition");
	foreach(lc, aq->keys)
	{
		SaGroupKey *key = lfirst(lc);

		columns = lappend(columns, expr_column(unique_name(&taken, key->name), key->expr));
	}
	if (aq->windowed)
		columns = lappend(columns, simple_column("at", aq->sq->window_type));
	if (aq->panes)
		columns = lappend(columns, simple_column("row_watermark", aq->sq->window_type));
	foreach(lc, set->exprs)
		columns = lappend(columns,
						  expr_column(unique_name(&taken, psprintf("argument_%d", ++n)),
									  lfirst(lc)));
	if (!set->distinct)
	{
		columns = lappend(columns, simple_column("row_offset", INT8OID));
		columns = lappend(columns, simple_column("row_partition", INT4OID));
	}
	return columns;
}

void
sa_data_layout_assign(SaAggregateQuery *aq)
{
	List	   *taken = NIL;
	AttrNumber	attnum = 0;
	ListCell   *lc;

	/* our own names come first, so that they are what the documents say */
	taken = lappend(taken, "revision");
	if (aq->state_ttl_us >= 0)
		taken = lappend(taken, "last_event_time");
	if (aq->windowed)
	{
		taken = lappend(taken, "window_start");
		taken = lappend(taken, "window_end");
		taken = lappend(taken, "is_final");
	}
	if (aq->sq->window_kind == SA_WINDOW_SESSION)
		taken = lappend(taken, "due_at");
	if (aq->panes)
	{
		taken = lappend(taken, "pane_start");
		taken = lappend(taken, "row_watermark");
		taken = lappend(taken, "row_count");
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
	assign_states(aq, &taken, &attnum);
	if (aq->state_ttl_us >= 0 && !aq->windowed)
		aq->last_attnum = ++attnum;
	aq->due_attnum = aq->end_attnum;
	if (aq->sq->window_kind == SA_WINDOW_SESSION)
		aq->due_attnum = ++attnum;
	aq->natts = attnum;
	foreach(lc, aq->kept)
	{
		SaKeptSet  *set = lfirst(lc);

		set->columns = kept_columns(aq, set);
	}
}

List *
sa_data_layout_columns(const SaAggregateQuery *aq)
{
	List	   *columns = key_columns(aq);
	List	   *states = NIL;
	ListCell   *lc;

	if (aq->windowed)
	{
		columns = lappend(columns, simple_column("window_start", aq->sq->window_type));
		columns = lappend(columns, simple_column("window_end", aq->sq->window_type));
	}
	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);

		columns = lappend(columns, value_column(aggregate));
		if (aggregate->mode != SA_AGGREGATE_KEPT && !aq->panes &&
			aggregate->state_attnum != aggregate->value_attnum)
			states = lappend(states, simple_column(aggregate->state_name, aggregate->state_type));
	}
	if (aq->windowed)
		columns = lappend(columns, simple_column("is_final", BOOLOID));
	columns = lappend(columns, simple_column("revision", INT8OID));
	columns = list_concat(columns, states);
	if (aq->last_attnum != 0)
		columns = lappend(columns, simple_column("last_event_time", TIMESTAMPTZOID));
	if (aq->sq->window_kind == SA_WINDOW_SESSION)
		columns = lappend(columns, simple_column("due_at", aq->sq->window_type));
	return columns;
}

List *
sa_data_layout_pane_columns(const SaAggregateQuery *aq)
{
	List	   *columns = key_columns(aq);
	ListCell   *lc;

	columns = lappend(columns, simple_column("pane_start", aq->sq->window_type));
	columns = lappend(columns, simple_column("row_watermark", aq->sq->window_type));
	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);

		if (aggregate->mode != SA_AGGREGATE_KEPT)
			columns = lappend(columns, simple_column(aggregate->state_name, aggregate->state_type));
	}
	return lappend(columns, simple_column("row_count", INT8OID));
}

AttrNumber
sa_pane_count_attnum(const SaAggregateQuery *aq)
{
	AttrNumber	attnum = list_length(aq->keys) + 3;
	ListCell   *lc;

	foreach(lc, aq->aggregates)
	{
		if (((SaAggregate *) lfirst(lc))->mode != SA_AGGREGATE_KEPT)
			attnum++;
	}
	return attnum;
}

SaAggregate *
sa_aggregate_of_value(const SaAggregateQuery *aq, AttrNumber attnum)
{
	ListCell   *lc;

	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);

		if (aggregate->value_attnum == attnum)
			return aggregate;
	}
	return NULL;
}
