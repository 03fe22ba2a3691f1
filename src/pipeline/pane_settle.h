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

/* Stores the windows of which the starts and the ends are in two arrays. */
typedef void (*SaStoreWindows) (void *arg, Datum starts, Datum ends);

/*
 * Stores the windows that end after "after" and not after "until", some at a
 * time; "store" does it in the place of the view's statement if it is not NULL.
 * Call as the view's owner, with an active snapshot.
 */
extern void sa_panes_settle(SaViewPlan *plan, TimestampTz after, TimestampTz until,
							SaStoreWindows store, void *arg);

#endif							/* SA_PIPELINE_PANE_SETTLE_H */
