/*-------------------------------------------------------------------------
 *
 * reader_loop.h
 *	  From Kafka to committed batches, for one reader.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_WORKER_READER_LOOP_H
#define SA_WORKER_READER_LOOP_H

/*
 * Reads until the reader is gone, paused, without views, or merged into
 * another one.  Throws on errors; then sa_reader_reset() must be called before
 * it is called again.
 */
extern void sa_reader_run(int32 reader);

/*
 * Forgets everything that is in memory, the Kafka client included.  Outside of
 * transactions; throws nothing.
 */
extern void sa_reader_reset(void);

#endif							/* SA_WORKER_READER_LOOP_H */
