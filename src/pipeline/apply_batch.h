/*-------------------------------------------------------------------------
 *
 * apply_batch.h
 *	  What one transaction does with a batch.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_APPLY_BATCH_H
#define SA_PIPELINE_APPLY_BATCH_H

#include "pipeline/apply_view.h"
#include "pipeline/batch.h"

/*
 * Views of the batch's reader with their plans, in the order of their OIDs; a
 * list of SaBatchView *.  Locks what they use.
 */
extern List *sa_batch_views(SaBatch *batch);

/* Columns of the stream that any of the views reads. */
extern Bitmapset *sa_batch_view_columns(List *views);

/* Whether all of them could hold the groups of the last chunk, if there was one. */
extern bool sa_batch_views_hold(List *views);

/* Bytes of memory in which they hold groups at the moment. */
extern Size sa_batch_held_memory(List *views);

/*
 * Brings the views up to date with the chunk at hand, whose rows have been
 * checked.  The reader must be locked and a snapshot of the caller's own be
 * active (PushCopiedSnapshot).
 *
 * If guarded, an error that a row causes in a view makes that row a dead
 * letter of that view.  Otherwise the error is thrown; the caller aborts, and
 * may come again with the same messages, guarded.  *stop tells about rows at
 * which a stream with on_error 'stop' has to stop.
 */
extern void sa_batch_apply_chunk(SaBatch *batch, List *views, SaApplyMode mode,
								 SaBatchStop *stop);

/* When there are no more chunks: writes the rest, and moves the positions. */
extern void sa_batch_finish(SaBatch *batch, List *views);

#endif							/* SA_PIPELINE_APPLY_BATCH_H */
