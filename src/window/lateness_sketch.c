/*-------------------------------------------------------------------------
 *
 * lateness_sketch.c
 *	  How late rows come, counted in a few buckets.
 *
 * NOTES
 *	  A sketch is an array of counts, one for each bucket; buckets at its end
 *	  that are zero may be left out.  Bounds are round decimal numbers, because
 *	  they come back to users as lengths of time.  A fixed set of bounds makes
 *	  sketches of several partitions add up, and a row costs one increment.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "port/pg_bitutils.h"

#include "window/lateness_sketch.h"

#define DECADE(unit) \
	10 * INT64CONST(unit), 12 * INT64CONST(unit), 15 * INT64CONST(unit), \
	20 * INT64CONST(unit), 25 * INT64CONST(unit), 30 * INT64CONST(unit), \
	40 * INT64CONST(unit), 50 * INT64CONST(unit), 60 * INT64CONST(unit), \
	80 * INT64CONST(unit)

/* in microseconds; the last is longer than any two timestamps are apart */
static const int64 bounds[SA_SKETCH_BUCKETS] = {
	0,
	DECADE(100), DECADE(1000), DECADE(10000), DECADE(100000), DECADE(1000000),
	DECADE(10000000), DECADE(100000000), DECADE(1000000000), DECADE(10000000000),
	DECADE(100000000000), DECADE(1000000000000), DECADE(10000000000000),
	DECADE(100000000000000), DECADE(1000000000000000), DECADE(10000000000000000)
};

int
sa_sketch_bucket(int64 lateness_us)
{
	int			bucket;

	if (lateness_us <= bounds[1])
		return lateness_us > 0;

	/* every row asks: three bounds to a power of two, from 64 us on, are close */
	bucket = Min(3 * (pg_leftmost_one_pos64(lateness_us) - 6), SA_SKETCH_BUCKETS - 1);
	while (bucket < SA_SKETCH_BUCKETS - 1 && bounds[bucket] < lateness_us)
		bucket++;
	while (bounds[bucket - 1] >= lateness_us)
		bucket--;
	return bucket;
}

int64
sa_sketch_bound(int bucket)
{
	return bounds[bucket];
}

int64
sa_sketch_total(const int64 *counts, int ncounts)
{
	int64		total = 0;

	for (int i = 0; i < ncounts; i++)
		total += counts[i];
	return total;
}

int64
sa_sketch_later_than(const int64 *counts, int ncounts, int64 delay_us)
{
	int64		total = 0;

	for (int i = ncounts - 1; i > 0 && bounds[i - 1] >= delay_us; i--)
		total += counts[i];
	return total;
}

int64
sa_sketch_quantile(const int64 *counts, int ncounts, double fraction)
{
	double		wanted = ceil(fraction * (double) sa_sketch_total(counts, ncounts));
	int64		seen = 0;

	for (int i = 0; i < ncounts; i++)
	{
		seen += counts[i];
		if ((double) seen >= wanted)
			return bounds[i];
	}
	return 0;
}
