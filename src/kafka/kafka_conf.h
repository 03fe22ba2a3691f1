/*-------------------------------------------------------------------------
 *
 * kafka_conf.h
 *	  The configuration of a client, from the options of server and mapping.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_KAFKA_CONF_H
#define SA_KAFKA_CONF_H

#include <librdkafka/rdkafka.h>

#include "nodes/pg_list.h"

#include "kafka/properties.h"

/* limits of the queue between librdkafka's threads and the main thread */
typedef struct SaKafkaQueueLimits
{
	int			messages;
	int64		bytes;
} SaKafkaQueueLimits;

/*
 * A new configuration, to be passed to rd_kafka_new(), which takes it over, or
 * destroyed.  Raises an error, and leaves nothing behind, if an option is not
 * allowed or librdkafka refuses its value.
 */
extern rd_kafka_conf_t *sa_kafka_conf_create(List *options, SaKafkaRole role,
											 const char *client_id);

/* What the configuration says about the queue of a consumer. */
extern void sa_kafka_conf_queue_limits(const rd_kafka_conf_t *conf,
									   SaKafkaQueueLimits *limits);

/*
 * Copies of the values in a list of options that must never be shown, as a list
 * of char *.
 */
extern List *sa_kafka_conf_secrets(List *options);

/*
 * Raises an error unless the text can be the name of a topic.  librdkafka takes
 * a leading "^" for a pattern.
 */
extern void sa_kafka_topic_check(const char *topic);

#endif							/* SA_KAFKA_CONF_H */
