/*-------------------------------------------------------------------------
 *
 * guarded_close.h
 *	  Closing windows of which some values can't be computed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_GUARDED_CLOSE_H
#define SA_PIPELINE_GUARDED_CLOSE_H

#include "metadata/stream.h"
#include "pipeline/view_plan.h"

/*
 * Does what sa_view_close() does, but where a row's fault keeps a value from
 * being computed, it stays NULL for ever and a dead letter says so.  Returns the
 * number of groups (of a window) of which that is true.
 */
extern int64 sa_guarded_close(SaViewPlan *plan, const SaStream *stream,
							  TimestampTz before, TimestampTz watermark);

#endif							/* SA_PIPELINE_GUARDED_CLOSE_H */
