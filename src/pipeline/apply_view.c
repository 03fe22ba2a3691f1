/*-------------------------------------------------------------------------
 *
 * apply_view.c
 *	  What a batch does to one view.
 *
 * NOTES
 *	  A row on which a view's query fails is found by halving.  Each half that
 *	  is tried costs a subtransaction, so a bad row costs about log2 of the
 *	  chunk's rows; chunks without such rows cost none (a background worker
 *	  first tries without) or one (an INSERT, which can't be tried again), and
 *	  one more if windows end of which values are computed only then.
 *
 *	  Of a batch with several chunks, groups are held in memory where the view
 *	  allows it (held_groups.c), and each is written once.  Windows that end
 *	  meanwhile are closed after that: to the view it is as if all chunks had been
 *	  one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "portability/instr_time.h"

#include "base/fault.h"
#include "pipeline/apply_view.h"
#include "pipeline/bad_rows.h"
#include "pipeline/guarded.h"
#include "pipeline/guarded_close.h"
#include "pipeline/identity.h"
#include "pipeline/sweep.h"
#include "pipeline/watermark.h"

/* The histogram of batch times has two buckets for each doubling. */
#define TIME_BUCKETS	64

/* ------------------------------------------------------------------------
 * Rows that may fail
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
		sa_bad_row_record(scan->batch, first, bv->view->view, error->sqlerrcode,
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

/* ------------------------------------------------------------------------
 * Windows that end
 * ------------------------------------------------------------------------
 */

/*
 * Closes what ends where the watermark has come to, from where it was.  A stream
 * that stops at what it can't use stops at a value that can't be computed, too.
 */
static void
close_windows(const SaBatch *batch, SaBatchView *bv, bool guarded)
{
	SaAggregateQuery *aq = bv->plan->aq;
	TimestampTz before = bv->closed_to;
	TimestampTz watermark = bv->progress->watermark;

	if (watermark == before)
		return;
	bv->closed_to = watermark;
	if (aq == NULL || !aq->windowed)
		return;
	/* what is open is told by the stored watermark, and a trigger may read the view */
	if (aq->panes)
		sa_progress_save(bv->view->view, bv->progress);
	if (guarded && batch->stream->on_error != SA_ON_ERROR_STOP)
		bv->counts.rows_dead += sa_guarded_close(bv->plan, batch->stream, before, watermark);
	else
		sa_view_close(bv->plan, before, watermark);
}

/* ------------------------------------------------------------------------
 * Groups that are held
 * ------------------------------------------------------------------------
 */

/* Windows that have ended since are closed in passing, the others after that. */
static void
write_held(const SaBatch *batch, SaBatchView *bv)
{
	if (bv->held == NULL)
		return;
	sa_view_write_held(bv->plan, &bv->scan, bv->held, &bv->counts);
	bv->held = NULL;
	close_windows(batch, bv, false);
}

/* Takes the chunk's rows into groups that are held. */
static void
hold_rows(const SaBatch *batch, SaBatchView *bv, const PlannedStmt *delta)
{
	if (bv->held != NULL &&
		(sa_held_groups_plan(bv->held) != delta || sa_held_groups_full(bv->held)))
		write_held(batch, bv);
	if (bv->held == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(batch->context);

		bv->held = sa_held_groups_begin(delta, &bv->scan);
		MemoryContextSwitchTo(old);
	}
	sa_view_hold(bv->plan, &bv->scan, bv->held, &bv->counts);
}

static void
run_or_hold(const SaBatch *batch, SaBatchView *bv, bool hold)
{
	PlannedStmt *delta = sa_view_delta_to_hold(bv->plan, &bv->scan, bv->held);

	bv->plan->holds = delta != NULL || bv->plan->load != NULL;
	if (hold && delta != NULL)
	{
		hold_rows(batch, bv, delta);
		return;
	}
	write_held(batch, bv);
	sa_view_run(bv->plan, &bv->scan, &bv->counts);
}

/* ------------------------------------------------------------------------
 * The chunk and the batch
 * ------------------------------------------------------------------------
 */

/* What the view's plans see of the chunk. */
static void
set_scan(SaBatch *batch, SaBatchView *bv)
{
	bv->scan.batch = batch;
	bv->scan.last = batch->nrows;
	bv->scan.skip = sa_bad_rows_of_view(batch, bv->plan);
	bv->scan.progress = bv->progress;
	bv->scan.allowed_lateness_us = bv->view->allowed_lateness_us;
}

void
sa_view_apply_chunk(SaBatch *batch, SaBatchView *bv, SaApplyMode mode, SaBatchStop *stop)
{
	bool		guarded = mode == SA_APPLY_GUARDED;
	SaIdentity	identity;
	instr_time	start;
	instr_time	end;

	INSTR_TIME_SET_CURRENT(start);
	set_scan(batch, bv);
	sa_identity_enter(&identity, bv->owner, bv->view->settings);
	/* as if someone had looked before the rows came */
	if (sa_watermark_advance_by_silence(bv->progress, batch))
		close_windows(batch, bv, guarded);
	if (batch->nrows > 0 && guarded)
		run_guarded(bv, &bv->scan, 0, batch->nrows, stop);
	else if (batch->nrows > 0)
		run_or_hold(batch, bv, mode == SA_APPLY_HOLD);
	SA_FAULT_POINT("view_merged");
	(void) sa_watermark_advance(bv->progress, batch);
	if (bv->held == NULL)
		close_windows(batch, bv, guarded);
	sa_identity_leave(&identity);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_ACCUM_DIFF(bv->elapsed, end, start);
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

void
sa_view_finish_batch(const SaBatch *batch, SaBatchView *bv)
{
	SaProgress *progress = bv->progress;
	int64		nrows = batch->former_rows + batch->nrows;
	SaIdentity	identity;
	instr_time	start;
	instr_time	end;

	INSTR_TIME_SET_CURRENT(start);
	sa_identity_enter(&identity, bv->owner, bv->view->settings);
	write_held(batch, bv);
	sa_sweep_run(bv->plan->sweeps, progress->watermark,
				 progress->watermark > bv->watermark_before, nrows);
	sa_identity_leave(&identity);

	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_ACCUM_DIFF(bv->elapsed, end, start);
	if (nrows > 0)
		count_time(progress, bv->elapsed);
	progress->rows_in += bv->counts.rows_in;
	progress->rows_late += bv->counts.rows_late;
	progress->rows_dead += bv->counts.rows_dead;
	sa_progress_save(bv->view->view, progress);
}
