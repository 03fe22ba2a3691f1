/*-------------------------------------------------------------------------
 *
 * view_run.c
 *	  One view, one batch.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "tcop/dest.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pipeline/bulk_load.h"
#include "pipeline/expiry.h"
#include "pipeline/kept_sets.h"
#include "pipeline/late_rows.h"
#include "pipeline/merge.h"
#include "pipeline/pane_settle.h"
#include "pipeline/session_merge.h"
#include "pipeline/statement.h"
#include "pipeline/view_run.h"

/* Returns the number of rows. */
static uint64
run_load(SaViewPlan *plan, SaBatchScan *scan)
{
	DestReceiver *receiver;
	uint64		processed;

	if (plan->bulk_load == NULL)
		return sa_plan_execute(plan->load, scan, None_Receiver, NULL);
	receiver = sa_bulk_load_receiver(plan->row->data);
	processed = sa_plan_execute(plan->bulk_load, scan, receiver, NULL);
	receiver->rDestroy(receiver);
	return processed;
}

/* Rows that passed the view's filters and joins and are late for all of their windows. */
static void
find_late_rows(SaViewPlan *plan, SaBatchScan *scan, SaViewCounts *counts)
{
	SaLateRows *late = sa_late_rows_begin();
	DestReceiver *receiver = sa_late_rows_receiver(late);

	scan->only_behind = true;
	sa_plan_execute(plan->lateness, scan, receiver, NULL);
	scan->only_behind = false;
	receiver->rDestroy(receiver);
	sa_late_rows_finish(late, plan, scan, counts);
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

/* Fills scan->behind; its rows are all that may be late. */
static void
find_rows_behind(SaBatchScan *scan)
{
	int			capacity = 0;

	scan->behind = NULL;
	scan->nbehind = 0;
	scan->late = NULL;
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

/* What the plans need to know of all rows before the first. */
static void
look_at_rows(const SaViewPlan *plan, SaBatchScan *scan)
{
	scan->window = &plan->aq->sq->window;
	scan->pane = &plan->pane;
	if (plan->aq->sq->window_kind == SA_WINDOW_SESSION)
	{
		find_rows_behind(scan);
		scan->any_behind = scan->nbehind > 0;
	}
	else
		scan->any_behind = plan->aq->windowed && any_row_behind(scan);
	if (plan->aq->panes)
		sa_window_safe_range(scan->window, &scan->safe_from, &scan->safe_until);
}

/* Keeps arguments, and makes sure that their aggregates can take them. */
static void
keep_arguments(SaViewPlan *plan, SaBatchScan *scan)
{
	if (plan->trial != NULL)
		sa_plan_execute(plan->trial, scan, None_Receiver, NULL);
	sa_kept_sets_fill(plan, scan);
}

/* ------------------------------------------------------------------------
 * Sessions
 * ------------------------------------------------------------------------
 */

static void
run_sessions(SaViewPlan *plan, SaBatchScan *scan, SaViewCounts *counts)
{
	SaLateRows *late = sa_late_rows_begin();
	DestReceiver *receiver;

	look_at_rows(plan, scan);
	receiver = sa_session_receiver(plan, scan, &counts->rows_in);
	sa_plan_execute(plan->delta, scan, receiver, NULL);
	receiver->rDestroy(receiver);
	keep_arguments(plan, scan);
	for (int i = 0; i < scan->nbehind; i++)
	{
		SaBehindRow *behind = &scan->behind[i];

		if (behind->late && !behind->in_time)
			sa_late_rows_add(late, behind->row, behind->window_start, behind->window_end);
	}
	sa_late_rows_finish(late, plan, scan, counts);
}

/* ------------------------------------------------------------------------
 * The batch
 * ------------------------------------------------------------------------
 */

/* The groups of a scan, into the view's table. */
static void
merge_groups(SaViewPlan *plan, SaBatchScan *scan, SaViewCounts *counts)
{
	DestReceiver *receiver = sa_merge_receiver(plan, NULL, scan, false, &counts->rows_in);

	if (plan->delta_in_time != NULL && !scan->any_behind)
		sa_plan_execute(plan->delta_in_time, scan, receiver, NULL);
	else
		sa_plan_execute(plan->delta, scan, receiver, NULL);
	receiver->rDestroy(receiver);
	keep_arguments(plan, scan);
}

/* The same where groups may come to their end on the way. */
static void
merge_expiring_groups(SaViewPlan *plan, const SaBatchScan *scan, SaViewCounts *counts)
{
	SaBatchScan piece = *scan;

	do
	{
		piece.last = sa_expiry_piece_end(scan, piece.first, scan->last,
										 plan->row->state_ttl_us);
		merge_groups(plan, &piece, counts);
		piece.first = piece.last;
	} while (piece.first < scan->last);
}

void
sa_view_run(SaViewPlan *plan, SaBatchScan *scan, SaViewCounts *counts)
{
	if (plan->load != NULL)
	{
		counts->rows_in += run_load(plan, scan);
		return;
	}
	if (plan->aq->sq->window_kind == SA_WINDOW_SESSION)
	{
		run_sessions(plan, scan, counts);
		return;
	}

	look_at_rows(plan, scan);
	if (plan->row->state_ttl_us >= 0)
		merge_expiring_groups(plan, scan, counts);
	else
		merge_groups(plan, scan, counts);
	if (scan->any_behind)
		find_late_rows(plan, scan, counts);
}

PlannedStmt *
sa_view_delta_to_hold(const SaViewPlan *plan, SaBatchScan *scan, const SaHeldGroups *held)
{
	if (!plan->can_hold)
		return NULL;
	look_at_rows(plan, scan);
	if (!scan->any_behind && plan->delta_in_time != NULL &&
		(held == NULL || sa_held_groups_plan(held) != plan->delta))
		return plan->delta_in_time;
	if (!scan->any_behind)
		return plan->delta;
	/* order matters to sessions, and a late function may look at the view */
	if (plan->aq->sq->window_kind == SA_WINDOW_SESSION || plan->row->late_function != NULL)
		return NULL;
	return plan->delta;
}

void
sa_view_hold(SaViewPlan *plan, SaBatchScan *scan, SaHeldGroups *held, SaViewCounts *counts)
{
	sa_held_groups_add(held);
	if (scan->any_behind)
		find_late_rows(plan, scan, counts);
}

void
sa_view_write_held(SaViewPlan *plan, SaBatchScan *scan, SaHeldGroups *held,
				   SaViewCounts *counts)
{
	DestReceiver *receiver;

	if (plan->aq->sq->window_kind == SA_WINDOW_SESSION)
		receiver = sa_session_receiver(plan, scan, &counts->rows_in);
	else
		receiver = sa_merge_receiver(plan, NULL, scan, true, &counts->rows_in);
	sa_held_groups_end(held, receiver);
	receiver->rDestroy(receiver);
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

TimestampTz
sa_view_settled_by(const SaViewPlan *plan, TimestampTz watermark)
{
	if (watermark == DT_NOBEGIN)
		return DT_NOBEGIN;
	return Max(watermark - plan->row->allowed_lateness_us, MIN_TIMESTAMP);
}

void
sa_view_close(SaViewPlan *plan, TimestampTz before, TimestampTz watermark)
{
	TimestampTz settled_before = sa_view_settled_by(plan, before);
	TimestampTz settled_now = sa_view_settled_by(plan, watermark);
	Datum		final[] = {TimestampTzGetDatum(before), TimestampTzGetDatum(watermark)};
	Datum		settled[] = {
		TimestampTzGetDatum(settled_before), TimestampTzGetDatum(settled_now)
	};
	ListCell   *lc;

	if (plan->aq->panes)
	{
		sa_panes_settle(plan, settled_before, settled_now, NULL, NULL);
		return;
	}
	if (plan->due_later != NULL)
		sa_statement_execute(plan->due_later, final);
	sa_statement_execute(plan->close, final);
	if (plan->settle != NULL)
		sa_statement_execute(plan->settle, settled);
	foreach(lc, plan->discard)
		sa_statement_execute(lfirst(lc), settled);
}
