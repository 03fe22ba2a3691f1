/*-------------------------------------------------------------------------
 *
 * bad_rows.h
 *	  Rows of a batch that the stream, or a view, can't use.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_BAD_ROWS_H
#define SA_PIPELINE_BAD_ROWS_H

#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"

#include "pipeline/batch.h"
#include "pipeline/view_plan.h"

/*
 * Makes dead letters of the chunk's bad rows, and of values that only some of the
 * views (a list of SaBatchView *) read; counts them.
 */
extern void sa_bad_rows_record(SaBatch *batch, List *views);

/* Makes one of a row; "view" is InvalidOid if no view can use it. */
extern void sa_bad_row_record(SaBatch *batch, int row, Oid view, int sqlstate,
							  const char *reason, const char *detail);

/* Per row of the chunk: whether the view can't use it; NULL if it can use all. */
extern bool *sa_bad_rows_of_view(SaBatch *batch, const SaViewPlan *plan);

/*
 * The position at which a partition has to stop because of a bad row, if the
 * stream says so; cuts the batch off there.  Call after the rows were checked.
 */
extern void sa_bad_rows_stop_batch(SaBatch *batch, Bitmapset *attnums);

#endif							/* SA_PIPELINE_BAD_ROWS_H */
