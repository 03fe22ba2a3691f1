/*-------------------------------------------------------------------------
 *
 * watermark.h
 *	  How far event time has come, for one view.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_WATERMARK_H
#define SA_PIPELINE_WATERMARK_H

#include "pipeline/batch.h"

/*
 * Moves a view's partition watermarks by what the batch has, and the stream
 * watermark by what follows from them.  Returns true if the latter moved.
 */
extern bool sa_watermark_advance(SaProgress *progress, const SaBatch *batch);

/*
 * Finds out how far the watermark has gone because no row came, as the option
 * idle_close says.  To be called before the batch's rows are applied, and not
 * for a batch that goes on with the rows of another.
 */
extern void sa_watermark_look_for_silence(SaBatch *batch);

/*
 * Moves a view's watermark to where silence has taken it.  One that has none is
 * left alone: nothing has come to it that could be closed.
 */
extern bool sa_watermark_advance_by_silence(SaProgress *progress, const SaBatch *batch);

/*
 * When the next partition will be idle for want of messages, or silence moves
 * the watermark; DT_NOEND if neither will be.  Then an empty batch may move the watermark.
 */
extern TimestampTz sa_watermark_next_idle(const SaBatch *batch);

#endif							/* SA_PIPELINE_WATERMARK_H */
