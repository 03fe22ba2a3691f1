/*-------------------------------------------------------------------------
 *
 * kafka_scan.c
 *	  Reading a topic by a query.
 *
 * NOTES
 *	  The ends of the partitions are asked for once, when the scan starts, and
 *	  the scan ends there, whatever is written meanwhile.  Messages become rows
 *	  as in a batch, a few at a time; rows that are bad are left out, and a
 *	  warning at the end says how many.
 *
 *	  The client is closed when the scan ends or, after an error, with the memory
 *	  of the query.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/epoch.h"
#include "kafka/consumer.h"
#include "pipeline/check_rows.h"
#include "stream/kafka_limits.h"
#include "stream/kafka_scan.h"

#define ROWS_AT_A_TIME		1000
#define SILENCE_LIMIT_MS	30000	/* then something is wrong */

/* One partition of the scan. */
typedef struct ScanPart
{
	int32		partition;
	int64		start;
	int64		end;			/* first offset that is not wanted */
	int64		next;
	bool		done;
} ScanPart;

struct SaKafkaScan
{
	MemoryContext context;
	MemoryContextCallback callback;
	SaStream   *stream;
	Bitmapset  *attnums;
	SaConsumer *consumer;		/* NULL: closed */
	int			nparts;
	ScanPart   *parts;
	SaMessage	messages[ROWS_AT_A_TIME];
	SaBatch    *batch;			/* rows returned last, or NULL */
	SaBatchScan rows;
	int64		left_out;
	char		problem[512];	/* what the client said last */
};

static void
close_consumer(void *arg)
{
	SaKafkaScan *scan = arg;

	if (scan->consumer != NULL)
		sa_consumer_close(scan->consumer);
	scan->consumer = NULL;
}

static void
report_silence(SaKafkaScan *scan)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
			 errmsg("could not read topic \"%s\" of stream \"%s\"",
					scan->stream->topic, scan->stream->name),
			 scan->problem[0] != '\0' ? errdetail_internal("%s.", scan->problem) : 0,
			 errhint("Check the server's option \"bootstrap_servers\" and that the brokers are up.")));
}

/* First and end offset of a partition, as far as the query can need them. */
static void
bound_part(SaKafkaScan *scan, ScanPart *part, const SaKafkaLimits *limits)
{
	int64		low;
	int64		high;

	if (!sa_consumer_query_offsets(scan->consumer, part->partition, &low, &high,
								   SILENCE_LIMIT_MS, scan->problem, sizeof(scan->problem)))
		report_silence(scan);
	if (limits->min_timestamp != PG_INT64_MIN)
	{
		int64		ms = Max(sa_time_to_kafka(limits->min_timestamp), 0);
		int64		offset;

		if (!sa_consumer_offset_for_time(scan->consumer, part->partition, ms, &offset,
										 SILENCE_LIMIT_MS, scan->problem, sizeof(scan->problem)))
			report_silence(scan);
		low = Max(low, offset);
	}
	part->start = Max(low, limits->min_offset);
	part->end = limits->max_offset == PG_INT64_MAX ? high : Min(high, limits->max_offset + 1);
}

static void
find_parts(SaKafkaScan *scan, const SaKafkaLimits *limits)
{
	int			count = sa_consumer_partition_count(scan->consumer, SILENCE_LIMIT_MS,
													scan->problem, sizeof(scan->problem));

	if (count < 0)
		report_silence(scan);
	if (count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_TABLE_NOT_FOUND),
				 errmsg("topic \"%s\" of stream \"%s\" does not exist",
						scan->stream->topic, scan->stream->name),
				 errhint("Create the topic, or set the stream's option \"topic\".")));
	scan->parts = palloc0(sizeof(ScanPart) * count);
	for (int32 partition = 0; partition < count; partition++)
	{
		ScanPart   *part = &scan->parts[scan->nparts];

		if (partition < limits->min_partition || partition > limits->max_partition)
			continue;
		part->partition = partition;
		bound_part(scan, part, limits);
		scan->nparts++;
	}
}

void
sa_kafka_scan_restart(SaKafkaScan *scan)
{
	sa_consumer_release(scan->consumer);
	for (int i = 0; i < scan->nparts; i++)
	{
		ScanPart   *part = &scan->parts[i];

		part->next = part->start;
		part->done = part->start >= part->end;
		if (part->done)
			sa_consumer_stop(scan->consumer, part->partition);
		else
			sa_consumer_start(scan->consumer, part->partition, part->start);
	}
}

SaKafkaScan *
sa_kafka_scan_begin(Relation rel, List *limits, Bitmapset *attnums)
{
	SaKafkaScan *scan = palloc0(sizeof(SaKafkaScan));
	SaKafkaLimits bounds;

	sa_kafka_limits_unpack(limits, &bounds);
	scan->context = CurrentMemoryContext;
	scan->stream = sa_stream_load(rel);
	scan->attnums = attnums;
	scan->consumer = sa_consumer_open(sa_stream_connection_options(scan->stream),
									  scan->stream->topic, "stream_agg-query");
	if (sa_stream_has_source(scan->stream, SA_SOURCE_HEADERS))
		sa_consumer_read_headers(scan->consumer);
	scan->callback.func = close_consumer;
	scan->callback.arg = scan;
	MemoryContextRegisterResetCallback(scan->context, &scan->callback);
	find_parts(scan, &bounds);
	sa_kafka_scan_restart(scan);
	return scan;
}

static ScanPart *
find_part(SaKafkaScan *scan, int32 partition)
{
	for (int i = 0; i < scan->nparts; i++)
	{
		if (scan->parts[i].partition == partition)
			return &scan->parts[i];
	}
	return NULL;
}

static bool
all_done(SaKafkaScan *scan)
{
	for (int i = 0; i < scan->nparts; i++)
	{
		if (!scan->parts[i].done)
			return false;
	}
	return true;
}

static void
finish_part(SaKafkaScan *scan, ScanPart *part)
{
	part->done = true;
	sa_consumer_stop(scan->consumer, part->partition);
}

static void
handle_events(SaKafkaScan *scan)
{
	SaConsumerEvent event;

	while (sa_consumer_next_event(scan->consumer, &event))
	{
		ScanPart   *part = find_part(scan, event.partition);

		switch (event.kind)
		{
			case SA_EVENT_END_OF_PARTITION:
				if (part != NULL && !part->done && event.offset >= part->end)
					finish_part(scan, part);
				break;
			case SA_EVENT_OFFSET_OUT_OF_RANGE:
			case SA_EVENT_PARTITION_CORRUPT:
			case SA_EVENT_AUTHENTICATION:
				strlcpy(scan->problem, event.text, sizeof(scan->problem));
				report_silence(scan);
				break;
			case SA_EVENT_PARTITION_ERROR:
			case SA_EVENT_DISCONNECTED:
				strlcpy(scan->problem, event.text, sizeof(scan->problem));
				break;
			case SA_EVENT_CONNECTED:
			case SA_EVENT_LOG:
				break;
		}
	}
}

/* Some messages, 0 when all partitions are done. */
static int
take_messages(SaKafkaScan *scan)
{
	TimestampTz silent_since = GetCurrentTimestamp();

	while (!all_done(scan))
	{
		int			n;

		CHECK_FOR_INTERRUPTS();
		sa_consumer_clear_fd(scan->consumer);
		n = sa_consumer_poll(scan->consumer, scan->messages, ROWS_AT_A_TIME);
		handle_events(scan);
		if (n > 0)
			return n;
		if (all_done(scan))
			break;
		if (TimestampDifferenceExceeds(silent_since, GetCurrentTimestamp(), SILENCE_LIMIT_MS))
			report_silence(scan);
		(void) WaitLatchOrSocket(MyLatch,
								 WL_LATCH_SET | WL_SOCKET_READABLE | WL_TIMEOUT |
								 WL_EXIT_ON_PM_DEATH,
								 sa_consumer_fd(scan->consumer), 1000L, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
	return 0;
}

/* Messages that are wanted, as rows. */
static void
fill_batch(SaKafkaScan *scan, SaBatch *batch, int nmessages)
{
	for (int i = 0; i < scan->nparts; i++)
	{
		SaPosition *position = MemoryContextAllocZero(batch->context, sizeof(SaPosition));

		position->partition = scan->parts[i].partition;
		sa_batch_add_part(batch, position);
	}
	batch->messages = MemoryContextAlloc(batch->context, sizeof(SaMessage) * nmessages);
	for (int i = 0; i < nmessages; i++)
	{
		SaMessage  *message = &scan->messages[i];
		ScanPart   *part = find_part(scan, message->partition);

		if (part == NULL || message->offset < part->next || message->offset >= part->end)
			continue;
		part->next = message->offset + 1;
		batch->messages[batch->nrows] = *message;
		sa_batch_add_row(batch, sa_batch_find_part(batch, message->partition), message->offset);
	}
	for (int i = 0; i < scan->nparts; i++)
	{
		if (!scan->parts[i].done && scan->parts[i].next >= scan->parts[i].end)
			finish_part(scan, &scan->parts[i]);
	}
}

/* Rows with a bad value in a column that the query needs are left out, too. */
static void
count_bad_rows(SaKafkaScan *scan, SaBatch *batch)
{
	ListCell   *lc;

	foreach(lc, batch->errors)
	{
		SaRowError *error = lfirst(lc);

		if (error->attnum == 0 || bms_is_member(error->attnum, scan->attnums))
			batch->rows[error->row].bad = true;
	}
	for (int i = 0; i < batch->nrows; i++)
		scan->left_out += batch->rows[i].bad;
}

SaBatchScan *
sa_kafka_scan_next(SaKafkaScan *scan)
{
	int			nmessages;

	if (scan->batch != NULL)
		MemoryContextDelete(scan->batch->context);
	scan->batch = NULL;
	sa_consumer_release(scan->consumer);
	nmessages = take_messages(scan);
	if (nmessages == 0)
		return NULL;

	scan->batch = sa_batch_create(scan->stream, 0, scan->context);
	fill_batch(scan, scan->batch, nmessages);
	sa_batch_check_rows(scan->batch, scan->attnums);
	count_bad_rows(scan, scan->batch);
	memset(&scan->rows, 0, sizeof(scan->rows));
	scan->rows.batch = scan->batch;
	scan->rows.last = scan->batch->nrows;
	return &scan->rows;
}

void
sa_kafka_scan_end(SaKafkaScan *scan)
{
	close_consumer(scan);
	if (scan->left_out > 0)
		ereport(WARNING,
				(errmsg_plural("%lld message of topic \"%s\" could not be read and was left out",
							   "%lld messages of topic \"%s\" could not be read and were left out",
							   scan->left_out, (long long) scan->left_out, scan->stream->topic),
				 errhint("A continuous view over the stream records the reasons in stream_agg.dead_letters.")));
}
