/*-------------------------------------------------------------------------
 *
 * insert_batch.h
 *	  Batches of in-database streams: what one INSERT brings.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_INSERT_BATCH_H
#define SA_PIPELINE_INSERT_BATCH_H

#include "utils/tuplestore.h"

#include "metadata/stream.h"

/*
 * Brings the stream's views up to date with the rows of a tuplestore, in
 * batches of the stream's batch_rows, in the current transaction.
 */
extern void sa_insert_batches(SaStream *stream, Tuplestorestate *rows);

/* Looks at idleness: an empty batch, which may move watermarks on. */
extern void sa_insert_tick(SaStream *stream);

/* Raises an error if a batch of this stream is being applied right now. */
extern void sa_insert_refuse_reentry(const SaStream *stream);

#endif							/* SA_PIPELINE_INSERT_BATCH_H */
