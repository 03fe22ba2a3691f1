/*-------------------------------------------------------------------------
 *
 * kept_sets.c
 *	  From the rows of a batch to kept arguments.
 *
 * NOTES
 *	  Sets of distinct values get most values time and again, and the rest is new.
 *	  One plan gives each value of the batch once, for all sets of the same
 *	  arguments.  A value is looked up in each set's index; what isn't there is
 *	  written many rows at a time, and feeds the set's states.  There is no other
 *	  writer (data_table.c), so that INSERT … ON CONFLICT, which looks for itself
 *	  and then has to be ready for another, would do more than is needed; should
 *	  there be one after all, the unique index stops it.
 *
 *	  Values are looked up nearly in the order of the index, which keeps the pages
 *	  that are used in the processor's cache.  Nothing depends on that order, so it
 *	  is made from what is cheap to compare: the hash of the keys, the window, and
 *	  the first argument or its abbreviation.  Values are sorted as many at a time
 *	  as fit work_mem.
 *
 *	  A table with triggers and the like, which are a user's, takes the way of SQL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_index.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/sortsupport.h"
#include "utils/tuplestore.h"

#include "aggregate/delta.h"
#include "base/compat.h"
#include "pipeline/bulk_load.h"
#include "pipeline/kept_sets.h"
#include "pipeline/merge.h"
#include "pipeline/statement.h"
#include "pipeline/table_index.h"

/* A value of the batch, and what it is sorted by. */
typedef struct Member
{
	int64		key_hash;
	int64		at;				/* of the window or pane; 0: there is none */
	Datum		rank;			/* by Fill.order, if that isn't NULL */
	bool		rank_isnull;
	MinimalTuple row;			/* of the plan */
} Member;

/* One of the sets that are filled. */
typedef struct Target
{
	Relation	rel;
	Relation	index;
	IndexScanDesc scan;
	ScanKey		scan_keys;
	TupleTableSlot *found;
	DestReceiver *writer;
	bool		feeds_states;
} Target;

typedef struct Fill
{
	DestReceiver pub;
	SaViewPlan *plan;
	List	   *sets;
	Target	   *targets;		/* one per set */

	MemoryContext context;		/* of all this; outlives the plan */
	int			nkeys;			/* columns of a set */
	TupleTableSlot *member;		/* a row of the plan */
	TupleTableSlot *value;		/* the same as a row of a set */
	TupleDesc	columns;		/* of new_values */
	TupleTableSlot *fresh;		/* the same with a flag for each set */
	Tuplestorestate *new_values;	/* rows like that */
	SortSupport order;			/* of the first argument; NULL: it isn't sorted by */
	AttrNumber	first_argument;

	MemoryContext row_context;	/* of Member.row */
	Member	   *members;		/* that wait to be looked up */
	int			nmembers;
	int			capacity;
} Fill;

#define ST_SORT sort_members
#define ST_ELEMENT_TYPE Member
#define ST_COMPARE(a, b, order) compare_members(a, b, order)
#define ST_COMPARE_ARG_TYPE struct SortSupportData
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE

static inline int
compare_members(const Member *a, const Member *b, SortSupport order)
{
	if (a->key_hash != b->key_hash)
		return a->key_hash < b->key_hash ? -1 : 1;
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return order == NULL ? 0 :
		ApplySortComparator(a->rank, a->rank_isnull, b->rank, b->rank_isnull, order);
}

#include "lib/sort_template.h"

/* ------------------------------------------------------------------------
 * The index
 * ------------------------------------------------------------------------
 */

Oid
sa_kept_set_index(Relation table, const SaKeptSet *set)
{
	int			ncolumns = list_length(set->columns);

	/* constants alone are no column: no more than one row per group */
	if (!set->distinct || set->exprs == NIL || !sa_bulk_load_is_plain(table) ||
		RelationGetNumberOfAttributes(table) != ncolumns)
		return InvalidOid;
	return sa_unique_index(table, ncolumns, SA_COLUMNS_IN_ANY_ORDER);
}

/* ------------------------------------------------------------------------
 * Opening
 * ------------------------------------------------------------------------
 */

/* Strings that can't be abbreviated would cost more to sort than is gained. */
static void
init_order(Fill *fill, Relation index)
{
	SortSupport order = palloc0(sizeof(SortSupportData));
	int			column = 0;

	while (index->rd_index->indkey.values[column] != fill->first_argument)
		column++;
	order->ssup_cxt = CurrentMemoryContext;
	order->ssup_collation = index->rd_indcollation[column];
	order->ssup_attno = fill->first_argument;
	order->abbreviate = true;
	PrepareSortSupportFromOrderingOp(sa_index_operator(index, column, BTLessStrategyNumber), order);
	if (order->abbrev_converter != NULL || get_typbyval(index->rd_opcintype[column]))
		fill->order = order;
}

static void
open_target(Fill *fill, Target *target, int n)
{
	Oid			relid = list_nth_oid(fill->plan->tables.kept, n);
	SaKeptPlan *kept = &fill->plan->kept[n];

	target->rel = table_open(relid, NoLock);
	target->index = index_open(kept->index, RowExclusiveLock);
	target->scan = sa_index_beginscan(target->rel, target->index, GetActiveSnapshot(),
									  fill->nkeys);
	target->scan_keys = sa_index_scan_keys(target->index, BTEqualStrategyNumber);
	target->found = table_slot_create(target->rel, NULL);
	target->feeds_states = ((SaKeptSet *) list_nth(fill->plan->aq->kept, n))->feeds_states;
	target->writer = sa_bulk_load_receiver(relid);
	target->writer->rStartup(target->writer, CMD_INSERT, RelationGetDescr(target->rel));
}

static void
fill_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	Fill	   *fill = (Fill *) self;
	SaKeptSet  *first = list_nth(fill->plan->aq->kept, linitial_int(fill->sets));
	int			nsets = list_length(fill->sets);
	MemoryContext old = MemoryContextSwitchTo(fill->context);

	fill->nkeys = list_length(first->columns);
	fill->first_argument = first->first_expr;
	fill->targets = palloc0(sizeof(Target) * nsets);
	for (int i = 0; i < nsets; i++)
		open_target(fill, &fill->targets[i], list_nth_int(fill->sets, i));
	init_order(fill, fill->targets[0].index);
	fill->member = MakeSingleTupleTableSlot(typeinfo, &TTSOpsMinimalTuple);
	fill->value = MakeSingleTupleTableSlot(RelationGetDescr(fill->targets[0].rel),
										   &TTSOpsVirtual);
	fill->columns = sa_kept_fresh_columns(RelationGetRelid(fill->targets[0].rel), fill->sets);
	fill->fresh = MakeSingleTupleTableSlot(fill->columns, &TTSOpsVirtual);
	fill->new_values = tuplestore_begin_heap(false, false, work_mem);
	fill->row_context = GenerationContextCreate(CurrentMemoryContext,
												"stream_agg values to look up",
												ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(old);
}

/* ------------------------------------------------------------------------
 * Looking up
 * ------------------------------------------------------------------------
 */

/* Whether the set has the value. */
static bool
is_known(Target *target, const TupleTableSlot *value, int nkeys)
{
	for (int i = 0; i < nkeys; i++)
	{
		ScanKey		key = &target->scan_keys[i];
		int			column = target->index->rd_index->indkey.values[i] - 1;

		key->sk_argument = value->tts_values[column];
		key->sk_flags = value->tts_isnull[column] ? SK_ISNULL | SK_SEARCHNULL : 0;
	}
	index_rescan(target->scan, target->scan_keys, nkeys, NULL, 0);
	return index_getnext_slot(target->scan, ForwardScanDirection, target->found);
}

/* Stores the first n columns of the member, so far, as a row. */
static void
store_columns(const Fill *fill, TupleTableSlot *slot, int n)
{
	ExecClearTuple(slot);
	memcpy(slot->tts_values, fill->member->tts_values, sizeof(Datum) * n);
	memcpy(slot->tts_isnull, fill->member->tts_isnull, sizeof(bool) * n);
	ExecStoreVirtualTuple(slot);
}

/* Adds a value to one of the sets it belongs to; whether it was new there. */
static bool
add_to_set(Fill *fill, int i)
{
	Target	   *target = &fill->targets[i];
	int			is_member = fill->nkeys + i;

	if (fill->member->tts_isnull[is_member] ||
		!DatumGetBool(fill->member->tts_values[is_member]) ||
		is_known(target, fill->value, fill->nkeys))
		return false;
	target->writer->receiveSlot(fill->value, target->writer);
	return true;
}

static void
add_member(Fill *fill, MinimalTuple row)
{
	int			nsets = list_length(fill->sets);
	bool		feeds_states = false;

	ExecStoreMinimalTuple(row, fill->member, false);
	slot_getallattrs(fill->member);
	store_columns(fill, fill->value, fill->nkeys);
	for (int i = 0; i < nsets; i++)
	{
		bool		is_new = add_to_set(fill, i);

		/* from now on the column says that */
		fill->member->tts_values[fill->nkeys + i] = BoolGetDatum(is_new);
		fill->member->tts_isnull[fill->nkeys + i] = false;
		feeds_states |= is_new && fill->targets[i].feeds_states;
	}
	if (!feeds_states)
		return;
	store_columns(fill, fill->fresh, fill->nkeys + nsets);
	tuplestore_puttupleslot(fill->new_values, fill->fresh);
}

static void
add_members(Fill *fill)
{
	sort_members(fill->members, fill->nmembers, fill->order);
	for (int i = 0; i < fill->nmembers; i++)
	{
		CHECK_FOR_INTERRUPTS();
		add_member(fill, fill->members[i].row);
	}
	ExecClearTuple(fill->fresh);
	ExecClearTuple(fill->value);
	ExecClearTuple(fill->member);
	fill->nmembers = 0;
	MemoryContextReset(fill->row_context);
}

/* ------------------------------------------------------------------------
 * Collecting
 * ------------------------------------------------------------------------
 */

static Member *
next_member(Fill *fill)
{
	if (fill->nmembers == fill->capacity)
	{
		fill->capacity = Max(fill->capacity * 2, 1024);
		if (fill->members == NULL)
			fill->members = MemoryContextAlloc(fill->context, sizeof(Member) * fill->capacity);
		else
			fill->members = repalloc_huge(fill->members,
										  sizeof(Member) * (Size) fill->capacity);
	}
	return &fill->members[fill->nmembers++];
}

static void
set_rank(const Fill *fill, TupleTableSlot *row, Member *member)
{
	SortSupport order = fill->order;

	if (order == NULL)
		return;
	member->rank = slot_getattr(row, fill->first_argument, &member->rank_isnull);
	if (!member->rank_isnull && order->abbrev_converter != NULL)
		member->rank = order->abbrev_converter(member->rank, order);
}

static bool
fill_receive(TupleTableSlot *row, DestReceiver *self)
{
	Fill	   *fill = (Fill *) self;
	const SaAggregateQuery *aq = fill->plan->aq;
	Member	   *member = next_member(fill);
	MemoryContext old;
	bool		isnull;

	member->key_hash = DatumGetInt64(slot_getattr(row, 1, &isnull));
	member->at = 0;
	if (aq->windowed)
		member->at = DatumGetInt64(slot_getattr(row, list_length(aq->keys) + 2, &isnull));
	set_rank(fill, row, member);
	old = MemoryContextSwitchTo(fill->row_context);
	member->row = ExecCopySlotMinimalTuple(row);
	MemoryContextSwitchTo(old);
	if (MemoryContextMemAllocated(fill->row_context, false) +
		sizeof(Member) * (Size) fill->nmembers > work_mem * (Size) 1024)
		add_members(fill);
	return true;
}

/* What is written stays, and so does what is new; the rest goes. */
static void
fill_shutdown(DestReceiver *self)
{
	Fill	   *fill = (Fill *) self;

	add_members(fill);
	for (int i = 0; i < list_length(fill->sets); i++)
	{
		Target	   *target = &fill->targets[i];

		target->writer->rShutdown(target->writer);
		target->writer->rDestroy(target->writer);
		index_endscan(target->scan);
		ExecDropSingleTupleTableSlot(target->found);
		index_close(target->index, NoLock);
	}
	ExecDropSingleTupleTableSlot(fill->member);
	ExecDropSingleTupleTableSlot(fill->value);
	ExecDropSingleTupleTableSlot(fill->fresh);
	for (int i = 0; i < list_length(fill->sets); i++)
		table_close(fill->targets[i].rel, NoLock);
	MemoryContextDelete(fill->row_context);
}

/* ------------------------------------------------------------------------
 * The sets of a view
 * ------------------------------------------------------------------------
 */

/* Adds the rows to sets of the same arguments. */
static void
fill_sets(SaViewPlan *plan, const SaKeptPlan *kept, SaBatchScan *scan)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "stream_agg kept sets",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Fill	   *fill = palloc0(sizeof(Fill));

	fill->pub.receiveSlot = fill_receive;
	fill->pub.rStartup = fill_startup;
	fill->pub.rShutdown = fill_shutdown;
	fill->pub.mydest = DestNone;
	fill->context = context;
	fill->plan = plan;
	fill->sets = kept->sets;
	sa_plan_execute(kept->values, scan, (DestReceiver *) fill, NULL);
	if (kept->states != NULL && tuplestore_tuple_count(fill->new_values) > 0)
	{
		SaKeptSet  *first = list_nth(plan->aq->kept, linitial_int(kept->sets));
		DestReceiver *merge = sa_merge_receiver(plan, first, scan, false, NULL);

		sa_plan_execute(kept->states, scan, merge,
						sa_kept_fresh_rows(fill->columns, fill->new_values));
		merge->rDestroy(merge);
	}
	tuplestore_end(fill->new_values);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* The same for one set, by an INSERT or its SELECT. */
static void
insert_into_set(SaViewPlan *plan, int n, SaBatchScan *scan)
{
	SaKeptSet  *set = list_nth(plan->aq->kept, n);
	const SaKeptPlan *kept = &plan->kept[n];
	DestReceiver *receiver = None_Receiver;

	if (set->feeds_states)
		receiver = sa_merge_receiver(plan, set, scan, false, NULL);
	else if (kept->bulk_insert != NULL)
		receiver = sa_bulk_load_receiver(list_nth_oid(plan->tables.kept, n));
	sa_plan_execute(kept->bulk_insert != NULL ? kept->bulk_insert : kept->insert, scan,
					receiver, NULL);
	receiver->rDestroy(receiver);
}

/* Adds to the error of a value for which an index has no room. */
static void
distinct_error_callback(void *arg)
{
	if (geterrcode() == ERRCODE_PROGRAM_LIMIT_EXCEEDED)
		errdetail("The argument of a DISTINCT aggregate must fit an index, together with the group's keys: that is about 2700 bytes.");
}

void
sa_kept_sets_fill(SaViewPlan *plan, SaBatchScan *scan)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = distinct_error_callback
	};

	for (int n = 0; n < list_length(plan->aq->kept); n++)
	{
		SaKeptPlan *kept = &plan->kept[n];

		if (((SaKeptSet *) list_nth(plan->aq->kept, n))->distinct)
			error_context_stack = &callback;
		if (!OidIsValid(kept->index))
			insert_into_set(plan, n, scan);
		else if (kept->sets != NIL)
			fill_sets(plan, kept, scan);
		error_context_stack = callback.previous;
	}
}
