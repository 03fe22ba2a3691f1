/*-------------------------------------------------------------------------
 *
 * consumer.c
 *	  A Kafka consumer with explicit positions, for use inside a server process.
 *
 * NOTES
 *	  Uses librdkafka's simple consumer: no group, no coordinator, no rights on a
 *	  group; positions are ours alone.  All partitions share one queue.
 *
 *	  poll takes messages from the queue a chunk at a time, copies them, and
 *	  destroys them at once, while they are in the processor's cache
 *	  (message_store.c).
 *
 *	  librdkafka's threads stop fetching when the queue has reached a limit, and
 *	  start again only when it has shrunk.  But they look at the queue only when
 *	  something else wakes them, or after a second.  A consumer that is slower
 *	  than its broker, and that is every consumer that catches up, would work for
 *	  a tenth of a second and wait for the rest (measured: 0.2 instead of 0.9
 *	  million messages a second).  So when the queue is found empty, and may have
 *	  been full since it was last empty, each partition is sought to the place
 *	  where it is anyway: that wakes the thread of its broker.  Nothing is lost by
 *	  a seek, because it starts behind the last message taken; it only throws away
 *	  a response on its way, and therefore is not done when the queue can't have
 *	  been full.
 *
 *	  sa_consumer_fetch_ahead() takes the rest of the queue, as pointers, so that it
 *	  is empty and filled while the caller is busy with a batch.
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
 *	  A message that could not be copied for want of memory is still in the
 *	  backlog.
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

static void let_go(void *owner);
static SaPartition *partition_of(SaConsumer *consumer, int32 partition);
static void stop_fetching(SaConsumer *consumer, int32 partition);
static void drop_from_backlog(SaConsumer *consumer, int32 partition);
static void take_chunk(SaConsumer *consumer);
static void account_chunk(SaConsumer *consumer, rd_kafka_message_t **chunk,
						  int count);
static bool queue_may_have_been_full(const SaConsumer *consumer);
static void wake_fetchers(SaConsumer *consumer);
static int	deliver_backlog(SaConsumer *consumer, SaMessage *messages, int max);
static bool deliver(SaConsumer *consumer, rd_kafka_message_t *from,
					SaMessage *to);
static void copy_headers(SaConsumer *consumer, rd_kafka_message_t *from,
						 SaMessage *to);
static void note_partition_event(SaConsumer *consumer,
								 rd_kafka_message_t *message);

SaConsumer *
sa_consumer_open(List *options, const char *topic, const char *client_id)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "stream_agg consumer",
												  ALLOCSET_DEFAULT_SIZES);
	SaConsumer *consumer = MemoryContextAllocZero(context, sizeof(SaConsumer));

	consumer->topic = MemoryContextStrdup(context, topic);
	consumer->backlog = MemoryContextAllocHuge(context,
											   sizeof(rd_kafka_message_t *) * SA_BACKLOG_SIZE);
	consumer->store = sa_message_store_create(context);
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
	drop_from_backlog(consumer, partition);
	consumer->nevents -= p->end_pending + p->error_pending;
	p->end_pending = false;
	p->error_pending = false;
}

int
sa_consumer_poll(SaConsumer *consumer, SaMessage *messages, int max)
{
	int			count = 0;

	/* a chunk may hold nothing but events */
	while (count == 0)
	{
		if (consumer->backlog_first == consumer->backlog_count)
			take_chunk(consumer);
		if (consumer->backlog_first == consumer->backlog_count)
			break;
		count = deliver_backlog(consumer, messages, max);
	}

	/* librdkafka won't say again that there is more */
	if (consumer->backlog_first < consumer->backlog_count || !consumer->queue_empty)
		sa_kafka_client_raise_fd(consumer->client);
	return count;
}

void
sa_consumer_fetch_ahead(SaConsumer *consumer)
{
	while (!consumer->queue_empty &&
		   consumer->backlog_count + SA_CHUNK_SIZE <= SA_BACKLOG_SIZE)
		take_chunk(consumer);
}

void
sa_consumer_release(SaConsumer *consumer)
{
	sa_message_store_reset(consumer->store);
}

size_t
sa_consumer_held_bytes(SaConsumer *consumer)
{
	return sa_message_store_bytes(consumer->store);
}

void
sa_consumer_read_headers(SaConsumer *consumer)
{
	consumer->reads_headers = true;
}

/* Messages that are held somewhere keep librdkafka from ending. */
static void
let_go(void *owner)
{
	SaConsumer *consumer = owner;

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
drop_from_backlog(SaConsumer *consumer, int32 partition)
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

/*
 * Add a chunk of what is in librdkafka's queue to the backlog, and have the queue
 * filled again if that was all.
 */
static void
take_chunk(SaConsumer *consumer)
{
	rd_kafka_message_t **chunk;
	int			count;

	if (consumer->backlog_first == consumer->backlog_count)
	{
		consumer->backlog_first = 0;
		consumer->backlog_count = 0;
	}
	chunk = consumer->backlog + consumer->backlog_count;
	count = rd_kafka_consume_batch_queue(consumer->client->message_queue, 0,
										 chunk, SA_CHUNK_SIZE);
	count = Max(count, 0);
	consumer->backlog_count += count;
	consumer->queue_empty = count < SA_CHUNK_SIZE;
	account_chunk(consumer, chunk, count);
	if (!consumer->queue_empty)
		return;
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

/* What is delivered or of no use leaves the backlog. */
static int
deliver_backlog(SaConsumer *consumer, SaMessage *messages, int max)
{
	int			count = 0;

	while (count < max && consumer->backlog_first < consumer->backlog_count)
	{
		rd_kafka_message_t *message = consumer->backlog[consumer->backlog_first];

		if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
			note_partition_event(consumer, message);
		else if (deliver(consumer, message, &messages[count]))
			count++;
		consumer->backlog_first++;
		rd_kafka_message_destroy(message);
	}
	return count;
}

/* Fill in *to, or return false if the message is not to be delivered. */
static bool
deliver(SaConsumer *consumer, rd_kafka_message_t *from, SaMessage *to)
{
	SaPartition *p = &consumer->partitions[from->partition];
	rd_kafka_timestamp_type_t timestamp_type;

	if (!p->reading || from->offset < p->next_offset)
		return false;

	to->partition = from->partition;
	to->offset = from->offset;
	to->timestamp_ms = rd_kafka_message_timestamp(from, &timestamp_type);
	if (timestamp_type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE)
		to->timestamp_ms = -1;
	to->key = sa_message_store_copy(consumer->store, from->key, from->key_len);
	to->key_len = from->key_len;
	to->value = sa_message_store_copy(consumer->store, from->payload, from->len);
	to->value_len = from->len;
	to->nheaders = 0;
	to->headers = NULL;
	if (consumer->reads_headers)
		copy_headers(consumer, from, to);
	p->next_offset = from->offset + 1;
	return true;
}

static void
copy_headers(SaConsumer *consumer, rd_kafka_message_t *from, SaMessage *to)
{
	SaMessageStore *store = consumer->store;
	rd_kafka_headers_t *list;
	size_t		count;

	if (rd_kafka_message_headers(from, &list) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	count = rd_kafka_header_cnt(list);
	to->headers = sa_message_store_alloc(store, sizeof(SaHeader) * count);
	for (size_t i = 0; i < count; i++)
	{
		SaHeader   *header = &to->headers[i];
		const char *name;
		const void *value;

		if (rd_kafka_header_get_all(list, i, &name, &value, &header->value_len) !=
			RD_KAFKA_RESP_ERR_NO_ERROR)
			break;
		header->name = sa_message_store_copy(store, name, strlen(name) + 1);
		header->value = sa_message_store_copy(store, value, header->value_len);
		to->nheaders++;
	}
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
