/*-------------------------------------------------------------------------
 *
 * start_position.h
 *	  Where a continuous view begins to read.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_DDL_START_POSITION_H
#define SA_DDL_START_POSITION_H

#include "metadata/reader.h"
#include "metadata/stream.h"

/* Raises an error unless the text is a starting point. */
extern void sa_start_check(const char *start);

/* true if it is "earliest", for which nothing needs to be asked */
extern bool sa_start_is_earliest(const char *start);

/*
 * First positions, a list of SaPosition *.  Asks Kafka, and raises an error if
 * it does not answer.  Partitions that are not in the list begin at their
 * first offset.
 */
extern List *sa_start_positions(SaStream *stream, const char *start);

#endif							/* SA_DDL_START_POSITION_H */
