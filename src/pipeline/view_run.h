/*-------------------------------------------------------------------------
 *
 * view_run.h
 *	  One view, one batch.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_VIEW_RUN_H
#define SA_PIPELINE_VIEW_RUN_H

#include "pipeline/batch.h"
#include "pipeline/held_groups.h"
#include "pipeline/view_plan.h"

/* What became of rows. */
typedef struct SaViewCounts
{
	int64		rows_in;		/* went into the view */
	int64		rows_late;
	int64		rows_dead;
} SaViewCounts;

/*
 * Runs a view's plans over the rows of a scan, and records late rows.  Call as
 * the view's owner, with an active snapshot.  Adds to *counts.
 */
extern void sa_view_run(SaViewPlan *plan, SaBatchScan *scan,
						SaViewCounts *counts);

/*
 * The plan whose groups stand for the rows of a scan and can be held until the
 * batch's other chunks are there; NULL: use sa_view_run().  Better the one of what
 * is held already, if anything is.
 */
extern PlannedStmt *sa_view_delta_to_hold(const SaViewPlan *plan, SaBatchScan *scan,
										  const SaHeldGroups *held);

/* Takes the rows into groups that are held, and records late rows. */
extern void sa_view_hold(SaViewPlan *plan, SaBatchScan *scan, SaHeldGroups *held,
						 SaViewCounts *counts);

/* Merges what is held into the view's table. */
extern void sa_view_write_held(SaViewPlan *plan, SaBatchScan *scan, SaHeldGroups *held,
							   SaViewCounts *counts);

/*
 * Finds out what would fail in every batch, missing rights included, and gives
 * an aggregate without keys its row.  The scan is that of an empty batch.
 */
extern void sa_view_try(SaViewPlan *plan, SaBatchScan *scan);

/* An instant of the watermark, moved back by the allowed lateness. */
extern TimestampTz sa_view_settled_by(const SaViewPlan *plan, TimestampTz watermark);

/*
 * Makes final and settles what is due when the watermark moves from "before" to
 * "watermark".  Call as the view's owner.
 */
extern void sa_view_close(SaViewPlan *plan, TimestampTz before,
						  TimestampTz watermark);

#endif							/* SA_PIPELINE_VIEW_RUN_H */
