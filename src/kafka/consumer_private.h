/*-------------------------------------------------------------------------
 *
 * consumer_private.h
 *	  The inside of a consumer, for the consumer's own files.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_KAFKA_CONSUMER_PRIVATE_H
#define SA_KAFKA_CONSUMER_PRIVATE_H

#include "datatype/timestamp.h"

#include "kafka/consumer.h"
#include "kafka/kafka_client.h"
#include "kafka/message_store.h"

#define SA_CHUNK_SIZE	1024	/* messages that stay in the processor's cache */
#define SA_BACKLOG_SIZE	262144	/* more than the queue's limit */

typedef struct SaPartition
{
	bool		fetching;		/* librdkafka has been told to fetch it */
	bool		reading;		/* its messages are delivered */
	int64		next_offset;	/* least offset to be delivered next */
	int64		fetched_offset; /* next one behind the backlog; -1: an error */

	/* events to be told; at most one of each kind is kept, the latest */
	bool		end_pending;
	int64		end_offset;
	bool		error_pending;
	SaConsumerEventKind error_kind;
	int64		error_offset;
	char		error_text[256];
} SaPartition;

struct SaConsumer
{
	SaKafkaClient *client;
	char	   *topic;

	SaPartition *partitions;	/* by number */
	int			npartitions;
	int			nevents;		/* pending ones of all partitions */

	/* taken from librdkafka's queue and not yet polled: [first, count) */
	rd_kafka_message_t **backlog;
	int			backlog_first;
	int			backlog_count;
	bool		queue_empty;	/* when it was last looked at */

	/* since the queue was last seen empty */
	int64		taken_messages;
	int64		taken_bytes;

	/* polled and not yet released */
	SaMessageStore *store;
	bool		reads_headers;

	/* a question to the brokers, to see if one of them is back */
	SaKafkaCall *probe;
	TimestampTz next_probe;
};

#endif							/* SA_KAFKA_CONSUMER_PRIVATE_H */
