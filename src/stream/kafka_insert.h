/*-------------------------------------------------------------------------
 *
 * kafka_insert.h
 *	  INSERT into a stream of a Kafka server: producing to the topic.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_STREAM_KAFKA_INSERT_H
#define SA_STREAM_KAFKA_INSERT_H

#include "executor/tuptable.h"
#include "utils/relcache.h"

#include "metadata/stream.h"

typedef struct SaKafkaInsert SaKafkaInsert;

/* Opens a producer; closed with CurrentMemoryContext at the latest. */
extern SaKafkaInsert *sa_kafka_insert_begin(Relation rel, SaStream *stream);

extern void sa_kafka_insert_row(SaKafkaInsert *insert, TupleTableSlot *slot);

/* Returns when Kafka has confirmed all rows; raises an error if it has not. */
extern void sa_kafka_insert_end(SaKafkaInsert *insert);

#endif							/* SA_STREAM_KAFKA_INSERT_H */
