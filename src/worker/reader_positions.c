/*-------------------------------------------------------------------------
 *
 * reader_positions.c
 *	  Where a reader is, and which partitions there are.
 *
 * NOTES
 *	  A position is committed to the table before the first message of its
 *	  partition is asked for, as a number; "earliest" and the like exist only
 *	  until then.  New partitions always begin at their first offset, so that
 *	  growth of a topic loses nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/fault.h"
#include "metadata/catalog.h"
#include "worker/reader_private.h"
#include "worker/shared.h"

/* Longest time that a question to Kafka may hold us up. */
#define ASK_TIMEOUT_MS	1000

SaLoopPart *
sa_loop_part(SaReaderLoop *loop, int32 partition)
{
	if (partition >= 0 && partition < loop->nparts &&
		loop->parts[partition].position.partition == partition)
		return &loop->parts[partition];
	for (int i = 0; i < loop->nparts; i++)
	{
		if (loop->parts[i].position.partition == partition)
			return &loop->parts[i];
	}
	return NULL;
}

/* ------------------------------------------------------------------------
 * Definition
 * ------------------------------------------------------------------------
 */

/* All that the client is opened with, to see whether it has changed. */
static char *
describe_connection(List *options, const SaStream *stream)
{
	StringInfoData text;
	ListCell   *lc;

	initStringInfo(&text);
	appendStringInfo(&text, "%s\n%d\n", stream->topic,
					 sa_stream_has_source(stream, SA_SOURCE_HEADERS));
	foreach(lc, options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		appendStringInfo(&text, "%s=%s\n", option->defname, defGetString(option));
	}
	return text.data;
}

static void
open_consumer(SaReaderLoop *loop, List *options, char *connection)
{
	if (loop->consumer != NULL && strcmp(loop->connection, connection) == 0)
		return;
	if (loop->consumer != NULL)
	{
		sa_consumer_close(loop->consumer);
		loop->consumer = NULL;
	}
	for (int i = 0; i < loop->nparts; i++)
		loop->parts[i].started = false;
	loop->nmessages = 0;
	loop->consumer = sa_consumer_open(options, loop->stream->topic,
									  psprintf("stream_agg-%u-%d", MyDatabaseId, loop->reader.id));
	if (sa_stream_has_source(loop->stream, SA_SOURCE_HEADERS))
		sa_consumer_read_headers(loop->consumer);
	loop->connection = MemoryContextStrdup(loop->context, connection);
	loop->next_discovery_ms = 0;
	loop->connected = false;
	sa_worker_report("connecting");
}

/* Takes a position from the table into the loop, in the order of partitions. */
static SaLoopPart *
add_part(SaReaderLoop *loop, const SaPosition *position)
{
	MemoryContext old = MemoryContextSwitchTo(loop->context);
	SaLoopPart *part;

	if (loop->parts == NULL)
		loop->parts = palloc(sizeof(SaLoopPart));
	else
		loop->parts = repalloc(loop->parts, sizeof(SaLoopPart) * (loop->nparts + 1));
	part = &loop->parts[loop->nparts++];
	memset(part, 0, sizeof(SaLoopPart));
	part->position = *position;
	part->position.error = position->error != NULL ? pstrdup(position->error) : NULL;
	part->position.arrivals = sa_arrivals_copy(&position->arrivals);
	part->stop_offset = -1;
	part->end_of_data = -1;
	part->taken = -1;
	MemoryContextSwitchTo(old);
	return part;
}

void
sa_loop_start_over(SaReaderLoop *loop)
{
	sa_loop_release(loop);
	for (int i = 0; i < loop->nparts; i++)
		sa_loop_stop_part(loop, &loop->parts[i]);
}

static void
adopt_positions(SaReaderLoop *loop)
{
	bool		moved = false;
	ListCell   *lc;

	foreach(lc, sa_positions_load(loop->reader.id))
	{
		SaPosition *position = lfirst(lc);
		SaLoopPart *part = sa_loop_part(loop, position->partition);

		if (part == NULL)
		{
			add_part(loop, position);
			continue;
		}
		/* moved or freed from outside: begin again from there */
		if (part->position.next_offset != position->next_offset ||
			(part->position.error != NULL && position->error == NULL))
		{
			part->position.next_offset = position->next_offset;
			part->position.error = NULL;
			part->stop_offset = -1;
			part->corrupt_count = 0;
			moved = true;
		}
	}
	if (moved)
		sa_loop_start_over(loop);
}

static void
adopt_stream(SaReaderLoop *loop, Relation rel)
{
	MemoryContext context = AllocSetContextCreate(loop->context, "stream_agg stream",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	SaStream   *old_stream;

	old_stream = loop->stream;
	loop->stream = sa_stream_load(rel);
	/* with other timeouts partitions may be idle by now */
	if (old_stream != NULL &&
		(old_stream->idle_timeout_us != loop->stream->idle_timeout_us ||
		 old_stream->idle_close_us != loop->stream->idle_close_us))
		loop->tick_due = true;
	if (loop->stream_context != NULL)
		MemoryContextDelete(loop->stream_context);
	loop->stream_context = context;
	MemoryContextSwitchTo(old);
	sa_loop_set_growth(loop, Max(loop->growth, 1));
}

/* Messages at hand stay where they are; a smaller chunk begins afterwards. */
void
sa_loop_set_growth(SaReaderLoop *loop, int growth)
{
	int			wanted;
	Size		size;

	/* whoever sets batch_rows means it */
	if (!loop->stream->batches_grow && SA_FAULT_CHUNK_ROWS(0) == 0)
		growth = 1;
	wanted = loop->stream->batch_rows * Min(growth, SA_MAX_CHUNK_GROWTH);
	if (growth > 1 && loop->small_chunks)
		wanted = Min(loop->stream->batch_rows, SA_FAULT_CHUNK_ROWS(SA_SMALL_CHUNK_ROWS));
	size = sizeof(SaMessage) * (Size) wanted;
	if (loop->messages == NULL)
		loop->messages = MemoryContextAllocHuge(loop->context, size);
	else if (wanted > loop->capacity)
		loop->messages = repalloc_huge(loop->messages, size);
	loop->capacity = Max(loop->capacity, wanted);
	loop->max_messages = Max(wanted, loop->nmessages);
	loop->growth = growth;
}

SaLoopOutcome
sa_loop_load(SaReaderLoop *loop)
{
	MemoryContext context = CurrentMemoryContext;
	Relation	rel;
	List	   *options;
	bool		usable;

	StartTransactionCommand();
	usable = sa_extension_exists() && sa_reader_by_id(loop->reader.id, &loop->reader) &&
		!loop->reader.paused && !loop->reader.foreign;
	rel = usable ? try_relation_open(loop->reader.stream, AccessShareLock) : NULL;
	usable = rel != NULL && sa_is_stream(loop->reader.stream) &&
		!sa_stream_is_in_database(loop->reader.stream);
	if (usable)
	{
		adopt_stream(loop, rel);
		options = sa_stream_connection_options(loop->stream);
		open_consumer(loop, options, describe_connection(options, loop->stream));
		adopt_positions(loop);
	}
	if (rel != NULL)
		relation_close(rel, NoLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return usable ? SA_LOOP_GO_ON : SA_LOOP_DONE;
}

/* ------------------------------------------------------------------------
 * Partitions
 * ------------------------------------------------------------------------
 */

/* Commits the first position of a partition that was not known before. */
static void
adopt_partition(SaReaderLoop *loop, int32 partition)
{
	SaPosition	position = {.partition = partition,.arrivals = SA_NO_ARRIVALS};
	char		error[256];

	if (!sa_consumer_query_offsets(loop->consumer, partition, &position.first_offset,
								   &position.end_offset, ASK_TIMEOUT_MS,
								   error, sizeof(error)))
		return;					/* asked again at the next discovery */
	position.next_offset = position.first_offset;

	StartTransactionCommand();
	sa_position_insert(loop->reader.id, &position);
	CommitTransactionCommand();
	MemoryContextSwitchTo(loop->context);
	add_part(loop, &position);
}

void
sa_loop_discover(SaReaderLoop *loop)
{
	char		error[256] = "";
	int			count = sa_consumer_partition_count(loop->consumer, ASK_TIMEOUT_MS,
													error, sizeof(error));

	if (count < 0)
	{
		sa_loop_set_connected(loop, false);
		sa_worker_report("connecting: %s", error);
		return;
	}
	if (count == 0)
	{
		sa_worker_report("waiting for topic \"%s\"", loop->stream->topic);
		return;
	}
	if (!loop->connected)
		sa_worker_report("reading");
	sa_loop_set_connected(loop, true);
	for (int32 partition = 0; partition < count; partition++)
	{
		CHECK_FOR_INTERRUPTS();
		if (sa_loop_part(loop, partition) == NULL)
			adopt_partition(loop, partition);
	}
}

void
sa_loop_stop_part(SaReaderLoop *loop, SaLoopPart *part)
{
	if (part->started)
		sa_consumer_stop(loop->consumer, part->position.partition);
	part->started = false;
}

/*
 * The client tells of an end only once, so that partitions where nothing has
 * come since are read anew to see it again.
 */
void
sa_loop_set_connected(SaReaderLoop *loop, bool connected)
{
	for (int i = 0; i < loop->nparts; i++)
	{
		SaLoopPart *part = &loop->parts[i];

		if (!connected && part->position.caught_up)
		{
			part->position.caught_up = false;
			part->end_unsure = true;
		}
		else if (connected && part->end_unsure)
			sa_loop_stop_part(loop, part);
	}
	loop->connected = connected;
}

void
sa_loop_start_parts(SaReaderLoop *loop)
{
	int64		now_ms = sa_worker_clock_ms();

	for (int i = 0; i < loop->nparts; i++)
	{
		SaLoopPart *part = &loop->parts[i];

		if (part->position.error != NULL || part->started || part->restart_ms > now_ms)
			continue;
		part->restart_ms = 0;
		part->started = true;
		part->end_seen = false;
		part->end_unsure = false;
		part->end_of_data = -1;
		part->taken = -1;
		part->position.caught_up = false;
		sa_consumer_start(loop->consumer, part->position.partition, part->position.next_offset);
	}
}

void
sa_loop_refresh_bounds(SaReaderLoop *loop)
{
	for (int i = 0; i < loop->nparts; i++)
	{
		SaPosition *position = &loop->parts[i].position;
		char		error[256];
		int64		low;
		int64		high;

		CHECK_FOR_INTERRUPTS();
		if (!sa_consumer_query_offsets(loop->consumer, position->partition, &low, &high,
									   ASK_TIMEOUT_MS, error, sizeof(error)))
			return;
		position->first_offset = low;
		position->end_offset = high;
	}

	StartTransactionCommand();
	for (int i = 0; i < loop->nparts; i++)
		sa_position_set_bounds(loop->reader.id, loop->parts[i].position.partition,
							   loop->parts[i].position.first_offset,
							   loop->parts[i].position.end_offset);
	CommitTransactionCommand();
	MemoryContextSwitchTo(loop->context);
}
