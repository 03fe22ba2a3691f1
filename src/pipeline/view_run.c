/*-------------------------------------------------------------------------
 *
 * view_run.c
 *	  One view, one batch.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "metadata/reject.h"
#include "pipeline/merge.h"
#include "pipeline/session_merge.h"
#include "pipeline/view_run.h"

/* Executes a plan over a scan; returns the number of rows it processed. */
static uint64
execute_plan(PlannedStmt *plan, SaBatchScan *scan, DestReceiver *receiver)
{
	QueryDesc  *query;
	uint64		processed;

	CommandCounterIncrement();
	UpdateActiveSnapshotCommandId();
	query = CreateQueryDesc(plan, "<continuous view>", GetActiveSnapshot(),
							InvalidSnapshot, receiver, sa_batch_scan_params(scan),
							NULL, 0);
	ExecutorStart(query, 0);
	sa_executor_run(query);
	processed = query->estate->es_processed;
	ExecutorFinish(query);
	ExecutorEnd(query);
	FreeQueryDesc(query);
	return processed;
}

/* ------------------------------------------------------------------------
 * Late rows
 * ------------------------------------------------------------------------
 */

/* What is known of one row that is behind its watermark. */
typedef struct Lateness
{
	int			row;
	bool		in_time;		/* for at least one of its windows */
	TimestampTz window_start;	/* the latest of its windows */
	TimestampTz window_end;
} Lateness;

typedef struct LatenessReceiver
{
	DestReceiver pub;
	MemoryContext context;
	Lateness   *rows;			/* one entry per run of result rows */
	int			nrows;
	int			capacity;
} LatenessReceiver;

static bool
lateness_receive(TupleTableSlot *slot, DestReceiver *self)
{
	LatenessReceiver *receiver = (LatenessReceiver *) self;
	Lateness   *lateness;
	TimestampTz end;
	int			row;

	slot_getallattrs(slot);
	row = sa_batch_row_of_ctid((ItemPointer) DatumGetPointer(slot->tts_values[0]));
	if (receiver->nrows == receiver->capacity)
	{
		receiver->capacity *= 2;
		receiver->rows = repalloc_huge(receiver->rows,
									   sizeof(Lateness) * (size_t) receiver->capacity);
	}
	lateness = &receiver->rows[receiver->nrows++];
	end = DatumGetTimestampTz(slot->tts_values[2]);
	lateness->row = row;
	lateness->window_start = DatumGetTimestampTz(slot->tts_values[1]);
	lateness->window_end = end;
	lateness->in_time = !DatumGetBool(slot->tts_values[3]);
	return true;
}

static void
receiver_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
}

static void
receiver_nothing(DestReceiver *self)
{
}

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
	return 0;
}

static void
record_late_row(SaViewPlan *plan, SaBatchScan *scan, int number,
				TimestampTz window_start, TimestampTz window_end)
{
	SaBatch    *batch = scan->batch;
	SaRow	   *row = &batch->rows[number];
	char	   *json = text_to_cstring(sa_batch_row_json(batch, number));
	SaLateRow	late = {
		.view = plan->view,
		.stream = batch->stream->relid,
		.topic = batch->stream->topic,
		.partition = batch->parts[row->part].partition,
		.offset = row->offset,
		.event_time = row->event_time,
		.window_start = window_start,
		.window_end = window_end,
		.watermark = sa_batch_row_watermark(scan, row),
		.row = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json)))
	};

	sa_late_row_record(&late);
}

/*
 * Rows that passed the view's filters and joins and are late for all of their
 * windows.  A row that a join multiplied is still one row.
 */
static void
find_late_rows(SaViewPlan *plan, SaBatchScan *scan, SaViewCounts *counts)
{
	LatenessReceiver receiver = {
		.pub = {
			.receiveSlot = lateness_receive,
			.rStartup = receiver_startup,
			.rShutdown = receiver_nothing,
			.rDestroy = receiver_nothing,
			.mydest = DestNone
		},
		.capacity = 64
	};

	receiver.rows = palloc(sizeof(Lateness) * receiver.capacity);
	scan->only_behind = true;
	execute_plan(plan->lateness, scan, (DestReceiver *) &receiver);
	scan->only_behind = false;
	qsort(receiver.rows, receiver.nrows, sizeof(Lateness), compare_lateness);

	for (int i = 0, next; i < receiver.nrows; i = next)
	{
		bool		in_time = false;

		for (next = i;
			 next < receiver.nrows && receiver.rows[next].row == receiver.rows[i].row;
			 next++)
			in_time |= receiver.rows[next].in_time;
		if (in_time)
			continue;
		counts->rows_late++;
		if (!plan->row->late_drop)
			record_late_row(plan, scan, receiver.rows[i].row,
							receiver.rows[i].window_start, receiver.rows[i].window_end);
	}
	pfree(receiver.rows);
}

/* A row that is not behind its watermark is not late for anything. */
static bool
any_row_behind(const SaBatchScan *scan)
{
	for (int i = scan->first; i < scan->last; i++)
	{
		const SaRow *row = &scan->batch->rows[i];

		if (!row->bad && row->event_time < sa_batch_row_watermark(scan, row))
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------------
 * Sessions
 * ------------------------------------------------------------------------
 */

/* Fills scan->behind; its rows are all that may be late. */
static void
find_rows_behind(SaBatchScan *scan)
{
	int			capacity = 0;

	scan->behind = NULL;
	scan->nbehind = 0;
	for (int i = scan->first; i < scan->last; i++)
	{
		const SaRow *row = &scan->batch->rows[i];

		if (row->bad || row->event_time >= sa_batch_row_watermark(scan, row))
			continue;
		if (capacity == 0)
		{
			capacity = 64;
			scan->behind = palloc(sizeof(SaBehindRow) * capacity);
		}
		else if (scan->nbehind == capacity)
		{
			capacity *= 2;
			scan->behind = repalloc_huge(scan->behind,
										 sizeof(SaBehindRow) * (size_t) capacity);
		}
		memset(&scan->behind[scan->nbehind], 0, sizeof(SaBehindRow));
		scan->behind[scan->nbehind++].row = i;
	}
}

static void
run_sessions(SaViewPlan *plan, SaBatchScan *scan, SaViewCounts *counts)
{
	DestReceiver *receiver;

	find_rows_behind(scan);
	receiver = sa_session_receiver(plan, scan, &counts->rows_in);
	execute_plan(plan->delta, scan, receiver);
	receiver->rDestroy(receiver);
	for (int i = 0; i < scan->nbehind; i++)
	{
		SaBehindRow *behind = &scan->behind[i];

		if (!behind->late || behind->in_time)
			continue;
		counts->rows_late++;
		if (!plan->row->late_drop)
			record_late_row(plan, scan, behind->row,
							behind->window_start, behind->window_end);
	}
}

/* ------------------------------------------------------------------------
 * The batch
 * ------------------------------------------------------------------------
 */

void
sa_view_run(SaViewPlan *plan, SaBatchScan *scan, SaViewCounts *counts)
{
	DestReceiver *receiver;

	if (plan->load != NULL)
	{
		counts->rows_in += execute_plan(plan->load, scan, None_Receiver);
		return;
	}
	if (plan->aq->sq->window_kind == SA_WINDOW_SESSION)
	{
		run_sessions(plan, scan, counts);
		return;
	}

	scan->any_behind = plan->aq->windowed && any_row_behind(scan);
	receiver = sa_merge_receiver(plan, scan->progress->watermark, &counts->rows_in);
	execute_plan(plan->delta, scan, receiver);
	receiver->rDestroy(receiver);
	if (scan->any_behind)
		find_late_rows(plan, scan, counts);
}

/*
 * A load is only started: rights are checked there, and to run it would fire
 * the statement triggers of a table that is the user's.
 */
void
sa_view_try(SaViewPlan *plan, SaBatchScan *scan)
{
	SaViewCounts counts = {0};
	QueryDesc  *query;

	if (plan->load == NULL)
	{
		sa_view_run(plan, scan, &counts);
		return;
	}
	query = CreateQueryDesc(plan->load, "<continuous view>", GetActiveSnapshot(),
							InvalidSnapshot, None_Receiver, sa_batch_scan_params(scan),
							NULL, 0);
	ExecutorStart(query, EXEC_FLAG_EXPLAIN_ONLY);
	ExecutorEnd(query);
	FreeQueryDesc(query);
}

static void
execute_close(SPIPlanPtr plan, Datum *values)
{
	int			result;

	SPI_connect();
	result = SPI_execute_plan(plan, values, NULL, false, 0);
	if (result != SPI_OK_UPDATE)
		elog(ERROR, "could not close windows: %s", SPI_result_code_string(result));
	SPI_finish();
}

/* An instant of the watermark, moved back by the allowed lateness. */
static TimestampTz
settled_by(SaViewPlan *plan, TimestampTz watermark)
{
	if (watermark == DT_NOBEGIN)
		return DT_NOBEGIN;
	return Max(watermark - plan->row->allowed_lateness_us, MIN_TIMESTAMP);
}

void
sa_view_close(SaViewPlan *plan, TimestampTz before, TimestampTz watermark)
{
	Datum		final[] = {TimestampTzGetDatum(watermark)};
	Datum		settled[] = {
		TimestampTzGetDatum(settled_by(plan, before)),
		TimestampTzGetDatum(settled_by(plan, watermark))
	};

	execute_close(plan->close, final);
	if (plan->settle != NULL)
		execute_close(plan->settle, settled);
}
