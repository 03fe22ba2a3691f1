/*-------------------------------------------------------------------------
 *
 * late_rows.c
 *	  Rows that came too late for all of their windows.
 *
 * NOTES
 *	  They are collected while a scan of the batch runs and dealt with at its
 *	  end, in chunks: what is costly (to become the stream's owner, to open the
 *	  table of late rows) is done once for many rows, and memory is bounded by
 *	  that of one chunk.
 *
 *	  All of it belongs to the scan.  If that is undone because some row fails
 *	  (pipeline/apply_batch.c), so are its late rows, and the scan that comes in
 *	  its place finds them again.  What a late function did in the database is
 *	  undone with it, so that in the end it was called once for each row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "pgstat.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "metadata/late_function.h"
#include "metadata/reject.h"
#include "pipeline/identity.h"
#include "pipeline/late_rows.h"

/* A chunk is full at either of these. */
#define CHUNK_ROWS		1000
#define CHUNK_BYTES		(4 * 1024 * 1024)

/* One row and one of its windows. */
typedef struct Lateness
{
	int			row;
	bool		in_time;		/* then the window doesn't matter */
	TimestampTz window_start;
	TimestampTz window_end;
} Lateness;

struct SaLateRows
{
	Lateness   *items;
	int			nitems;
	int			capacity;
};

typedef struct LatenessReceiver
{
	DestReceiver pub;
	SaLateRows *late;
} LatenessReceiver;

/* What turns rows of the stream into JSON. */
typedef struct RowToJson
{
	FmgrInfo	to_jsonb;
	List	   *settings;		/* of the stream */
} RowToJson;

/* ------------------------------------------------------------------------
 * Collecting
 * ------------------------------------------------------------------------
 */

SaLateRows *
sa_late_rows_begin(void)
{
	SaLateRows *late = palloc(sizeof(SaLateRows));

	late->nitems = 0;
	late->capacity = 64;
	late->items = palloc(sizeof(Lateness) * late->capacity);
	return late;
}

static Lateness *
add_item(SaLateRows *late, int row)
{
	Lateness   *item;

	if (late->nitems == late->capacity)
	{
		late->capacity *= 2;
		late->items = repalloc_huge(late->items, sizeof(Lateness) * (size_t) late->capacity);
	}
	item = &late->items[late->nitems++];
	item->row = row;
	return item;
}

void
sa_late_rows_add(SaLateRows *late, int row, TimestampTz window_start,
				 TimestampTz window_end)
{
	Lateness   *item = add_item(late, row);

	item->in_time = false;
	item->window_start = window_start;
	item->window_end = window_end;
}

void
sa_late_rows_spare(SaLateRows *late, int row)
{
	Lateness   *item = add_item(late, row);

	item->in_time = true;
	item->window_start = DT_NOBEGIN;
	item->window_end = DT_NOBEGIN;
}

static bool
receive(TupleTableSlot *slot, DestReceiver *self)
{
	SaLateRows *late = ((LatenessReceiver *) self)->late;
	int			row;

	slot_getallattrs(slot);
	row = sa_batch_row_of_ctid((ItemPointer) DatumGetPointer(slot->tts_values[0]));
	if (DatumGetBool(slot->tts_values[3]))
		sa_late_rows_add(late, row, DatumGetTimestampTz(slot->tts_values[1]),
						 DatumGetTimestampTz(slot->tts_values[2]));
	else
		sa_late_rows_spare(late, row);
	return true;
}

static void
receiver_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
}

static void
receiver_shutdown(DestReceiver *self)
{
}

static void
receiver_destroy(DestReceiver *self)
{
	pfree(self);
}

DestReceiver *
sa_late_rows_receiver(SaLateRows *late)
{
	LatenessReceiver *receiver = palloc0(sizeof(LatenessReceiver));

	receiver->pub.receiveSlot = receive;
	receiver->pub.rStartup = receiver_startup;
	receiver->pub.rShutdown = receiver_shutdown;
	receiver->pub.rDestroy = receiver_destroy;
	receiver->pub.mydest = DestNone;
	receiver->late = late;
	return (DestReceiver *) receiver;
}

/* ------------------------------------------------------------------------
 * Which rows they are
 * ------------------------------------------------------------------------
 */

/* By row, the latest window first. */
static int
compare_lateness(const void *a, const void *b)
{
	const Lateness *x = a;
	const Lateness *y = b;

	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	if (x->window_end != y->window_end)
		return x->window_end > y->window_end ? -1 : 1;
	if (x->window_start != y->window_start)
		return x->window_start > y->window_start ? -1 : 1;
	return 0;
}

/*
 * Leaves one item for each late row.  A row that a join multiplied is still one
 * row.
 */
static void
keep_late_rows(SaLateRows *late)
{
	int			kept = 0;

	qsort(late->items, late->nitems, sizeof(Lateness), compare_lateness);
	for (int i = 0, next; i < late->nitems; i = next)
	{
		bool		in_time = false;

		for (next = i;
			 next < late->nitems && late->items[next].row == late->items[i].row;
			 next++)
			in_time |= late->items[next].in_time;
		if (!in_time)
			late->items[kept++] = late->items[i];
	}
	late->nitems = kept;
}

/* ------------------------------------------------------------------------
 * What is done with them
 * ------------------------------------------------------------------------
 */

static void
init_row_to_json(RowToJson *json, const SaStream *stream)
{
	Const	   *row = makeNullConst(stream->desc->tdtypeid, -1, InvalidOid);

	/* a polymorphic function learns from the call what its argument is */
	fmgr_info(F_TO_JSONB, &json->to_jsonb);
	fmgr_info_set_expr((Node *) makeFuncExpr(F_TO_JSONB, JSONBOID, list_make1(row),
											 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL),
					   &json->to_jsonb);
	json->settings = sa_identity_stream_settings(stream);
}

/*
 * Describes the rows from item "first" on, until the chunk is full; returns
 * their number.  Output functions may be anybody's code, and depend on
 * settings, so they run as the stream's owner.
 */
static int
fill_chunk(const SaLateRows *late, int first, const SaViewPlan *plan,
		   const SaBatchScan *scan, RowToJson *json, SaLateRow *chunk)
{
	SaBatch    *batch = scan->batch;
	size_t		bytes = 0;
	int			n = 0;
	SaIdentity	identity;

	sa_identity_enter(&identity, batch->stream->owner, json->settings);
	while (n < CHUNK_ROWS && bytes < CHUNK_BYTES && first + n < late->nitems)
	{
		const Lateness *item = &late->items[first + n];
		const SaRow *row = &batch->rows[item->row];
		SaLateRow  *described = &chunk[n++];
		HeapTuple	tuple = sa_batch_row_tuple(batch, item->row);

		described->view = plan->view;
		described->stream = batch->stream->relid;
		described->topic = batch->stream->topic;
		described->partition = batch->parts[row->part].partition;
		described->offset = row->offset;
		described->event_time = row->event_time;
		described->window_start = item->window_start;
		described->window_end = item->window_end;
		described->watermark = sa_batch_row_watermark(scan, row);
		described->row = DatumGetJsonbP(FunctionCall1(&json->to_jsonb,
													  HeapTupleGetDatum(tuple)));
		heap_freetuple(tuple);
		bytes += VARSIZE(described->row);
	}
	sa_identity_leave(&identity);
	return n;
}

/* In the order of rows, which in each partition is that of offsets. */
static void
call_late_function(FmgrInfo *function, const SaLateRow *rows, int nrows)
{
	/* it sees what the batch has written so far */
	CommandCounterIncrement();
	UpdateActiveSnapshotCommandId();
	for (int i = 0; i < nrows; i++)
	{
		const SaLateRow *row = &rows[i];
		PgStat_FunctionCallUsage usage;
		LOCAL_FCINFO(fcinfo, 5);

		CHECK_FOR_INTERRUPTS();
		InitFunctionCallInfoData(*fcinfo, function, 5, InvalidOid, NULL, NULL);
		fcinfo->args[0].value = ObjectIdGetDatum(row->view);
		fcinfo->args[1].value = JsonbPGetDatum(row->row);
		fcinfo->args[2].value = TimestampTzGetDatum(row->window_start);
		fcinfo->args[3].value = TimestampTzGetDatum(row->window_end);
		fcinfo->args[4].value = TimestampTzGetDatum(row->watermark);
		for (int arg = 0; arg < 5; arg++)
			fcinfo->args[arg].isnull = false;
		pgstat_init_function_usage(fcinfo, &usage);
		(void) FunctionCallInvoke(fcinfo);
		pgstat_end_function_usage(&usage, true);
	}
}

static void
handle_late_rows(const SaLateRows *late, const SaViewPlan *plan, const SaBatchScan *scan)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "stream_agg late rows",
												  ALLOCSET_DEFAULT_SIZES);
	SaLateRow  *chunk = palloc(sizeof(SaLateRow) * Min(late->nitems, CHUNK_ROWS));
	const char *name = plan->row->late_function;
	FmgrInfo	function;
	RowToJson	json;

	init_row_to_json(&json, scan->batch->stream);
	if (name != NULL)
		fmgr_info(sa_late_function_lookup(name), &function);
	for (int first = 0, n; first < late->nitems; first += n)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		n = fill_chunk(late, first, plan, scan, &json, chunk);
		if (!plan->row->late_drop)
			sa_late_rows_record(chunk, n);
		if (name != NULL)
			call_late_function(&function, chunk, n);
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	pfree(chunk);
	MemoryContextDelete(context);
}

void
sa_late_rows_finish(SaLateRows *late, const SaViewPlan *plan,
					const SaBatchScan *scan, SaViewCounts *counts)
{
	keep_late_rows(late);
	counts->rows_late += late->nitems;
	if (late->nitems > 0 && (!plan->row->late_drop || plan->row->late_function != NULL))
		handle_late_rows(late, plan, scan);
	pfree(late->items);
	pfree(late);
}
