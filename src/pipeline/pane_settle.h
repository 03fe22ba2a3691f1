/*-------------------------------------------------------------------------
 *
 * pane_settle.h
 *	  Windows made of panes become rows of the data table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_PANE_SETTLE_H
#define SA_PIPELINE_PANE_SETTLE_H

#include "datatype/timestamp.h"

#include "pipeline/view_plan.h"

/*
 * Stores the windows that end after "after" and not after "until".  Call as the
 * view's owner, with an active snapshot.
 */
extern void sa_panes_settle(SaViewPlan *plan, TimestampTz after, TimestampTz until);

#endif							/* SA_PIPELINE_PANE_SETTLE_H */
