/*-------------------------------------------------------------------------
 *
 * merge.c
 *	  From the groups of a batch to the rows of a view's table.
 *
 * NOTES
 *	  Each group of a batch costs one index descent and one write.  Look-up is
 *	  done here and not by the routines of logical replication, because those do
 *	  not find rows whose keys are NULL; writing is done by them, so triggers,
 *	  constraints, indexes and publications of the table work as always.
 *
 *	  There is no other writer: batches of a reader are serialized by its row in
 *	  stream_agg.reader.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/nbtree.h"
#include "access/table.h"
#include "access/tableam.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "pipeline/expiry.h"
#include "pipeline/merge.h"
#include "window/window.h"

typedef struct Merge
{
	DestReceiver pub;
	SaViewPlan *plan;
	const SaBatchScan *scanned;
	TimestampTz watermark;		/* of the stream, as the batch found it */
	int64	   *rows_seen;

	/* the data table, for writing */
	EState	   *estate;
	EPQState	epqstate;
	ResultRelInfo *result;
	Relation	data;
	TupleTableSlot *old_slot;
	TupleTableSlot *new_slot;
	MemoryContext row_context;	/* reset for each group */

	/* look-up by key; index is NULL if there is only one row */
	Relation	index;
	IndexScanDesc scan;
	ScanKey		keys;
	int			nkeys;
} Merge;

/* Equality on each column of the key index, in the index's own terms. */
static void
init_scan_keys(Merge *merge)
{
	Relation	index = merge->index;

	merge->nkeys = index->rd_index->indnkeyatts;
	merge->keys = palloc0(sizeof(ScanKeyData) * merge->nkeys);
	for (int i = 0; i < merge->nkeys; i++)
	{
		Oid			family = index->rd_opfamily[i];
		Oid			type = index->rd_opcintype[i];
		Oid			operator = get_opfamily_member(family, type, type, BTEqualStrategyNumber);

		if (!OidIsValid(operator))
			elog(ERROR, "missing equality operator of type %u in operator family %u",
				 type, family);
		ScanKeyEntryInitialize(&merge->keys[i], 0, i + 1, BTEqualStrategyNumber,
							   InvalidOid, index->rd_indcollation[i],
							   get_opcode(operator), (Datum) 0);
	}
}

static void
merge_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	Merge	   *merge = (Merge *) self;
	SaViewPlan *plan = merge->plan;

	merge->data = table_open(plan->row->data, NoLock);
	merge->estate = CreateExecutorState();
	merge->estate->es_snapshot = GetActiveSnapshot();
	merge->estate->es_output_cid = GetCurrentCommandId(true);
	sa_init_result_range_table(merge->estate, merge->data);
	merge->result = makeNode(ResultRelInfo);
	InitResultRelInfo(merge->result, merge->data, 1, NULL, 0);
	sa_eval_plan_qual_init(&merge->epqstate, merge->estate);
	ExecOpenIndices(merge->result, false);
	merge->old_slot = table_slot_create(merge->data, &merge->estate->es_tupleTable);
	merge->new_slot = ExecInitExtraTupleSlot(merge->estate, RelationGetDescr(merge->data),
											 &TTSOpsVirtual);
	merge->row_context = AllocSetContextCreate(CurrentMemoryContext, "stream_agg group",
											   ALLOCSET_DEFAULT_SIZES);
	if (OidIsValid(plan->key_index))
	{
		merge->index = index_open(plan->key_index, RowExclusiveLock);
		init_scan_keys(merge);
		merge->scan = sa_index_beginscan(merge->data, merge->index,
										 merge->estate->es_snapshot, merge->nkeys);
	}
	AfterTriggerBeginQuery();
}

/* Finds the group's row; keys stand first in the delta row. */
static bool
find_group(Merge *merge, TupleTableSlot *delta)
{
	if (merge->index == NULL)
	{
		TableScanDesc scan = table_beginscan(merge->data, merge->estate->es_snapshot, 0, NULL);
		bool		found = table_scan_getnextslot(scan, ForwardScanDirection, merge->old_slot);

		if (found)
			ExecMaterializeSlot(merge->old_slot);
		table_endscan(scan);
		return found;
	}

	for (int i = 0; i < merge->nkeys; i++)
	{
		ScanKey		key = &merge->keys[i];

		key->sk_argument = delta->tts_values[i];
		key->sk_flags = delta->tts_isnull[i] ? SK_ISNULL | SK_SEARCHNULL : 0;
	}
	index_rescan(merge->scan, merge->keys, merge->nkeys, NULL, 0);
	return index_getnext_slot(merge->scan, ForwardScanDirection, merge->old_slot);
}

/* A new row: keys, window, nothing else yet. */
static void
init_group(Merge *merge, TupleTableSlot *delta)
{
	SaAggregateQuery *aq = merge->plan->aq;
	TupleTableSlot *slot = merge->new_slot;
	int			nkeys = list_length(aq->keys);
	SaWindowError error;
	int64		end;

	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts);
	for (int i = 0; i < nkeys; i++)
	{
		slot->tts_values[i] = delta->tts_values[i];
		slot->tts_isnull[i] = delta->tts_isnull[i];
	}
	if (aq->windowed)
	{
		int64		start = DatumGetTimestamp(delta->tts_values[nkeys]);

		error = sa_window_end(&aq->sq->window, start, &end);
		if (error != SA_WINDOW_OK)
			ereport(ERROR,
					(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
					 errmsg("%s", sa_window_error_text(error))));
		slot->tts_values[aq->start_attnum - 1] = TimestampGetDatum(start);
		slot->tts_isnull[aq->start_attnum - 1] = false;
		slot->tts_values[aq->end_attnum - 1] = TimestampGetDatum(end);
		slot->tts_isnull[aq->end_attnum - 1] = false;
		/* the first row of a group may come while its window is only allowed */
		slot->tts_values[aq->final_attnum - 1] = BoolGetDatum(end <= merge->watermark);
		slot->tts_isnull[aq->final_attnum - 1] = false;
	}
	slot->tts_values[aq->revision_attnum - 1] = Int64GetDatum(0);
	slot->tts_isnull[aq->revision_attnum - 1] = false;
}

/*
 * The group in the table has come to its end before the first of the delta's rows;
 * that one begins it anew.
 */
static bool
is_expired(Merge *merge, TupleTableSlot *delta)
{
	SaAggregateQuery *aq = merge->plan->aq;
	const SaBatchScan *scan = merge->scanned;
	TimestampTz watermark;
	Datum		first_row;
	int			row;
	Datum		last;
	bool		isnull;

	if (aq->last_attnum == 0)
		return false;
	first_row = delta->tts_values[delta->tts_tupleDescriptor->natts - 3];
	row = sa_batch_row_of_ctid((ItemPointer) DatumGetPointer(first_row));
	watermark = sa_batch_row_watermark(scan, &scan->batch->rows[row]);
	last = slot_getattr(merge->old_slot, aq->last_attnum, &isnull);
	return !isnull && sa_expiry_is_over(DatumGetTimestampTz(last), watermark, aq->state_ttl_us);
}

/* Of a group that goes on: the slot has what it was. */
static void
note_last_event_time(Merge *merge, TupleTableSlot *delta)
{
	AttrNumber	attnum = merge->plan->aq->last_attnum;
	TupleTableSlot *slot = merge->new_slot;
	Datum		last;

	if (attnum == 0)
		return;
	last = delta->tts_values[delta->tts_tupleDescriptor->natts - 2];
	if (slot->tts_isnull[attnum - 1] ||
		DatumGetTimestampTz(slot->tts_values[attnum - 1]) < DatumGetTimestampTz(last))
		slot->tts_values[attnum - 1] = last;
	slot->tts_isnull[attnum - 1] = false;
}

/* The row as it is. */
static void
copy_group(Merge *merge)
{
	TupleTableSlot *slot = merge->new_slot;
	TupleTableSlot *old = merge->old_slot;
	int			natts = slot->tts_tupleDescriptor->natts;

	slot_getallattrs(old);
	memcpy(slot->tts_values, old->tts_values, sizeof(Datum) * natts);
	memcpy(slot->tts_isnull, old->tts_isnull, sizeof(bool) * natts);
}

/*
 * Rows that came after the end of their window count as revisions: that depends
 * on the order of rows alone, not on how they were cut into batches.
 */
static void
count_revisions(Merge *merge, TupleTableSlot *delta)
{
	SaAggregateQuery *aq = merge->plan->aq;
	Datum	   *revision = &merge->new_slot->tts_values[aq->revision_attnum - 1];
	int			column = delta->tts_tupleDescriptor->natts - 2;

	if (merge->plan->row->allowed_lateness_us > 0)
		*revision = Int64GetDatum(DatumGetInt64(*revision) +
								  DatumGetInt64(delta->tts_values[column]));
}

/* Combines the delta's states with the row's, and computes the values. */
static void
merge_states(Merge *merge, TupleTableSlot *delta, bool found)
{
	SaAggregateQuery *aq = merge->plan->aq;
	TupleTableSlot *slot = merge->new_slot;
	TupleTableSlot *old = merge->old_slot;
	int			column = list_length(aq->keys) + (aq->windowed ? 1 : 0);
	int			n = 0;
	ListCell   *lc;

	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);
		SaStateDatum delta_state = {delta->tts_values[column], delta->tts_isnull[column]};
		SaStateDatum old_state;
		SaStateDatum state;
		SaStateDatum value;

		if (found)
		{
			old_state.value = old->tts_values[aggregate->state_attnum - 1];
			old_state.isnull = old->tts_isnull[aggregate->state_attnum - 1];
		}
		sa_state_merge(merge->plan->states[n], found ? &old_state : NULL,
					   &delta_state, &state, &value);
		/* where value and state share a column, they are the same */
		slot->tts_values[aggregate->state_attnum - 1] = state.value;
		slot->tts_isnull[aggregate->state_attnum - 1] = state.isnull;
		slot->tts_values[aggregate->value_attnum - 1] = value.value;
		slot->tts_isnull[aggregate->value_attnum - 1] = value.isnull;
		column++;
		n++;
	}
}

static bool
merge_receive(TupleTableSlot *delta, DestReceiver *self)
{
	Merge	   *merge = (Merge *) self;
	SaAggregateQuery *aq = merge->plan->aq;
	MemoryContext old_context;
	int64		rows;
	bool		found;
	bool		goes_on;

	slot_getallattrs(delta);
	rows = DatumGetInt64(delta->tts_values[delta->tts_tupleDescriptor->natts - 1]);
	*merge->rows_seen += rows;

	/* the index scan keeps memory of its own from one group to the next */
	found = find_group(merge, delta);
	MemoryContextReset(merge->row_context);
	old_context = MemoryContextSwitchTo(merge->row_context);
	ExecClearTuple(merge->new_slot);
	goes_on = found && !is_expired(merge, delta);
	if (goes_on)
		copy_group(merge);
	else
		init_group(merge, delta);

	/* an empty batch still gives a group if there are no keys */
	if (rows > 0 || !found)
	{
		merge_states(merge, delta, goes_on);
		count_revisions(merge, delta);
		note_last_event_time(merge, delta);
		ExecStoreVirtualTuple(merge->new_slot);
		if (found)
			ExecSimpleRelationUpdate(merge->result, merge->estate, &merge->epqstate,
									 merge->old_slot, merge->new_slot);
		else
			ExecSimpleRelationInsert(merge->result, merge->estate, merge->new_slot);
	}
	MemoryContextSwitchTo(old_context);

	for (int i = 0; i < list_length(aq->aggregates); i++)
		sa_state_reset(merge->plan->states[i]);
	ResetPerTupleExprContext(merge->estate);
	return true;
}

static void
merge_shutdown(DestReceiver *self)
{
	Merge	   *merge = (Merge *) self;

	AfterTriggerEndQuery(merge->estate);
	if (merge->index != NULL)
	{
		index_endscan(merge->scan);
		index_close(merge->index, NoLock);
	}
	EvalPlanQualEnd(&merge->epqstate);
	ExecCloseIndices(merge->result);
	ExecResetTupleTable(merge->estate->es_tupleTable, false);
	ExecCloseResultRelations(merge->estate);
	FreeExecutorState(merge->estate);
	MemoryContextDelete(merge->row_context);
	table_close(merge->data, NoLock);
}

static void
merge_destroy(DestReceiver *self)
{
	pfree(self);
}

DestReceiver *
sa_merge_receiver(SaViewPlan *plan, const SaBatchScan *scan, int64 *rows_seen)
{
	Merge	   *merge = palloc0(sizeof(Merge));

	merge->pub.receiveSlot = merge_receive;
	merge->pub.rStartup = merge_startup;
	merge->pub.rShutdown = merge_shutdown;
	merge->pub.rDestroy = merge_destroy;
	merge->pub.mydest = DestNone;
	merge->plan = plan;
	merge->scanned = scan;
	merge->watermark = scan->progress->watermark;
	merge->rows_seen = rows_seen;
	return (DestReceiver *) merge;
}
