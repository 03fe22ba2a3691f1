/*-------------------------------------------------------------------------
 *
 * kafka_event.h
 *	  What librdkafka reports about a client as a whole.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_KAFKA_EVENT_H
#define SA_KAFKA_EVENT_H

#include "kafka/consumer.h"
#include "kafka/kafka_client.h"

/*
 * Translate an error or log event of the main queue.  Returns false if there is
 * nothing in it worth telling.  The event is not destroyed.  Raises no error.
 */
extern bool sa_kafka_event_translate(SaKafkaClient *client,
									 rd_kafka_event_t *event,
									 SaConsumerEvent *result);

/* Empty the event but for its kind. */
extern void sa_kafka_event_init(SaConsumerEvent *event,
								SaConsumerEventKind kind);

/* The kind of event that an error on one partition is. */
extern SaConsumerEventKind sa_kafka_partition_error_kind(rd_kafka_resp_err_t error);

#endif							/* SA_KAFKA_EVENT_H */
