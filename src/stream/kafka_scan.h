/*-------------------------------------------------------------------------
 *
 * kafka_scan.h
 *	  Reading a topic by a query.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_STREAM_KAFKA_SCAN_H
#define SA_STREAM_KAFKA_SCAN_H

#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"
#include "utils/relcache.h"

#include "pipeline/batch.h"

typedef struct SaKafkaScan SaKafkaScan;

/*
 * Opens a scan from the first offsets to the ends as they are now.  Closed with
 * CurrentMemoryContext at the latest.
 */
extern SaKafkaScan *sa_kafka_scan_begin(Relation rel, List *limits,
										Bitmapset *attnums);

/* The next rows, or NULL at the end; what came before them is freed. */
extern SaBatchScan *sa_kafka_scan_next(SaKafkaScan *scan);

extern void sa_kafka_scan_restart(SaKafkaScan *scan);
extern void sa_kafka_scan_end(SaKafkaScan *scan);

#endif							/* SA_STREAM_KAFKA_SCAN_H */
