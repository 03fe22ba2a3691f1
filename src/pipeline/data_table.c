/*-------------------------------------------------------------------------
 *
 * data_table.c
 *	  The table into which an aggregate view's rows are merged, opened for a batch.
 *
 * NOTES
 *	  Look-up is done here and not by the routines of logical replication,
 *	  because those do not find rows whose keys are NULL; writing is done by
 *	  them, so triggers, constraints, indexes and publications of the table work
 *	  as always.
 *
 *	  There is no other writer: batches of a reader are serialized by its row in
 *	  stream_agg.reader.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "storage/bufmgr.h"
#include "utils/datum.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "pipeline/data_table.h"
#include "pipeline/table_index.h"

void
sa_data_table_key_order(const SaDataTable *table, int column, Oid *less, Oid *collation)
{
	*less = sa_index_operator(table->index, column, BTLessStrategyNumber);
	*collation = table->index->rd_indcollation[column];
}

void
sa_data_table_open(SaDataTable *table, const SaViewPlan *plan, StrategyNumber strategy)
{
	table->rel = table_open(plan->merge_table, NoLock);
	table->estate = CreateExecutorState();
	table->estate->es_snapshot = GetActiveSnapshot();
	table->estate->es_output_cid = GetCurrentCommandId(true);
	sa_init_result_range_table(table->estate, table->rel);
	table->result = makeNode(ResultRelInfo);
	InitResultRelInfo(table->result, table->rel, 1, NULL, 0);
	sa_eval_plan_qual_init(&table->epqstate, table->estate);
	ExecOpenIndices(table->result, false);
	table->old_slot = table_slot_create(table->rel, &table->estate->es_tupleTable);
	table->new_slot = ExecInitExtraTupleSlot(table->estate, RelationGetDescr(table->rel),
											 &TTSOpsVirtual);
	table->index = NULL;
	if (OidIsValid(plan->key_index))
	{
		table->index = index_open(plan->key_index, RowExclusiveLock);
		table->nkeys = table->index->rd_index->indnkeyatts;
		table->scan_keys = sa_index_scan_keys(table->index, strategy);
		table->scan = sa_index_beginscan(table->rel, table->index,
										 table->estate->es_snapshot, table->nkeys);
		table->groups = plan->groups;
		table->fetch = table_index_fetch_begin(table->rel);
		table->nblocks = RelationGetNumberOfBlocks(table->rel);
	}
	AfterTriggerBeginQuery();
}

void
sa_data_table_close(SaDataTable *table)
{
	AfterTriggerEndQuery(table->estate);
	if (table->index != NULL)
	{
		table_index_fetch_end(table->fetch);
		index_endscan(table->scan);
		index_close(table->index, NoLock);
	}
	EvalPlanQualEnd(&table->epqstate);
	ExecCloseIndices(table->result);
	ExecResetTupleTable(table->estate->es_tupleTable, false);
	ExecCloseResultRelations(table->estate);
	FreeExecutorState(table->estate);
	table_close(table->rel, NoLock);
}

void
sa_data_table_look_up(SaDataTable *table, const Datum *values, const bool *nulls)
{
	for (int i = 0; i < table->nkeys; i++)
	{
		ScanKey		key = &table->scan_keys[i];

		key->sk_argument = values[i];
		key->sk_flags = nulls[i] ? SK_ISNULL | SK_SEARCHNULL : 0;
	}
	index_rescan(table->scan, table->scan_keys, table->nkeys, NULL, 0);
}

/* VACUUM may have cut off the end of the table, but not while it is locked by us. */
static bool
block_exists(SaDataTable *table, BlockNumber block)
{
	if (block >= table->nblocks)
		table->nblocks = RelationGetNumberOfBlocks(table->rel);
	return block < table->nblocks;
}

/* Whether old_slot has the key, by the bytes of its values. */
static bool
has_key(const SaDataTable *table, const Datum *values, const bool *nulls)
{
	TupleTableSlot *slot = table->old_slot;

	slot_getsomeattrs(slot, table->nkeys);
	for (int i = 0; i < table->nkeys; i++)
	{
		Form_pg_attribute att = TupleDescAttr(slot->tts_tupleDescriptor, i);

		if (nulls[i] != slot->tts_isnull[i] ||
			(!nulls[i] && !datum_image_eq(values[i], slot->tts_values[i],
										  att->attbyval, att->attlen)))
			return false;
	}
	return true;
}

/* Fetches what has come of the row at table->place, as an index scan does it. */
static bool
fetch_at_place(SaDataTable *table)
{
	ItemPointerData tid = table->place;
	bool		call_again = false;

	return block_exists(table, ItemPointerGetBlockNumber(&tid)) &&
		table_index_fetch_tuple(table->fetch, &tid, table->estate->es_snapshot,
								table->old_slot, &call_again, NULL);
}

bool
sa_data_table_place(const SaDataTable *table, const Datum *values, const bool *nulls,
					ItemPointer place)
{
	return table->groups != NULL &&
		sa_group_cache_find(table->groups,
							sa_group_hash(RelationGetDescr(table->rel), table->nkeys,
										  values, nulls),
							place);
}

bool
sa_data_table_find(SaDataTable *table, const Datum *values, const bool *nulls,
				   const ItemPointerData *place)
{
	ItemPointer tid;

	if (table->groups != NULL)
		table->hash = sa_group_hash(RelationGetDescr(table->rel), table->nkeys, values, nulls);
	if (place != NULL)
		table->place = *place;
	else if (table->groups == NULL ||
			 !sa_group_cache_find(table->groups, table->hash, &table->place))
		ItemPointerSetInvalid(&table->place);
	table->found_at_place = ItemPointerIsValid(&table->place) && fetch_at_place(table) &&
		has_key(table, values, nulls);
	if (table->found_at_place)
		return true;
	sa_data_table_look_up(table, values, nulls);
	while ((tid = index_getnext_tid(table->scan, ForwardScanDirection)) != NULL)
	{
		/* where the chain of versions begins; the fetch moves on along it */
		table->place = *tid;
		if (index_fetch_heap(table->scan, table->old_slot))
			return true;
	}
	ItemPointerSetInvalid(&table->place);
	return false;
}

/*
 * A row that stays in its block is found from where it was before, as long as
 * none of its indexed columns has changed.
 */
void
sa_data_table_wrote(SaDataTable *table)
{
	ItemPointer written = &table->new_slot->tts_tid;

	/* a trigger of the user's may have kept it out */
	if (table->groups == NULL || !ItemPointerIsValid(written))
		return;
	if (ItemPointerIsValid(&table->place) &&
		ItemPointerGetBlockNumber(&table->place) == ItemPointerGetBlockNumber(written))
	{
		if (table->found_at_place)
			return;
	}
	else
		table->place = *written;
	sa_group_cache_put(table->groups, table->hash, &table->place);
}

void
sa_data_table_clear_new(SaDataTable *table)
{
	TupleTableSlot *slot = table->new_slot;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts);
}

void
sa_data_table_copy_old(SaDataTable *table)
{
	TupleTableSlot *slot = table->new_slot;
	TupleTableSlot *old = table->old_slot;
	int			natts = slot->tts_tupleDescriptor->natts;

	ExecClearTuple(slot);
	slot_getallattrs(old);
	memcpy(slot->tts_values, old->tts_values, sizeof(Datum) * natts);
	memcpy(slot->tts_isnull, old->tts_isnull, sizeof(bool) * natts);
}

/* When to look whether a session has ended; see aggregate_query.h. */
static void
set_due(SaDataTable *table, const SaAggregateQuery *aq, TimestampTz end, bool final,
		TimestampTz watermark)
{
	TupleTableSlot *slot = table->new_slot;
	int			column = aq->due_attnum - 1;

	if (!final && !slot->tts_isnull[column] &&
		DatumGetTimestampTz(slot->tts_values[column]) >= watermark)
		return;
	slot->tts_values[column] = TimestampTzGetDatum(end);
	slot->tts_isnull[column] = false;
}

void
sa_data_table_set_final(SaDataTable *table, const SaAggregateQuery *aq,
						TimestampTz watermark)
{
	TupleTableSlot *slot = table->new_slot;
	TimestampTz end = DatumGetTimestampTz(slot->tts_values[aq->end_attnum - 1]);
	/* a session might still be joined by a row at its very end */
	bool		final = aq->sq->window_kind == SA_WINDOW_SESSION ?
		end < watermark : end <= watermark;
	ListCell   *lc;

	slot->tts_values[aq->final_attnum - 1] = BoolGetDatum(final);
	slot->tts_isnull[aq->final_attnum - 1] = false;
	if (aq->due_attnum != aq->end_attnum)
		set_due(table, aq, end, final, watermark);
	if (!final || aq->allowed_lateness_us > 0 || aq->kept != NIL)
		return;
	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);

		if (aggregate->state_attnum != aggregate->value_attnum)
			slot->tts_isnull[aggregate->state_attnum - 1] = true;
	}
}
