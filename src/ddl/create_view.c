/*-------------------------------------------------------------------------
 *
 * create_view.c
 *	  CREATE MATERIALIZED VIEW … WITH (stream_agg.continuous)
 *
 * NOTES
 *	  A continuous view is three relations and a catalog row: the definition (a
 *	  view in schema stream_agg_data that holds the user's query), the data table
 *	  (an ordinary table there), and the view that the user named.  All of them
 *	  belong to the creator.  They are ordinary objects with ordinary
 *	  dependencies, so that dump, restore and renames need no help from us.
 *
 *	  Objects in stream_agg_data are created on behalf of a user who has no
 *	  rights in that schema; nothing of the user's is executed in between.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "commands/view.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/regproc.h"
#include "utils/ruleutils.h"
#include "utils/snapmgr.h"
#include "utils/varlena.h"

#include "aggregate/aggregate_query.h"
#include "base/compat.h"
#include "ddl/continuous_view.h"
#include "ddl/start_position.h"
#include "ddl/view_bounds.h"
#include "ddl/view_options.h"
#include "decode/decoder.h"
#include "metadata/catalog.h"
#include "metadata/late_function.h"
#include "metadata/reader.h"
#include "metadata/secret.h"
#include "metadata/stream.h"
#include "metadata/view.h"
#include "metadata/watermark_function.h"
#include "pipeline/apply_batch.h"
#include "pipeline/identity.h"
#include "stream_agg.h"
#include "worker/doorbell.h"

/* What CREATE has found out so far. */
typedef struct CreateState
{
	IntoClause *into;
	Query	   *query;
	ParseState *pstate;
	SaViewOptions options;
	SaView		view;
	SaAggregateQuery *aq;		/* NULL: a load */
	SaStream   *stream;
	/* in schema stream_agg_data */
	char	   *data_name;
	char	   *definition_name;
	char	   *panes_name;		/* NULL: none */
	List	   *kept_names;		/* of char * */
} CreateState;

/* ------------------------------------------------------------------------
 * Checks
 * ------------------------------------------------------------------------
 */

/* What can be checked only where table and columns are known. */
static void
check_stream(CreateState *state)
{
	Relation	rel = table_open(state->view.stream, AccessShareLock);
	SaStream   *stream = sa_stream_load(rel);

	state->stream = stream;
	if (stream->watermark_function != NULL)
	{
		(void) sa_watermark_function_of_stream(stream);
		sa_watermark_function_record(stream->relid);
	}
	if (GetDatabaseEncoding() != PG_UTF8 && !stream->in_database)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("streams from Kafka need a database with encoding UTF8"),
				 errdetail("The encoding of this database is %s.", GetDatabaseEncodingName()),
				 errhint("Create a database with ENCODING 'UTF8'.")));
	for (int i = 0; i < stream->ncolumns; i++)
	{
		const char *problem = sa_column_check_type(&stream->columns[i], stream->format);

		if (problem != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("%s", problem)));
	}
	table_close(rel, NoLock);
}

/* The name is taken by views with windows, and kept free in the others. */
static void
check_column_names(CreateState *state)
{
	ListCell   *lc;

	foreach(lc, state->query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk && tle->resname != NULL && strcmp(tle->resname, "is_final") == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("column name \"is_final\" is used by continuous views themselves"),
					 errhint("Give the column another name with AS."),
					 parser_errposition(state->pstate, exprLocation((Node *) tle->expr))));
	}
}

static void
analyze(CreateState *state)
{
	SaStreamQuery *sq;

	if (sa_query_is_aggregate(state->query))
	{
		state->aq = sa_aggregate_query_analyze(state->query, &state->view, state->pstate);
		sq = state->aq->sq;
		state->view.kind = SA_VIEW_AGGREGATE;
	}
	else
	{
		sq = sa_stream_query_analyze(state->query, state->pstate);
		state->view.kind = SA_VIEW_LOAD;
	}
	state->view.stream = sq->stream;
	check_stream(state);

	if (state->options.into != NULL && state->view.kind != SA_VIEW_LOAD)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"stream_agg.into\" is for views without GROUP BY and aggregates"),
				 errhint("Leave the option out; the view gets a table of its own.")));
	if (state->options.allowed_lateness_us > 0 && (state->aq == NULL || !state->aq->windowed))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"stream_agg.allowed_lateness\" is for views with a window"),
				 errhint("Leave the option out, or group by a window.")));
	if (state->options.emit_final && (state->aq == NULL || !state->aq->windowed))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"stream_agg.emit\" is for views with a window"),
				 errhint("Leave the option out, or group by a window.")));
}

/* ------------------------------------------------------------------------
 * Relations
 * ------------------------------------------------------------------------
 */

/* Runs a statement of ours; its names are qualified. */
static void
run_sql(const char *sql)
{
	if (SPI_execute(sql, false, 0) < 0)
		elog(ERROR, "could not execute \"%s\"", sql);
}

/* The view's name, or with its schema in front if that is taken. */
static char *
choose_name(CreateState *state, const char *suffix)
{
	Oid			data_schema = get_namespace_oid(SA_DATA_SCHEMA, false);
	const char *name = state->into->rel->relname;
	const char *schema = get_namespace_name(get_rel_namespace(state->view.view));
	char	   *chosen = suffix == NULL ? pstrdup(name) : makeObjectName(name, NULL, suffix);

	if (OidIsValid(get_relname_relid(chosen, data_schema)))
		chosen = suffix == NULL ? makeObjectName(schema, name, NULL) :
			makeObjectName(schema, name, suffix);
	for (int n = 1; OidIsValid(get_relname_relid(chosen, data_schema)); n++)
		chosen = makeObjectName(schema, name, psprintf("%d", n));
	return chosen;
}

static char *
data_schema_name(const char *name)
{
	return quote_qualified_identifier(SA_DATA_SCHEMA, name);
}

/* An empty view; its query is stored when what it reads exists. */
static Oid
define_view(const char *schema, const char *name, List *columns)
{
	CreateStmt *create = makeNode(CreateStmt);
	ObjectAddress address;

	create->relation = makeRangeVar(pstrdup(schema), pstrdup(name), -1);
	create->tableElts = columns;
	create->oncommit = ONCOMMIT_NOOP;
	address = DefineRelation(create, RELKIND_VIEW, InvalidOid, NULL, NULL);
	CommandCounterIncrement();
	return address.objectId;
}

/* Columns of a query's result, as a view has them. */
static List *
result_columns(Query *query)
{
	List	   *columns = NIL;
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		Node	   *expr = (Node *) tle->expr;

		if (!tle->resjunk)
			columns = lappend(columns, makeColumnDef(tle->resname, exprType(expr),
													 exprTypmod(expr), exprCollation(expr)));
	}
	return columns;
}

/* CREATE MATERIALIZED VIEW name (column, …) */
static void
apply_column_names(CreateState *state)
{
	ListCell   *name = list_head(state->into->colNames);
	ListCell   *lc;

	foreach(lc, state->query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (tle->resjunk || name == NULL)
			continue;
		tle->resname = pstrdup(strVal(lfirst(name)));
		name = lnext(state->into->colNames, name);
	}
	if (name != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("too many column names were specified")));
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
create_data_indexes(CreateState *state, const char *table, List *columns)
{
	int			nkeys = sa_aggregate_query_key_count(state->aq);

	if (nkeys > 0)
		create_unique_index(table, column_list(columns, 0, nkeys));
	if (!state->aq->windowed)
		return;
	if (!state->aq->panes)
		run_sql(psprintf("CREATE INDEX ON %s (window_end) WHERE NOT is_final", table));
	/* windows that are final, to be settled or removed, are found by this one */
	if ((!state->aq->panes && state->options.allowed_lateness_us > 0) ||
		(state->aq->sq->window_kind == SA_WINDOW_SESSION && state->aq->kept != NIL) ||
		state->options.retention_us >= 0)
		run_sql(psprintf("CREATE INDEX ON %s (window_end)", table));
}

/*
 * The data table.  Rows of open windows are updated in place time and again,
 * so pages keep room for that.
 */
static void
create_data_table(CreateState *state)
{
	char	   *table = data_schema_name(state->data_name);
	List	   *columns = state->aq != NULL ? sa_data_layout_columns(state->aq) :
		result_columns(state->query);
	bool		updated = state->aq != NULL && !state->aq->panes;

	create_table(table, columns, updated ? 60 : 0, "rows of a continuous view of stream_agg");
	if (state->aq != NULL)
		create_data_indexes(state, table, columns);
}

/* The slices of which windows are made; see aggregate_query.h. */
static void
create_panes_table(CreateState *state)
{
	char	   *table = data_schema_name(state->panes_name);
	List	   *columns = sa_data_layout_pane_columns(state->aq);
	int			nkeys = list_length(state->aq->keys);

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
create_kept_table(CreateState *state, const SaKeptSet *set, const char *name)
{
	char	   *table = data_schema_name(name);
	int			nkeys = list_length(state->aq->keys);
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
	if (state->aq->windowed)
		run_sql(psprintf("CREATE INDEX ON %s (%s)", table,
						 column_list(set->columns, nkeys + 1, 1)));
}

static void
give_to(const char *kind, const char *name, Oid owner)
{
	run_sql(psprintf("ALTER %s %s OWNER TO %s", kind, data_schema_name(name),
					 quote_identifier(GetUserNameFromId(owner, false))));
}

static void
choose_names(CreateState *state)
{
	state->data_name = choose_name(state, NULL);
	state->definition_name = choose_name(state, "definition");
	if (state->aq == NULL)
		return;
	if (state->aq->panes)
		state->panes_name = choose_name(state, "panes");
	for (int i = 1; i <= list_length(state->aq->kept); i++)
		state->kept_names = lappend(state->kept_names,
									choose_name(state, psprintf("kept_%d", i)));
}

static Oid
data_schema_relid(const char *name)
{
	return get_relname_relid(name, get_namespace_oid(SA_DATA_SCHEMA, false));
}

/* Definition and tables, as the superuser, for the creator. */
static void
create_hidden_parts(CreateState *state)
{
	Oid			owner = GetUserId();
	SaCatalogScope scope;
	ListCell   *ln;
	ListCell   *ls;

	choose_names(state);
	sa_catalog_begin(&scope);
	state->view.definition = define_view(SA_DATA_SCHEMA, state->definition_name,
										 result_columns(state->query));
	StoreViewQuery(state->view.definition, copyObject(state->query), false);
	CommandCounterIncrement();
	give_to("VIEW", state->definition_name, owner);
	if (state->view.owns_data)
	{
		create_data_table(state);
		give_to("TABLE", state->data_name, owner);
	}
	if (state->panes_name != NULL)
	{
		create_panes_table(state);
		give_to("TABLE", state->panes_name, owner);
	}
	forboth(ln, state->kept_names, ls, state->aq != NULL ? state->aq->kept : NIL)
	{
		create_kept_table(state, lfirst(ls), lfirst(ln));
		give_to("TABLE", lfirst(ln), owner);
	}
	sa_catalog_end(&scope);
	CommandCounterIncrement();
	if (state->view.owns_data)
		state->view.data = data_schema_relid(state->data_name);
	if (state->panes_name != NULL)
		state->view.panes = data_schema_relid(state->panes_name);
	foreach(ln, state->kept_names)
		state->view.kept = lappend_oid(state->view.kept, data_schema_relid(lfirst(ln)));
}

/*
 * A batch checks constraints before it is over: what is deferred would run when
 * whoever inserts commits, and with that user's rights.
 */
static void
refuse_deferred_triggers(Oid relid)
{
	Relation	rel = table_open(relid, NoLock);
	TriggerDesc *triggers = rel->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		if (triggers->triggers[i].tginitdeferred)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("a continuous view cannot write into table \"%s\", which has constraints or triggers that are initially deferred",
							RelationGetRelationName(rel)),
					 errhint("Make them INITIALLY IMMEDIATE.")));
	}
	table_close(rel, NoLock);
}

/* The table named by "into", into which the creator must be able to insert. */
static void
find_into_table(CreateState *state)
{
	List	   *names = sa_qualified_name_list(state->options.into);
	RangeVar   *name = makeRangeVarFromNameList(names);

	state->view.data = RangeVarGetRelid(name, RowExclusiveLock, false);
	if (get_rel_relkind(state->view.data) != RELKIND_RELATION &&
		get_rel_relkind(state->view.data) != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", state->options.into)));
	if (get_rel_persistence(state->view.data) == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a continuous view cannot write into temporary table \"%s\"",
						state->options.into),
				 errhint("Name a table that all sessions share.")));
	if (pg_class_aclcheck(state->view.data, GetUserId(), ACL_INSERT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(state->view.data));
	refuse_deferred_triggers(state->view.data);
}

static List *
load_column_names(CreateState *state)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, state->query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (tle->resjunk)
			continue;
		if (get_attnum(state->view.data, tle->resname) <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of relation \"%s\" does not exist",
							tle->resname, get_rel_name(state->view.data)),
					 errhint("Name the columns of the query like those of the table.")));
		names = lappend(names, makeString(tle->resname));
	}
	return names;
}

/* Columns of the user's table that a load fills, as they are there. */
static List *
into_columns(CreateState *state)
{
	List	   *columns = NIL;
	ListCell   *lc;

	foreach(lc, load_column_names(state))
	{
		char	   *name = strVal(lfirst(lc));
		AttrNumber	attnum = get_attnum(state->view.data, name);
		Oid			type;
		int32		typmod;
		Oid			collation;

		get_atttypetypmodcoll(state->view.data, attnum, &type, &typmod, &collation);
		columns = lappend(columns, makeColumnDef(name, type, typmod, collation));
	}
	return columns;
}

/* The view that the user named; empty until its query is stored. */
static void
create_user_view(CreateState *state)
{
	RangeVar   *rel = state->into->rel;
	Oid			schema = RangeVarGetAndCheckCreationNamespace(rel, NoLock, NULL);
	List	   *columns = state->view.owns_data ? result_columns(state->query) :
		into_columns(state);

	if (state->aq != NULL && state->aq->windowed && !state->options.emit_final)
		columns = lappend(columns, makeColumnDef("is_final", BOOLOID, -1, InvalidOid));
	state->view.view = define_view(get_namespace_name(schema), rel->relname, columns);
}

static void
store_user_view(CreateState *state)
{
	SaViewTables tables = {
		.data = state->view.data,
		.panes = state->view.panes,
		.kept = state->view.kept
	};
	Query	   *query;

	if (state->aq != NULL)
		query = sa_aggregate_output_query(state->aq, &tables, state->into->colNames,
										  state->options.emit_final, state->pstate);
	else
		query = sa_load_output_query(state->view.data, load_column_names(state));
	StoreViewQuery(state->view.view, query, false);
	CommandCounterIncrement();
}

/* ------------------------------------------------------------------------
 * Reader and first content
 * ------------------------------------------------------------------------
 */

/*
 * A stream inside the database has one reader and no history.  Locking it makes
 * clear which rows the view has: those of transactions that commit after this
 * one.
 */
static int32
choose_in_database_reader(CreateState *state)
{
	SaReader	reader;

	if (sa_reader_main(state->stream->relid, &reader))
	{
		(void) sa_reader_lock(reader.id, &reader);
		return reader.id;
	}
	reader.id = sa_reader_create(state->stream->relid, true);
	for (int partition = 0; partition < state->stream->partitions; partition++)
	{
		SaPosition	position = {.partition = partition};

		sa_position_insert(reader.id, &position);
	}
	return reader.id;
}

/*
 * A view of a Kafka stream joins the main reader only if that has read nothing
 * yet; the lock keeps it from doing so until this transaction has ended.  Else
 * the view gets a reader of its own, which joins the main one later.
 */
static int32
choose_kafka_reader(CreateState *state)
{
	Oid			stream = state->stream->relid;
	bool		earliest = sa_start_is_earliest(state->options.start);
	List	   *positions;
	SaReader	main;
	bool		has_main = sa_reader_main(stream, &main);
	int32		reader;
	ListCell   *lc;

	/* Kafka is asked before anything is locked */
	positions = sa_start_positions(state->stream, state->options.start);

	if (has_main && sa_reader_lock(main.id, &main))
	{
		bool		used = sa_views_of_reader(main.id) != NIL;

		if (earliest && used && sa_positions_load(main.id) == NIL)
			return main.id;
		/* a reader without views has stopped; nobody needs its positions */
		if (!used)
			sa_reader_delete(main.id);
		has_main = used;
	}
	reader = sa_reader_create(stream, !has_main);
	foreach(lc, positions)
		sa_position_insert(reader, lfirst(lc));
	return reader;
}

static void
choose_reader(CreateState *state, bool paused)
{
	/* of two first views only one makes the main reader */
	LockRelationOid(state->stream->relid, ShareUpdateExclusiveLock);
	if (state->stream->in_database)
		state->view.reader = choose_in_database_reader(state);
	else
		state->view.reader = choose_kafka_reader(state);
	if (paused)
	{
		/* INSERT and other views must not be held up */
		if (state->stream->in_database || sa_views_of_reader(state->view.reader) != NIL)
			state->view.reader = sa_reader_create(state->stream->relid, false);
		sa_reader_set_paused(state->view.reader, true);
	}
}

/*
 * Runs the view on an empty batch: what would fail in every batch fails now,
 * missing rights included, and an aggregate without keys gets its row.
 */
static void
try_view(CreateState *state)
{
	SaView	   *view = &state->view;
	SaBatch    *batch = sa_batch_create(state->stream, view->reader, CurrentMemoryContext);
	SaBatchScan scan = {.batch = batch};
	SaIdentity	identity;
	SaViewPlan *plan;

	scan.progress = sa_progress_load(view->view);
	PushCopiedSnapshot(GetTransactionSnapshot());
	sa_identity_enter(&identity, GetUserId(), view->settings);
	plan = sa_view_plan_get(view);
	sa_view_try(plan, &scan);
	sa_identity_leave(&identity);
	PopActiveSnapshot();
}

/* Clauses that are about the storage of a materialized view. */
static void
refuse_storage_clauses(IntoClause *into)
{
	const char *clause = into->tableSpaceName != NULL ? "TABLESPACE" :
		into->accessMethod != NULL ? "USING" : NULL;

	if (clause != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a continuous view does not take the clause %s", clause),
				 errhint("Use ALTER TABLE on the table behind the view; see stream_agg.data_table().")));
}

/* The name is free, or IF NOT EXISTS says that it need not be. */
static bool
name_is_free(CreateTableAsStmt *statement)
{
	RangeVar   *rel = statement->into->rel;
	Oid			schema;

	if (rel->relpersistence != RELPERSISTENCE_PERMANENT)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a continuous view cannot be temporary or unlogged")));
	schema = RangeVarGetAndCheckCreationNamespace(rel, NoLock, NULL);
	if (!OidIsValid(get_relname_relid(rel->relname, schema)))
		return true;
	if (!statement->if_not_exists)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("relation \"%s\" already exists", rel->relname)));
	ereport(NOTICE,
			(errcode(ERRCODE_DUPLICATE_TABLE),
			 errmsg("relation \"%s\" already exists, skipping", rel->relname)));
	return false;
}

void
sa_continuous_view_create(CreateTableAsStmt *statement, const char *query_string)
{
	CreateState state = {.into = statement->into};
	Oid			late_function = InvalidOid;

	sa_require_preload();
	if (!name_is_free(statement))
		return;
	refuse_storage_clauses(statement->into);
	sa_view_options_read(statement->into->options, &state.options);
	state.query = copyObject(castNode(Query, statement->query));
	state.pstate = make_parsestate(NULL);
	state.pstate->p_sourcetext = query_string;
	state.view.settings = sa_identity_current_settings();
	state.view.state_version = SA_STATE_VERSION;
	state.view.start = state.options.start;
	state.view.emit_final = state.options.emit_final;
	state.view.late_drop = state.options.late_drop;
	state.view.allowed_lateness_us = state.options.allowed_lateness_us;
	state.view.retention_us = state.options.retention_us;
	state.view.state_ttl_us = state.options.state_ttl_us;
	state.view.owns_data = state.options.into == NULL;

	apply_column_names(&state);
	check_column_names(&state);
	analyze(&state);
	sa_view_bounds_check(state.aq, &state.options);
	if (state.options.late_function != NULL)
		late_function = sa_late_function_lookup(state.options.late_function);
	if (!state.view.owns_data)
		find_into_table(&state);
	if (state.aq != NULL)
		sa_secret_create();
	create_user_view(&state);
	create_hidden_parts(&state);
	store_user_view(&state);
	if (OidIsValid(late_function))
	{
		state.view.late_function = sa_late_function_name(late_function);
		sa_late_function_depend(state.view.view, late_function);
	}
	choose_reader(&state, statement->into->skipData);
	sa_view_insert(&state.view);
	CommandCounterIncrement();
	try_view(&state);
	if (state.aq != NULL)
		sa_view_bounds_notice(state.aq, statement->into->rel->relname);
	sa_doorbell_ring_at_commit();
}

bool
sa_is_continuous_view(const RangeVar *name)
{
	Oid			relid = RangeVarGetRelid(name, NoLock, true);
	SaView	   *view;

	if (get_rel_relkind(relid) != RELKIND_VIEW || !sa_extension_exists())
		return false;
	view = sa_view_by_part(relid);
	return view != NULL && view->view == relid;
}
