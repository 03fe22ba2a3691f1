/*-------------------------------------------------------------------------
 *
 * aggregate_query.h
 *	  An aggregate view's query, taken apart, and the table that holds it.
 *
 * NOTES
 *	  The data table's columns, in this order:
 *
 *		group keys				as the user grouped by them
 *		window_start, window_end	if there is a window
 *		values					one per distinct aggregate
 *		is_final				if there is a window
 *		revision				changes of a row after it was final
 *		states					of those aggregates whose value isn't their state
 *		last_event_time			of the group's rows, if groups expire
 *
 *	  Columns are found by number, so that renaming one does no harm; the order
 *	  follows from the query alone, so that it is the same after a restore.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_AGGREGATE_AGGREGATE_QUERY_H
#define SA_AGGREGATE_AGGREGATE_QUERY_H

#include "nodes/parsenodes.h"
#include "parser/parse_node.h"

#include "aggregate/stream_query.h"

typedef struct SaGroupKey
{
	Expr	   *expr;			/* at level 0 */
	SortGroupClause *clause;	/* how it is compared */
	char	   *name;			/* of its column in the data table */
	AttrNumber	attnum;
} SaGroupKey;

typedef struct SaAggregate
{
	Aggref	   *aggref;			/* as in the query, final */
	char	   *name;
	AttrNumber	value_attnum;
	AttrNumber	state_attnum;	/* = value_attnum if the value is the state */
	char	   *state_name;
	Oid			state_type;		/* as stored: bytea for internal states */
} SaAggregate;

typedef struct SaAggregateQuery
{
	SaStreamQuery *sq;
	List	   *keys;			/* of SaGroupKey *, without window columns */
	List	   *aggregates;		/* of SaAggregate * */
	bool		windowed;

	/* columns of the data table; 0: not there */
	AttrNumber	start_attnum;
	AttrNumber	end_attnum;
	AttrNumber	final_attnum;
	AttrNumber	revision_attnum;
	AttrNumber	last_attnum;
	int			natts;

	int64		state_ttl_us;	/* -1: groups don't expire */
} SaAggregateQuery;

/* true if a query is an aggregate view's rather than a load */
extern bool sa_query_is_aggregate(const Query *query);

/*
 * Takes apart the query of an aggregate view.  Raises an error with the reason
 * if it can't be maintained.
 */
extern SaAggregateQuery *sa_aggregate_query_analyze(const Query *definition,
													ParseState *pstate);

/*
 * Has groups expire when the watermark has passed their last event time by
 * state_ttl_us; gives the data table the column that this takes.
 */
extern void sa_aggregate_query_set_ttl(SaAggregateQuery *aq, int64 state_ttl_us);

/* Columns of the data table, as a list of ColumnDef. */
extern List *sa_aggregate_query_columns(const SaAggregateQuery *aq);

/*
 * The query of the view that the user sees: the select list and HAVING of the
 * definition, computed from a row of the data table.  "column_names" replace
 * the names of the select list; it may be shorter.
 */
extern Query *sa_aggregate_output_query(const SaAggregateQuery *aq,
										Oid data_table, List *column_names,
										bool emit_final, ParseState *pstate);

/* The output query of a load: columns of its table. */
extern Query *sa_load_output_query(Oid data_table, List *column_names);

#endif							/* SA_AGGREGATE_AGGREGATE_QUERY_H */
