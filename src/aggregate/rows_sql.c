/*-------------------------------------------------------------------------
 *
 * rows_sql.c
 *	  SQL for what the data table of an aggregate view does not hold.
 *
 * NOTES
 *	  Two things are computed when they are read: values of aggregates whose
 *	  arguments are kept, and windows that are made of panes.  Both are plain
 *	  queries, so conditions on group keys reach the indexes of the tables, and
 *	  everything is seen in one snapshot.  When a window is settled, the same
 *	  queries give what the data table keeps of it.
 *
 *	  A group's kept arguments are found by a hash of its keys, since an index
 *	  can't find by keys that may be NULL; record_eq() then makes sure, which
 *	  compares as GROUP BY does.
 *
 *	  In the queries, "d" is a row of the view, "r" a row of kept arguments, "p" a
 *	  pane and "w" a window of it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_oper.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/ruleutils.h"
#include "utils/typcache.h"

#include "aggregate/rows_sql.h"
#include "stream_agg.h"

/* ------------------------------------------------------------------------
 * Names and types
 * ------------------------------------------------------------------------
 */

char *
sa_relation_sql(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
}

const char *
sa_column_sql(Oid relid, AttrNumber attnum)
{
	return quote_identifier(get_attname(relid, attnum, false));
}

static char *
type_sql(Oid type, int32 typmod)
{
	return format_type_extended(type, typmod,
								FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
}

char *
sa_typed_null_sql(Oid type, int32 typmod, Oid collation)
{
	const char *null = psprintf("NULL::%s", type_sql(type, typmod));

	/* a cast of NULL to a domain may be an error; what is not in an array isn't */
	if (get_typtype(type) == TYPTYPE_DOMAIN)
		null = psprintf("(%s[])[1]", null);
	if (OidIsValid(collation))
		return psprintf("%s COLLATE %s", null, generate_collation_name(collation));
	return pstrdup(null);
}

static const char *
separator(StringInfo sql)
{
	return sql->len > 0 ? ", " : "";
}

/* "alias.column, …" for the group keys; they stand in columns from "first" on. */
static char *
key_list(const SaAggregateQuery *aq, Oid relid, AttrNumber first, const char *alias)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < list_length(aq->keys); i++)
		appendStringInfo(&sql, "%s%s.%s", separator(&sql), alias,
						 sa_column_sql(relid, first + i));
	return sql.data;
}

char *
sa_key_hash_sql(const SaAggregateQuery *aq, Oid relid, const char *alias)
{
	StringInfoData keys;
	ListCell   *lc;

	initStringInfo(&keys);
	foreach(lc, aq->keys)
	{
		SaGroupKey *key = lfirst(lc);

		if (sa_group_key_is_hashable(key))
			appendStringInfo(&keys, "%s%s.%s", separator(&keys), alias,
							 sa_column_sql(relid, key->attnum));
	}
	if (keys.len == 0)
		return pstrdup("0::bigint");
	return psprintf("pg_catalog.hash_record_extended(ROW(%s), 0)", keys.data);
}

/*
 * When the watermark has passed the window of row "alias" for good: its end,
 * plus what lateness is allowed.
 */
static char *
settled_at(const SaAggregateQuery *aq, const char *alias, const char *end)
{
	if (aq->allowed_lateness_us == 0)
		return psprintf("%s.%s", alias, end);
	return psprintf("(%s.%s OPERATOR(pg_catalog.+) '" INT64_FORMAT " microseconds'::pg_catalog.interval)",
					alias, end, aq->allowed_lateness_us);
}

/* ------------------------------------------------------------------------
 * Kept arguments
 * ------------------------------------------------------------------------
 */

/* Column of a set's table that comes before its arguments. */
static AttrNumber
kept_at_attnum(const SaAggregateQuery *aq)
{
	return list_length(aq->keys) + 2;
}

static void
add_order(Aggref *call, AttrNumber attnum, Oid type)
{
	Var		   *var = makeVar(1, attnum, type, -1, InvalidOid, 0);
	TargetEntry *tle = makeTargetEntry((Expr *) var, list_length(call->args) + 1, NULL, true);
	SortGroupClause *clause = makeNode(SortGroupClause);
	Index		ref = 0;
	ListCell   *lc;

	foreach(lc, call->args)
		ref = Max(ref, lfirst_node(TargetEntry, lc)->ressortgroupref);
	tle->ressortgroupref = ref + 1;
	clause->tleSortGroupRef = ref + 1;
	get_sort_group_operators(type, true, true, false, &clause->sortop, &clause->eqop,
							 NULL, &clause->hashable);
	call->args = lappend(call->args, tle);
	call->aggorder = lappend(call->aggorder, clause);
}

/*
 * What depends on the order of rows gets them in the order of the stream, the
 * same on every replay.
 */
static Aggref *
in_stream_order(const SaAggregate *aggregate)
{
	SaKeptSet  *set = aggregate->kept;
	Aggref	   *call = copyObject(aggregate->kept_call);
	AttrNumber	offset = set->first_expr + list_length(set->exprs);

	if (set->distinct || call->aggdistinct != NIL || call->aggkind != AGGKIND_NORMAL)
		return call;
	add_order(call, offset, INT8OID);
	add_order(call, offset + 1, INT4OID);
	return call;
}

/* Arguments of WITHIN GROUP aggregates that belong to the group, not to a row. */
typedef struct DirectContext
{
	const SaAggregateQuery *aq;
	Oid			data;
} DirectContext;

static Node *
direct_argument_mutator(Node *node, DirectContext *context)
{
	AttrNumber	attnum;
	ListCell   *lc;

	if (node == NULL)
		return NULL;
	foreach(lc, context->aq->keys)
	{
		SaGroupKey *key = lfirst(lc);
		Node	   *expr = (Node *) key->expr;

		if (equal(expr, node))
			return (Node *) makeVar(1, key->attnum, exprType(expr), exprTypmod(expr),
									exprCollation(expr), 1);
	}
	attnum = sa_window_attnum(context->aq, node);
	if (attnum != 0)
		return (Node *) makeVar(1, attnum, context->aq->sq->window_type, -1, InvalidOid, 1);
	return expression_tree_mutator(node, direct_argument_mutator, context);
}

char *
sa_kept_call_sql(const SaAggregateQuery *aq, const SaAggregate *aggregate,
				 Oid data, Oid kept, const char *alias)
{
	DirectContext direct = {.aq = aq,.data = data};
	Aggref	   *call = in_stream_order(aggregate);
	List	   *names = list_concat(deparse_context_for(alias, kept),
									deparse_context_for("d", data));

	call->aggdirectargs = (List *)
		direct_argument_mutator((Node *) call->aggdirectargs, &direct);
	return deparse_expression((Node *) call, names, true, false);
}

/* Which kept arguments are those of row d. */
static char *
kept_condition(const SaAggregateQuery *aq, Oid data, Oid kept)
{
	AttrNumber	at = kept_at_attnum(aq);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "r.%s OPERATOR(pg_catalog.=) %s", sa_column_sql(kept, 1),
					 sa_key_hash_sql(aq, data, "d"));
	if (aq->keys != NIL)
		appendStringInfo(&sql, " AND pg_catalog.record_eq(ROW(%s), ROW(%s))",
						 key_list(aq, kept, 2, "r"), key_list(aq, data, 1, "d"));
	if (!aq->windowed)
		return sql.data;
	if (aq->panes || aq->sq->window_kind == SA_WINDOW_SESSION)
		appendStringInfo(&sql, " AND r.%s OPERATOR(pg_catalog.>=) d.%s"
						 " AND r.%s OPERATOR(pg_catalog.<) d.%s",
						 sa_column_sql(kept, at), sa_column_sql(data, aq->start_attnum),
						 sa_column_sql(kept, at), sa_column_sql(data, aq->end_attnum));
	else
		appendStringInfo(&sql, " AND r.%s OPERATOR(pg_catalog.=) d.%s",
						 sa_column_sql(kept, at), sa_column_sql(data, aq->start_attnum));
	if (aq->panes)
		appendStringInfo(&sql, " AND r.%s OPERATOR(pg_catalog.<) %s",
						 sa_column_sql(kept, at + 1),
						 settled_at(aq, "d", sa_column_sql(data, aq->end_attnum)));
	return sql.data;
}

/* The value of an aggregate for row d, from its kept arguments. */
static char *
kept_value(const SaAggregateQuery *aq, const SaViewTables *tables, const SaAggregate *aggregate)
{
	Oid			kept = list_nth_oid(tables->kept, sa_kept_set_number(aq, aggregate->kept));

	return psprintf("(SELECT %s FROM %s AS r WHERE %s)",
					sa_kept_call_sql(aq, aggregate, tables->data, kept, "r"),
					sa_relation_sql(kept), kept_condition(aq, tables->data, kept));
}

char *
sa_kept_delete_sql(const SaAggregateQuery *aq, const SaViewTables *tables, int n,
				   const char *condition)
{
	Oid			kept = list_nth_oid(tables->kept, n);

	return psprintf("DELETE FROM ONLY %s AS r USING ONLY %s AS d WHERE %s AND %s",
					sa_relation_sql(kept), sa_relation_sql(tables->data), condition,
					kept_condition(aq, tables->data, kept));
}

/* ------------------------------------------------------------------------
 * Rows
 * ------------------------------------------------------------------------
 */

/* "d.column, …" for all columns but those that are computed from kept arguments. */
static char *
row_columns(const SaAggregateQuery *aq, const SaViewTables *tables)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (AttrNumber attnum = 1; attnum <= aq->natts; attnum++)
	{
		const char *name = sa_column_sql(tables->data, attnum);
		SaAggregate *aggregate = sa_aggregate_of_value(aq, attnum);

		appendStringInfoString(&sql, separator(&sql));
		if (aggregate == NULL || aggregate->mode != SA_AGGREGATE_KEPT)
			appendStringInfo(&sql, "d.%s", name);
		else if (aq->panes)
			appendStringInfo(&sql, "%s AS %s", kept_value(aq, tables, aggregate), name);
		else
			appendStringInfo(&sql, "CASE WHEN d.%s IS NULL THEN d.%s ELSE %s END AS %s",
							 sa_column_sql(tables->data, aq->kept_count->state_attnum),
							 name, kept_value(aq, tables, aggregate), name);
	}
	return sql.data;
}

/* All columns of the data table. */
static char *
stored_columns(const SaAggregateQuery *aq, const SaViewTables *tables)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (AttrNumber attnum = 1; attnum <= aq->natts; attnum++)
		appendStringInfo(&sql, "%sd.%s", separator(&sql), sa_column_sql(tables->data, attnum));
	return sql.data;
}

/* ------------------------------------------------------------------------
 * Panes
 * ------------------------------------------------------------------------
 */

/* stream_agg.combine_states(aggregate, result, p.state, argument, …) */
static char *
combined_value(const SaViewTables *tables, const SaAggregate *aggregate)
{
	Aggref	   *aggref = aggregate->aggref;
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfo(&sql, "%s.combine_states(%s::pg_catalog.regprocedure, %s, p.%s", SA_SCHEMA,
					 quote_literal_cstr(format_procedure_qualified(aggref->aggfnoid)),
					 sa_typed_null_sql(getBaseType(aggref->aggtype), -1, InvalidOid),
					 sa_column_sql(tables->panes, aggregate->pane_attnum));
	foreach(lc, aggref->aggargtypes)
	{
		Oid			type = lfirst_oid(lc);

		appendStringInfo(&sql, ", %s",
						 sa_typed_null_sql(type, -1,
										   OidIsValid(get_typcollation(type)) ?
										   aggref->inputcollid : InvalidOid));
	}
	appendStringInfoChar(&sql, ')');
	return sql.data;
}

/* Which panes are those of row d. */
static char *
pane_condition(const SaAggregateQuery *aq, const SaViewTables *tables)
{
	const char *pane_start = sa_column_sql(tables->panes, list_length(aq->keys) + 1);
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, aq->keys)
	{
		SaGroupKey *key = lfirst(lc);
		Oid			type = exprType((Node *) key->expr);
		char	   *pane = psprintf("p.%s", sa_column_sql(tables->panes, key->attnum));
		char	   *row = psprintf("d.%s", sa_column_sql(tables->data, key->attnum));

		/* unlike IS NOT DISTINCT FROM, this finds its way into the index */
		appendStringInfoChar(&sql, '(');
		generate_operator_clause(&sql, pane, type, key->clause->eqop, row, type);
		appendStringInfo(&sql, " OR (%s IS NULL AND %s IS NULL)) AND ", pane, row);
	}
	appendStringInfo(&sql, "p.%s OPERATOR(pg_catalog.>=) d.%s AND p.%s OPERATOR(pg_catalog.<) d.%s"
					 " AND p.%s OPERATOR(pg_catalog.<) %s",
					 pane_start, sa_column_sql(tables->data, aq->start_attnum),
					 pane_start, sa_column_sql(tables->data, aq->end_attnum),
					 sa_column_sql(tables->panes, list_length(aq->keys) + 2),
					 settled_at(aq, "d", sa_column_sql(tables->data, aq->end_attnum)));
	return sql.data;
}

/* schema.hop(p.pane_start, slide, …) */
static char *
window_call(const SaAggregateQuery *aq, const SaViewTables *tables)
{
	FuncExpr   *call = aq->sq->window_call;
	char	   *schema = get_namespace_name(get_func_namespace(call->funcid));
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "%s(p.%s",
					 quote_qualified_identifier(schema, get_func_name(call->funcid)),
					 sa_column_sql(tables->panes, list_length(aq->keys) + 1));
	for (int i = 1; i < list_length(call->args); i++)
	{
		Node	   *arg = eval_const_expressions(NULL, list_nth(call->args, i));

		appendStringInfo(&sql, ", %s", deparse_expression(arg, NIL, false, true));
	}
	appendStringInfoChar(&sql, ')');
	return sql.data;
}

/* The output columns of pane_windows(), in the order and with the names of the data table's. */
static char *
pane_window_columns(const SaAggregateQuery *aq, const SaViewTables *tables,
					const char *is_final, bool with_values)
{
	int			nkeys = list_length(aq->keys);
	StringInfoData sql;

	initStringInfo(&sql);
	for (AttrNumber attnum = 1; attnum <= nkeys; attnum++)
		appendStringInfo(&sql, "p.%s AS %s, ", sa_column_sql(tables->panes, attnum),
						 sa_column_sql(tables->data, attnum));
	appendStringInfo(&sql, "w.window_start AS %s, w.window_end AS %s",
					 sa_column_sql(tables->data, aq->start_attnum),
					 sa_column_sql(tables->data, aq->end_attnum));
	for (int i = 0; i < list_length(aq->aggregates); i++)
	{
		SaAggregate *aggregate = list_nth(aq->aggregates, i);
		Oid			type = exprType((Node *) aggregate->aggref);

		appendStringInfo(&sql, ", %s AS %s",
						 with_values && aggregate->mode != SA_AGGREGATE_KEPT ?
						 combined_value(tables, aggregate) :
						 sa_typed_null_sql(getBaseType(type), -1, InvalidOid),
						 sa_column_sql(tables->data, aggregate->value_attnum));
	}
	appendStringInfo(&sql, ", %s AS %s, COALESCE(pg_catalog.sum(p.%s) FILTER"
					 " (WHERE p.%s OPERATOR(pg_catalog.>=) w.window_end), 0)::bigint AS %s",
					 is_final, sa_column_sql(tables->data, aq->final_attnum),
					 sa_column_sql(tables->panes, sa_pane_count_attnum(aq)),
					 sa_column_sql(tables->panes, nkeys + 2),
					 sa_column_sql(tables->data, aq->revision_attnum));
	return sql.data;
}

/*
 * Windows of panes, one row per group and window.  "windows" is what gives for a
 * pane p its windows w, and "condition" says which of them; is_final is in terms
 * of w.window_end.  Without values these are NULL.
 */
static char *
pane_windows(const SaAggregateQuery *aq, const SaViewTables *tables, const char *windows,
			 const char *is_final, const char *condition, bool with_values)
{
	int			nkeys = list_length(aq->keys);
	char	   *sql;

	sql = psprintf("SELECT %s FROM %s AS p, %s WHERE %s AND p.%s OPERATOR(pg_catalog.<) %s"
				   " GROUP BY %s%sw.window_start, w.window_end",
				   pane_window_columns(aq, tables, is_final, with_values),
				   sa_relation_sql(tables->panes), windows, condition,
				   sa_column_sql(tables->panes, nkeys + 2), settled_at(aq, "w", "window_end"),
				   key_list(aq, tables->panes, 1, "p"), nkeys > 0 ? ", " : "");
	return psprintf("SELECT %s FROM (%s) AS d",
					with_values ? row_columns(aq, tables) : stored_columns(aq, tables), sql);
}

/* The view's watermark, in the type of its windows. */
static char *
watermark_sql(const SaAggregateQuery *aq, const SaViewTables *tables)
{
	char	   *call = psprintf("%s.closed_until(%s::pg_catalog.regclass)", SA_SCHEMA,
								quote_literal_cstr(sa_relation_sql(tables->data)));

	if (aq->sq->window_type == TIMESTAMPTZOID)
		return psprintf("(SELECT %s)", call);
	return psprintf("(SELECT pg_catalog.timezone('UTC', %s))", call);
}

char *
sa_rows_sql(const SaAggregateQuery *aq, const SaViewTables *tables)
{
	char	   *watermark;

	if (aq->kept_count != NULL)
		return psprintf("SELECT %s FROM %s AS d", row_columns(aq, tables),
						sa_relation_sql(tables->data));
	if (!aq->panes)
		return NULL;
	watermark = watermark_sql(aq, tables);
	return psprintf("SELECT %s FROM %s AS d UNION ALL %s", stored_columns(aq, tables),
					sa_relation_sql(tables->data),
					pane_windows(aq, tables, psprintf("%s AS w", window_call(aq, tables)),
								 psprintf("(w.window_end OPERATOR(pg_catalog.<=) %s)", watermark),
								 psprintf("%s OPERATOR(pg_catalog.>) %s",
										  settled_at(aq, "w", "window_end"), watermark), true));
}

/* ------------------------------------------------------------------------
 * Settling
 * ------------------------------------------------------------------------
 */

bool
sa_value_is_computed(const SaAggregateQuery *aq, const SaAggregate *aggregate)
{
	return aq->panes || aggregate->mode == SA_AGGREGATE_KEPT;
}

char *
sa_settled_windows_sql(const SaAggregateQuery *aq, const SaViewTables *tables, bool with_values)
{
	const char *pane = sa_column_sql(tables->panes, list_length(aq->keys) + 1);

	return pane_windows(aq, tables, "ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2))"
						" AS w(window_start, window_end)", "true",
						psprintf("p.%s OPERATOR(pg_catalog.>=) w.window_start"
								 " AND p.%s OPERATOR(pg_catalog.<) w.window_end", pane, pane),
						with_values);
}

/*
 * Nothing that is due before $1 is open any more, and the index has many dead
 * entries there.
 */
static char *
due_between(const SaAggregateQuery *aq, Oid data)
{
	const char *due = sa_column_sql(data, aq->due_attnum);
	bool		strict = aq->sq->window_kind == SA_WINDOW_SESSION;

	return psprintf("d.%s OPERATOR(pg_catalog.%s) $1 AND d.%s OPERATOR(pg_catalog.%s) $2",
					due, strict ? ">=" : ">", due, strict ? "<" : "<=");
}

char *
sa_due_condition_sql(const SaAggregateQuery *aq, Oid data)
{
	char	   *due = due_between(aq, data);

	if (aq->due_attnum == aq->end_attnum)
		return due;
	return psprintf("%s AND d.%s OPERATOR(pg_catalog.<) $2", due,
					sa_column_sql(data, aq->end_attnum));
}

char *
sa_due_later_sql(const SaAggregateQuery *aq, Oid data)
{
	const char *end = sa_column_sql(data, aq->end_attnum);

	return psprintf("UPDATE ONLY %s AS d SET %s = d.%s WHERE %s AND d.%s OPERATOR(pg_catalog.>=) $2",
					sa_relation_sql(data), sa_column_sql(data, aq->due_attnum), end,
					due_between(aq, data), end);
}

char *
sa_final_assignments_sql(const SaAggregateQuery *aq, Oid data)
{
	char	   *sql = psprintf("%s = true", sa_column_sql(data, aq->final_attnum));

	if (aq->due_attnum == aq->end_attnum)
		return sql;
	return psprintf("%s, %s = d.%s", sql, sa_column_sql(data, aq->due_attnum),
					sa_column_sql(data, aq->end_attnum));
}

List *
sa_computed_values_sql(const SaAggregateQuery *aq, const SaViewTables *tables, bool masked)
{
	List	   *values = NIL;
	int			n = 0;
	ListCell   *lc;

	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);
		char	   *value;

		n++;
		if (!sa_value_is_computed(aq, aggregate))
			continue;
		if (aggregate->mode == SA_AGGREGATE_KEPT)
			value = kept_value(aq, tables, aggregate);
		else
			value = psprintf("(SELECT %s FROM %s AS p WHERE %s)",
							 combined_value(tables, aggregate),
							 sa_relation_sql(tables->panes), pane_condition(aq, tables));
		if (masked)
			value = psprintf("CASE WHEN ($2)[%d] THEN NULL ELSE %s END", n, value);
		values = lappend(values, value);
	}
	return values;
}

char *
sa_settle_assignments_sql(const SaAggregateQuery *aq, const SaViewTables *tables, bool masked)
{
	List	   *values = sa_computed_values_sql(aq, tables, masked);
	ListCell   *value = list_head(values);
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);

		if (sa_value_is_computed(aq, aggregate))
		{
			appendStringInfo(&sql, "%s%s = %s", separator(&sql),
							 sa_column_sql(tables->data, aggregate->value_attnum),
							 (char *) lfirst(value));
			value = lnext(values, value);
		}
		else if (aggregate == aq->kept_count ||
				 aggregate->state_attnum != aggregate->value_attnum)
			appendStringInfo(&sql, "%s%s = NULL", separator(&sql),
							 sa_column_sql(tables->data, aggregate->state_attnum));
	}
	return sql.data;
}
