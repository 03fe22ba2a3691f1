/*-------------------------------------------------------------------------
 *
 * view_plan.c
 *	  What is needed to run a view on a batch, kept between batches.
 *
 * NOTES
 *	  PostgreSQL's plan cache can't be used, since it knows nothing of partial
 *	  plans; what it does is done here in small: a plan remembers the relations,
 *	  functions and types that it depends on, an invalidation message about one
 *	  of them marks it, and a plan that is used again first locks its relations
 *	  and then looks whether it is still valid.
 *
 *	  Entries are per backend and live until they are invalid; a plan in use is
 *	  freed by nobody, since it is only freed when asked for again, and when the
 *	  transaction is over.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/heap.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "storage/lmgr.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "aggregate/delta.h"
#include "aggregate/rows_sql.h"
#include "aggregate/session_query.h"
#include "base/compat.h"
#include "pipeline/bulk_load.h"
#include "pipeline/held_groups.h"
#include "pipeline/statement.h"
#include "pipeline/sweep.h"
#include "pipeline/table_index.h"
#include "pipeline/view_plan_private.h"

static HTAB *plans = NULL;

static void free_plan(SaViewPlan *plan);

/* ------------------------------------------------------------------------
 * Invalidation
 * ------------------------------------------------------------------------
 */

static bool
depends_on_relation(PlannedStmt *plan, Oid relid)
{
	return list_member_oid(plan->relationOids, relid);
}

static bool
depends_on_item(PlannedStmt *plan, int cacheid, uint32 hashvalue)
{
	ListCell   *lc;

	foreach(lc, plan->invalItems)
	{
		PlanInvalItem *item = lfirst(lc);

		if (item->cacheId == cacheid && (hashvalue == 0 || item->hashValue == hashvalue))
			return true;
	}
	return false;
}

static void
invalidate_relation(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	SaViewPlan *plan;
	ListCell   *lc;

	hash_seq_init(&status, plans);
	while ((plan = hash_seq_search(&status)) != NULL)
	{
		if (!plan->valid)
			continue;
		if (relid == InvalidOid || plan->row->definition == relid ||
			plan->row->data == relid || plan->row->panes == relid ||
			plan->row->stream == relid)
			plan->valid = false;
		foreach(lc, plan->statements)
		{
			if (depends_on_relation(lfirst(lc), relid))
				plan->valid = false;
		}
	}
}

static void
invalidate_item(Datum arg, int cacheid, uint32 hashvalue)
{
	HASH_SEQ_STATUS status;
	SaViewPlan *plan;
	ListCell   *lc;

	hash_seq_init(&status, plans);
	while ((plan = hash_seq_search(&status)) != NULL)
	{
		foreach(lc, plan->statements)
		{
			if (depends_on_item(lfirst(lc), cacheid, hashvalue))
				plan->valid = false;
		}
	}
}

/* Changes of which plans keep no account. */
static void
invalidate_all(Datum arg, int cacheid, uint32 hashvalue)
{
	invalidate_relation(arg, InvalidOid);
}

/*
 * Forgets what is out of date, views that were dropped included.  Only here is
 * it certain that nobody uses it.
 */
static void
forget_invalid_plans(XactEvent event, void *arg)
{
	HASH_SEQ_STATUS status;
	SaViewPlan *plan;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)
		return;
	hash_seq_init(&status, plans);
	while ((plan = hash_seq_search(&status)) != NULL)
	{
		if (plan->valid)
			continue;
		free_plan(plan);
		(void) hash_search(plans, &plan->view, HASH_REMOVE, NULL);
	}
}

static void
init_plans(void)
{
	HASHCTL		ctl = {.keysize = sizeof(Oid),.entrysize = sizeof(SaViewPlan)};

	plans = hash_create("stream_agg view plans", 32, &ctl, HASH_ELEM | HASH_BLOBS);
	CacheRegisterRelcacheCallback(invalidate_relation, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, invalidate_item, (Datum) 0);
	CacheRegisterSyscacheCallback(TYPEOID, invalidate_item, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, invalidate_all, (Datum) 0);
	CacheRegisterSyscacheCallback(OPEROID, invalidate_all, (Datum) 0);
	CacheRegisterSyscacheCallback(AMOPOPID, invalidate_all, (Datum) 0);
	CacheRegisterSyscacheCallback(AGGFNOID, invalidate_all, (Datum) 0);
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID, invalidate_all, (Datum) 0);
	CacheRegisterSyscacheCallback(FOREIGNDATAWRAPPEROID, invalidate_all, (Datum) 0);
	RegisterXactCallback(forget_invalid_plans, NULL);
}

/* ------------------------------------------------------------------------
 * Making plans
 * ------------------------------------------------------------------------
 */

/* The INSERT of a load, rewritten; defaults of columns are in it. */
static Query *
load_query(const SaView *row)
{
	Relation	definition = table_open(row->definition, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(definition);
	StringInfoData columns;
	char	   *sql;
	RawStmt    *parsetree;
	List	   *rewritten;

	initStringInfo(&columns);
	for (int i = 0; i < desc->natts; i++)
		appendStringInfo(&columns, "%s%s", i > 0 ? ", " : "",
						 quote_identifier(NameStr(TupleDescAttr(desc, i)->attname)));
	/* there may be none, and then no parentheses either */
	sql = psprintf("INSERT INTO %s %s%s%s SELECT %s FROM %s", sa_relation_sql(row->data),
				   desc->natts > 0 ? "(" : "", columns.data, desc->natts > 0 ? ")" : "",
				   columns.data, sa_relation_sql(row->definition));
	table_close(definition, NoLock);

	parsetree = linitial_node(RawStmt, pg_parse_query(sql));
	rewritten = pg_analyze_and_rewrite_fixedparams(parsetree, sql, NULL, 0, NULL);
	if (list_length(rewritten) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" of a continuous view must not have rules",
						get_rel_name(row->data))));
	return linitial_node(Query, rewritten);
}

/* A row of a stream has no place; in its ctid stands its number in the batch. */
static void
refuse_system_column(AttrNumber attnum)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("system column \"%s\" of a stream cannot be maintained in a continuous view",
					NameStr(SystemAttributeDefinition(attnum)->attname)),
			 errhint("Use columns with the options metadata 'partition' and metadata 'offset'.")));
}

/*
 * Columns of the stream that the definition mentions: what it needs the right
 * to select is just that.
 */
static Bitmapset *
read_columns(const Query *definition)
{
	SaStreamQuery *sq = sa_stream_query_analyze(definition, NULL);
	Query	   *query = sa_stream_query_level(sq, sq->depth - 1);
	RangeTblEntry *rte = rt_fetch(sq->path[sq->depth - 1], query->rtable);
	Bitmapset  *selected = sa_rte_selected_columns(query, rte);
	Bitmapset  *attnums = NULL;
	bool		whole_row;
	int			member = -1;

	whole_row = bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, selected);
	while ((member = bms_next_member(selected, member)) >= 0)
	{
		int			attnum = member + FirstLowInvalidHeapAttributeNumber;

		if (attnum > 0)
			attnums = bms_add_member(attnums, attnum);
		else if (attnum < 0 && attnum != TableOidAttributeNumber)
			refuse_system_column(attnum);
	}
	if (whole_row)
	{
		Relation	rel = table_open(sq->stream, NoLock);

		attnums = bms_add_range(attnums, 1, RelationGetNumberOfAttributes(rel));
		table_close(rel, NoLock);
	}
	return attnums;
}

/* The index by which rows are found. */
static Oid
find_key_index(Relation table, int nkeys)
{
	Oid			found = sa_unique_index(table, nkeys, SA_COLUMNS_AS_IN_TABLE);

	if (!OidIsValid(found))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" of a continuous view has lost its unique index",
						RelationGetRelationName(table)),
				 errhint("Create a unique index on the first %d columns with NULLS NOT DISTINCT.",
						 nkeys)));
	return found;
}

/* A user may have altered a table behind the view. */
static void
check_table(Relation table, List *columns)
{
	TupleDesc	desc = RelationGetDescr(table);

	for (int i = 0; i < list_length(columns); i++)
	{
		ColumnDef  *column = list_nth_node(ColumnDef, columns, i);

		if (i >= desc->natts || TupleDescAttr(desc, i)->attisdropped ||
			TupleDescAttr(desc, i)->atttypid != column->typeName->typeOid)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("table \"%s\" of a continuous view has been altered",
							RelationGetRelationName(table)),
					 errdetail("Column %d should be \"%s\" of type %s.", i + 1,
							   column->colname, format_type_be(column->typeName->typeOid)),
					 errhint("Drop the continuous view and create it again.")));
	}
}

/*
 * A window is final when the watermark reaches its end, and settled when the
 * allowed lateness is over, too; then its states are dropped.  Without allowed
 * lateness both are one update.  What is settled already, since its values could
 * not be computed (guarded_close.c), is left out.
 */
static void
plan_close(SaViewPlan *plan)
{
	SaAggregateQuery *aq = plan->aq;
	Oid			data = plan->tables.data;
	char	   *table = sa_relation_sql(data);
	char	   *final = sa_final_assignments_sql(aq, data);
	char	   *settled = sa_settle_assignments_sql(aq, &plan->tables, false);
	bool		both = aq->allowed_lateness_us == 0 && settled[0] != '\0';
	char	   *due = sa_due_condition_sql(aq, data);
	Oid			argtypes[] = {aq->sq->window_type, aq->sq->window_type};

	plan->close =
		sa_statement_prepare(psprintf("UPDATE ONLY %s AS d SET %s%s%s WHERE NOT d.%s AND %s",
									  table, final, both ? ", " : "", both ? settled : "",
									  sa_column_sql(data, aq->final_attnum), due),
							 lengthof(argtypes), argtypes);
	if (aq->due_attnum != aq->end_attnum)
		plan->due_later = sa_statement_prepare(sa_due_later_sql(aq, data),
											   lengthof(argtypes), argtypes);
	if (both || settled[0] == '\0')
		return;
	if (aq->kept_count != NULL)
		due = psprintf("%s AND d.%s IS NOT NULL", due,
					   sa_column_sql(data, aq->kept_count->state_attnum));
	plan->settle =
		sa_statement_prepare(psprintf("UPDATE ONLY %s AS d SET %s WHERE %s", table, settled, due),
							 lengthof(argtypes), argtypes);
}

/* Windows made of panes become rows of the data table when they are settled. */
static void
plan_settle_panes(SaViewPlan *plan)
{
	Oid			type = plan->aq->sq->window_type;
	Oid			arrays[] = {get_array_type(type), get_array_type(type)};
	const char *start = sa_column_sql(plan->tables.panes, list_length(plan->aq->keys) + 1);

	plan->settle =
		sa_statement_prepare(psprintf("INSERT INTO %s %s", sa_relation_sql(plan->tables.data),
									  sa_settled_windows_sql(plan->aq, &plan->tables, true)),
							 lengthof(arrays), arrays);
	plan->first_pane =
		sa_statement_prepare(psprintf("SELECT pg_catalog.min(%s) FROM ONLY %s"
									  " WHERE %s OPERATOR(pg_catalog.>=) $1",
									  start, sa_relation_sql(plan->tables.panes), start),
							 1, &type);
}

static void
add_sweep(SaViewPlan *plan, Oid relid, AttrNumber column, int64 keep_us)
{
	Relation	table = table_open(relid, RowExclusiveLock);

	plan->sweeps = lappend(plan->sweeps, sa_sweep_by_index(table, column, keep_us));
	table_close(table, NoLock);
}

/* Groups that are over, and before each of them what is kept for it. */
static void
plan_expiry_sweep(SaViewPlan *plan)
{
	Relation	data = table_open(plan->tables.data, RowExclusiveLock);
	SaSweep    *sweep = sa_sweep_by_block(data, plan->aq->last_attnum, plan->row->state_ttl_us);
	char	   *condition = sa_sweep_block_condition("d", sa_column_sql(plan->tables.data,
																	 plan->aq->last_attnum));

	for (int n = 0; n < list_length(plan->aq->kept); n++)
		sa_sweep_before(sweep, sa_kept_delete_sql(plan->aq, &plan->tables, n, condition));
	plan->sweeps = lappend(plan->sweeps, sweep);
	table_close(data, NoLock);
}

/*
 * What is removed as event time goes on: settled windows that are too old, panes
 * and kept arguments of which all windows are settled.
 */
static void
plan_sweeps(SaViewPlan *plan)
{
	const SaView *row = plan->row;
	int			nkeys = list_length(plan->aq->keys);
	bool		sessions = plan->aq->sq->window_kind == SA_WINDOW_SESSION;
	int64		retention_us = row->retention_us;
	int64		settled_us;
	ListCell   *lc;

	/* a row that would join a session that is gone must be late all by itself */
	if (sessions && retention_us >= 0)
		retention_us = Max(retention_us, plan->aq->sq->window.size_us + 1);
	if (retention_us >= 0)
		add_sweep(plan, plan->tables.data, plan->aq->due_attnum,
				  row->allowed_lateness_us + retention_us);
	if (plan->aq->last_attnum != 0)
		plan_expiry_sweep(plan);
	if (!plan->aq->windowed || sessions)
		return;
	settled_us = sa_window_max_length(&plan->aq->sq->window) + row->allowed_lateness_us;
	if (plan->aq->panes)
		add_sweep(plan, plan->tables.panes, nkeys + 1, settled_us);
	foreach(lc, plan->tables.kept)
		add_sweep(plan, lfirst_oid(lc), nkeys + 2, settled_us);
}

/* States that another major version serialized must not be misread. */
static void
check_state_version(const SaView *row, const SaAggregateQuery *aq)
{
	ListCell   *lc;

	if (row->state_version == SA_STATE_VERSION)
		return;
	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);

		if (aggregate->state_type == BYTEAOID)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("states of continuous view \"%s\" were written by PostgreSQL %d",
							get_rel_name(row->view), row->state_version),
					 errhint("Drop the continuous view and create it again.")));
	}
}

/* Looks at the tables; opened are those that a batch writes into itself. */
static void
check_tables(SaViewPlan *plan)
{
	SaAggregateQuery *aq = plan->aq;
	Relation	data = table_open(plan->tables.data, RowExclusiveLock);
	Relation	table = data;
	int			nkeys = sa_aggregate_query_key_count(aq);
	ListCell   *lt;
	ListCell   *ls;

	check_table(data, sa_data_layout_columns(aq));
	if (aq->panes)
	{
		table = table_open(plan->tables.panes, RowExclusiveLock);
		check_table(table, sa_data_layout_pane_columns(aq));
		nkeys = list_length(aq->keys) + 2;
		sa_window_spec_pane(&aq->sq->window, &plan->pane);
	}
	plan->merge_table = RelationGetRelid(table);
	if (nkeys > 0)
	{
		plan->key_index = find_key_index(table, nkeys);
		/* what another access method would make of an old place is not known */
		if (table->rd_rel->relam == HEAP_TABLE_AM_OID)
			plan->groups = sa_group_cache_create(plan->context);
	}
	forboth(lt, plan->tables.kept, ls, aq->kept)
	{
		Relation	kept = table_open(lfirst_oid(lt), RowExclusiveLock);

		check_table(kept, ((SaKeptSet *) lfirst(ls))->columns);
		table_close(kept, NoLock);
	}
	if (table != data)
		table_close(table, NoLock);
	table_close(data, NoLock);
}

static void
plan_aggregate(SaViewPlan *plan, const Query *definition)
{
	int			n = 0;
	ListCell   *lc;

	plan->aq = sa_aggregate_query_analyze(definition, plan->row, NULL);
	plan->tables.data = plan->row->data;
	plan->tables.panes = plan->row->panes;
	plan->tables.kept = plan->row->kept;
	check_tables(plan);
	check_state_version(plan->row, plan->aq);
	if (plan->aq->panes)
		plan_settle_panes(plan);
	else if (plan->aq->windowed)
		plan_close(plan);
	sa_view_kept_plan_discard(plan);
	plan_sweeps(plan);
	plan->states = palloc0(sizeof(SaStateFunctions *) * Max(list_length(plan->aq->aggregates), 1));
	foreach(lc, plan->aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);

		if (aggregate->mode != SA_AGGREGATE_KEPT)
			plan->states[n] = sa_state_functions(aggregate);
		n++;
	}
}

PlannedStmt *
sa_view_plan_keep(SaViewPlan *plan, PlannedStmt *statement)
{
	MemoryContext old = MemoryContextSwitchTo(plan->context);
	PlannedStmt *copy = copyObject(statement);

	plan->statements = lappend(plan->statements, copy);
	MemoryContextSwitchTo(old);
	return copy;
}

static void
make_load(SaViewPlan *plan, const SaView *row)
{
	Relation	table = table_open(row->data, RowExclusiveLock);
	Query	   *query = load_query(row);
	PlannedStmt *load = pg_plan_query(copyObject(query), "", 0, NULL);
	PlannedStmt *bulk_load = NULL;

	sa_plan_check_single_scan(load);
	plan->load = sa_view_plan_keep(plan, load);
	/* defaults of columns are in the query */
	if (!contain_volatile_functions_not_nextval((Node *) query))
		bulk_load = sa_bulk_load_plan(load, table);
	if (bulk_load != NULL)
		plan->bulk_load = sa_view_plan_keep(plan, bulk_load);
	table_close(table, NoLock);
}

/*
 * Whether groups may wait for later chunks of a batch.  What is kept beside them
 * must be written with them, and they must not come to their end meanwhile.
 */
static bool
can_hold(const SaViewPlan *plan)
{
	return plan->aq->kept == NIL && plan->row->state_ttl_us < 0 &&
		sa_held_groups_possible(plan->delta) &&
		(plan->delta_in_time == NULL || sa_held_groups_possible(plan->delta_in_time));
}

/* Fills an entry; the catalog row has just been read. */
static void
make_plan(SaViewPlan *plan, const SaView *row)
{
	MemoryContext caller = CurrentMemoryContext;
	Relation	definition;
	PlannedStmt *trial;
	Query	   *query;

	plan->context = AllocSetContextCreate(CacheMemoryContext, "stream_agg view plan",
										  ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(plan->context);
	plan->row = palloc(sizeof(SaView));
	*plan->row = *row;
	plan->row->settings = NIL;	/* they belong to the caller */
	plan->row->kept = list_copy(row->kept);
	plan->row->start = NULL;
	if (row->late_function != NULL)
		plan->row->late_function = pstrdup(row->late_function);

	/* from here on messages about what it depends on count */
	plan->valid = true;
	definition = table_open(row->definition, AccessShareLock);
	plan->owner = definition->rd_rel->relowner;
	query = copyObject(get_view_query(definition));
	table_close(definition, NoLock);
	plan->attnums = read_columns(query);
	if (row->kind == SA_VIEW_AGGREGATE)
		plan_aggregate(plan, query);

	MemoryContextSwitchTo(caller);

	if (row->kind == SA_VIEW_LOAD)
	{
		make_load(plan, row);
		plan->holds = true;
		return;
	}
	if (plan->aq->sq->window_kind == SA_WINDOW_SESSION)
		plan->delta = sa_view_plan_keep(plan, sa_session_plan(query, row));
	else
		plan->delta = sa_view_plan_keep(plan, sa_delta_plan(query, row, true));
	if (plan->aq->windowed && plan->aq->sq->window_kind != SA_WINDOW_SESSION)
	{
		plan->lateness = sa_view_plan_keep(plan, sa_lateness_plan(query, row));
		if (!sa_window_has_gaps(&plan->aq->sq->window))
			plan->delta_in_time = sa_view_plan_keep(plan, sa_delta_plan(query, row, false));
	}
	sa_view_kept_plan(plan, query, row);
	trial = sa_trial_plan(query, row);
	if (trial != NULL)
		plan->trial = sa_view_plan_keep(plan, trial);
	plan->can_hold = can_hold(plan);
	plan->holds = plan->can_hold;
}

/* ------------------------------------------------------------------------
 * Using plans
 * ------------------------------------------------------------------------
 */

static void
free_plan(SaViewPlan *plan)
{
	ListCell   *lc;

	if (plan->due_later != NULL)
		SPI_freeplan(plan->due_later);
	if (plan->close != NULL)
		SPI_freeplan(plan->close);
	if (plan->settle != NULL)
		SPI_freeplan(plan->settle);
	if (plan->first_pane != NULL)
		SPI_freeplan(plan->first_pane);
	foreach(lc, plan->discard)
		SPI_freeplan(lfirst(lc));
	sa_sweep_free(plan->sweeps);
	if (plan->context != NULL)
		MemoryContextDelete(plan->context);
	memset((char *) plan + sizeof(Oid), 0, sizeof(SaViewPlan) - sizeof(Oid));
}

static void
lock_relations(PlannedStmt *plan)
{
	ListCell   *lc;

	foreach(lc, plan->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RELATION ||
			(rte->rtekind == RTE_SUBQUERY && OidIsValid(rte->relid)))
			LockRelationOid(rte->relid, rte->rellockmode);
	}
}

SaViewPlan *
sa_view_plan_get(const SaView *view)
{
	SaViewPlan *plan;
	bool		found;
	ListCell   *lc;

	if (plans == NULL)
		init_plans();

	/* in this order everywhere; a drop may be ahead of us and win */
	LockRelationOid(view->definition, AccessShareLock);
	LockRelationOid(view->data, RowExclusiveLock);
	if (OidIsValid(view->panes))
		LockRelationOid(view->panes, RowExclusiveLock);
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(view->definition)) ||
		!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(view->data)))
		return NULL;

	plan = hash_search(plans, &view->view, HASH_ENTER, &found);
	if (!found)
		memset((char *) plan + sizeof(Oid), 0, sizeof(SaViewPlan) - sizeof(Oid));
	if (plan->valid)
	{
		foreach(lc, plan->statements)
			lock_relations(lfirst(lc));
	}
	while (!plan->valid)
	{
		free_plan(plan);
		PG_TRY();
		{
			make_plan(plan, view);
		}
		PG_CATCH();
		{
			plan->valid = false;
			PG_RE_THROW();
		}
		PG_END_TRY();
	}
	return plan;
}

void
sa_view_plan_reset_states(const SaViewPlan *plan)
{
	for (int i = 0; i < list_length(plan->aq->aggregates); i++)
	{
		if (plan->states[i] != NULL)
			sa_state_reset(plan->states[i]);
	}
}
