/*-------------------------------------------------------------------------
 *
 * view_plan_private.h
 *	  Parts of which a view's plan is made.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_VIEW_PLAN_PRIVATE_H
#define SA_PIPELINE_VIEW_PLAN_PRIVATE_H

#include "pipeline/view_plan.h"

/* Takes a plan into the view's memory; planning leaves much behind. */
extern PlannedStmt *sa_view_plan_keep(SaViewPlan *plan, PlannedStmt *statement);

/* ---- view_kept.c: the kept sets of a view ---- */

/* Plans how they get the rows of a batch, and feed states. */
extern void sa_view_kept_plan(SaViewPlan *plan, const Query *query, const SaView *row);

/* Fills plan->discard; call in the view's memory. */
extern void sa_view_kept_plan_discard(SaViewPlan *plan);

#endif							/* SA_PIPELINE_VIEW_PLAN_PRIVATE_H */
