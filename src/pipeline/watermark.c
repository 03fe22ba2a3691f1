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
 *	  Silence (idle_close) is looked at before the rows of a batch: had anybody
 *	  looked in between, the watermark would have gone on by then.  Messages of
 *	  Kafka that are there end it, since they may have come at any time; so it
 *	  moves on there only in batches without rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "pipeline/watermark.h"

/*
 * While it is silent, a reader looks again after a tenth of idle_close, within
 * these bounds: windows end so much late, and nothing is written more often.
 */
#define MIN_SILENCE_STEP_US		USECS_PER_SEC
#define MAX_SILENCE_STEP_US		USECS_PER_MINUTE

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
	MemoryContext old = MemoryContextSwitchTo(batch->context);

	for (int i = 0; i < batch->nparts; i++)
	{
		const SaBatchPart *part = &batch->parts[i];

		if (part->watermark == DT_NOBEGIN)
			continue;
		sa_progress_extend(progress, part->partition + 1);
		if (part->watermark > progress->partitions[part->partition])
			progress->partitions[part->partition] = part->watermark;
	}
	MemoryContextSwitchTo(old);
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

/*
 * When the latest row of any partition came; 0: there was none.  DT_NOEND if
 * there is something left to read.
 */
static TimestampTz
silent_since(const SaBatch *batch)
{
	TimestampTz since = 0;

	for (int i = 0; i < batch->nparts; i++)
	{
		const SaPosition *position = batch->parts[i].position;

		if (!position->caught_up && !batch->stream->in_database)
			return DT_NOEND;
		since = Max(since, position->last_message_at);
	}
	return since;
}

/* The delay that holds at the moment, of the partition where it is longest. */
static int64
longest_delay(const SaBatch *batch)
{
	int64		delay = batch->stream->out_of_orderness_us;

	if (batch->stream->delay_kind != SA_DELAY_AUTO)
		return delay;
	for (int i = 0; i < batch->nparts; i++)
		delay = Max(delay, batch->parts[i].position->arrivals.delay_us);
	return Min(delay, batch->stream->max_delay_us);
}

void
sa_watermark_look_for_silence(SaBatch *batch)
{
	const SaStream *stream = batch->stream;
	TimestampTz since;

	if (stream->idle_close_us < 0)
		return;
	since = silent_since(batch);
	if (since != 0 && since != DT_NOEND && batch->now - since >= stream->idle_close_us)
		batch->silence_watermark = Max(batch->now - longest_delay(batch) - stream->idle_close_us,
									   MIN_TIMESTAMP);
}

bool
sa_watermark_advance_by_silence(SaProgress *progress, const SaBatch *batch)
{
	if (progress->watermark == DT_NOBEGIN || batch->silence_watermark <= progress->watermark)
		return false;
	progress->watermark = batch->silence_watermark;
	return true;
}

/* When silence may move the watermark, or move it on. */
static TimestampTz
next_silence(const SaBatch *batch)
{
	int64		idle_close_us = batch->stream->idle_close_us;
	TimestampTz since;

	if (idle_close_us < 0)
		return DT_NOEND;
	since = silent_since(batch);
	if (since == 0 || since == DT_NOEND)
		return DT_NOEND;
	if (since + idle_close_us > batch->now)
		return since + idle_close_us;
	return batch->now + Min(Max(idle_close_us / 10, MIN_SILENCE_STEP_US), MAX_SILENCE_STEP_US);
}

TimestampTz
sa_watermark_next_idle(const SaBatch *batch)
{
	TimestampTz next = next_silence(batch);

	for (int i = 0; i < batch->nparts; i++)
	{
		const SaPosition *position = batch->parts[i].position;

		if (position->caught_up && position->last_message_at != 0 &&
			!is_idle(batch, position))
			next = Min(next, position->last_message_at + batch->stream->idle_timeout_us);
	}
	return next;
}
