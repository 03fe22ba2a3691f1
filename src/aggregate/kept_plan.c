/*-------------------------------------------------------------------------
 *
 * kept_plan.c
 *	  Plans that keep arguments of a batch's rows.
 *
 * NOTES
 *	  Arguments are kept by an INSERT into the set's table.  Its text is parsed
 *	  with an empty subquery in the place of the definition, which is put in
 *	  afterwards: the definition's own parts have been through the rewriter and
 *	  could not go through text again.
 *
 *	  Sets of distinct values are filled by pipeline/kept_sets.c, if it can write
 *	  into their tables.  Sets of the same arguments, with whatever FILTERs, then
 *	  share a plan that reads the batch and evaluates keys and arguments: with many
 *	  calls that is most of the work, since few values are new.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "aggregate/delta_private.h"
#include "aggregate/rows_sql.h"

/* What is to be kept of the rows of a batch, in the order of the set's columns. */
static Query *
kept_rows_query(SaAggregateQuery *aq, const SaKeptSet *set)
{
	SaStreamQuery *sq = aq->sq;
	Query	   *query = sq->query;
	ListCell   *lc;

	sa_delta_clear_output(query);
	sa_delta_add_output(query, sa_delta_key_hash(aq), "key_hash", NULL);
	sa_delta_add_group(aq, false);
	foreach(lc, set->exprs)
		sa_delta_add_output(query, lfirst(lc), "argument", NULL);
	if (!set->distinct)
	{
		sa_delta_add_output(query, sa_delta_batch_call("row_offset", INT8OID, list_make1(sa_delta_row_ctid(sq))),
				   "row_offset", NULL);
		sa_delta_add_output(query, sa_delta_batch_call("row_partition", INT4OID, list_make1(sa_delta_row_ctid(sq))),
				   "row_partition", NULL);
	}
	if (set->filter != NULL)
		sa_delta_add_qual(query, set->filter);
	sa_delta_add_in_time(aq);
	return query;
}

/* The rows that are in one of the sets at least; NULL: all. */
static Expr *
any_filter(const SaAggregateQuery *aq, List *sets)
{
	List	   *filters = NIL;
	ListCell   *lc;

	foreach(lc, sets)
	{
		SaKeptSet  *set = list_nth(aq->kept, lfirst_int(lc));

		if (set->filter == NULL)
			return NULL;
		filters = lappend(filters, set->filter);
	}
	return make_orclause(filters);
}

bool
sa_kept_sets_match(const SaAggregateQuery *aq, const SaKeptSet *set, const SaKeptSet *other)
{
	return set->distinct && other->distinct && equal(set->exprs, other->exprs) &&
		!sa_stream_query_is_volatile(aq->sq, (Node *) set->filter) &&
		!sa_stream_query_is_volatile(aq->sq, (Node *) other->filter);
}

PlannedStmt *
sa_kept_values_plan(const Query *definition, const SaView *view, List *sets)
{
	SaAggregateQuery *aq = sa_aggregate_query_analyze(definition, view, NULL);
	SaKeptSet  *first = list_nth(aq->kept, linitial_int(sets));
	Query	   *query = aq->sq->query;
	Expr	   *filter = any_filter(aq, sets);
	ListCell   *lc;

	sa_delta_clear_output(query);
	sa_delta_add_output(query, sa_delta_key_hash(aq), "key_hash", NULL);
	sa_delta_add_group(aq, true);
	foreach(lc, first->exprs)
		sa_delta_add_output(query, lfirst(lc), "argument",
							sa_delta_group_clause(exprType(lfirst(lc))));
	foreach(lc, sets)
	{
		SaKeptSet  *set = list_nth(aq->kept, lfirst_int(lc));
		Expr	   *member = (Expr *) makeBoolConst(true, false);

		if (set->filter != NULL && list_length(sets) > 1)
		{
			member = sa_delta_extreme(F_BOOL_OR, copyObject(set->filter));
			query->hasAggs = true;
		}
		sa_delta_add_output(query, member, "is_member", NULL);
	}
	if (filter != NULL)
		sa_delta_add_qual(query, filter);
	sa_delta_add_in_time(aq);
	return sa_delta_make_plan(query, false);
}

/* INSERT INTO set SELECT … FROM (SELECT NULL::type AS column, …) AS source */
static char *
kept_insert_sql(const SaKeptSet *set, Oid table)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s SELECT %s source.* FROM (SELECT ",
					 sa_relation_sql(table), set->distinct ? "DISTINCT" : "");
	foreach(lc, set->columns)
	{
		ColumnDef  *column = lfirst_node(ColumnDef, lc);

		appendStringInfo(&sql, "%s%s AS %s", lc == list_head(set->columns) ? "" : ", ",
						 sa_typed_null_sql(column->typeName->typeOid, column->typeName->typemod,
										   column->collOid),
						 quote_identifier(column->colname));
	}
	appendStringInfo(&sql, ") AS source %s", set->distinct ? "ON CONFLICT DO NOTHING" : "");
	return sql.data;
}

/* The name of the flag of set number n, which no column has. */
static char *
fresh_flag(Oid table, int n)
{
	char	   *name = psprintf("is_new_%d", n);

	while (get_attnum(table, name) != InvalidAttrNumber)
		name = psprintf("%s_", name);
	return name;
}

/*
 * The states of those calls that some sets of the same arguments feed, from
 * relation "fresh", which has the columns of "table" and with several sets a flag
 * for each.
 */
static char *
states_sql(const SaAggregateQuery *aq, List *sets, const SaViewTables *tables, Oid table)
{
	int			ngroup = list_length(aq->keys) + (aq->windowed ? 1 : 0);
	StringInfoData group;
	StringInfoData calls;
	ListCell   *lc;

	initStringInfo(&group);
	initStringInfo(&calls);
	for (AttrNumber attnum = 2; attnum <= ngroup + 1; attnum++)
		appendStringInfo(&group, "%sfresh.%s", group.len > 0 ? ", " : "",
						 sa_column_sql(table, attnum));
	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);
		int			n;

		if (aggregate->mode != SA_AGGREGATE_DISTINCT)
			continue;
		n = sa_kept_set_number(aq, aggregate->kept);
		if (!list_member_int(sets, n))
			continue;
		appendStringInfoString(&calls, sa_kept_call_sql(aq, aggregate, tables->data, table,
														"fresh"));
		if (list_length(sets) > 1)
			appendStringInfo(&calls, " FILTER (WHERE fresh.%s)", fresh_flag(table, n));
		appendStringInfoString(&calls, ", ");
	}
	return psprintf("SELECT %s%s %s pg_catalog.count(*) FROM fresh %s %s",
					group.data, group.len > 0 ? "," : "", calls.data,
					group.len > 0 ? "GROUP BY" : "", group.data);
}

PlannedStmt *
sa_kept_states_plan(const Query *definition, const SaView *view, const SaViewTables *tables,
					List *sets)
{
	SaAggregateQuery *aq = sa_aggregate_query_analyze(definition, view, NULL);
	Oid			table = list_nth_oid(tables->kept, linitial_int(sets));
	char	   *sql = states_sql(aq, sets, tables, table);
	RawStmt    *parsetree = linitial_node(RawStmt, pg_parse_query(sql));
	QueryEnvironment *fresh = sa_kept_fresh_rows(sa_kept_fresh_columns(table, sets), NULL);
	List	   *rewritten = pg_analyze_and_rewrite_fixedparams(parsetree, sql, NULL, 0, fresh);
	PlannedStmt *plan = pg_plan_query(linitial_node(Query, rewritten), sql, 0, NULL);

	sa_delta_mark_partial(plan, AGGSPLIT_INITIAL_SERIAL);
	return plan;
}

TupleDesc
sa_kept_fresh_columns(Oid table, List *sets)
{
	Relation	rel = table_open(table, NoLock);
	int			natts = RelationGetNumberOfAttributes(rel);
	TupleDesc	columns = CreateTemplateTupleDesc(natts + list_length(sets));
	ListCell   *lc;

	for (AttrNumber attnum = 1; attnum <= natts; attnum++)
		TupleDescCopyEntry(columns, attnum, RelationGetDescr(rel), attnum);
	foreach(lc, sets)
		TupleDescInitEntry(columns, ++natts, fresh_flag(table, lfirst_int(lc)), BOOLOID, -1, 0);
	table_close(rel, NoLock);
	return columns;
}

QueryEnvironment *
sa_kept_fresh_rows(TupleDesc columns, Tuplestorestate *rows)
{
	QueryEnvironment *environment = create_queryEnv();
	EphemeralNamedRelation fresh = palloc0(sizeof(EphemeralNamedRelationData));

	fresh->md.name = pstrdup("fresh");
	fresh->md.tupdesc = columns;
	fresh->md.enrtype = ENR_NAMED_TUPLESTORE;
	fresh->md.enrtuples = 1000;
	fresh->reldata = rows;
	register_ENR(environment, fresh);
	return environment;
}

/* Puts the query into the place of the subquery that is called source. */
static bool
replace_source_walker(Node *node, Query *source)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind != RTE_SUBQUERY || strcmp(rte->eref->aliasname, "source") != 0)
			return false;
		rte->subquery = source;
		return true;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, replace_source_walker, source,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, replace_source_walker, source);
}

PlannedStmt *
sa_kept_plan(const Query *definition, const SaView *view, const SaViewTables *tables, int n)
{
	SaAggregateQuery *aq = sa_aggregate_query_analyze(definition, view, NULL);
	SaKeptSet  *set = list_nth(aq->kept, n);
	Oid			table = list_nth_oid(tables->kept, n);
	char	   *sql = kept_insert_sql(set, table);
	RawStmt    *parsetree;
	List	   *rewritten;

	if (set->feeds_states)
		sql = psprintf("WITH fresh AS (%s RETURNING *) %s", sql,
					   states_sql(aq, list_make1_int(n), tables, table));
	parsetree = linitial_node(RawStmt, pg_parse_query(sql));
	rewritten = pg_analyze_and_rewrite_fixedparams(parsetree, sql, NULL, 0, NULL);
	if (list_length(rewritten) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" of a continuous view must not have rules",
						get_rel_name(table))));
	if (!replace_source_walker(linitial(rewritten), kept_rows_query(aq, set)))
		elog(ERROR, "no place for the rows of a batch in \"%s\"", sql);
	return sa_delta_make_plan(linitial_node(Query, rewritten), set->feeds_states);
}

