/*-------------------------------------------------------------------------
 *
 * merge.c
 *	  From the groups of a batch to the rows of a view's table.
 *
 * NOTES
 *	  Each group of a batch costs one look-up and one write; the look-up goes to
 *	  the index if the group wasn't written lately (group_cache.c).  If windows are
 *	  made of panes, the groups are panes, and the table is that of panes.
 *
 *	  Groups are written in the order of their keys.  Of those that were held, which
 *	  may be many, first come the ones that were written lately, in the order of
 *	  their places, so that all that happens to a page happens at once.
 *
 *	  The states of distinct values come from a plan of their own for each kept
 *	  set.  Their groups are in the table already: the same rows were in the first
 *	  plan, which gave those aggregates a state without any value.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplesort.h"

#include "pipeline/data_table.h"
#include "pipeline/expiry.h"
#include "pipeline/merge.h"
#include "pipeline/statement.h"
#include "window/window_check.h"

typedef struct Merge
{
	DestReceiver pub;
	SaViewPlan *plan;
	const SaKeptSet *set;		/* that feeds the states; NULL: the batch does */
	const SaBatchScan *scanned;
	bool		by_place;		/* first, those whose place is known */
	int64	   *rows_seen;

	SaDataTable table;
	int			ncolumns;		/* of a delta row */
	Tuplesortstate *sort;		/* of the groups; NULL: there is but one */
	TupleTableSlot *put_slot;	/* a delta row and its place */
	TupleTableSlot *sorted_slot;
	MemoryContext row_context;	/* reset for each group */
} Merge;

/* ------------------------------------------------------------------------
 * Order
 * ------------------------------------------------------------------------
 */

/* A delta row's columns, and its place behind them. */
static TupleDesc
add_place(TupleDesc desc)
{
	TupleDesc	with_place = CreateTemplateTupleDesc(desc->natts + 1);

	for (int i = 1; i <= desc->natts; i++)
		TupleDescCopyEntry(with_place, i, desc, i);
	TupleDescInitEntry(with_place, desc->natts + 1, "place", INT8OID, -1, 0);
	return with_place;
}

/*
 * By place, if it is asked for, and by key: in the order of the key index, so that
 * one look-up finds the page of the last.
 */
static void
begin_sort(Merge *merge, TupleDesc desc)
{
	SaDataTable *table = &merge->table;
	int			first = merge->by_place ? 1 : 0;
	int			n = first + table->nkeys;
	AttrNumber *columns = palloc(sizeof(AttrNumber) * n);
	Oid		   *less = palloc(sizeof(Oid) * n);
	Oid		   *collations = palloc0(sizeof(Oid) * n);
	bool	   *nulls_first = palloc0(sizeof(bool) * n);

	for (int i = 0; i < table->nkeys; i++)
	{
		columns[first + i] = i + 1;
		sa_data_table_key_order(table, i, &less[first + i], &collations[first + i]);
	}
	if (merge->by_place)
	{
		desc = add_place(desc);
		columns[0] = desc->natts;
		less[0] = Int8LessOperator;
		merge->put_slot = ExecInitExtraTupleSlot(table->estate, desc, &TTSOpsVirtual);
	}
	merge->sort = tuplesort_begin_heap(desc, n, columns, less, collations, nulls_first,
									   work_mem, NULL, TUPLESORT_NONE);
	merge->sorted_slot = ExecInitExtraTupleSlot(table->estate, desc, &TTSOpsMinimalTuple);
}

static void
put_with_place(Merge *merge, TupleTableSlot *delta)
{
	TupleTableSlot *slot = merge->put_slot;
	int			n = merge->ncolumns;
	ItemPointerData place;

	slot_getallattrs(delta);
	ExecClearTuple(slot);
	memcpy(slot->tts_values, delta->tts_values, sizeof(Datum) * n);
	memcpy(slot->tts_isnull, delta->tts_isnull, sizeof(bool) * n);
	slot->tts_values[n] = Int64GetDatum(PG_INT64_MAX);
	slot->tts_isnull[n] = false;
	if (sa_data_table_place(&merge->table, slot->tts_values, slot->tts_isnull, &place))
		slot->tts_values[n] =
			Int64GetDatum((int64) ItemPointerGetBlockNumber(&place) << 16 |
						  ItemPointerGetOffsetNumber(&place));
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(merge->sort, slot);
}

/* The place by which a row was sorted; invalid: it wasn't known. */
static ItemPointerData
sorted_place(const Merge *merge, TupleTableSlot *delta)
{
	ItemPointerData place;
	bool		isnull;
	int64		order = DatumGetInt64(slot_getattr(delta, merge->ncolumns + 1, &isnull));

	ItemPointerSetInvalid(&place);
	if (order != PG_INT64_MAX)
		ItemPointerSet(&place, (BlockNumber) (order >> 16), (OffsetNumber) (order & 0xFFFF));
	return place;
}

/* ------------------------------------------------------------------------
 * Groups
 * ------------------------------------------------------------------------
 */

/* Finds the group's row; keys stand first in the delta row. */
static bool
find_group(Merge *merge, TupleTableSlot *delta)
{
	SaDataTable *table = &merge->table;
	ItemPointerData place;

	if (table->index == NULL)
	{
		TableScanDesc scan = table_beginscan(table->rel, table->estate->es_snapshot, 0, NULL);
		bool		found = table_scan_getnextslot(scan, ForwardScanDirection, table->old_slot);

		if (found)
			ExecMaterializeSlot(table->old_slot);
		table_endscan(scan);
		return found;
	}
	if (!merge->by_place)
		return sa_data_table_find(table, delta->tts_values, delta->tts_isnull, NULL);
	place = sorted_place(merge, delta);
	return sa_data_table_find(table, delta->tts_values, delta->tts_isnull, &place);
}

/* Sets the columns that stand first in the delta row and in the table. */
static void
copy_keys(Merge *merge, TupleTableSlot *delta, int nkeys)
{
	TupleTableSlot *slot = merge->table.new_slot;

	sa_data_table_clear_new(&merge->table);
	for (int i = 0; i < nkeys; i++)
	{
		slot->tts_values[i] = delta->tts_values[i];
		slot->tts_isnull[i] = delta->tts_isnull[i];
	}
}

/* A new row: keys, window, nothing else yet. */
static void
init_group(Merge *merge, TupleTableSlot *delta)
{
	SaAggregateQuery *aq = merge->plan->aq;
	TupleTableSlot *slot = merge->table.new_slot;
	int			nkeys = list_length(aq->keys);
	int64		end;

	if (aq->panes)
	{
		AttrNumber	count = sa_pane_count_attnum(aq);

		copy_keys(merge, delta, nkeys + 2);
		slot->tts_values[count - 1] = Int64GetDatum(0);
		slot->tts_isnull[count - 1] = false;
		return;
	}
	copy_keys(merge, delta, nkeys);
	if (aq->windowed)
	{
		int64		start = DatumGetTimestamp(delta->tts_values[nkeys]);

		sa_window_check(sa_window_end(&aq->sq->window, start, &end));
		slot->tts_values[aq->start_attnum - 1] = TimestampGetDatum(start);
		slot->tts_isnull[aq->start_attnum - 1] = false;
		slot->tts_values[aq->end_attnum - 1] = TimestampGetDatum(end);
		slot->tts_isnull[aq->end_attnum - 1] = false;
	}
	slot->tts_values[aq->revision_attnum - 1] = Int64GetDatum(0);
	slot->tts_isnull[aq->revision_attnum - 1] = false;
}

/* The group in the table has come to its end; this one begins anew. */
static bool
is_expired(Merge *merge, TupleTableSlot *delta)
{
	SaAggregateQuery *aq = merge->plan->aq;
	const SaBatchScan *scan = merge->scanned;
	TimestampTz watermark;
	Datum		first_row;
	int			column = merge->ncolumns - 3;
	int			row;
	Datum		last;
	bool		isnull;

	if (aq->last_attnum == 0 || merge->set != NULL)
		return false;
	first_row = delta->tts_values[column];
	row = sa_batch_row_of_ctid((ItemPointer) DatumGetPointer(first_row));
	watermark = sa_batch_row_watermark(scan, &scan->batch->rows[row]);
	last = slot_getattr(merge->table.old_slot, aq->last_attnum, &isnull);
	return !isnull && sa_expiry_is_over(DatumGetTimestampTz(last), watermark, aq->state_ttl_us);
}

/* What is kept for a group that is over would count for the one that begins. */
static void
discard_kept(Merge *merge)
{
	Datum		ctid = PointerGetDatum(&merge->table.old_slot->tts_tid);
	ListCell   *lc;

	foreach(lc, merge->plan->discard)
		sa_statement_execute(lfirst(lc), &ctid);
}

/* Of a group that goes on: the slot has what it was. */
static void
note_last_event_time(Merge *merge, TupleTableSlot *delta)
{
	AttrNumber	attnum = merge->plan->aq->last_attnum;
	TupleTableSlot *slot = merge->table.new_slot;
	int			column = merge->ncolumns - 2;
	Datum		last;

	if (attnum == 0 || merge->set != NULL)
		return;
	last = delta->tts_values[column];
	if (slot->tts_isnull[attnum - 1] ||
		DatumGetTimestampTz(slot->tts_values[attnum - 1]) < DatumGetTimestampTz(last))
		slot->tts_values[attnum - 1] = last;
	slot->tts_isnull[attnum - 1] = false;
}

static void
add_to_column(Merge *merge, AttrNumber attnum, int64 n)
{
	Datum	   *value = &merge->table.new_slot->tts_values[attnum - 1];

	*value = Int64GetDatum(DatumGetInt64(*value) + n);
}

/*
 * Rows that came after the end of their window count as revisions: that depends
 * on the order of rows alone, not on how they were cut into batches.
 */
static void
count_rows(Merge *merge, TupleTableSlot *delta, int64 rows)
{
	SaAggregateQuery *aq = merge->plan->aq;
	int			column = merge->ncolumns - 2;

	if (merge->set != NULL)
		return;
	if (aq->panes)
		add_to_column(merge, sa_pane_count_attnum(aq), rows);
	else if (aq->windowed && aq->allowed_lateness_us > 0)
		add_to_column(merge, aq->revision_attnum, DatumGetInt64(delta->tts_values[column]));
}

/* Whether the delta rows have a state of an aggregate. */
static bool
has_delta(const Merge *merge, const SaAggregate *aggregate)
{
	if (merge->set == NULL)
		return aggregate->mode != SA_AGGREGATE_KEPT;
	return aggregate->mode == SA_AGGREGATE_DISTINCT && aggregate->kept == merge->set;
}

static void
set_column(TupleTableSlot *slot, AttrNumber attnum, SaStateDatum datum)
{
	slot->tts_values[attnum - 1] = datum.value;
	slot->tts_isnull[attnum - 1] = datum.isnull;
}

/* Combines the delta's states with the row's, and computes the values. */
static void
merge_states(Merge *merge, TupleTableSlot *delta, bool found)
{
	SaAggregateQuery *aq = merge->plan->aq;
	TupleTableSlot *slot = merge->table.new_slot;
	TupleTableSlot *old = merge->table.old_slot;
	int			column = list_length(aq->keys) + (aq->panes ? 2 : aq->windowed ? 1 : 0);
	int			n = -1;
	ListCell   *lc;

	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);
		AttrNumber	attnum = aq->panes ? aggregate->pane_attnum : aggregate->state_attnum;
		SaStateDatum delta_state;
		SaStateDatum old_state;
		SaStateDatum state;
		SaStateDatum value;

		n++;
		if (!has_delta(merge, aggregate))
			continue;
		delta_state.value = delta->tts_values[column];
		delta_state.isnull = delta->tts_isnull[column];
		if (found)
		{
			old_state.value = old->tts_values[attnum - 1];
			old_state.isnull = old->tts_isnull[attnum - 1];
		}
		sa_state_merge(merge->plan->states[n], found ? &old_state : NULL,
					   &delta_state, &state, aq->panes ? NULL : &value);
		/* where value and state share a column, they are the same */
		set_column(slot, attnum, state);
		if (!aq->panes)
			set_column(slot, aggregate->value_attnum, value);
		column++;
	}
}

static void
merge_group(Merge *merge, TupleTableSlot *delta)
{
	SaAggregateQuery *aq = merge->plan->aq;
	SaDataTable *table = &merge->table;
	MemoryContext old_context;
	int64		rows;
	bool		found;
	bool		goes_on;

	slot_getallattrs(delta);
	rows = DatumGetInt64(delta->tts_values[merge->ncolumns - 1]);
	if (merge->set == NULL)
		*merge->rows_seen += rows;

	/* the index scan keeps memory of its own from one group to the next */
	found = find_group(merge, delta);
	MemoryContextReset(merge->row_context);
	old_context = MemoryContextSwitchTo(merge->row_context);
	goes_on = found && !is_expired(merge, delta);
	if (found && !goes_on)
		discard_kept(merge);
	if (goes_on)
		sa_data_table_copy_old(table);
	else if (merge->set == NULL)
		init_group(merge, delta);
	else
		rows = 0;				/* a trigger of the user's has kept it out */

	/* an empty batch still gives a group if there are no keys */
	if (rows > 0 || (!found && merge->set == NULL))
	{
		merge_states(merge, delta, goes_on);
		count_rows(merge, delta, rows);
		note_last_event_time(merge, delta);
		/* ended while it was held, or of rows that are only allowed */
		if (aq->windowed && !aq->panes && merge->set == NULL)
			sa_data_table_set_final(table, aq, merge->scanned->progress->watermark);
		ExecStoreVirtualTuple(table->new_slot);
		if (found)
			ExecSimpleRelationUpdate(table->result, table->estate, &table->epqstate,
									 table->old_slot, table->new_slot);
		else
			ExecSimpleRelationInsert(table->result, table->estate, table->new_slot);
		sa_data_table_wrote(table);
	}
	MemoryContextSwitchTo(old_context);

	sa_view_plan_reset_states(merge->plan);
	ResetPerTupleExprContext(table->estate);
}

/* ------------------------------------------------------------------------
 * The receiver of delta rows
 * ------------------------------------------------------------------------
 */

static void
merge_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	Merge	   *merge = (Merge *) self;

	sa_data_table_open(&merge->table, merge->plan, BTEqualStrategyNumber);
	merge->ncolumns = typeinfo->natts;
	if (merge->table.index != NULL)
		begin_sort(merge, typeinfo);
	merge->row_context = AllocSetContextCreate(CurrentMemoryContext, "stream_agg group",
											   ALLOCSET_DEFAULT_SIZES);
}

static bool
merge_receive(TupleTableSlot *delta, DestReceiver *self)
{
	Merge	   *merge = (Merge *) self;

	if (merge->sort != NULL && merge->by_place)
		put_with_place(merge, delta);
	else if (merge->sort != NULL)
		tuplesort_puttupleslot(merge->sort, delta);
	else
		merge_group(merge, delta);
	return true;
}

static void
merge_shutdown(DestReceiver *self)
{
	Merge	   *merge = (Merge *) self;

	if (merge->sort != NULL)
	{
		tuplesort_performsort(merge->sort);
		while (tuplesort_gettupleslot(merge->sort, true, false, merge->sorted_slot, NULL))
		{
			CHECK_FOR_INTERRUPTS();
			merge_group(merge, merge->sorted_slot);
		}
		ExecClearTuple(merge->sorted_slot);
		tuplesort_end(merge->sort);
	}
	sa_data_table_close(&merge->table);
	MemoryContextDelete(merge->row_context);
}

static void
merge_destroy(DestReceiver *self)
{
	pfree(self);
}

DestReceiver *
sa_merge_receiver(SaViewPlan *plan, const SaKeptSet *set, const SaBatchScan *scan,
				  bool by_place, int64 *rows_seen)
{
	Merge	   *merge = palloc0(sizeof(Merge));

	merge->pub.receiveSlot = merge_receive;
	merge->pub.rStartup = merge_startup;
	merge->pub.rShutdown = merge_shutdown;
	merge->pub.rDestroy = merge_destroy;
	merge->pub.mydest = DestNone;
	merge->plan = plan;
	merge->set = set;
	merge->scanned = scan;
	merge->by_place = by_place;
	merge->rows_seen = rows_seen;
	return (DestReceiver *) merge;
}
