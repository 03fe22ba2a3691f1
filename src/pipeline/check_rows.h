/*-------------------------------------------------------------------------
 *
 * check_rows.h
 *	  From messages, or inserted values, to rows that the stream admits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_CHECK_ROWS_H
#define SA_PIPELINE_CHECK_ROWS_H

#include "nodes/bitmapset.h"

#include "pipeline/batch.h"

/*
 * Fills in the columns of all rows that are in attnums or that constraints and
 * event time need, and finds out which rows or values are bad; see
 * batch->errors.  If the batch has messages, they are decoded; otherwise the
 * values are there already.
 */
extern void sa_batch_check_rows(SaBatch *batch, Bitmapset *attnums);

#endif							/* SA_PIPELINE_CHECK_ROWS_H */
