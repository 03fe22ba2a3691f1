/*-------------------------------------------------------------------------
 *
 * new_tables.c
 *	  Creates the tables behind a continuous view, and their indexes.
 *
 * NOTES
 *	  Ordinary SQL with qualified names, run as the superuser; then the tables are
 *	  given to the creator of the view.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_index.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "aggregate/rows_sql.h"
#include "ddl/new_tables.h"
#include "metadata/catalog.h"
#include "stream_agg.h"

static void
run_sql(const char *sql)
{
	if (SPI_execute(sql, false, 0) < 0)
		elog(ERROR, "could not execute \"%s\"", sql);
}

static char *
data_schema_name(const char *name)
{
	return quote_qualified_identifier(SA_DATA_SCHEMA, name);
}

/* "name" type COLLATE collation, … */
static void
append_columns(StringInfo sql, List *columns)
{
	ListCell   *lc;

	foreach(lc, columns)
	{
		ColumnDef  *column = lfirst_node(ColumnDef, lc);

		appendStringInfo(sql, "%s%s %s", lc == list_head(columns) ? "" : ", ",
						 quote_identifier(column->colname),
						 format_type_extended(column->typeName->typeOid,
											  column->typeName->typemod,
											  FORMAT_TYPE_TYPEMOD_GIVEN |
											  FORMAT_TYPE_FORCE_QUALIFY));
		if (OidIsValid(column->collOid))
			appendStringInfo(sql, " COLLATE %s", generate_collation_name(column->collOid));
	}
}

/* CREATE TABLE with room for rows that are updated, and vacuumed early. */
static void
create_table(const char *table, List *columns, int fillfactor, const char *comment)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE TABLE %s (", table);
	append_columns(&sql, columns);
	appendStringInfoChar(&sql, ')');
	if (fillfactor != 0)
		appendStringInfo(&sql, " WITH (fillfactor = %d, autovacuum_vacuum_scale_factor = 0.02,"
						 " autovacuum_vacuum_cost_delay = 0)", fillfactor);
	run_sql(sql.data);
	/* so that the table can be published */
	run_sql(psprintf("ALTER TABLE %s REPLICA IDENTITY FULL", table));
	run_sql(psprintf("COMMENT ON TABLE %s IS %s", table, quote_literal_cstr(comment)));
}

/* "column, …" of n columns from number "first" on, counted from 0 */
static char *
column_list(List *columns, int first, int n)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = first; i < first + n; i++)
		appendStringInfo(&sql, "%s%s", i > first ? ", " : "",
						 quote_identifier(list_nth_node(ColumnDef, columns, i)->colname));
	return sql.data;
}

static void
create_unique_index(const char *table, const char *columns)
{
	run_sql(psprintf("CREATE UNIQUE INDEX ON %s (%s) NULLS NOT DISTINCT", table, columns));
}

/* The indexes by which groups and windows that are due are found. */
static void
create_data_indexes(const SaNewTables *new, const char *table, List *columns)
{
	int			nkeys = sa_aggregate_query_key_count(new->aq);

	if (nkeys > 0)
		create_unique_index(table, column_list(columns, 0, nkeys));
	/* not one of open windows only: no update could be HOT that makes one final */
	if (new->aq->windowed && (!new->aq->panes || new->has_retention))
		run_sql(psprintf("CREATE INDEX ON %s (%s)", table,
						 column_list(columns, new->aq->due_attnum - 1, 1)));
}

/*
 * The data table.  Rows of open windows are updated in place time and again,
 * so pages keep room for that.
 */
static void
create_data_table(const SaNewTables *new)
{
	char	   *table = data_schema_name(new->data);
	List	   *columns = new->aq != NULL ? sa_data_layout_columns(new->aq) :
		new->load_columns;
	bool		updated = new->aq != NULL && !new->aq->panes;

	create_table(table, columns, updated ? 60 : 0, "rows of a continuous view of stream_agg");
	if (new->aq != NULL)
		create_data_indexes(new, table, columns);
}

/* The slices of which windows are made; see aggregate_query.h. */
static void
create_panes_table(const SaNewTables *new)
{
	char	   *table = data_schema_name(new->panes);
	List	   *columns = sa_data_layout_pane_columns(new->aq);
	int			nkeys = list_length(new->aq->keys);

	create_table(table, columns, 60, "panes of a continuous view of stream_agg");
	create_unique_index(table, column_list(columns, 0, nkeys + 2));
	if (nkeys > 0)
		run_sql(psprintf("CREATE INDEX ON %s (%s)", table, column_list(columns, nkeys, 1)));
}

/*
 * Kept arguments are found by group and time; a set is searched for equal ones,
 * too.  What is settled is found by time alone.
 */
static void
create_kept_table(const SaNewTables *new, const SaKeptSet *set, const char *name)
{
	char	   *table = data_schema_name(name);
	int			nkeys = list_length(new->aq->keys);
	int			first = set->first_expr - 1;
	StringInfoData order;

	create_table(table, set->columns, 0, "kept arguments of a continuous view of stream_agg");
	initStringInfo(&order);
	appendStringInfo(&order, "%s", column_list(set->columns, 0, 1));
	if (first > nkeys + 1)
		appendStringInfo(&order, ", %s",
						 column_list(set->columns, nkeys + 1, first - nkeys - 1));
	if (set->distinct)
	{
		int			nargs = list_length(set->exprs);

		if (nargs > 0)
			appendStringInfo(&order, ", %s", column_list(set->columns, first, nargs));
		if (nkeys > 0)
			appendStringInfo(&order, ", %s", column_list(set->columns, 1, nkeys));
		create_unique_index(table, order.data);
	}
	else
		run_sql(psprintf("CREATE INDEX ON %s (%s)", table, order.data));
	if (new->aq->windowed)
		run_sql(psprintf("CREATE INDEX ON %s (%s)", table,
						 column_list(set->columns, nkeys + 1, 1)));
}

void
sa_new_object_give(const char *kind, const char *name, Oid owner)
{
	run_sql(psprintf("ALTER %s %s OWNER TO %s", kind, data_schema_name(name),
					 quote_identifier(GetUserNameFromId(owner, false))));
}

static bool
has_index_on(Oid relid, AttrNumber attnum)
{
	Relation	rel = table_open(relid, AccessShareLock);
	bool		found = false;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		found |= index->rd_index->indisvalid && index->rd_index->indkey.values[0] == attnum &&
			heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL);
		index_close(index, AccessShareLock);
	}
	table_close(rel, NoLock);
	return found;
}

void
sa_new_tables_index_ends(const SaAggregateQuery *aq, Oid data)
{
	SaCatalogScope scope;

	if (has_index_on(data, aq->due_attnum))
		return;
	sa_catalog_begin(&scope);
	run_sql(psprintf("CREATE INDEX ON %s (%s)", sa_relation_sql(data),
					 sa_column_sql(data, aq->due_attnum)));
	sa_catalog_end(&scope);
}

void
sa_new_tables_create(const SaNewTables *new, Oid owner)
{
	ListCell   *ln;
	ListCell   *ls;

	if (new->data != NULL)
	{
		create_data_table(new);
		sa_new_object_give("TABLE", new->data, owner);
	}
	if (new->panes != NULL)
	{
		create_panes_table(new);
		sa_new_object_give("TABLE", new->panes, owner);
	}
	forboth(ln, new->kept, ls, new->aq != NULL ? new->aq->kept : NIL)
	{
		create_kept_table(new, lfirst(ls), lfirst(ln));
		sa_new_object_give("TABLE", lfirst(ln), owner);
	}
}
