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
 *	  freed by nobody, since it is only freed when asked for again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/heap.h"
#include "catalog/namespace.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
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
#include "base/compat.h"
#include "pipeline/sweep.h"
#include "pipeline/view_plan.h"

static HTAB *plans = NULL;

/* ------------------------------------------------------------------------
 * Invalidation
 * ------------------------------------------------------------------------
 */

static bool
depends_on_relation(PlannedStmt *plan, Oid relid)
{
	return plan != NULL && list_member_oid(plan->relationOids, relid);
}

static bool
depends_on_item(PlannedStmt *plan, int cacheid, uint32 hashvalue)
{
	ListCell   *lc;

	if (plan == NULL)
		return false;
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

	hash_seq_init(&status, plans);
	while ((plan = hash_seq_search(&status)) != NULL)
	{
		if (!plan->valid)
			continue;
		if (relid == InvalidOid || plan->row->definition == relid ||
			plan->row->data == relid || plan->row->stream == relid ||
			depends_on_relation(plan->load, relid) ||
			depends_on_relation(plan->delta, relid) ||
			depends_on_relation(plan->lateness, relid))
			plan->valid = false;
	}
}

static void
invalidate_item(Datum arg, int cacheid, uint32 hashvalue)
{
	HASH_SEQ_STATUS status;
	SaViewPlan *plan;

	hash_seq_init(&status, plans);
	while ((plan = hash_seq_search(&status)) != NULL)
	{
		if (depends_on_item(plan->load, cacheid, hashvalue) ||
			depends_on_item(plan->delta, cacheid, hashvalue) ||
			depends_on_item(plan->lateness, cacheid, hashvalue))
			plan->valid = false;
	}
}

/* Changes of which plans keep no account. */
static void
invalidate_all(Datum arg, int cacheid, uint32 hashvalue)
{
	invalidate_relation(arg, InvalidOid);
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
}

/* ------------------------------------------------------------------------
 * Making plans
 * ------------------------------------------------------------------------
 */

/* "schema"."name" */
static char *
qualified_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
}

static PlannedStmt *
plan_load(const SaView *row)
{
	Relation	definition = table_open(row->definition, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(definition);
	StringInfoData columns;
	char	   *sql;
	RawStmt    *parsetree;
	List	   *rewritten;
	PlannedStmt *plan;

	initStringInfo(&columns);
	for (int i = 0; i < desc->natts; i++)
		appendStringInfo(&columns, "%s%s", i > 0 ? ", " : "",
						 quote_identifier(NameStr(TupleDescAttr(desc, i)->attname)));
	/* there may be none, and then no parentheses either */
	sql = psprintf("INSERT INTO %s %s%s%s SELECT %s FROM %s", qualified_name(row->data),
				   desc->natts > 0 ? "(" : "", columns.data, desc->natts > 0 ? ")" : "",
				   columns.data, qualified_name(row->definition));
	table_close(definition, NoLock);

	parsetree = linitial_node(RawStmt, pg_parse_query(sql));
	rewritten = pg_analyze_and_rewrite_fixedparams(parsetree, sql, NULL, 0, NULL);
	if (list_length(rewritten) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" of a continuous view must not have rules",
						get_rel_name(row->data))));
	plan = pg_plan_query(linitial_node(Query, rewritten), sql, 0, NULL);
	sa_plan_check_single_scan(plan);
	return plan;
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

/* The index by which groups are found. */
static Oid
find_key_index(Relation data, const SaAggregateQuery *aq)
{
	int			nkeys = list_length(aq->keys) + (aq->windowed ? 1 : 0);
	Oid			found = InvalidOid;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(data))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);
		Form_pg_index form = index->rd_index;
		bool		fits = form->indisunique && form->indisvalid && form->indimmediate &&
			form->indnullsnotdistinct && form->indnkeyatts == nkeys &&
			heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL);

		for (int i = 0; fits && i < nkeys; i++)
			fits = form->indkey.values[i] == i + 1;
		if (fits)
			found = RelationGetRelid(index);
		index_close(index, AccessShareLock);
	}
	if (!OidIsValid(found))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" of a continuous view has lost its unique index",
						RelationGetRelationName(data)),
				 errhint("Create a unique index on the first %d columns with NULLS NOT DISTINCT.",
						 nkeys)));
	return found;
}

/* A user may have altered the table behind the view. */
static void
check_data_table(Relation data, const SaAggregateQuery *aq)
{
	TupleDesc	desc = RelationGetDescr(data);
	List	   *columns = sa_aggregate_query_columns(aq);

	for (int i = 0; i < list_length(columns); i++)
	{
		ColumnDef  *column = list_nth_node(ColumnDef, columns, i);

		if (i >= desc->natts || TupleDescAttr(desc, i)->attisdropped ||
			TupleDescAttr(desc, i)->atttypid != column->typeName->typeOid)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("table \"%s\" of a continuous view has been altered",
							RelationGetRelationName(data)),
					 errdetail("Column %d should be \"%s\" of type %s.", i + 1,
							   column->colname, format_type_be(column->typeName->typeOid)),
					 errhint("Drop the continuous view and create it again.")));
	}
}

static const char *
column_name(TupleDesc desc, AttrNumber attnum)
{
	return quote_identifier(NameStr(TupleDescAttr(desc, attnum - 1)->attname));
}

static SPIPlanPtr
prepare(const char *sql, int nargs, Oid *argtypes)
{
	SPIPlanPtr	plan;

	SPI_connect();
	plan = SPI_prepare(sql, nargs, argtypes);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare \"%s\"", sql);
	SPI_finish();
	return plan;
}

/* "state = NULL, …" for all states that are not values; "" if there are none. */
static char *
clear_states(TupleDesc desc, const SaAggregateQuery *aq)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);

		if (aggregate->state_attnum != aggregate->value_attnum)
			appendStringInfo(&sql, "%s%s = NULL", sql.len > 0 ? ", " : "",
							 column_name(desc, aggregate->state_attnum));
	}
	return sql.data;
}

/*
 * A window is final when the watermark reaches its end, and settled when the
 * allowed lateness is over, too; then its states are dropped.  Without allowed
 * lateness both are one update.
 */
static void
plan_close(SaViewPlan *plan, Relation data)
{
	TupleDesc	desc = RelationGetDescr(data);
	char	   *table = qualified_name(RelationGetRelid(data));
	const char *final = column_name(desc, plan->aq->final_attnum);
	const char *end = column_name(desc, plan->aq->end_attnum);
	char	   *states = clear_states(desc, plan->aq);
	bool		both = plan->row->allowed_lateness_us == 0 && states[0] != '\0';
	Oid			argtypes[] = {plan->aq->sq->window_type, plan->aq->sq->window_type};

	plan->close = prepare(psprintf("UPDATE ONLY %s SET %s = true%s%s"
								   " WHERE NOT %s AND %s OPERATOR(pg_catalog.<=) $1",
								   table, final, both ? ", " : "", both ? states : "",
								   final, end),
						  1, argtypes);
	if (!both && states[0] != '\0')
		plan->settle = prepare(psprintf("UPDATE ONLY %s SET %s"
										" WHERE %s OPERATOR(pg_catalog.>) $1"
										" AND %s OPERATOR(pg_catalog.<=) $2",
										table, states, end, end),
							   2, argtypes);
}

/* What is removed as event time goes on. */
static void
plan_sweeps(SaViewPlan *plan, Relation data)
{
	const SaView *row = plan->row;

	if (row->retention_us >= 0)
		plan->sweeps = lappend(plan->sweeps,
							   sa_sweep_by_index(data, plan->aq->end_attnum,
												 row->allowed_lateness_us + row->retention_us));
	if (row->state_ttl_us >= 0)
		plan->sweeps = lappend(plan->sweeps,
							   sa_sweep_by_block(data, plan->aq->last_attnum,
												 row->state_ttl_us));
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

static void
plan_aggregate(SaViewPlan *plan, const Query *definition)
{
	Relation	data = table_open(plan->row->data, RowExclusiveLock);
	int			n = 0;
	ListCell   *lc;

	plan->aq = sa_aggregate_query_analyze(definition, NULL);
	if (plan->row->state_ttl_us >= 0)
		sa_aggregate_query_set_ttl(plan->aq, plan->row->state_ttl_us);
	check_data_table(data, plan->aq);
	check_state_version(plan->row, plan->aq);
	if (plan->aq->keys != NIL || plan->aq->windowed)
		plan->key_index = find_key_index(data, plan->aq);
	if (plan->aq->windowed)
		plan_close(plan, data);
	plan_sweeps(plan, data);
	plan->states = palloc(sizeof(SaStateFunctions *) * Max(list_length(plan->aq->aggregates), 1));
	foreach(lc, plan->aq->aggregates)
		plan->states[n++] = sa_state_functions(lfirst(lc));
	table_close(data, NoLock);
}

/* Fills an entry; the catalog row has just been read. */
static void
make_plan(SaViewPlan *plan, const SaView *row)
{
	MemoryContext caller = CurrentMemoryContext;
	PlannedStmt *load = NULL;
	PlannedStmt *delta = NULL;
	PlannedStmt *lateness = NULL;
	Relation	definition;
	Query	   *query;

	plan->context = AllocSetContextCreate(CacheMemoryContext, "stream_agg view plan",
										  ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(plan->context);
	plan->row = palloc(sizeof(SaView));
	*plan->row = *row;
	plan->row->settings = NIL;	/* they belong to the caller */
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

	/* planning leaves much behind that need not be kept */
	MemoryContextSwitchTo(caller);
	if (row->kind == SA_VIEW_LOAD)
		load = plan_load(row);
	else
		delta = sa_delta_plan(query, row->allowed_lateness_us > 0, row->state_ttl_us >= 0);
	if (plan->aq != NULL && plan->aq->windowed)
		lateness = sa_lateness_plan(query);
	MemoryContextSwitchTo(plan->context);
	plan->load = copyObject(load);
	plan->delta = copyObject(delta);
	plan->lateness = copyObject(lateness);
	MemoryContextSwitchTo(caller);
}

/* ------------------------------------------------------------------------
 * Using plans
 * ------------------------------------------------------------------------
 */

static void
free_plan(SaViewPlan *plan)
{
	if (plan->close != NULL)
		SPI_freeplan(plan->close);
	if (plan->settle != NULL)
		SPI_freeplan(plan->settle);
	sa_sweep_free(plan->sweeps);
	if (plan->context != NULL)
		MemoryContextDelete(plan->context);
	memset((char *) plan + sizeof(Oid), 0, sizeof(SaViewPlan) - sizeof(Oid));
}

static void
lock_relations(PlannedStmt *plan)
{
	ListCell   *lc;

	if (plan == NULL)
		return;
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

	if (plans == NULL)
		init_plans();

	/* in this order everywhere; a drop may be ahead of us and win */
	LockRelationOid(view->definition, AccessShareLock);
	LockRelationOid(view->data, RowExclusiveLock);
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(view->definition)) ||
		!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(view->data)))
		return NULL;

	plan = hash_search(plans, &view->view, HASH_ENTER, &found);
	if (!found)
		memset((char *) plan + sizeof(Oid), 0, sizeof(SaViewPlan) - sizeof(Oid));
	if (plan->valid)
	{
		lock_relations(plan->load);
		lock_relations(plan->delta);
		lock_relations(plan->lateness);
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
