/*-------------------------------------------------------------------------
 *
 * watermark.c
 *	  How far event time has come, for one view.
 *
 * NOTES
 *	  A partition's watermark follows from its own rows alone, in the order of
 *	  their offsets, so that it is the same on every replay.  The stream's is the
 *	  least of them.  A partition is left out while it is idle, which is a matter
 *	  of the wall clock, and if it never had a message.
 *
 *	  A partition that has messages that were not read yet can't be left out,
 *	  even if nothing is known of its event times: whatever is waiting there may
 *	  be older than all the others.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "pipeline/watermark.h"

/* Nothing left to read, and nothing came for the length of idle_timeout. */
static bool
is_idle(const SaBatch *batch, const SaPosition *position)
{
	return position->caught_up &&
		batch->now - position->last_message_at >= batch->stream->idle_timeout_us;
}

static void
advance_partitions(SaProgress *progress, const SaBatch *batch)
{
	for (int i = 0; i < batch->nparts; i++)
	{
		const SaBatchPart *part = &batch->parts[i];
		TimestampTz watermark;

		if (part->max_event_time == DT_NOBEGIN)
			continue;
		sa_progress_extend(progress, part->partition + 1);
		watermark = part->max_event_time - batch->stream->out_of_orderness_us;
		if (watermark < MIN_TIMESTAMP)
			watermark = MIN_TIMESTAMP;
		if (watermark > progress->partitions[part->partition])
			progress->partitions[part->partition] = watermark;
	}
}

/* The least of the partitions that count, or DT_NOBEGIN. */
static TimestampTz
combine_partitions(const SaProgress *progress, const SaBatch *batch)
{
	TimestampTz least = DT_NOEND;
	TimestampTz greatest = DT_NOBEGIN;

	for (int i = 0; i < batch->nparts; i++)
	{
		const SaBatchPart *part = &batch->parts[i];
		TimestampTz watermark = part->partition < progress->npartitions ?
			progress->partitions[part->partition] : DT_NOBEGIN;

		if (watermark == DT_NOBEGIN)
		{
			if (!part->position->caught_up)
				return DT_NOBEGIN;
			continue;
		}
		greatest = Max(greatest, watermark);
		if (!is_idle(batch, part->position))
			least = Min(least, watermark);
	}
	return least == DT_NOEND ? greatest : least;
}

bool
sa_watermark_advance(SaProgress *progress, const SaBatch *batch)
{
	TimestampTz watermark;

	advance_partitions(progress, batch);
	watermark = combine_partitions(progress, batch);
	if (watermark <= progress->watermark)
		return false;
	progress->watermark = watermark;
	return true;
}

TimestampTz
sa_watermark_next_idle(const SaBatch *batch)
{
	TimestampTz next = DT_NOEND;

	for (int i = 0; i < batch->nparts; i++)
	{
		const SaPosition *position = batch->parts[i].position;

		if (position->caught_up && position->last_message_at != 0 &&
			!is_idle(batch, position))
			next = Min(next, position->last_message_at + batch->stream->idle_timeout_us);
	}
	return next;
}
