/*-------------------------------------------------------------------------
 *
 * producer.c
 *	  Writes messages to one topic of Kafka.
 *
 * NOTES
 *	  Delivery reports come as events on the main queue, like errors and log
 *	  lines, and are counted on the main thread; nothing is kept per message.
 *
 *	  The only wait is a latch wait with the wake-up descriptor of that queue.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <librdkafka/rdkafka.h>

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "kafka/kafka_event.h"
#include "kafka/producer.h"

/* The descriptor wakes us; this is for what it doesn't report. */
#define WAIT_SLICE_MS		500

/* arguments of rd_kafka_produceva() beside the headers */
#define MAX_ARGUMENTS		6

struct SaProducer
{
	SaKafkaClient *client;
	char	   *topic;

	/* since the last flush */
	int64		nsent;
	int64		nfailed;
	char		first_failure[256];

	/* sent and not yet reported */
	int64		nwaiting;

	rd_kafka_vu_t *arguments;
	int			arguments_size;
};

static void let_go(void *owner);
static int	fill_arguments(SaProducer *producer, const SaOutgoing *message);
static void serve_events(SaProducer *producer);
static void count_reports(SaProducer *producer, rd_kafka_event_t *event);
static void note_failure(SaProducer *producer, rd_kafka_resp_err_t error);
static void wait_for_events(SaProducer *producer);

SaProducer *
sa_producer_open(List *options, const char *topic, const char *client_id)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "stream_agg producer",
												  ALLOCSET_DEFAULT_SIZES);
	SaProducer *producer = MemoryContextAllocZero(context, sizeof(SaProducer));

	producer->topic = MemoryContextStrdup(context, topic);
	producer->client = sa_kafka_client_open(context, SA_KAFKA_PRODUCER, options,
											topic, client_id);
	producer->client->let_go = let_go;
	producer->client->owner = producer;

	/* up to here an error would have freed it with the caller's context */
	MemoryContextSetParent(context, TopMemoryContext);
	return producer;
}

void
sa_producer_send(SaProducer *producer, const SaOutgoing *message)
{
	int			count = fill_arguments(producer, message);

	for (;;)
	{
		rd_kafka_error_t *error = rd_kafka_produceva(producer->client->rk,
													 producer->arguments, count);
		rd_kafka_resp_err_t code = rd_kafka_error_code(error);

		rd_kafka_error_destroy(error);
		if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
			break;
		if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_ERROR),
					 errmsg("could not send a message to topic \"%s\": %s",
							producer->topic, rd_kafka_err2str(code))));
		serve_events(producer);
		wait_for_events(producer);
		serve_events(producer);
	}
	producer->nsent++;
	producer->nwaiting++;

	/* now and then, so that reports don't pile up */
	if (producer->nsent % 1024 == 0)
		serve_events(producer);
}

void
sa_producer_flush(SaProducer *producer)
{
	int64		nsent;
	int64		nfailed;

	serve_events(producer);
	while (producer->nwaiting > 0)
	{
		/* doesn't wait, but makes librdkafka's threads send at once */
		(void) rd_kafka_flush(producer->client->rk, 0);
		wait_for_events(producer);
		serve_events(producer);
	}

	nsent = producer->nsent;
	nfailed = producer->nfailed;
	producer->nsent = 0;
	producer->nfailed = 0;
	if (nfailed > 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("Kafka did not take %lld of %lld messages for topic \"%s\"",
						(long long) nfailed, (long long) nsent,
						producer->topic),
				 errdetail("The first failure was: %s.",
						   producer->first_failure)));
}

void
sa_producer_close(SaProducer *producer)
{
	/* deletes the context, and with it the producer */
	sa_kafka_client_close(producer->client);
}

/* Messages on their way would keep librdkafka from ending. */
static void
let_go(void *owner)
{
	SaProducer *producer = owner;

	(void) rd_kafka_purge(producer->client->rk,
						  RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
						  RD_KAFKA_PURGE_F_NON_BLOCKING);
}

static int
fill_arguments(SaProducer *producer, const SaOutgoing *message)
{
	int			size = MAX_ARGUMENTS + message->nheaders;
	int			n = 0;
	rd_kafka_vu_t *a;

	if (size > producer->arguments_size)
	{
		MemoryContext context = producer->client->context;

		producer->arguments = producer->arguments == NULL ?
			MemoryContextAlloc(context, sizeof(rd_kafka_vu_t) * size) :
			repalloc(producer->arguments, sizeof(rd_kafka_vu_t) * size);
		producer->arguments_size = size;
	}
	a = producer->arguments;

	a[n].vtype = RD_KAFKA_VTYPE_RKT;
	a[n++].u.rkt = producer->client->topic;
	a[n].vtype = RD_KAFKA_VTYPE_PARTITION;
	a[n++].u.i32 = message->partition;
	a[n].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
	a[n++].u.i = RD_KAFKA_MSG_F_COPY;
	a[n].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
	a[n++].u.i64 = message->timestamp_ms;
	a[n].vtype = RD_KAFKA_VTYPE_KEY;
	a[n].u.mem.ptr = unconstify(char *, message->key);
	a[n++].u.mem.size = message->key_len;
	a[n].vtype = RD_KAFKA_VTYPE_VALUE;
	a[n].u.mem.ptr = unconstify(char *, message->value);
	a[n++].u.mem.size = message->value_len;
	Assert(n == MAX_ARGUMENTS);

	for (int i = 0; i < message->nheaders; i++)
	{
		const SaHeader *header = &message->headers[i];

		a[n].vtype = RD_KAFKA_VTYPE_HEADER;
		a[n].u.header.name = header->name;
		a[n].u.header.val = header->value;
		a[n++].u.header.size = header->value_len;
	}
	return n;
}

/* Take in all reports, errors and log lines that are there. */
static void
serve_events(SaProducer *producer)
{
	SaKafkaClient *client = producer->client;
	rd_kafka_event_t *event;

	sa_kafka_client_clear_fd(client);
	while ((event = rd_kafka_queue_poll(client->main_queue, 0)) != NULL)
	{
		SaConsumerEvent translated;
		bool		worth_telling = false;

		if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR)
			count_reports(producer, event);
		else
			worth_telling = sa_kafka_event_translate(client, event,
													 &translated);
		rd_kafka_event_destroy(event);
		if (worth_telling)
			ereport(translated.level,
					(errmsg("Kafka client for topic \"%s\": %s",
							producer->topic, translated.text)));
	}
}

static void
count_reports(SaProducer *producer, rd_kafka_event_t *event)
{
	const rd_kafka_message_t *message;

	while ((message = rd_kafka_event_message_next(event)) != NULL)
	{
		producer->nwaiting--;
		if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
			producer->nfailed++ == 0)
			note_failure(producer, message->err);
	}
}

/* A timeout has a reason of its own, if a connection broke. */
static void
note_failure(SaProducer *producer, rd_kafka_resp_err_t error)
{
	const char *text = rd_kafka_err2str(error);

	if (error == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT &&
		producer->client->last_failure[0] != '\0')
		text = producer->client->last_failure;
	sa_kafka_client_copy_text(producer->client, producer->first_failure,
							  sizeof(producer->first_failure), text);
}

static void
wait_for_events(SaProducer *producer)
{
	(void) WaitLatchOrSocket(MyLatch,
							 WL_LATCH_SET | WL_SOCKET_READABLE | WL_TIMEOUT |
							 WL_EXIT_ON_PM_DEATH,
							 producer->client->fd, WAIT_SLICE_MS,
							 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}
