/*-------------------------------------------------------------------------
 *
 * repair.c
 *	  Functions by which users move a stream on that can't go on by itself.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "metadata/catalog.h"
#include "metadata/late_function.h"
#include "metadata/reader.h"
#include "metadata/stream.h"
#include "metadata/view.h"
#include "metadata/watermark_function.h"
#include "stream_agg.h"
#include "worker/doorbell.h"
#include "worker/shared.h"

SA_FUNCTION_INFO_V1(stream_agg_skip);
SA_FUNCTION_INFO_V1(stream_agg_adopt);

static SaStream *
load_own_stream(Oid relid)
{
	Relation	rel;
	SaStream   *stream;

	sa_require_preload();
	if (!sa_is_stream(relid))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a stream", get_rel_name(relid))));
	if (!object_ownercheck(RelationRelationId, relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_FOREIGN_TABLE, get_rel_name(relid));
	rel = table_open(relid, AccessShareLock);
	stream = sa_stream_load(rel);
	table_close(rel, NoLock);
	if (stream->in_database)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("stream \"%s\" has no messages to skip", stream->name),
				 errdetail("It is a stream inside the database.")));
	return stream;
}

/* Moves one reader on; returns false if it was already there. */
static bool
skip_for_reader(SaStream *stream, int32 reader_id, int32 partition, int64 up_to)
{
	SaReader	reader;
	ListCell   *lc;

	if (!sa_reader_lock(reader_id, &reader))
		return false;
	foreach(lc, sa_positions_load(reader_id))
	{
		SaPosition *position = lfirst(lc);
		int64		expected = position->next_offset;

		if (position->partition != partition || expected >= up_to)
			continue;
		if (up_to > Max(position->end_offset, expected))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("partition %d of stream \"%s\" ends at offset %lld", partition,
							stream->name, (long long) position->end_offset),
					 errhint("Skip to that offset at most.")));
		sa_gap_record(reader_id, stream->relid, stream->topic, partition, expected, up_to,
					  "skipped by stream_agg.skip()");
		position->next_offset = up_to;
		position->error = NULL;
		sa_position_advance(reader_id, position, expected);
		return true;
	}
	return false;
}

/*
 * skip(stream regclass, partition int, up_to_offset bigint) → void
 *
 * Goes on with up_to_offset, past messages that can't be read.  What was skipped
 * is in stream_agg.gaps, with who did it and when.
 */
Datum
stream_agg_skip(PG_FUNCTION_ARGS)
{
	SaStream   *stream = load_own_stream(PG_GETARG_OID(0));
	int32		partition = PG_GETARG_INT32(1);
	int64		up_to = PG_GETARG_INT64(2);
	bool		skipped = false;
	ListCell   *lc;

	foreach(lc, sa_readers_of_stream(stream->relid))
	{
		skipped |= skip_for_reader(stream, lfirst_int(lc), partition, up_to);
		sa_worker_forgive(lfirst_int(lc));
	}
	if (!skipped)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no reader of stream \"%s\" is before offset %lld of partition %d",
						stream->name, (long long) up_to, partition),
				 errhint("See stream_agg.partitions for where readers are.")));
	sa_doorbell_ring_at_commit();
	PG_RETURN_VOID();
}

/*
 * adopt() → void
 *
 * Lets a database that was restored from a dump, or copied, read its streams.
 * Until then it does not, since the original may still be doing so.
 */
Datum
stream_agg_adopt(PG_FUNCTION_ARGS)
{
	sa_require_preload();
	if (!object_ownercheck(DatabaseRelationId, MyDatabaseId, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_DATABASE, get_database_name(MyDatabaseId));
	sa_readers_adopt();
	sa_late_functions_adopt();
	sa_watermark_functions_adopt();
	sa_doorbell_ring_at_commit();
	PG_RETURN_VOID();
}
