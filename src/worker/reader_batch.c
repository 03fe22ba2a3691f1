/*-------------------------------------------------------------------------
 *
 * reader_batch.c
 *	  One transaction of a reader.
 *
 * NOTES
 *	  While a stream lags, batches grow, since what is done once per group or per
 *	  transaction is then done for more rows.  A large batch is taken in chunks,
 *	  and the messages of one are let go before the next is taken.
 *
 *	  A batch is first tried without subtransactions.  If some row makes it fail,
 *	  the transaction is aborted and the same messages, still in memory, are
 *	  tried again with guards, which find the row.  If only its last chunk is still
 *	  in memory, all of it is read again, in batches of one chunk each.
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

/* A batch ends when it has batch_rows times as many rows as it may grow, … */
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

/* The first n of the messages, with room for the others. */
static SaMessage *
copy_messages(const SaReaderLoop *loop, MemoryContext context, int n)
{
	SaMessage  *copy = MemoryContextAllocHuge(context,
											  sizeof(SaMessage) * (Size) loop->nmessages);

	return memcpy(copy, loop->messages, sizeof(SaMessage) * (Size) n);
}

/*
 * Messages become rows.  They stay where they are, unless some are left out,
 * since they stand parallel to the rows.  What comes from before the position
 * was read already (the consumer may deliver it after a start) and is left out.
 * So is what is at hand from a partition that was stopped since: between the
 * position and it there may be messages that were not applied.
 */
static void
add_messages(SaReaderLoop *loop, SaBatch *batch)
{
	SaBatchPart *part = NULL;

	batch->messages = loop->messages;
	sa_batch_reserve(batch, loop->nmessages);
	for (int i = 0; i < loop->nmessages; i++)
	{
		SaMessage  *message = &loop->messages[i];

		if (part == NULL || part->partition != message->partition)
			part = sa_batch_find_part(batch, message->partition);
		if (part == NULL || message->offset < part->next_offset ||
			!loop->parts[part - batch->parts].started)
		{
			if (batch->messages == loop->messages)
				batch->messages = copy_messages(loop, batch->chunk, i);
			continue;
		}
		if (batch->messages != loop->messages)
			batch->messages[batch->nrows] = *message;
		sa_batch_add_row(batch, part, message->offset);
	}

	/* what lies between the last message and the end are control records */
	for (int i = 0; i < loop->nparts; i++)
	{
		if (loop->parts[i].started && loop->parts[i].end_of_data > batch->parts[i].next_offset)
			batch->parts[i].next_offset = loop->parts[i].end_of_data;
		if (loop->parts[i].stop_offset >= 0)
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

/* Whether the batch, which has been applied so far, goes on with another chunk. */
static bool
take_next_chunk(SaReaderLoop *loop, SaBatch *batch, List *views)
{
	if (loop->growth == 1 || loop->guarded || batch->truncated ||
		!sa_loop_chunk_is_full(loop) || !sa_batch_views_hold(views))
		return false;
	if (batch->former_rows + batch->nrows >= (int64) loop->stream->batch_rows * loop->growth ||
		sa_worker_clock_ms() - loop->batch_started_ms >= MAX_BATCH_MS ||
		sa_batch_held_memory(views) >= MAX_GROUP_BYTES || sa_worker_stop_requested())
		return false;

	CHECK_FOR_INTERRUPTS();
	sa_loop_release(loop);
	sa_batch_next_chunk(batch);
	sa_loop_take_messages(loop);
	sa_consumer_fetch_ahead(loop->consumer);
	return loop->nmessages > 0;
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
	SaApplyMode mode = loop->guarded ? SA_APPLY_GUARDED :
		loop->growth > 1 ? SA_APPLY_HOLD : SA_APPLY_PLAIN;
	bool		joins;

	add_messages(loop, batch);
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
	} while (!joins && take_next_chunk(loop, batch, views));
	sa_batch_finish(batch, views);
	loop->small_chunks = sa_batch_views_hold(views);
	save_errors(loop, batch);
	if (joins && sa_loop_agrees_with_main(loop, main_reader))
		sa_loop_join(loop, main_reader);
	PopActiveSnapshot();
	return true;
}

/* By what has been committed: was there more than the batch could take? */
static void
adapt_growth(SaReaderLoop *loop, bool was_full, int64 nrows)
{
	int			growth = loop->growth;

	loop->careful_rows = Max(loop->careful_rows - nrows, 0);
	if (loop->careful_rows > 0)
		growth = 1;
	else if (was_full)
		growth = Min(growth * GROWTH_STEP, MAX_GROWTH);
	else
		growth = 1;
	/* in any case: batch_rows may have become smaller while messages were at hand */
	sa_loop_set_growth(loop, growth);
}

/* What the messages of a large batch led to can't be told row by row any more. */
static void
read_again(SaReaderLoop *loop, const SaBatch *batch)
{
	sa_loop_start_over(loop);
	loop->careful_rows = batch->former_rows + batch->nrows;
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
	if (batch != NULL && batch->chunk_number > 0)
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

	was_full = sa_loop_chunk_is_full(loop);
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
