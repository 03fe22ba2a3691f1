/*-------------------------------------------------------------------------
 *
 * reader_batch.c
 *	  One transaction of a reader.
 *
 * NOTES
 *	  A batch is first tried without subtransactions.  If some row makes it fail,
 *	  the transaction is aborted and the same messages, still in memory, are
 *	  tried again with guards, which find the row.
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
#include "pipeline/check_rows.h"
#include "pipeline/watermark.h"
#include "worker/reader_private.h"

/* Full batches that take longer are made larger, such that take less smaller. */
#define LONG_BATCH_MS	250
#define SHORT_BATCH_MS	100
#define MAX_GROWTH		4

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
				batch->messages = copy_messages(loop, batch->context, i);
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

/* Everything inside the transaction; returns false if the reader has ended. */
static bool
apply(SaReaderLoop *loop, SaBatchStop *stop, SaBatch **result)
{
	SaReader	locked;
	SaBatch    *batch;
	List	   *views;
	Bitmapset  *attnums;
	int32		main_reader;
	bool		joins;

	LockRelationOid(loop->stream->relid, AccessShareLock);
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(loop->stream->relid)) ||
		!sa_reader_lock(loop->reader.id, &locked) || locked.paused || locked.foreign)
		return false;

	PushCopiedSnapshot(GetTransactionSnapshot());
	batch = sa_batch_create(loop->stream, loop->reader.id, loop->context);
	*result = batch;
	MemoryContextSwitchTo(batch->context);
	add_parts(loop, batch);
	add_messages(loop, batch);
	if (loop->nmessages == 0)
		sa_watermark_look_for_silence(batch);
	joins = !locked.is_main && sa_loop_meet_main(loop, batch, &main_reader);

	views = sa_batch_views(batch);
	if (views == NIL)
	{
		PopActiveSnapshot();
		return false;
	}
	attnums = sa_batch_view_columns(views);
	sa_batch_check_rows(batch, attnums);
	sa_batch_stop_at_bad_rows(batch, attnums);
	sa_batch_apply(batch, views, loop->guarded, stop);
	save_errors(loop, batch);
	if (joins && sa_loop_agrees_with_main(loop, main_reader))
		sa_loop_join(loop, main_reader);
	PopActiveSnapshot();
	return true;
}

/*
 * A full batch that took long did so because of what is done once per group, not
 * once per row: larger batches do it less often.  The waiting for more messages
 * is only worth it where there is more to be gained.
 */
static void
adapt_growth(SaReaderLoop *loop, bool was_full, int64 elapsed_ms)
{
	int			growth = loop->growth;

	if (was_full && elapsed_ms > LONG_BATCH_MS && growth < MAX_GROWTH)
		growth *= 2;
	else if (elapsed_ms < SHORT_BATCH_MS && growth > 1)
		growth /= 2;
	/* in any case: batch_rows may have become smaller while messages were at hand */
	sa_loop_set_growth(loop, growth);
}

/* A batch that failed: decides whether to try again with what is in memory. */
static void
handle_failure(SaReaderLoop *loop, SaBatchStop *stop, ErrorData *error)
{
	SaLoopPart *part;

	if (!sa_is_row_error(error->sqlerrcode) || (loop->guarded && !stop->requested))
		ReThrowError(error);
	FlushErrorState();
	AbortCurrentTransaction();
	if (stop->requested)
	{
		part = sa_loop_part(loop, stop->partition);
		part->stop_offset = stop->offset;
		snprintf(part->stop_reason, sizeof(part->stop_reason), "offset " INT64_FORMAT ": %s",
				 stop->offset, stop->reason);
	}
	loop->guarded = true;
}

SaLoopOutcome
sa_loop_run_batch(SaReaderLoop *loop)
{
	MemoryContext context = MemoryContextSwitchTo(loop->context);
	SaBatch    *volatile batch = NULL;
	volatile bool alive = false;
	volatile bool committed = false;
	int64		started_ms = sa_worker_clock_ms();
	bool		was_full;

	while (!committed)
	{
		SaBatchStop stop = {0};
		SaBatch    *made = NULL;

		SA_FAULT_POINT("before_begin");
		StartTransactionCommand();
		SetCurrentStatementStartTimestamp();
		pgstat_report_activity(STATE_RUNNING, "stream_agg batch");
		PG_TRY();
		{
			alive = apply(loop, &stop, &made);
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
			handle_failure(loop, &stop, error);
			if (made != NULL)
				MemoryContextDelete(made->context);
			FreeErrorData(error);
		}
		PG_END_TRY();
		MemoryContextSwitchTo(loop->context);
		batch = made;
	}
	SA_FAULT_POINT("after_commit");

	was_full = loop->nmessages >= loop->max_messages;
	if (alive)
		believe(loop, batch);
	if (batch != NULL)
		MemoryContextDelete(batch->context);
	sa_loop_release(loop);
	/* messages at hand would keep it from getting smaller */
	if (alive)
		adapt_growth(loop, was_full, sa_worker_clock_ms() - started_ms);
	MemoryContextSwitchTo(context);
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
	return alive ? SA_LOOP_GO_ON : SA_LOOP_DONE;
}
