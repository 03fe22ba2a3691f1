/*-------------------------------------------------------------------------
 *
 * epoch.h
 *	  Kafka's times and PostgreSQL's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_BASE_EPOCH_H
#define SA_BASE_EPOCH_H

#include "datatype/timestamp.h"

/* Microseconds from the Unix epoch to PostgreSQL's. */
#define SA_EPOCH_DIFFERENCE_US \
	((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

/* Milliseconds since the Unix epoch; times are finite. */
static inline int64
sa_time_to_kafka(TimestampTz time)
{
	return (time + SA_EPOCH_DIFFERENCE_US) / 1000;
}

/* False if it is no time at all (-1), or not one of PostgreSQL's. */
static inline bool
sa_time_from_kafka(int64 ms, TimestampTz *time)
{
	if (ms < 0 || ms > END_TIMESTAMP / 1000)
		return false;
	*time = ms * 1000 - SA_EPOCH_DIFFERENCE_US;
	return IS_VALID_TIMESTAMP(*time);
}

#endif							/* SA_BASE_EPOCH_H */
