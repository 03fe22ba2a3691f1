/*-------------------------------------------------------------------------
 *
 * aggregate_query.h
 *	  An aggregate view's query, taken apart, and the tables that hold it.
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
 *		due_at					of a session: see below
 *
 *	  A session's window_end moves with nearly every batch.  An index on it would
 *	  make each of these updates one of all indexes.  So there is none; the watermark
 *	  at which to look whether the session has ended is stored in a column that
 *	  moves only when it is reached: it is never later than window_end, never
 *	  earlier than the view's watermark, and window_end once the session is final.
 *
 *	  With panes, the data table has the settled windows alone and no states; the
 *	  others are made from the table of panes when they are read:
 *
 *		group keys
 *		pane_start
 *		row_watermark			see stream_agg.pane_watermark()
 *		states					one per combined aggregate
 *		row_count
 *
 *	  A table of kept arguments:
 *
 *		key_hash				of the group keys, to find a group by
 *		group keys
 *		at						window_start, pane_start or event time
 *		row_watermark			with panes
 *		arguments				what the calls need of a row
 *		row_offset, row_partition	the order of rows; not if they are distinct
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
#include "metadata/view.h"

typedef struct SaGroupKey
{
	Expr	   *expr;			/* at level 0 */
	SortGroupClause *clause;	/* how it is compared */
	char	   *name;			/* of its column in the data table */
	AttrNumber	attnum;
} SaGroupKey;

/* Rows of which arguments are kept, for one or more aggregate calls. */
typedef struct SaKeptSet
{
	List	   *exprs;			/* of Expr *, at level 0: what is kept of a row */
	Expr	   *filter;			/* which rows; NULL: all */
	bool		distinct;		/* equal ones once per group and window (pane) */
	bool		feeds_states;	/* some call is SA_AGGREGATE_DISTINCT */
	List	   *columns;		/* of ColumnDef *: its table */
	AttrNumber	first_expr;		/* column of the first of exprs */
} SaKeptSet;

/* How the value of an aggregate comes about. */
typedef enum SaAggregateMode
{
	SA_AGGREGATE_COMBINED,		/* transition states are combined */
	SA_AGGREGATE_DISTINCT,		/* the same, over values that are new to a set */
	SA_AGGREGATE_KEPT			/* computed from kept arguments when needed */
} SaAggregateMode;

typedef struct SaAggregate
{
	Aggref	   *aggref;			/* as in the query, final */
	SaAggregateMode mode;
	char	   *name;
	AttrNumber	value_attnum;

	/* not if arguments are kept */
	AttrNumber	state_attnum;	/* = value_attnum if the value is the state */
	AttrNumber	pane_attnum;	/* in the table of panes */
	char	   *state_name;
	Oid			state_type;		/* as stored: bytea for internal states */

	/* not if states are combined */
	SaKeptSet  *kept;
	Aggref	   *kept_call;		/* over the set's table, which is relation 1 */
} SaAggregate;

typedef struct SaAggregateQuery
{
	SaStreamQuery *sq;
	List	   *keys;			/* of SaGroupKey *, without window columns */
	List	   *aggregates;		/* of SaAggregate * */
	List	   *kept;			/* of SaKeptSet * */
	bool		windowed;
	bool		panes;			/* windows are made of panes */
	int64		allowed_lateness_us;
	int64		state_ttl_us;	/* -1: groups don't expire */

	/* columns of the data table; 0: not there */
	AttrNumber	start_attnum;
	AttrNumber	end_attnum;
	AttrNumber	final_attnum;
	AttrNumber	revision_attnum;
	AttrNumber	last_attnum;
	AttrNumber	due_attnum;		/* of due_at; end_attnum where ends don't move */
	int			natts;

	/*
	 * If some call is computed from kept arguments, and there are no panes: a
	 * count of our own, which is NULL once a row is settled.
	 */
	SaAggregate *kept_count;
} SaAggregateQuery;

/* The tables behind an aggregate view. */
typedef struct SaViewTables
{
	Oid			data;
	Oid			panes;			/* InvalidOid: none */
	List	   *kept;			/* of Oid, in the order of aq->kept */
} SaViewTables;

/* true if a query is an aggregate view's rather than a load */
extern bool sa_query_is_aggregate(const Query *query);

/*
 * Takes apart the query of an aggregate view, of which only the lengths of time
 * need be set.  Raises an error with the reason if it can't be maintained.
 */
extern SaAggregateQuery *sa_aggregate_query_analyze(const Query *definition,
													const SaView *view,
													ParseState *pstate);

/* The same of a view that is there, whose definition is read; NULL for a load. */
extern SaAggregateQuery *sa_aggregate_query_of_view(const SaView *view);

/* The number of columns by which a row of the data table is found. */
extern int	sa_aggregate_query_key_count(const SaAggregateQuery *aq);

/* ---- aggregate_call.c: the calls in a query, and what is kept for them ---- */

/*
 * Fills aq->aggregates and aq->kept; keys and window must be known.
 */
extern void sa_aggregate_calls_analyze(SaAggregateQuery *aq, ParseState *pstate);

/* Whether transition states of a call can be stored and combined. */
extern bool sa_aggregate_is_combinable(const Aggref *aggref);

/*
 * Sets the type of the state as it is stored, and the state's column: 0 if the
 * value serves as the state, else -1, which is "wanted".
 */
extern void sa_aggregate_resolve_state(SaAggregate *aggregate);

/* A call of count(*). */
extern Aggref *sa_count_star(void);

/*
 * Whether anything but grouping, HAVING and the select list depends on the bounds
 * of the windows; keys must be known.  *location is where.
 */
extern bool sa_window_bounds_are_needed(const SaAggregateQuery *aq, int *location);

/* Column of the data table that holds a window column's value, or 0. */
extern AttrNumber sa_window_attnum(const SaAggregateQuery *aq, Node *node);

/* Whether a key's type can be hashed; else it is left out of key_hash. */
extern bool sa_group_key_is_hashable(const SaGroupKey *key);

/* Index of a set in aq->kept. */
extern int	sa_kept_set_number(const SaAggregateQuery *aq, const SaKeptSet *set);

/* ---- data_layout.c: the columns of the tables behind a view ---- */

/* Gives names and numbers to all columns, and columns to the kept sets. */
extern void sa_data_layout_assign(SaAggregateQuery *aq);

/* Columns of the data table and of that of panes, as lists of ColumnDef. */
extern List *sa_data_layout_columns(const SaAggregateQuery *aq);
extern List *sa_data_layout_pane_columns(const SaAggregateQuery *aq);

/* Column row_count of the table of panes. */
extern AttrNumber sa_pane_count_attnum(const SaAggregateQuery *aq);

/* The aggregate whose value is in a column of the data table, or NULL. */
extern SaAggregate *sa_aggregate_of_value(const SaAggregateQuery *aq, AttrNumber attnum);

/*
 * The query of the view that the user sees: the select list and HAVING of the
 * definition, computed from a row of the data table.  "column_names" replace
 * the names of the select list; it may be shorter.
 */
extern Query *sa_aggregate_output_query(const SaAggregateQuery *aq,
										const SaViewTables *tables,
										List *column_names,
										bool emit_final, ParseState *pstate);

/* The output query of a load: columns of its table. */
extern Query *sa_load_output_query(Oid data_table, List *column_names);

#endif							/* SA_AGGREGATE_AGGREGATE_QUERY_H */
