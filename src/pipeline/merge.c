/*-------------------------------------------------------------------------
 *
 * merge.c
 *	  From the groups of a batch to the rows of a view's table.
 *
 * NOTES
 *	  Each group of a batch costs one index descent and one write.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "executor/executor.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "pipeline/data_table.h"
#include "pipeline/merge.h"
#include "window/window.h"

typedef struct Merge
{
	DestReceiver pub;
	SaViewPlan *plan;
	TimestampTz watermark;
	int64	   *rows_seen;

	SaDataTable table;
	MemoryContext row_context;	/* reset for each group */
} Merge;

static void
merge_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	Merge	   *merge = (Merge *) self;

	sa_data_table_open(&merge->table, merge->plan, BTEqualStrategyNumber);
	merge->row_context = AllocSetContextCreate(CurrentMemoryContext, "stream_agg group",
											   ALLOCSET_DEFAULT_SIZES);
}

/* Finds the group's row; keys stand first in the delta row. */
static bool
find_group(Merge *merge, TupleTableSlot *delta)
{
	SaDataTable *table = &merge->table;

	if (table->index == NULL)
	{
		TableScanDesc scan = table_beginscan(table->rel, table->estate->es_snapshot, 0, NULL);
		bool		found = table_scan_getnextslot(scan, ForwardScanDirection, table->old_slot);

		if (found)
			ExecMaterializeSlot(table->old_slot);
		table_endscan(scan);
		return found;
	}
	sa_data_table_look_up(table, delta->tts_values, delta->tts_isnull);
	return index_getnext_slot(table->scan, ForwardScanDirection, table->old_slot);
}

/* A new row: keys, window, nothing else yet. */
static void
init_group(Merge *merge, TupleTableSlot *delta)
{
	SaAggregateQuery *aq = merge->plan->aq;
	TupleTableSlot *slot = merge->table.new_slot;
	int			nkeys = list_length(aq->keys);
	SaWindowError error;
	int64		end;

	sa_data_table_clear_new(&merge->table);
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
 * Rows that came after the end of their window count as revisions: that depends
 * on the order of rows alone, not on how they were cut into batches.
 */
static void
count_revisions(Merge *merge, TupleTableSlot *delta)
{
	SaAggregateQuery *aq = merge->plan->aq;
	Datum	   *revision = &merge->table.new_slot->tts_values[aq->revision_attnum - 1];
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
	TupleTableSlot *slot = merge->table.new_slot;
	TupleTableSlot *old = merge->table.old_slot;
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
	SaDataTable *table = &merge->table;
	MemoryContext old_context;
	int64		rows;
	bool		found;

	slot_getallattrs(delta);
	rows = DatumGetInt64(delta->tts_values[delta->tts_tupleDescriptor->natts - 1]);
	*merge->rows_seen += rows;

	/* the index scan keeps memory of its own from one group to the next */
	found = find_group(merge, delta);
	MemoryContextReset(merge->row_context);
	old_context = MemoryContextSwitchTo(merge->row_context);
	if (found)
		sa_data_table_copy_old(table);
	else
		init_group(merge, delta);

	/* an empty batch still gives a group if there are no keys */
	if (rows > 0 || !found)
	{
		merge_states(merge, delta, found);
		count_revisions(merge, delta);
		ExecStoreVirtualTuple(table->new_slot);
		if (found)
			ExecSimpleRelationUpdate(table->result, table->estate, &table->epqstate,
									 table->old_slot, table->new_slot);
		else
			ExecSimpleRelationInsert(table->result, table->estate, table->new_slot);
	}
	MemoryContextSwitchTo(old_context);

	for (int i = 0; i < list_length(merge->plan->aq->aggregates); i++)
		sa_state_reset(merge->plan->states[i]);
	ResetPerTupleExprContext(table->estate);
	return true;
}

static void
merge_shutdown(DestReceiver *self)
{
	Merge	   *merge = (Merge *) self;

	sa_data_table_close(&merge->table);
	MemoryContextDelete(merge->row_context);
}

static void
merge_destroy(DestReceiver *self)
{
	pfree(self);
}

DestReceiver *
sa_merge_receiver(SaViewPlan *plan, TimestampTz watermark, int64 *rows_seen)
{
	Merge	   *merge = palloc0(sizeof(Merge));

	merge->pub.receiveSlot = merge_receive;
	merge->pub.rStartup = merge_startup;
	merge->pub.rShutdown = merge_shutdown;
	merge->pub.rDestroy = merge_destroy;
	merge->pub.mydest = DestNone;
	merge->plan = plan;
	merge->watermark = watermark;
	merge->rows_seen = rows_seen;
	return (DestReceiver *) merge;
}
