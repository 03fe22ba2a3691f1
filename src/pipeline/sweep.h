/*-------------------------------------------------------------------------
 *
 * sweep.h
 *	  Removing rows that are no longer needed, a few with each batch.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_SWEEP_H
#define SA_PIPELINE_SWEEP_H

#include "access/attnum.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/relcache.h"

/* Something that is swept: a table, and how long after the time in a column. */
typedef struct SaSweep SaSweep;

/*
 * Rows go when the watermark has come to the column's time + keep_us.  The column
 * is of type timestamptz or timestamp, and should have an index.  Allocated in
 * CurrentMemoryContext.
 */
extern SaSweep *sa_sweep_by_index(Relation table, AttrNumber column, int64 keep_us);

/*
 * Rows go when the watermark has passed the column's time + keep_us.  The table's
 * blocks are looked through in turn: for a column that changes all the time, and
 * had better not be in an index.
 */
extern SaSweep *sa_sweep_by_block(Relation table, AttrNumber column, int64 keep_us);

/*
 * A DELETE that is executed before each step of a sweep by block, with the same
 * parameters; sa_sweep_block_condition is what tells the rows of a step, in terms
 * of the table's alias.
 */
extern void sa_sweep_before(SaSweep *sweep, const char *sql);
extern char *sa_sweep_block_condition(const char *alias, const char *column);

/*
 * One step of each sweep of a list.  "moved" says that the watermark has moved
 * since the last call.  A step grows with the rows of the batch, so that sweeping
 * keeps pace, but is not otherwise longer if more is due.  Call as the owner of
 * the tables.
 */
extern void sa_sweep_run(List *sweeps, TimestampTz watermark, bool moved, int batch_rows);

/* Gives back what the sweeps hold outside of their memory context. */
extern void sa_sweep_free(List *sweeps);

#endif							/* SA_PIPELINE_SWEEP_H */
