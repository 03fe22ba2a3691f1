/*-------------------------------------------------------------------------
 *
 * reader_private.h
 *	  What the parts of the reader loop share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_WORKER_READER_PRIVATE_H
#define SA_WORKER_READER_PRIVATE_H

#include "kafka/consumer.h"
#include "metadata/reader.h"
#include "metadata/stream.h"
#include "pipeline/apply_batch.h"
#include "worker/slots.h"

/*
 * Rows of a chunk of many: so few that messages and values are still in the
 * processor's cache when views look at them.
 */
#define SA_SMALL_CHUNK_ROWS		8192

/* Where groups can't be held, up to so many times batch_rows are taken at a time. */
#define SA_MAX_CHUNK_GROWTH		4

/* One partition, as the loop has it in memory. */
typedef struct SaLoopPart
{
	SaPosition	position;		/* as committed */
	bool		started;		/* the consumer reads it */
	bool		end_seen;		/* its end was reached since the start */
	bool		end_unsure;		/* it was there when Kafka went away */
	int64		taken;			/* highest offset taken from the consumer, or -1 */
	int64		end_of_data;	/* offset at its end, -1: not there now */
	int			corrupt_count;	/* attempts to read past something corrupt */
	int64		restart_ms;		/* when to start it again, 0: need not */

	/* on_error 'stop': rows from here on are not taken */
	int64		stop_offset;	/* -1: none */
	char		stop_reason[512];
} SaLoopPart;

typedef struct SaReaderLoop
{
	MemoryContext context;		/* of all below */
	SaReader	reader;
	SaStream   *stream;
	MemoryContext stream_context;
	char	   *connection;		/* what the client was opened with, as text */
	SaConsumer *consumer;

	int			nparts;
	SaLoopPart *parts;			/* in the order of partitions */

	/* messages taken from the consumer and not yet committed */
	SaMessage  *messages;
	int			nmessages;
	int			max_messages;	/* to be taken at a time */
	int			capacity;		/* there is room for */
	int64		first_message_ms;

	/* the batch under way */
	int64		batch_started_ms;
	int			next_message;	/* the first of those at hand that is not in it */
	bool		let_go;			/* of messages that are in it */

	/* batches grow while the stream lags; see reader_batch.c */
	int			growth;			/* how many times batch_rows a full batch has */
	bool		small_chunks;	/* all views held groups from chunk to chunk */
	int64		careful_rows;	/* so many to go before batches may grow */

	/*
	 * What is due, and when, by sa_worker_clock_ms(): clocks that are set must
	 * not hold us up.
	 */
	bool		guarded;		/* the batch failed because of a row */
	bool		tick_due;		/* an empty batch may move something */
	int64		next_idle_ms;
	int64		next_discovery_ms;
	int64		next_check_ms;
	int64		next_meeting_ms;	/* with the main reader; see reader_join.c */

	bool		connected;		/* for reports of changes */
} SaReaderLoop;

typedef enum SaLoopOutcome
{
	SA_LOOP_GO_ON,
	SA_LOOP_DONE
} SaLoopOutcome;

/* ---- reader_positions.c ---- */

/* Reads reader, stream and positions from the catalogs; opens the client. */
extern SaLoopOutcome sa_loop_load(SaReaderLoop *loop);

/* Finds new partitions and begins to read them. */
extern void sa_loop_discover(SaReaderLoop *loop);

/* Asks Kafka for the bounds of all partitions and stores them. */
extern void sa_loop_refresh_bounds(SaReaderLoop *loop);

/*
 * Stops reading a partition; messages at hand that are not part of a batch yet
 * no longer count.
 */
extern void sa_loop_stop_part(SaReaderLoop *loop, SaLoopPart *part);

/*
 * Takes note of whether Kafka answers.  While it does not, nobody knows what is
 * unread, so no partition is caught up until its end was seen again.
 */
extern void sa_loop_set_connected(SaReaderLoop *loop, bool connected);

/* Begins to read the partitions that should be read and are not. */
extern void sa_loop_start_parts(SaReaderLoop *loop);

/* Lets batches have so many times the stream's batch_rows, if they may grow. */
extern void sa_loop_set_growth(SaReaderLoop *loop, int growth);

/* Everything at hand is let go, and every partition begins at its position. */
extern void sa_loop_start_over(SaReaderLoop *loop);

/* ---- reader_loop.c ---- */

/* Takes what is there, as much as is to be taken at a time. */
extern void sa_loop_take_messages(SaReaderLoop *loop);

/* Whether no more messages are to be taken before what is at hand is applied. */
extern bool sa_loop_has_enough(SaReaderLoop *loop);

extern SaLoopPart *sa_loop_part(SaReaderLoop *loop, int32 partition);

/* ---- reader_events.c ---- */

/* Deals with what the consumer has to say beside messages. */
extern void sa_loop_handle_events(SaReaderLoop *loop);

/* ---- reader_batch.c ---- */

/*
 * One transaction with the messages at hand, which may be none, and while the
 * stream lags with what comes after them.
 */
extern SaLoopOutcome sa_loop_run_batch(SaReaderLoop *loop);

/* Lets go of the messages at hand. */
extern void sa_loop_release(SaReaderLoop *loop);

/* ---- reader_join.c ---- */

/*
 * For a reader that is not the stream's main one, inside the batch's
 * transaction and before its rows are applied: cuts the batch off where the
 * main reader is.  Returns true if this batch leads to exactly there; then the
 * main reader is locked, and sa_loop_join() must follow.
 */
extern bool sa_loop_meet_main(SaReaderLoop *loop, SaBatch *batch, int32 *main_reader);

/*
 * Whether rows that both readers are yet to read will have the same watermarks
 * in both; asked after the batch was applied.
 */
extern bool sa_loop_agrees_with_main(SaReaderLoop *loop, int32 main_reader);

/* Hands the views over to the main reader, in the batch's transaction. */
extern void sa_loop_join(SaReaderLoop *loop, int32 main_reader);

#endif							/* SA_WORKER_READER_PRIVATE_H */
