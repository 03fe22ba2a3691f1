/*-------------------------------------------------------------------------
 *
 * arrival.h
 *	  How rows arrive in their partitions: lateness, and the watermark.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_ARRIVAL_H
#define SA_PIPELINE_ARRIVAL_H

#include "pipeline/batch.h"

/*
 * Goes through the rows, whose event times are known, in the order of their
 * offsets: sets watermark_before of each row, and watermark and arrivals of
 * each part that has rows.  Nothing may be cut off the batch afterwards.
 */
extern void sa_batch_measure(SaBatch *batch);

#endif							/* SA_PIPELINE_ARRIVAL_H */
