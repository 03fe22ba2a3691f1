/*-------------------------------------------------------------------------
 *
 * reader_batch.c
 *	  One transaction of a reader.
 *
 * NOTES
 *	  A batch is applied in chunks.  While a stream lags, batches grow, since what is
 *	  done once per group or per transaction is then done for more rows: messages
 *	  that were applied are let go, and more are taken.
 *
 *	  A batch is first tried without subtransactions.  If some row makes it fail,
 *	  the transaction is aborted and the same messages, still in memory, are
 *	  tried again with guards, which find the row.  If some were let go, all of them
 *	  are read again, in batches that don't grow.
 *
 *	  Locks are taken in the order stream, reader, relations of the views, as
 *	  DROP … CASCADE takes them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/fault.h"
#include "base/row_error.h"
#include "pipeline/bad_rows.h"
#include "pipeline/check_rows.h"
#include "pipeline/watermark.h"
#include "worker/shared.h"
#include "worker/reader_private.h"

/* Behind a row that failed batches don't grow for so many times what was read. */
#define CAREFUL_TIMES	4

/* A batch ends when it has as many times batch_rows as it may, … */
#define GROWTH_STEP		8
#define MAX_GROWTH		64

/* … or has taken so long, or groups so much memory, but for its last chunk. */
#define MAX_BATCH_MS	2000
#define MAX_GROUP_BYTES	((Size) 64 * 1024 * 1024)

void
sa_loop_release(SaReaderLoop *loop)
{
	sa_consumer_release(loop->consumer);
	loop->nmessages = 0;
	loop->next_message = 0;
}

/* The batch's parts stand for the loop's, index by index. */
static void
add_parts(SaReaderLoop *loop, SaBatch *batch)
{
	for (int i = 0; i < loop->nparts; i++)
	{
		SaPosition *position = MemoryContextAlloc(batch->context, sizeof(SaPosition));
		int64		low;
		int64		high;

		*position = loop->parts[i].position;
		sa_consumer_known_offsets(loop->consumer, position->partition, &low, &high);
		if (low >= 0)
			position->first_offset = low;
		if (high >= 0)
			position->end_offset = high;
		sa_batch_add_part(batch, position);
	}
}

/* The first n of some messages, with room for all. */
static SaMessage *
copy_messages(const SaMessage *messages, int n, int all, MemoryContext context)
{
	SaMessage  *copy = MemoryContextAllocHuge(context, sizeof(SaMessage) * (Size) all);

	return memcpy(copy, messages, sizeof(SaMessage) * (Size) n);
}

/*
 * The next n messages become rows.  They stay where they are, unless some are
 * left out, since they stand parallel to the rows.  What comes from before the
 * position was read already (the consumer may deliver it after a start) and is left out.
 * So is what is at hand from a partition that was stopped since: between the
 * position and it there may be messages that were not applied.
 */
static void
add_messages(SaReaderLoop *loop, SaBatch *batch, int n)
{
	SaMessage  *messages = loop->messages + loop->next_message;
	bool		is_last = loop->next_message + n == loop->nmessages;
	SaBatchPart *part = NULL;

	batch->messages = messages;
	loop->next_message += n;
	sa_batch_reserve(batch, n);
	for (int i = 0; i < n; i++)
	{
		SaMessage  *message = &messages[i];

		if (part == NULL || part->partition != message->partition)
			part = sa_batch_find_part(batch, message->partition);
		if (part == NULL || message->offset < part->next_offset ||
			!loop->parts[part - batch->parts].started)
		{
			if (batch->messages == messages)
				batch->messages = copy_messages(messages, i, n, batch->chunk);
			continue;
		}
		if (batch->messages != messages)
			batch->messages[batch->nrows] = *message;
		sa_batch_add_row(batch, part, message->offset);
	}

	for (int i = 0; i < loop->nparts; i++)
	{
		/* none is idle, or at its end, of which there may be messages at hand */
		batch->parts[i].position->caught_up = is_last && loop->parts[i].position.caught_up;
		/* what lies between the last message and the end are control records */
		if (is_last && loop->parts[i].started &&
			loop->parts[i].end_of_data > batch->parts[i].next_offset)
			batch->parts[i].next_offset = loop->parts[i].end_of_data;
		if (loop->parts[i].stop_offset >= 0 &&
			batch->parts[i].next_offset > loop->parts[i].stop_offset)
		{
			batch->parts[i].position->error = loop->parts[i].stop_reason;
			sa_batch_truncate_part(batch, &batch->parts[i], loop->parts[i].stop_offset);
		}
	}
}

/* Why partitions stopped is kept beside their positions. */
static void
save_errors(SaReaderLoop *loop, SaBatch *batch)
{
	for (int i = 0; i < loop->nparts; i++)
	{
		SaPosition *position = batch->parts[i].position;

		if (position->error != NULL && loop->parts[i].position.error == NULL)
			sa_position_set_error(loop->reader.id, position->partition, position->error);
	}
}

/* Rows that were cut off the batch have to be read again. */
static void
restart_cut_parts(SaReaderLoop *loop)
{
	SaLoopPart *part = NULL;

	for (int i = 0; i < loop->nmessages; i++)
	{
		SaMessage  *message = &loop->messages[i];

		if (part == NULL || part->position.partition != message->partition)
			part = sa_loop_part(loop, message->partition);
		if (part != NULL && message->offset >= part->position.next_offset)
			sa_loop_stop_part(loop, part);
	}
}

static void
believe_arrivals(SaReaderLoop *loop, SaLoopPart *part, const SaArrivals *arrivals)
{
	MemoryContext old = MemoryContextSwitchTo(loop->context);
	SaArrivals	former = part->position.arrivals;

	part->position.arrivals = sa_arrivals_copy(arrivals);
	if (former.lateness != NULL)
		pfree(former.lateness);
	if (former.period != NULL)
		pfree(former.period);
	MemoryContextSwitchTo(old);
}

/* After the commit: what the batch led to is where we are. */
static void
believe(SaReaderLoop *loop, SaBatch *batch)
{
	TimestampTz next_idle;

	for (int i = 0; i < loop->nparts; i++)
	{
		SaLoopPart *part = &loop->parts[i];
		SaPosition *position = batch->parts[i].position;

		part->position.first_offset = position->first_offset;
		part->position.end_offset = position->end_offset;
		part->position.last_message_at = position->last_message_at;
		part->position.next_offset = batch->parts[i].next_offset;
		part->end_of_data = -1;
		if (batch->parts[i].measured)
			believe_arrivals(loop, part, &batch->parts[i].arrivals);
		if (position->error != NULL && part->position.error == NULL)
		{
			part->position.error = MemoryContextStrdup(loop->context, position->error);
			sa_loop_stop_part(loop, part);
			ereport(LOG,
					(errmsg("stream \"%s\": partition %d stopped at %s",
							loop->stream->name, position->partition, position->error),
					 errhint("Correct the cause and call stream_agg.resume().")));
		}
	}
	restart_cut_parts(loop);
	loop->guarded = false;
	loop->tick_due = false;
	next_idle = sa_watermark_next_idle(batch);
	loop->next_idle_ms = next_idle == DT_NOEND ? PG_INT64_MAX :
		sa_worker_clock_ms() + Max((next_idle - GetCurrentTimestamp() + 999) / 1000, 0);
}

/*
 * Lets go of the messages and takes more, if the stream lags and the batch may
 * grow.  Groups that are held must not take too much memory, nor the batch too
 * long.
 */
static bool
take_more(SaReaderLoop *loop, const SaBatch *batch, List *views)
{
	int64		max_rows = (int64) loop->stream->batch_rows * loop->growth;

	if (loop->growth == 1 || !sa_loop_has_enough(loop) || !sa_batch_views_hold(views) ||
		batch->former_rows + batch->nrows >= max_rows ||
		sa_worker_clock_ms() - loop->batch_started_ms >= MAX_BATCH_MS ||
		sa_batch_held_memory(views) >= MAX_GROUP_BYTES || sa_worker_stop_requested())
		return false;

	CHECK_FOR_INTERRUPTS();
	sa_loop_release(loop);
	loop->let_go = true;
	sa_loop_take_messages(loop);
	sa_consumer_fetch_ahead(loop->consumer);
	return loop->nmessages > 0;
}

/* Whether the batch, which has been applied so far, goes on with another chunk. */
static bool
begin_next_chunk(SaReaderLoop *loop, SaBatch *batch, List *views)
{
	if (batch->truncated ||
		(loop->next_message == loop->nmessages && !take_more(loop, batch, views)))
		return false;
	sa_batch_next_chunk(batch);
	return true;
}

/*
 * Messages at hand into views.  Returns true if that takes the reader to where
 * the main one is.
 */
static bool
apply_chunk(SaReaderLoop *loop, SaBatch *batch, List *views, Bitmapset *attnums,
			SaBatchStop *stop, int32 *main_reader)
{
	MemoryContext old = MemoryContextSwitchTo(batch->chunk);
	SaApplyMode mode = SA_APPLY_PLAIN;
	int			small_chunk = SA_FAULT_CHUNK_ROWS(SA_SMALL_CHUNK_ROWS);
	int			n = loop->nmessages - loop->next_message;
	bool		joins;

	if (loop->guarded)
		mode = SA_APPLY_GUARDED;
	/* one that joins the main reader is cut off where that is, in its first chunk */
	else if (sa_batch_views_hold(views) &&
			 (loop->growth > 1 || (n > small_chunk && loop->reader.is_main)))
	{
		mode = SA_APPLY_HOLD;
		n = Min(n, small_chunk);
	}
	add_messages(loop, batch, n);
	joins = !loop->reader.is_main && sa_loop_meet_main(loop, batch, main_reader);
	sa_batch_check_rows(batch, attnums);
	sa_bad_rows_stop_batch(batch, attnums);
	sa_batch_apply_chunk(batch, views, mode, stop);
	MemoryContextSwitchTo(old);
	return joins;
}

/* Everything inside the transaction; returns false if the reader has ended. */
static bool
apply(SaReaderLoop *loop, SaBatchStop *stop, SaBatch **result)
{
	SaBatch    *batch;
	List	   *views;
	Bitmapset  *attnums;
	int32		main_reader;
	bool		joins;

	LockRelationOid(loop->stream->relid, AccessShareLock);
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(loop->stream->relid)) ||
		!sa_reader_lock(loop->reader.id, &loop->reader) || loop->reader.paused ||
		loop->reader.foreign)
		return false;

	PushCopiedSnapshot(GetTransactionSnapshot());
	batch = sa_batch_create(loop->stream, loop->reader.id, loop->context);
	*result = batch;
	MemoryContextSwitchTo(batch->context);
	add_parts(loop, batch);
	if (loop->nmessages == 0)
		sa_watermark_look_for_silence(batch);
	views = sa_batch_views(batch);
	if (views == NIL)
	{
		PopActiveSnapshot();
		return false;
	}
	attnums = sa_batch_view_columns(views);
	do
	{
		joins = apply_chunk(loop, batch, views, attnums, stop, &main_reader);
	} while (!joins && begin_next_chunk(loop, batch, views));
	sa_batch_finish(batch, views);
	loop->small_chunks = sa_batch_views_hold(views);
	save_errors(loop, batch);
	if (joins && sa_loop_agrees_with_main(loop, main_reader))
		sa_loop_join(loop, main_reader);
	PopActiveSnapshot();
	return true;
}

/*
 * Whether a batch of messages is still to come, though none is at hand: the
 * broker, or the network, is slower for a moment.
 */
static bool
lags(SaReaderLoop *loop)
{
	int64		rows = 0;

	for (int i = 0; i < loop->nparts; i++)
	{
		const SaLoopPart *part = &loop->parts[i];
		int64		low;
		int64		high;

		if (!part->started)
			continue;
		sa_consumer_known_offsets(loop->consumer, part->position.partition, &low, &high);
		if (high >= 0)
			rows += Max(high - part->position.next_offset, 0);
	}
	return rows >= loop->stream->batch_rows;
}

/* By what has been committed: was there more than the batch could take? */
static void
adapt_growth(SaReaderLoop *loop, bool was_full, int64 nrows)
{
	int			growth = 1;

	loop->careful_rows = Max(loop->careful_rows - nrows, 0);
	if (loop->careful_rows == 0 && was_full)
		growth = Min(loop->growth * GROWTH_STEP, MAX_GROWTH);
	else if (loop->careful_rows == 0 && loop->growth > 1 && lags(loop))
		growth = loop->growth;
	/* in any case: batch_rows may have become smaller while messages were at hand */
	sa_loop_set_growth(loop, growth);
}

/*
 * What the messages of a large batch led to can't be told row by row any more.
 * Where there is one bad row there may be others, so that batches don't grow for
 * some time, and little is read for nothing.
 */
static void
read_again(SaReaderLoop *loop, const SaBatch *batch)
{
	sa_loop_start_over(loop);
	loop->careful_rows = CAREFUL_TIMES * (batch->former_rows + batch->nrows);
	sa_loop_set_growth(loop, 1);
}

/* A batch that failed: decides whether to try again, and with what. */
static void
handle_failure(SaReaderLoop *loop, const SaBatch *batch, SaBatchStop *stop, ErrorData *error)
{
	SaLoopPart *part;

	if (!sa_is_row_error(error->sqlerrcode) || (loop->guarded && !stop->requested))
		ReThrowError(error);
	FlushErrorState();
	AbortCurrentTransaction();
	if (loop->let_go)
	{
		read_again(loop, batch);
		return;
	}
	if (stop->requested)
	{
		part = sa_loop_part(loop, stop->partition);
		part->stop_offset = stop->offset;
		snprintf(part->stop_reason, sizeof(part->stop_reason), "offset " INT64_FORMAT ": %s",
				 stop->offset, stop->reason);
	}
	loop->guarded = true;
}

/* Tries once; returns whether the batch was committed. */
static bool
try_batch(SaReaderLoop *loop, SaBatch **batch, bool *alive)
{
	SaBatchStop stop = {0};
	volatile bool committed = false;

	SA_FAULT_POINT("before_begin");
	loop->batch_started_ms = sa_worker_clock_ms();
	loop->next_message = 0;
	loop->let_go = false;
	StartTransactionCommand();
	SetCurrentStatementStartTimestamp();
	pgstat_report_activity(STATE_RUNNING, "stream_agg batch");
	PG_TRY();
	{
		*alive = apply(loop, &stop, batch);
		SA_FAULT_POINT("before_commit");
		MemoryContextSwitchTo(loop->context);
		CommitTransactionCommand();
		committed = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(loop->context);
		error = CopyErrorData();
		handle_failure(loop, *batch, &stop, error);
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(loop->context);
	return committed;
}

SaLoopOutcome
sa_loop_run_batch(SaReaderLoop *loop)
{
	MemoryContext context = MemoryContextSwitchTo(loop->context);
	SaBatch    *batch = NULL;
	bool		alive = true;
	bool		was_full;

	while (!try_batch(loop, &batch, &alive))
	{
		if (batch != NULL)
			MemoryContextDelete(batch->context);
		batch = NULL;
		/* else the same messages are tried again */
		if (!loop->guarded)
		{
			MemoryContextSwitchTo(context);
			return SA_LOOP_GO_ON;
		}
	}
	SA_FAULT_POINT("after_commit");

	was_full = sa_loop_has_enough(loop) && !(alive && batch->truncated);
	if (alive)
		believe(loop, batch);
	sa_loop_release(loop);
	/* messages at hand would keep it from getting smaller */
	if (alive)
		adapt_growth(loop, was_full, batch->former_rows + batch->nrows);
	if (batch != NULL)
		MemoryContextDelete(batch->context);
	MemoryContextSwitchTo(context);
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
	return alive ? SA_LOOP_GO_ON : SA_LOOP_DONE;
}
