/*-------------------------------------------------------------------------
 *
 * consumer.c
 *	  A Kafka consumer with explicit positions, for use inside a server process.
 *
 * NOTES
 *	  Uses librdkafka's simple consumer: no group, no coordinator, no rights on a
 *	  group; positions are ours alone.  All partitions share one queue.
 *
 *	  poll takes over the whole queue, as pointers, into the backlog, and serves
 *	  from there.  That keeps librdkafka's threads fetching while a batch is
 *	  worked on: they stop when the queue has reached a limit, and start again
 *	  only when it has shrunk.
 *
 *	  But they look at the queue only when something else wakes them, or after a
 *	  second.  A consumer that is slower than its broker, and that is every
 *	  consumer that catches up, would work for a tenth of a second and wait for
 *	  the rest (measured: 0.2 instead of 0.9 million messages a second).  So when
 *	  the queue is found empty, and may have been full since it was last empty,
 *	  each partition is sought to the place where it is anyway: that wakes the
 *	  thread of its broker.  Nothing is lost by a seek, because it starts behind
 *	  the last message taken; it only throws away a response on its way, and
 *	  therefore is not done when the queue can't have been full.
 *
 *	  A message is delivered only if its partition is being read and its offset
 *	  is at or after the one that is due: offsets of a partition never go back,
 *	  whatever librdkafka does.  Gaps are ordinary (compaction, transactions).
 *
 *	  After an offset that is out of range or data that can't be read the
 *	  partition is stopped, for librdkafka would retry for ever or, in some cases,
 *	  skip; what is queued behind the error is dropped.
 *
 *	  Memory: the consumer lives in a context of its own below TopMemoryContext
 *	  until sa_consumer_close(), which callers have to see to, on errors too.
 *	  Messages are librdkafka's.  Nothing is allocated per message.
 *
 *	  Not here: events (consumer_event.c), questions to the broker
 *	  (consumer_offsets.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <librdkafka/rdkafka.h>

#include "utils/memutils.h"

#include "kafka/consumer_private.h"
#include "kafka/kafka_event.h"

#define BACKLOG_SIZE	262144	/* pointers: more than the queue's limit */
#define CHUNK_SIZE		1024	/* messages that stay in the cache */
#define HELD_MIN_SIZE	1024

/* librdkafka's own memory for one message, roughly */
#define MESSAGE_OVERHEAD 256

static void let_go(void *owner);
static SaPartition *partition_of(SaConsumer *consumer, int32 partition);
static void stop_fetching(SaConsumer *consumer, int32 partition);
static void drop_backlog_of(SaConsumer *consumer, int32 partition);
static void fill_backlog(SaConsumer *consumer);
static void account_chunk(SaConsumer *consumer, rd_kafka_message_t **chunk,
						  int count);
static bool queue_may_have_been_full(const SaConsumer *consumer);
static void wake_fetchers(SaConsumer *consumer);
static bool deliver(SaConsumer *consumer, rd_kafka_message_t *from,
					SaMessage *to);
static void note_partition_event(SaConsumer *consumer,
								 rd_kafka_message_t *message);
static void make_room_for_held(SaConsumer *consumer, int count);

SaConsumer *
sa_consumer_open(List *options, const char *topic, const char *client_id)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "stream_agg consumer",
												  ALLOCSET_DEFAULT_SIZES);
	SaConsumer *consumer = MemoryContextAllocZero(context, sizeof(SaConsumer));

	consumer->topic = MemoryContextStrdup(context, topic);
	consumer->backlog =
		MemoryContextAllocHuge(context,
							   sizeof(rd_kafka_message_t *) * BACKLOG_SIZE);
	consumer->client = sa_kafka_client_open(context, SA_KAFKA_CONSUMER, options,
											topic, client_id);
	consumer->client->let_go = let_go;
	consumer->client->owner = consumer;

	/* up to here an error would have freed it with the caller's context */
	MemoryContextSetParent(context, TopMemoryContext);
	return consumer;
}

void
sa_consumer_close(SaConsumer *consumer)
{
	/* deletes the context, and with it the consumer */
	sa_kafka_client_close(consumer->client);
}

int
sa_consumer_fd(SaConsumer *consumer)
{
	return consumer->client->fd;
}

void
sa_consumer_clear_fd(SaConsumer *consumer)
{
	sa_kafka_client_clear_fd(consumer->client);
}

void
sa_consumer_start(SaConsumer *consumer, int32 partition, int64 offset)
{
	SaPartition *p;

	if (partition < 0 || offset < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("partition %d of topic \"%s\" cannot be read from offset %lld",
						partition, consumer->topic, (long long) offset)));
	p = partition_of(consumer, partition);

	sa_consumer_stop(consumer, partition);
	if (rd_kafka_consume_start_queue(consumer->client->topic, partition, offset,
									 consumer->client->message_queue) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("could not start to read partition %d of topic \"%s\": %s",
						partition, consumer->topic,
						rd_kafka_err2str(rd_kafka_last_error()))));
	p->fetching = true;
	p->reading = true;
	p->next_offset = offset;
	p->fetched_offset = offset;
}

void
sa_consumer_stop(SaConsumer *consumer, int32 partition)
{
	SaPartition *p;

	if (partition < 0 || partition >= consumer->npartitions)
		return;
	p = &consumer->partitions[partition];
	stop_fetching(consumer, partition);
	drop_backlog_of(consumer, partition);
	consumer->nevents -= p->end_pending + p->error_pending;
	p->end_pending = false;
	p->error_pending = false;
}

int
sa_consumer_poll(SaConsumer *consumer, SaMessage *messages, int max)
{
	int			count = 0;

	make_room_for_held(consumer, max);

	/* no error may be raised from here on */
	if (consumer->backlog_first == consumer->backlog_count)
		fill_backlog(consumer);
	while (count < max && consumer->backlog_first < consumer->backlog_count)
	{
		rd_kafka_message_t *message =
		consumer->backlog[consumer->backlog_first++];

		if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR &&
			deliver(consumer, message, &messages[count]))
		{
			consumer->held[consumer->nheld++] = message;
			count++;
			continue;
		}
		if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
			note_partition_event(consumer, message);
		rd_kafka_message_destroy(message);
	}

	/* librdkafka won't say again that there is more */
	if (consumer->backlog_first < consumer->backlog_count)
		sa_kafka_client_raise_fd(consumer->client);
	return count;
}

void
sa_consumer_release(SaConsumer *consumer)
{
	for (int i = 0; i < consumer->nheld; i++)
		rd_kafka_message_destroy(consumer->held[i]);
	consumer->nheld = 0;
	consumer->held_bytes = 0;
}

size_t
sa_consumer_held_bytes(SaConsumer *consumer)
{
	return consumer->held_bytes;
}

int
sa_message_headers(const SaMessage *message, SaHeader **headers)
{
	rd_kafka_headers_t *list;
	size_t		count;
	SaHeader   *result;

	*headers = NULL;
	if (rd_kafka_message_headers(message->handle, &list) !=
		RD_KAFKA_RESP_ERR_NO_ERROR)
		return 0;
	count = rd_kafka_header_cnt(list);
	result = palloc(sizeof(SaHeader) * Max(count, 1));
	for (size_t i = 0; i < count; i++)
	{
		const void *value;

		if (rd_kafka_header_get_all(list, i, &result[i].name, &value,
									&result[i].value_len) !=
			RD_KAFKA_RESP_ERR_NO_ERROR)
			return i;
		result[i].value = value;
	}
	*headers = result;
	return count;
}

/* Messages that are held somewhere keep librdkafka from ending. */
static void
let_go(void *owner)
{
	SaConsumer *consumer = owner;

	sa_consumer_release(consumer);
	while (consumer->backlog_first < consumer->backlog_count)
		rd_kafka_message_destroy(consumer->backlog[consumer->backlog_first++]);
	if (consumer->probe)
	{
		sa_kafka_call_release(consumer->probe);
		consumer->probe = NULL;
	}
}

/* The state of a partition, made if need be; may move those of the others. */
static SaPartition *
partition_of(SaConsumer *consumer, int32 partition)
{
	if (partition >= consumer->npartitions)
	{
		int			count = partition + 1;
		Size		size = sizeof(SaPartition) * count;
		MemoryContext context = consumer->client->context;

		if (consumer->partitions == NULL)
			consumer->partitions = MemoryContextAllocHuge(context, size);
		else
			consumer->partitions = repalloc_huge(consumer->partitions, size);
		memset(&consumer->partitions[consumer->npartitions], 0,
			   sizeof(SaPartition) * (count - consumer->npartitions));
		consumer->npartitions = count;
	}
	return &consumer->partitions[partition];
}

/* The answer to this comes from librdkafka's main thread, not from a broker. */
static void
stop_fetching(SaConsumer *consumer, int32 partition)
{
	SaPartition *p = &consumer->partitions[partition];

	if (p->fetching)
		(void) rd_kafka_consume_stop(consumer->client->topic, partition);
	p->fetching = false;
	p->reading = false;
}

/* What comes from the former fetch is not to be delivered after a new start. */
static void
drop_backlog_of(SaConsumer *consumer, int32 partition)
{
	int			kept = consumer->backlog_first;

	for (int i = consumer->backlog_first; i < consumer->backlog_count; i++)
	{
		if (consumer->backlog[i]->partition == partition)
			rd_kafka_message_destroy(consumer->backlog[i]);
		else
			consumer->backlog[kept++] = consumer->backlog[i];
	}
	consumer->backlog_count = kept;
}

/* Take over what is in librdkafka's queue, and have it filled again. */
static void
fill_backlog(SaConsumer *consumer)
{
	int			count;

	consumer->backlog_first = 0;
	consumer->backlog_count = 0;
	do
	{
		rd_kafka_message_t **chunk = consumer->backlog + consumer->backlog_count;

		count = rd_kafka_consume_batch_queue(consumer->client->message_queue,
											 0, chunk, CHUNK_SIZE);
		if (count <= 0)
			break;
		account_chunk(consumer, chunk, count);
		consumer->backlog_count += count;
	} while (count == CHUNK_SIZE &&
			 consumer->backlog_count + CHUNK_SIZE <= BACKLOG_SIZE);

	if (count == CHUNK_SIZE)
		return;					/* the queue is not empty yet */
	if (queue_may_have_been_full(consumer))
		wake_fetchers(consumer);
	consumer->taken_messages = 0;
	consumer->taken_bytes = 0;
}

static void
account_chunk(SaConsumer *consumer, rd_kafka_message_t **chunk, int count)
{
	int64		bytes = 0;

	for (int i = 0; i < count; i++)
	{
		rd_kafka_message_t *message = chunk[i];
		int32		partition = message->partition;

		if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
		{
			bytes += message->len + message->key_len;
			consumer->partitions[partition].fetched_offset =
				message->offset + 1;
		}
		else if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF &&
				 partition >= 0 && partition < consumer->npartitions)
			consumer->partitions[partition].fetched_offset = -1;
	}
	consumer->taken_messages += count;
	consumer->taken_bytes += bytes;
}

/*
 * Half of a limit counts as full: librdkafka counts entries too that it doesn't
 * hand out, such as the ends of transactions.
 */
static bool
queue_may_have_been_full(const SaConsumer *consumer)
{
	const SaKafkaQueueLimits *limits = &consumer->client->limits;

	return consumer->taken_messages >= limits->messages / 2 ||
		consumer->taken_bytes >= limits->bytes / 2;
}

/* See the head of this file.  Must only be called when the queue is empty. */
static void
wake_fetchers(SaConsumer *consumer)
{
	for (int i = 0; i < consumer->npartitions; i++)
	{
		SaPartition *p = &consumer->partitions[i];

		if (p->reading && p->fetched_offset >= 0)
			(void) rd_kafka_seek(consumer->client->topic, i, p->fetched_offset,
								 0);
	}
}

/* Fill in *to, or return false if the message is not to be delivered. */
static bool
deliver(SaConsumer *consumer, rd_kafka_message_t *from, SaMessage *to)
{
	SaPartition *p = &consumer->partitions[from->partition];
	rd_kafka_timestamp_type_t timestamp_type;

	if (!p->reading || from->offset < p->next_offset)
		return false;
	p->next_offset = from->offset + 1;

	to->partition = from->partition;
	to->offset = from->offset;
	to->timestamp_ms = rd_kafka_message_timestamp(from, &timestamp_type);
	if (timestamp_type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE)
		to->timestamp_ms = -1;
	to->key = from->key;
	to->key_len = from->key_len;
	to->value = from->payload;
	to->value_len = from->len;
	to->handle = from;
	consumer->held_bytes += from->len + from->key_len + MESSAGE_OVERHEAD;
	return true;
}

/* An entry of the queue that is not a message but says something about one. */
static void
note_partition_event(SaConsumer *consumer, rd_kafka_message_t *message)
{
	SaConsumerEventKind kind = sa_kafka_partition_error_kind(message->err);
	int32		partition = message->partition;
	SaPartition *p;

	if (partition < 0 || partition >= consumer->npartitions)
		return;
	p = &consumer->partitions[partition];
	if (!p->reading)
		return;

	if (kind == SA_EVENT_END_OF_PARTITION)
	{
		consumer->nevents += !p->end_pending;
		p->end_pending = true;
		p->end_offset = message->offset;
		return;
	}
	consumer->nevents += !p->error_pending;
	p->error_pending = true;
	p->error_kind = kind;
	p->error_offset = message->offset;
	sa_kafka_client_copy_text(consumer->client, p->error_text,
							  sizeof(p->error_text),
							  rd_kafka_message_errstr(message));
	if (kind == SA_EVENT_OFFSET_OUT_OF_RANGE ||
		kind == SA_EVENT_PARTITION_CORRUPT)
		stop_fetching(consumer, partition);
}

static void
make_room_for_held(SaConsumer *consumer, int count)
{
	int64		wanted = (int64) consumer->nheld + count;
	int64		size = Max(consumer->held_size, HELD_MIN_SIZE);

	if (wanted <= consumer->held_size)
		return;
	while (size < wanted)
		size *= 2;
	if (consumer->held == NULL)
		consumer->held =
			MemoryContextAllocHuge(consumer->client->context,
								   sizeof(rd_kafka_message_t *) * size);
	else
		consumer->held = repalloc_huge(consumer->held,
									   sizeof(rd_kafka_message_t *) * size);
	consumer->held_size = size;
}
