/*-------------------------------------------------------------------------
 *
 * kafka_limits.h
 *	  What of a topic a query can need at most.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_STREAM_KAFKA_LIMITS_H
#define SA_STREAM_KAFKA_LIMITS_H

#include "nodes/pathnodes.h"

/* All bounds are inclusive; only int64 fields, so that a plan can hold them. */
typedef struct SaKafkaLimits
{
	int64		min_partition;
	int64		max_partition;
	int64		min_offset;
	int64		max_offset;
	int64		min_timestamp;	/* TimestampTz; PG_INT64_MIN: none */
} SaKafkaLimits;

/* From a relation's conditions, as a list of Const nodes. */
extern List *sa_kafka_limits_find(RelOptInfo *rel, Oid relid);

extern void sa_kafka_limits_unpack(List *list, SaKafkaLimits *limits);

#endif							/* SA_STREAM_KAFKA_LIMITS_H */
