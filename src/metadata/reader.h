/*-------------------------------------------------------------------------
 *
 * reader.h
 *	  Readers and their positions.
 *
 * NOTES
 *	  A reader is one consumer of one stream.  It has one position, the next
 *	  offset, per partition.  All continuous views that hang on a reader have
 *	  seen exactly the rows before its positions.
 *
 *	  All functions run inside sa_catalog_begin() … sa_catalog_end() of their
 *	  own.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_METADATA_READER_H
#define SA_METADATA_READER_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

typedef struct SaReader
{
	int32		id;
	Oid			stream;
	bool		is_main;
	bool		paused;
	bool		foreign;		/* written by another cluster or database: a
								 * copy, which must not read (see adopt) */
} SaReader;

/*
 * What is known of the times of a partition's rows, in the order of their
 * offsets and from where the reader started.  Part of the position, since it
 * must be that of exactly the rows before it.  See window/lateness_sketch.h
 * for what the arrays count.
 */
typedef struct SaArrivals
{
	TimestampTz max_event_time; /* DT_NOBEGIN: none yet */
	int			nlateness;
	int64	   *lateness;		/* all rows */

	/* max_out_of_orderness 'auto' */
	int64		delay_us;		/* -1: not decided yet */
	int			nperiod;
	int64	   *period;			/* rows since that was last looked at */
} SaArrivals;

typedef struct SaPosition
{
	int32		partition;
	int64		next_offset;
	int64		first_offset;	/* first in Kafka, as last heard */
	int64		end_offset;		/* next to be written in Kafka, as last heard */
	TimestampTz last_message_at;	/* 0: never had a message */
	TimestampTz checked_at;		/* when Kafka was asked for the bounds */
	char	   *error;			/* why the partition is stopped, or NULL */
	bool		caught_up;		/* nothing left to read; not stored */
	SaArrivals	arrivals;
} SaPosition;

/* What a partition without rows has. */
#define SA_NO_ARRIVALS	((SaArrivals) {.max_event_time = DT_NOBEGIN, .delay_us = -1})

/* A copy in CurrentMemoryContext; true if two are the same. */
extern SaArrivals sa_arrivals_copy(const SaArrivals *arrivals);
extern bool sa_arrivals_equal(const SaArrivals *a, const SaArrivals *b);

extern bool sa_reader_by_id(int32 id, SaReader *reader);

/* The reader that new views of a stream may join. */
extern bool sa_reader_main(Oid stream, SaReader *reader);

/* Creates a reader without positions and returns its number. */
extern int32 sa_reader_create(Oid stream, bool is_main);

/* Its positions go with it. */
extern void sa_reader_delete(int32 id);

/* All readers become this database's own. */
extern void sa_readers_adopt(void);

/* Makes a reader the main one in place of another. */
extern void sa_reader_promote(int32 id, int32 former_main);

/* Resuming also clears the errors of the partitions. */
extern void sa_reader_set_paused(int32 id, bool paused);

/*
 * Ids of the readers that should have a background worker: streams with a
 * broker, at least one view, not paused, not a copy.  NIL if the extension is
 * not installed.  Must be called in a transaction.
 */
extern List *sa_readers_to_run(void);

/*
 * Lock the reader for one batch, until the end of the transaction.  Waits for
 * another batch of the same reader; under REPEATABLE READ and above fails with
 * a serialization error if there was one.  Returns false if the reader is
 * gone.
 */
extern bool sa_reader_lock(int32 id, SaReader *reader);

/* All positions, ordered by partition; a list of SaPosition *. */
extern List *sa_positions_load(int32 reader);

/* Does nothing if the reader is gone. */
extern void sa_position_insert(int32 reader, const SaPosition *position);
extern void sa_positions_copy(int32 from_reader, int32 to_reader);

/*
 * The compare-and-swap on which exactly-once rests: moves the position of a
 * partition from "expected" to position->next_offset, as the last statement of
 * the transaction that wrote the results.  Raises an error if the position is
 * not what was expected, so that nothing is ever counted twice.
 */
extern void sa_position_advance(int32 reader, const SaPosition *position,
								int64 expected);

/* What Kafka has, for monitoring; does not touch next_offset. */
extern void sa_position_set_bounds(int32 reader, int32 partition,
								   int64 first_offset, int64 end_offset);
extern void sa_position_set_error(int32 reader, int32 partition,
								  const char *error);

/* A range of offsets that was not read. */
extern void sa_gap_record(int32 reader, Oid stream, const char *topic,
						  int32 partition, int64 from_offset, int64 to_offset,
						  const char *reason);

#endif							/* SA_METADATA_READER_H */
