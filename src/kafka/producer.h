/*-------------------------------------------------------------------------
 *
 * producer.h
 *	  Writes messages to one topic of Kafka.
 *
 * NOTES
 *	  Idempotent: a message that is sent again after a lost answer is stored
 *	  once.  What was sent counts only when sa_producer_flush() has returned.
 *	  Only the main thread calls these functions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_KAFKA_PRODUCER_H
#define SA_KAFKA_PRODUCER_H

#include "nodes/pg_list.h"

#include "base/message.h"

typedef struct SaProducer SaProducer;

/* What is sent; key, value and headers are copied. */
typedef struct SaOutgoing
{
	int32		partition;		/* -1: by the hash of the key, or any */
	const char *key;			/* NULL: none */
	size_t		key_len;
	const char *value;			/* NULL: tombstone */
	size_t		value_len;
	const SaHeader *headers;
	int			nheaders;
	int64		timestamp_ms;	/* 0: now */
} SaOutgoing;

/*
 * "options" as for sa_consumer_open().  The producer lives until it is closed;
 * the caller has to see to that, on errors too.
 */
extern SaProducer *sa_producer_open(List *options, const char *topic,
									const char *client_id);

/*
 * Hand a message over.  Waits, open to cancel, while too much is on its way.
 * Raises an error if the message can't be sent at all.
 */
extern void sa_producer_send(SaProducer *producer, const SaOutgoing *message);

/*
 * Wait, open to cancel, until Kafka has confirmed all messages.  Raises an error
 * if one of those sent since the last flush was refused or not confirmed in
 * time.
 */
extern void sa_producer_flush(SaProducer *producer);

/*
 * Ends the client within a bounded time.  Messages that are not confirmed are
 * given up: they may or may not be in Kafka.  Raises no error.
 */
extern void sa_producer_close(SaProducer *producer);

#endif							/* SA_KAFKA_PRODUCER_H */
