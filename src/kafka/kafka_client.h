/*-------------------------------------------------------------------------
 *
 * kafka_client.h
 *	  Life and death of a librdkafka client inside a server process.
 *
 * NOTES
 *	  What consumer and producer have in common.  Included by them only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_KAFKA_CLIENT_H
#define SA_KAFKA_CLIENT_H

#include <librdkafka/rdkafka.h>

#include "lib/ilist.h"
#include "nodes/pg_list.h"

#include "kafka/kafka_call.h"
#include "kafka/kafka_conf.h"

typedef struct SaKafkaClient
{
	dlist_node	node;			/* in the list of live clients */
	MemoryContext context;		/* the client and its owner live in it */

	rd_kafka_t *rk;
	rd_kafka_queue_t *main_queue;	/* errors, log lines, delivery reports */
	rd_kafka_queue_t *message_queue;	/* consumer only, else NULL */
	rd_kafka_topic_t *topic;
	SaKafkaGate *gate;
	int			fd;				/* readable when a queue has something */

	bool		disconnected;	/* no broker can be reached */
	char		last_failure[256];	/* why the last connection broke */

	List	   *secrets;		/* of char *: kept out of all texts */
	SaKafkaQueueLimits limits;	/* consumer only */

	/*
	 * Gives back, without waiting and without raising an error, what would hold
	 * up the end of the client.
	 */
	void		(*let_go) (void *owner);
	void	   *owner;
} SaKafkaClient;

/*
 * Set up a client in "context", which belongs to the client from then on, as
 * far as sa_kafka_client_close() deletes it.  Raises an error, having cleaned
 * up all but the context, if that is impossible.
 */
extern SaKafkaClient *sa_kafka_client_open(MemoryContext context,
										   SaKafkaRole role, List *options,
										   const char *topic,
										   const char *client_id);

/*
 * End the client within a bounded time, deleting its context.  If librdkafka
 * doesn't end in time, it is left to itself, with a warning.  Raises no error.
 */
extern void sa_kafka_client_close(SaKafkaClient *client);

extern void sa_kafka_client_clear_fd(SaKafkaClient *client);
extern void sa_kafka_client_raise_fd(SaKafkaClient *client);

/* Replace each secret of the client in a text by asterisks, in place. */
extern void sa_kafka_client_hide_secrets(SaKafkaClient *client, char *text);

/*
 * Copy the text of an event or error, with secrets hidden and cut at a
 * character's boundary.  Raises no error.
 */
extern void sa_kafka_client_copy_text(SaKafkaClient *client, char *to,
									  size_t size, const char *from);

#endif							/* SA_KAFKA_CLIENT_H */
