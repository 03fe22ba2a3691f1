/*-------------------------------------------------------------------------
 *
 * kafka_call.h
 *	  Blocking functions of librdkafka, called so that the caller can be
 *	  interrupted.
 *
 * NOTES
 *	  Some functions of librdkafka wait for an answer of a broker, for longer
 *	  than the time they are given when things go wrong, and deaf to signals.
 *	  They run on a thread of their own, while the main thread waits on its
 *	  latch; a call that takes too long is left behind and its answer thrown
 *	  away.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_KAFKA_CALL_H
#define SA_KAFKA_CALL_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>

/*
 * Counts the calls under way on one client, which must not be destroyed before
 * they have returned.  Lives in malloc'd memory.
 */
typedef struct SaKafkaGate SaKafkaGate;

extern SaKafkaGate *sa_kafka_gate_create(void);

/* Wait until no call is under way, then free the gate.  Any thread. */
extern void sa_kafka_gate_close(SaKafkaGate *gate);

/* What to call and what came of it; copied in and out. */
typedef struct SaKafkaCall SaKafkaCall;

typedef struct SaKafkaRequest
{
	/*
	 * Runs on the thread; must not use anything of PostgreSQL's, nor memory
	 * that the main thread might free.
	 */
	rd_kafka_resp_err_t (*run) (struct SaKafkaRequest *request);

	rd_kafka_t *rk;
	rd_kafka_topic_t *topic;
	char		topic_name[256];
	int32		partition;
	int64		timestamp_ms;
	int			timeout_ms;

	/* results */
	int64		low;
	int64		high;
	int			count;
	rd_kafka_resp_err_t error;
} SaKafkaRequest;

/*
 * Begin a call.  "notify_fd", if not -1, becomes readable when it is done.
 * Returns NULL if no thread could be started.
 */
extern SaKafkaCall *sa_kafka_call_begin(SaKafkaGate *gate,
										const SaKafkaRequest *request,
										int notify_fd);

/* True, and the results in *request, if the call is done.  Never blocks. */
extern bool sa_kafka_call_done(SaKafkaCall *call, SaKafkaRequest *request);

/* Lose interest.  To be called once for each call that was begun. */
extern void sa_kafka_call_release(SaKafkaCall *call);

/*
 * All of it in one: call, wait, fill in the results.  Returns false if there
 * was no answer within request->timeout_ms.  Raises an error on cancel.
 */
extern bool sa_kafka_call_and_wait(SaKafkaGate *gate, SaKafkaRequest *request);

/* pthread_create() of a thread that never sees a signal. */
extern bool sa_kafka_thread_create(pthread_t *thread, void *(*main) (void *),
								   void *argument);

#endif							/* SA_KAFKA_CALL_H */
