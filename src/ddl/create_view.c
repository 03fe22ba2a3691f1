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
#include "ddl/new_tables.h"
#include "ddl/view_bounds.h"
#include "ddl/view_options.h"
#include "ddl/view_reader.h"
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
	SaNewTables tables = {
		.aq = state->aq,
		.has_retention = state->options.retention_us >= 0
	};
	SaCatalogScope scope;
	ListCell   *lc;

	choose_names(state);
	tables.data = state->view.owns_data ? state->data_name : NULL;
	tables.panes = state->panes_name;
	tables.kept = state->kept_names;
	if (state->aq == NULL)
		tables.load_columns = result_columns(state->query);

	sa_catalog_begin(&scope);
	state->view.definition = define_view(SA_DATA_SCHEMA, state->definition_name,
										 result_columns(state->query));
	StoreViewQuery(state->view.definition, copyObject(state->query), false);
	CommandCounterIncrement();
	sa_new_object_give("VIEW", state->definition_name, owner);
	sa_new_tables_create(&tables, owner);
	sa_catalog_end(&scope);
	CommandCounterIncrement();
	if (state->view.owns_data)
		state->view.data = data_schema_relid(state->data_name);
	if (state->panes_name != NULL)
		state->view.panes = data_schema_relid(state->panes_name);
	foreach(lc, state->kept_names)
		state->view.kept = lappend_oid(state->view.kept, data_schema_relid(lfirst(lc)));
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
 * The whole
 * ------------------------------------------------------------------------
 */

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
	state.view.reader = sa_view_reader_choose(state.stream, state.options.start,
											  statement->into->skipData);
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
