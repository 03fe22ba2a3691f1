/*-------------------------------------------------------------------------
 *
 * lateness_sketch.h
 *	  How late rows come, counted in a few buckets.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_WINDOW_LATENESS_SKETCH_H
#define SA_WINDOW_LATENESS_SKETCH_H

#include "c.h"

/*
 * Bucket 0 has the rows that came in order.  The others end at 1, 1.2, 1.5, 2,
 * 2.5, 3, 4, 5, 6, 8 ms, and so on in each decade, so that a bucket's bound is
 * at most a third more than what is in it.
 */
#define SA_SKETCH_BUCKETS	151

/* The bucket of a lateness in microseconds, which is not negative. */
extern int	sa_sketch_bucket(int64 lateness_us);

/* The greatest lateness that belongs into a bucket. */
extern int64 sa_sketch_bound(int bucket);

extern int64 sa_sketch_total(const int64 *counts, int ncounts);

/* How many rows are in buckets that have only what is later than a delay. */
extern int64 sa_sketch_later_than(const int64 *counts, int ncounts, int64 delay_us);

/*
 * The least bound at or under which this fraction of the rows is; 0 if there
 * are no rows.
 */
extern int64 sa_sketch_quantile(const int64 *counts, int ncounts, double fraction);

#endif							/* SA_WINDOW_LATENESS_SKETCH_H */
