/*-------------------------------------------------------------------------
 *
 * reader_events.c
 *	  What a consumer has to say beside messages.
 *
 * NOTES
 *	  Nothing that happens in Kafka may move a position by itself.  Offsets that
 *	  are gone from Kafka are recorded as a gap; whether the reader goes on
 *	  behind it is for the stream's option "on_data_loss" to say.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "worker/reader_private.h"
#include "worker/shared.h"

#define RESTART_PAUSE_MS	1000
#define CORRUPT_ATTEMPTS	5
#define ASK_TIMEOUT_MS		1000

static void
restart_later(SaReaderLoop *loop, SaLoopPart *part)
{
	sa_loop_stop_part(loop, part);
	part->restart_ms = sa_worker_clock_ms() + RESTART_PAUSE_MS;
}

/* Stops a partition and says why; the others go on. */
static void
stop_part(SaReaderLoop *loop, SaLoopPart *part, const char *reason)
{
	StartTransactionCommand();
	sa_position_set_error(loop->reader.id, part->position.partition, reason);
	CommitTransactionCommand();
	MemoryContextSwitchTo(loop->context);
	part->position.error = MemoryContextStrdup(loop->context, reason);
	sa_loop_stop_part(loop, part);
	ereport(LOG,
			(errmsg("stream \"%s\": partition %d stopped: %s", loop->stream->name,
					part->position.partition, reason),
			 errhint("Correct the cause and call stream_agg.resume().")));
}

/* Kafka has removed messages that were not read. */
static void
handle_gap(SaReaderLoop *loop, SaLoopPart *part, int64 low)
{
	int64		expected = part->position.next_offset;
	bool		go_on = loop->stream->on_data_loss == SA_ON_DATA_LOSS_EARLIEST;

	StartTransactionCommand();
	sa_gap_record(loop->reader.id, loop->stream->relid, loop->stream->topic,
				  part->position.partition, expected, low,
				  "Kafka no longer has these offsets");
	if (go_on)
	{
		part->position.next_offset = low;
		part->position.first_offset = low;
		sa_position_advance(loop->reader.id, &part->position, expected);
	}
	CommitTransactionCommand();
	MemoryContextSwitchTo(loop->context);

	if (go_on)
		restart_later(loop, part);
	else
		stop_part(loop, part,
				  psprintf("offsets " INT64_FORMAT " to " INT64_FORMAT " are no longer in Kafka",
						   expected, low - 1));
}

static void
handle_out_of_range(SaReaderLoop *loop, SaLoopPart *part)
{
	char		error[256];
	int64		low;
	int64		high;

	if (!sa_consumer_query_offsets(loop->consumer, part->position.partition, &low, &high,
								   ASK_TIMEOUT_MS, error, sizeof(error)))
		restart_later(loop, part);
	else if (part->position.next_offset < low)
		handle_gap(loop, part, low);
	else if (part->position.next_offset > high)
		stop_part(loop, part,
				  psprintf("position " INT64_FORMAT " is behind the end of the partition, "
						   INT64_FORMAT "; the topic was truncated or created anew",
						   part->position.next_offset, high));
	else
		restart_later(loop, part);	/* a broker that was not up to date */
}

static void
handle_corrupt(SaReaderLoop *loop, SaLoopPart *part, const SaConsumerEvent *event)
{
	if (++part->corrupt_count < CORRUPT_ATTEMPTS)
		restart_later(loop, part);
	else
		stop_part(loop, part, event->text);
}

/*
 * The end of a partition.  The first time, and for offsets of control records
 * behind the last message, there is something to do even without messages.
 */
static void
handle_end(SaReaderLoop *loop, SaLoopPart *part, int64 offset)
{
	if (offset <= part->taken)
		return;					/* more has come since */
	if (!part->end_seen)
		loop->tick_due = true;
	part->end_seen = true;
	part->position.caught_up = true;
	part->end_unsure = false;
	part->corrupt_count = 0;
	part->end_of_data = offset;
	if (loop->nmessages == 0 && offset > part->position.next_offset)
		loop->tick_due = true;
}

static void
handle_connection(SaReaderLoop *loop, bool connected, const char *text)
{
	if (connected == loop->connected)
		return;
	sa_loop_set_connected(loop, connected);
	if (connected)
		sa_worker_report("reading");
	else
		sa_worker_report("connecting: %s", text);
	ereport(LOG,
			(errmsg("stream \"%s\": %s", loop->stream->name,
					connected ? "connected to Kafka" : text)));
}

static void
handle_event(SaReaderLoop *loop, const SaConsumerEvent *event)
{
	SaLoopPart *part = sa_loop_part(loop, event->partition);

	switch (event->kind)
	{
		case SA_EVENT_END_OF_PARTITION:
			if (part != NULL && part->started)
				handle_end(loop, part, event->offset);
			break;
		case SA_EVENT_OFFSET_OUT_OF_RANGE:
			if (part != NULL)
			{
				/* what is at hand comes first, and moves the position */
				if (loop->nmessages > 0)
					restart_later(loop, part);
				else
					handle_out_of_range(loop, part);
			}
			break;
		case SA_EVENT_PARTITION_CORRUPT:
			if (part != NULL)
				handle_corrupt(loop, part, event);
			break;
		case SA_EVENT_PARTITION_ERROR:
			ereport(DEBUG1,
					(errmsg_internal("stream \"%s\", partition %d: %s", loop->stream->name,
									 event->partition, event->text)));
			break;
		case SA_EVENT_CONNECTED:
			handle_connection(loop, true, event->text);
			break;
		case SA_EVENT_DISCONNECTED:
			handle_connection(loop, false, event->text);
			break;
		case SA_EVENT_AUTHENTICATION:
			sa_worker_report_error(event->text);
			handle_connection(loop, false, event->text);
			break;
		case SA_EVENT_LOG:
			ereport(event->level,
					(errmsg("stream \"%s\": %s", loop->stream->name, event->text)));
			break;
	}
}

void
sa_loop_handle_events(SaReaderLoop *loop)
{
	SaConsumerEvent event;

	while (sa_consumer_next_event(loop->consumer, &event))
		handle_event(loop, &event);
}
