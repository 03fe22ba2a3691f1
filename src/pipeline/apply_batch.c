/*-------------------------------------------------------------------------
 *
 * apply_batch.c
 *	  What one transaction does with a batch.
 *
 * NOTES
 *	  The order is: dead letters, views one after the other (rows, late rows,
 *	  windows that end, rows that are due to go, watermark), and last the
 *	  positions, each from the value that the batch started from.  All of it is
 *	  one transaction, and that last step fails if any other transaction moved a
 *	  position meanwhile.  So whatever is repeated, crashes or runs twice: a row
 *	  is either not in the results and before no position, or in them once.
 *
 *	  A row on which a view's query fails is found by halving.  Each half that
 *	  is tried costs a subtransaction, so a bad row costs about log2 of the
 *	  batch's rows; batches without such rows cost none (a background worker
 *	  first tries without) or one (an INSERT, which can't be tried again), and
 *	  one more if windows end of which values are computed only then.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/fault.h"
#include "base/row_error.h"
#include "catalog/pg_class.h"
#include "metadata/reject.h"
#include "pipeline/apply_batch.h"
#include "pipeline/arrival.h"
#include "pipeline/guarded.h"
#include "pipeline/guarded_close.h"
#include "pipeline/identity.h"
#include "pipeline/sweep.h"
#include "pipeline/watermark.h"

/* The histogram of batch times has two buckets for each doubling. */
#define TIME_BUCKETS	64

List *
sa_batch_views(SaBatch *batch)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, sa_views_of_reader(batch->reader))
	{
		SaBatchView *bv = palloc0(sizeof(SaBatchView));
		SaIdentity	identity;

		bv->view = lfirst(lc);
		bv->owner = sa_relation_owner(bv->view->view);
		if (!OidIsValid(bv->owner))
			continue;			/* being dropped */
		sa_identity_enter(&identity, bv->owner, bv->view->settings);
		bv->plan = sa_view_plan_get(bv->view);
		sa_identity_leave(&identity);
		if (bv->plan == NULL)
			continue;
		bv->progress = sa_progress_load(bv->view->view);
		result = lappend(result, bv);
	}
	return result;
}

Bitmapset *
sa_batch_view_columns(List *views)
{
	Bitmapset  *attnums = NULL;
	ListCell   *lc;

	foreach(lc, views)
		attnums = bms_add_members(attnums, ((SaBatchView *) lfirst(lc))->plan->attnums);
	return attnums;
}

/* ------------------------------------------------------------------------
 * Dead letters
 * ------------------------------------------------------------------------
 */

static bytea *
make_bytea(const char *data, size_t len)
{
	bytea	   *result;

	if (data == NULL)
		return NULL;
	result = palloc(len + VARHDRSZ);
	SET_VARSIZE(result, len + VARHDRSZ);
	memcpy(VARDATA(result), data, len);
	return result;
}

/* Records a row; "view" is InvalidOid if no view can use it. */
static void
record_dead_letter(SaBatch *batch, int row, Oid view, int sqlstate,
				   const char *reason, const char *detail)
{
	SaDeadLetter letter = {
		.stream = batch->stream->relid,
		.view = view,
		.topic = batch->stream->topic,
		.partition = batch->parts[batch->rows[row].part].partition,
		.offset = batch->rows[row].offset,
		.sqlstate = sqlstate,
		.reason = reason,
		.detail = detail
	};

	if (batch->stream->on_error != SA_ON_ERROR_DEAD_LETTER)
		return;
	if (batch->messages != NULL)
	{
		SaMessage  *message = &batch->messages[row];

		letter.key = make_bytea(message->key, message->key_len);
		letter.value = make_bytea(message->value, message->value_len);
	}
	else
	{
		/* text and bytea are the same bytes; the row as JSON is the message */
		letter.value = (bytea *) sa_batch_row_json(batch, row);
	}
	sa_dead_letter_record(&letter);
}

/* Bad rows of all views, and values that only some views read. */
static void
record_errors(SaBatch *batch, List *views)
{
	int			last_row = -1;
	ListCell   *lc;
	ListCell   *lv;

	foreach(lc, batch->errors)
	{
		SaRowError *error = lfirst(lc);

		if (batch->rows[error->row].bad && (error->attnum != 0 || error->row == last_row))
			continue;			/* one letter per row is enough */
		if (error->attnum == 0)
		{
			last_row = error->row;
			record_dead_letter(batch, error->row, InvalidOid, error->sqlstate,
							   error->reason, error->detail);
		}
		foreach(lv, views)
		{
			SaBatchView *bv = lfirst(lv);

			if (error->attnum != 0 && !bms_is_member(error->attnum, bv->plan->attnums))
				continue;
			if (error->attnum != 0)
				record_dead_letter(batch, error->row, bv->view->view, error->sqlstate,
								   error->reason, error->detail);
			bv->counts.rows_dead++;
		}
	}
}

/* Per row: whether the view can't use it; NULL if it can use all. */
static bool *
rows_to_skip(SaBatch *batch, SaViewPlan *plan)
{
	bool	   *skip = NULL;
	ListCell   *lc;

	foreach(lc, batch->errors)
	{
		SaRowError *error = lfirst(lc);

		if (error->attnum == 0 || !bms_is_member(error->attnum, plan->attnums))
			continue;
		if (skip == NULL)
			skip = MemoryContextAllocZero(batch->context, Max(batch->nrows, 1));
		skip[error->row] = true;
	}
	return skip;
}

void
sa_batch_stop_at_bad_rows(SaBatch *batch, Bitmapset *attnums)
{
	if (batch->stream->on_error != SA_ON_ERROR_STOP)
		return;

	/* truncating takes errors out of the list, so begin anew each time */
	for (;;)
	{
		SaRowError *found = NULL;
		ListCell   *lc;
		SaBatchPart *part;

		foreach(lc, batch->errors)
		{
			SaRowError *error = lfirst(lc);

			if (error->attnum == 0 || bms_is_member(error->attnum, attnums))
			{
				found = error;
				break;
			}
		}
		if (found == NULL)
			return;
		if (batch->messages == NULL)
			ereport(ERROR,
					(errcode(found->sqlstate),
					 errmsg_internal("%s", found->reason),
					 found->detail != NULL ? errdetail_internal("%s", found->detail) : 0));
		part = &batch->parts[batch->rows[found->row].part];
		part->position->error = psprintf("offset " INT64_FORMAT ": %s",
										 batch->rows[found->row].offset, found->reason);
		sa_batch_truncate_part(batch, part, batch->rows[found->row].offset);
	}
}

/* ------------------------------------------------------------------------
 * One view
 * ------------------------------------------------------------------------
 */

typedef struct GuardedRun
{
	SaBatchView *bv;
	SaBatchScan scan;
	SaViewCounts counts;
} GuardedRun;

static void
run_guarded_part(void *arg)
{
	GuardedRun *run = arg;

	memset(&run->counts, 0, sizeof(run->counts));
	sa_view_run(run->bv->plan, &run->scan, &run->counts);
}

static void
stop_at_row(SaBatch *batch, int row, const ErrorData *error, SaBatchStop *stop)
{
	stop->requested = true;
	stop->partition = batch->parts[batch->rows[row].part].partition;
	stop->offset = batch->rows[row].offset;
	strlcpy(stop->reason, error->message, sizeof(stop->reason));
	ereport(ERROR,
			(errcode(error->sqlerrcode),
			 errmsg_internal("%s", error->message)));
}

/* Rows first … last - 1, halved until those that fail stand alone. */
static void
run_guarded(SaBatchView *bv, const SaBatchScan *scan, int first, int last, SaBatchStop *stop)
{
	GuardedRun	run = {.bv = bv,.scan = *scan};
	ErrorData  *error;
	int			middle;

	run.scan.first = first;
	run.scan.last = last;
	error = sa_guarded_call(run_guarded_part, &run);
	if (error == NULL)
	{
		bv->counts.rows_in += run.counts.rows_in;
		bv->counts.rows_late += run.counts.rows_late;
		return;
	}

	/* with no row to blame it is the view's own fault */
	if (last == first)
		ReThrowError(error);
	if (last - first == 1)
	{
		if (scan->batch->stream->on_error == SA_ON_ERROR_STOP)
			stop_at_row(scan->batch, first, error, stop);
		record_dead_letter(scan->batch, first, bv->view->view, error->sqlerrcode,
						   error->message, error->detail);
		bv->counts.rows_dead++;
		FreeErrorData(error);
		return;
	}
	FreeErrorData(error);
	CHECK_FOR_INTERRUPTS();
	middle = first + (last - first) / 2;
	run_guarded(bv, scan, first, middle, stop);
	run_guarded(bv, scan, middle, last, stop);
}

static void
count_time(SaProgress *progress, instr_time elapsed)
{
	double		us = Max(INSTR_TIME_GET_MICROSEC(elapsed), 1);
	int			bucket = Min((int) (2.0 * log2(us)), TIME_BUCKETS - 1);

	if (progress->ntimes < TIME_BUCKETS)
	{
		int64	   *times = palloc0(sizeof(int64) * TIME_BUCKETS);

		memcpy(times, progress->times, sizeof(int64) * progress->ntimes);
		progress->times = times;
		progress->ntimes = TIME_BUCKETS;
	}
	progress->times[bucket]++;
}

/*
 * What ends where the watermark has come to, from where it was.  A stream that
 * stops at what it can't use stops at a value that can't be computed, too.
 */
static void
close_windows(const SaBatch *batch, SaBatchView *bv, TimestampTz before, bool guarded)
{
	SaAggregateQuery *aq = bv->plan->aq;

	if (aq == NULL || !aq->windowed)
		return;
	/* what is open is told by the stored watermark, and a trigger may read the view */
	if (aq->panes)
		sa_progress_save(bv->view->view, bv->progress);
	if (guarded && batch->stream->on_error != SA_ON_ERROR_STOP)
		bv->counts.rows_dead += sa_guarded_close(bv->plan, batch->stream, before,
												 bv->progress->watermark);
	else
		sa_view_close(bv->plan, before, bv->progress->watermark);
}

static void
apply_to_view(SaBatch *batch, SaBatchView *bv, bool guarded, SaBatchStop *stop)
{
	SaProgress *progress = bv->progress;
	SaBatchScan scan = {
		.batch = batch,
		.first = 0,
		.last = batch->nrows,
		.skip = rows_to_skip(batch, bv->plan),
		.progress = progress,
		.allowed_lateness_us = bv->view->allowed_lateness_us
	};
	TimestampTz watermark_before = progress->watermark;
	TimestampTz watermark_at_rows;
	SaIdentity	identity;
	instr_time	start;
	instr_time	elapsed;

	INSTR_TIME_SET_CURRENT(start);
	sa_identity_enter(&identity, bv->owner, bv->view->settings);
	/* as if someone had looked before the rows came */
	if (sa_watermark_advance_by_silence(progress, batch))
		close_windows(batch, bv, watermark_before, guarded);
	watermark_at_rows = progress->watermark;
	if (batch->nrows > 0 && guarded)
		run_guarded(bv, &scan, 0, batch->nrows, stop);
	else if (batch->nrows > 0)
		sa_view_run(bv->plan, &scan, &bv->counts);
	SA_FAULT_POINT("view_merged");
	if (sa_watermark_advance(progress, batch))
		close_windows(batch, bv, watermark_at_rows, guarded);
	sa_sweep_run(bv->plan->sweeps, progress->watermark,
				 progress->watermark > watermark_before, batch->nrows);
	sa_identity_leave(&identity);

	INSTR_TIME_SET_CURRENT(elapsed);
	INSTR_TIME_SUBTRACT(elapsed, start);
	if (batch->nrows > 0)
		count_time(progress, elapsed);
	progress->rows_in += bv->counts.rows_in;
	progress->rows_late += bv->counts.rows_late;
	progress->rows_dead += bv->counts.rows_dead;
	sa_progress_save(bv->view->view, progress);
}

/* ------------------------------------------------------------------------
 * The whole
 * ------------------------------------------------------------------------
 */

void
sa_batch_apply(SaBatch *batch, List *views, bool guarded, SaBatchStop *stop)
{
	ListCell   *lc;

	sa_batch_measure(batch);
	/* idleness is counted from the last message, this batch's included */
	for (int i = 0; i < batch->nparts; i++)
	{
		if (batch->parts[i].nrows > 0)
			batch->parts[i].position->last_message_at = batch->now;
	}

	record_errors(batch, views);
	foreach(lc, views)
		apply_to_view(batch, lfirst(lc), guarded, stop);

	SA_FAULT_POINT("before_positions");
	for (int i = 0; i < batch->nparts; i++)
	{
		SaBatchPart *part = &batch->parts[i];
		SaPosition	position = *part->position;

		if (part->next_offset == part->expected)
			continue;
		position.next_offset = part->next_offset;
		if (part->measured)
			position.arrivals = part->arrivals;
		sa_position_advance(batch->reader, &position, part->expected);
	}
	SA_FAULT_POINT("after_positions");
}
