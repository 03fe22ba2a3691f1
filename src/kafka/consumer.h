/*-------------------------------------------------------------------------
 *
 * consumer.h
 *	  A Kafka consumer with explicit positions, for use inside a server process.
 *
 * NOTES
 *	  Only the main thread calls these functions.  None of them blocks, but for
 *	  those that say so.  None of them throws between taking a message from
 *	  librdkafka and handing it over.
 *
 *	  A consumer lives until it is closed, whatever becomes of transactions and
 *	  memory contexts.  Whoever opens one for a statement has to see to it that an
 *	  error closes it (a reset callback of the statement's memory context will
 *	  do: sa_consumer_close() raises no error).
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_KAFKA_CONSUMER_H
#define SA_KAFKA_CONSUMER_H

#include "nodes/pg_list.h"

#include "base/message.h"

typedef struct SaConsumer SaConsumer;

typedef enum SaConsumerEventKind
{
	SA_EVENT_END_OF_PARTITION,	/* nothing left to read; offset = next offset;
								 * may come again for the same end */
	SA_EVENT_OFFSET_OUT_OF_RANGE,	/* Kafka no longer (or not yet) has it */
	SA_EVENT_PARTITION_CORRUPT, /* CRC, compression, unknown format */
	SA_EVENT_PARTITION_ERROR,	/* anything else about one partition; transient:
								 * reading goes on by itself, nothing is lost */
	SA_EVENT_CONNECTED,			/* a broker answered after an outage */
	SA_EVENT_DISCONNECTED,		/* no broker can be reached; transient */
	SA_EVENT_AUTHENTICATION,	/* a broker refused us; with a partition: it is
								 * the topic that may not be read; retried */
	SA_EVENT_LOG				/* a log line of librdkafka */
} SaConsumerEventKind;

typedef struct SaConsumerEvent
{
	SaConsumerEventKind kind;
	int32		partition;		/* -1: not about one partition */
	int64		offset;			/* -1: none */
	int			level;			/* elog level for SA_EVENT_LOG */
	char		text[512];		/* never holds a secret */
} SaConsumerEvent;

/*
 * Install the exit guard.  Call it first of all in a background worker's main
 * function, before anything else registers an exit callback: on_proc_exit
 * callbacks run last-in first-out, and this one, if there is a client still,
 * ends with _exit().  Elsewhere sa_consumer_open() installs it.
 */
extern void sa_kafka_install_exit_guard(void);

/*
 * "options" is a list of DefElem: the options of the server, then those of the
 * user mapping, unchecked ones included: they are checked again here.
 * "client_id" is sent to the broker as it is.  Raises an error if the client
 * can't be set up at all (not if no broker answers).
 */
extern SaConsumer *sa_consumer_open(List *options, const char *topic,
									const char *client_id);

/* From now on messages come with their headers, which few streams look at. */
extern void sa_consumer_read_headers(SaConsumer *consumer);

/*
 * Destroys the client, waiting three seconds at most; then it is left behind,
 * with a warning.  Messages not yet released are released.  Raises no error.
 */
extern void sa_consumer_close(SaConsumer *consumer);

/*
 * Becomes readable when poll or next_event may have something.  Clear it, then
 * call both, then wait; it is readable again at once if poll left messages.
 */
extern int	sa_consumer_fd(SaConsumer *consumer);
extern void sa_consumer_clear_fd(SaConsumer *consumer);

/*
 * Start (or start anew) reading a partition at an offset.  What was fetched
 * before and not yet polled, and events not yet told, are forgotten.
 */
extern void sa_consumer_start(SaConsumer *consumer, int32 partition,
							  int64 offset);
extern void sa_consumer_stop(SaConsumer *consumer, int32 partition);

/*
 * Take up to "max" messages of those that are there, a moderate number at a time;
 * returns their number, 0 only if there are none.  Messages of one partition
 * come in the order of their offsets, from the offset asked for; gaps are
 * ordinary.  After an offset out of range or corrupt data a partition gives
 * nothing until it is started anew.  Messages stay valid until
 * sa_consumer_release().
 */
extern int	sa_consumer_poll(SaConsumer *consumer, SaMessage *messages, int max);
extern void sa_consumer_release(SaConsumer *consumer);

/*
 * The caller will be busy for a while: sees to it that messages are fetched
 * meanwhile.  Call it after poll.
 */
extern void sa_consumer_fetch_ahead(SaConsumer *consumer);

/* bytes held by messages that were polled and not yet released */
extern size_t sa_consumer_held_bytes(SaConsumer *consumer);

/*
 * The next event, if any.  An event that came behind messages in the queue
 * (end of partition, partition errors) is returned only once poll has returned
 * those messages; there may be later messages of the partition by then.
 */
extern bool sa_consumer_next_event(SaConsumer *consumer, SaConsumerEvent *event);

/*
 * Number of partitions of the topic, 0 if the topic does not exist, -1 if no
 * broker answered in time.  Blocks up to timeout_ms, open to cancel; so do the
 * others below, but for known_offsets.
 */
extern int	sa_consumer_partition_count(SaConsumer *consumer, int timeout_ms,
										char *errbuf, size_t errlen);

/* First and next offset in Kafka (the latter: end of what is committed). */
extern bool sa_consumer_query_offsets(SaConsumer *consumer, int32 partition,
									  int64 *low, int64 *high, int timeout_ms,
									  char *errbuf, size_t errlen);

/*
 * As last heard from the broker, without asking; -1 where unknown.  The high one
 * includes what is in open transactions, unlike sa_consumer_query_offsets().
 */
extern void sa_consumer_known_offsets(SaConsumer *consumer, int32 partition,
									  int64 *low, int64 *high);

/*
 * First offset whose timestamp is at or after "timestamp_ms", or the end of
 * the partition if there is none.
 */
extern bool sa_consumer_offset_for_time(SaConsumer *consumer, int32 partition,
										int64 timestamp_ms, int64 *offset,
										int timeout_ms,
										char *errbuf, size_t errlen);

#endif							/* SA_KAFKA_CONSUMER_H */
