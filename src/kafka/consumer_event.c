/*-------------------------------------------------------------------------
 *
 * consumer_event.c
 *	  What a consumer has to tell besides messages.
 *
 * NOTES
 *	  Events of partitions come through the queue of messages and are kept in
 *	  the partition's state until asked for; those of the client as a whole are
 *	  taken from librdkafka's main queue when asked for.
 *
 *	  librdkafka says when the last broker is gone, but not when the first one
 *	  is back, and on an idle topic nothing else says so either.  Therefore, while
 *	  no broker can be reached, one is asked for the topic every second, on a
 *	  thread; its answer ends the outage.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "kafka/consumer_private.h"
#include "kafka/kafka_event.h"

#define PROBE_INTERVAL_MS	1000
#define PROBE_TIMEOUT_MS	1000

static bool next_partition_event(SaConsumer *consumer, SaConsumerEvent *event);
static bool next_client_event(SaConsumer *consumer, SaConsumerEvent *event);
static bool broker_has_answered(SaConsumer *consumer);
static void begin_probe(SaConsumer *consumer);
static rd_kafka_resp_err_t run_probe(SaKafkaRequest *request);

bool
sa_consumer_next_event(SaConsumer *consumer, SaConsumerEvent *event)
{
	if (next_partition_event(consumer, event) ||
		next_client_event(consumer, event))
		return true;
	if (!consumer->client->disconnected || !broker_has_answered(consumer))
		return false;

	consumer->client->disconnected = false;
	consumer->client->last_failure[0] = '\0';
	sa_kafka_event_init(event, SA_EVENT_CONNECTED);
	return true;
}

static bool
next_partition_event(SaConsumer *consumer, SaConsumerEvent *event)
{
	if (consumer->nevents == 0)
		return false;
	for (int i = 0; i < consumer->npartitions; i++)
	{
		SaPartition *p = &consumer->partitions[i];

		if (p->end_pending)
		{
			sa_kafka_event_init(event, SA_EVENT_END_OF_PARTITION);
			event->offset = p->end_offset;
			p->end_pending = false;
		}
		else if (p->error_pending)
		{
			sa_kafka_event_init(event, p->error_kind);
			event->offset = p->error_offset;
			strlcpy(event->text, p->error_text, sizeof(event->text));
			p->error_pending = false;
		}
		else
			continue;
		event->partition = i;
		consumer->nevents--;
		return true;
	}
	return false;
}

static bool
next_client_event(SaConsumer *consumer, SaConsumerEvent *event)
{
	rd_kafka_event_t *raw;

	while ((raw = rd_kafka_queue_poll(consumer->client->main_queue, 0)) != NULL)
	{
		bool		worth_telling =
		sa_kafka_event_translate(consumer->client, raw, event);

		rd_kafka_event_destroy(raw);
		if (worth_telling)
			return true;
	}
	return false;
}

/* Whether the last question was answered; sees to it that one is asked. */
static bool
broker_has_answered(SaConsumer *consumer)
{
	SaKafkaRequest answer;

	if (consumer->probe == NULL)
	{
		begin_probe(consumer);
		return false;
	}
	if (!sa_kafka_call_done(consumer->probe, &answer))
		return false;

	sa_kafka_call_release(consumer->probe);
	consumer->probe = NULL;
	return answer.error == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void
begin_probe(SaConsumer *consumer)
{
	SaKafkaClient *client = consumer->client;
	TimestampTz now = GetCurrentTimestamp();
	SaKafkaRequest request = {
		.run = run_probe,
		.rk = client->rk,
		.topic = client->topic,
		.timeout_ms = PROBE_TIMEOUT_MS
	};

	if (now < consumer->next_probe)
		return;
	consumer->next_probe = TimestampTzPlusMilliseconds(now, PROBE_INTERVAL_MS);
	consumer->probe = sa_kafka_call_begin(client->gate, &request, client->fd);
}

/* Runs on a thread. */
static rd_kafka_resp_err_t
run_probe(SaKafkaRequest *request)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t error;

	error = rd_kafka_metadata(request->rk, 0, request->topic, &metadata,
							  request->timeout_ms);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		rd_kafka_metadata_destroy(metadata);
	return error;
}
