/*-------------------------------------------------------------------------
 *
 * watermark_functions.c
 *	  What users may ask about how rows arrive.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "metadata/catalog.h"
#include "metadata/reader.h"
#include "metadata/stream.h"
#include "stream_agg.h"
#include "window/lateness_sketch.h"

SA_FUNCTION_INFO_V1(stream_agg_suggest_out_of_orderness);

/* Lateness in all partitions of a stream, together. */
static void
add_up(Oid stream, int64 *counts)
{
	SaReader	reader;
	ListCell   *lc;

	if (!sa_reader_main(stream, &reader))
		return;
	foreach(lc, sa_positions_load(reader.id))
	{
		SaArrivals *arrivals = &((SaPosition *) lfirst(lc))->arrivals;

		for (int i = 0; i < Min(arrivals->nlateness, SA_SKETCH_BUCKETS); i++)
			counts[i] += arrivals->lateness[i];
	}
}

/*
 * suggest_out_of_orderness(stream regclass, fraction double precision) → interval
 *
 * The least delay that would have kept that fraction of the stream's rows on
 * time, as they came so far; at most a third longer than it had to be.  NULL if
 * there were no rows.
 */
Datum
stream_agg_suggest_out_of_orderness(PG_FUNCTION_ARGS)
{
	Oid			stream = PG_GETARG_OID(0);
	double		fraction = PG_GETARG_FLOAT8(1);
	int64		counts[SA_SKETCH_BUCKETS] = {0};
	Interval   *result;

	sa_require_preload();
	if (get_rel_name(stream) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", stream)));
	if (!sa_is_stream(stream))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a stream", get_rel_name(stream))));
	if (!object_ownercheck(RelationRelationId, stream, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_FOREIGN_TABLE, get_rel_name(stream));
	/* written so that NaN fails, too */
	if (!(fraction > 0 && fraction <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("fraction must be greater than 0 and at most 1"),
				 errhint("Give the part of the rows that should be on time, such as 0.99.")));

	add_up(stream, counts);
	if (sa_sketch_total(counts, SA_SKETCH_BUCKETS) == 0)
		PG_RETURN_NULL();
	result = palloc0(sizeof(Interval));
	result->time = sa_sketch_quantile(counts, SA_SKETCH_BUCKETS, fraction);
	PG_RETURN_INTERVAL_P(result);
}
