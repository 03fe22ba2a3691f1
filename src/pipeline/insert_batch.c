/*-------------------------------------------------------------------------
 *
 * insert_batch.c
 *	  Batches of in-database streams: what one INSERT brings.
 *
 * NOTES
 *	  The reader's row is locked first and the snapshot taken after that, so
 *	  that of two inserters the second sees what the first has merged.  The
 *	  lock is held until the transaction ends: inserters of one stream wait for
 *	  each other's commit, and never deadlock over the rows of a view.
 *
 *	  Batches are guarded from the start: what the user's transaction did before
 *	  can't be done again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pipeline/apply_batch.h"
#include "pipeline/bad_rows.h"
#include "pipeline/check_rows.h"
#include "pipeline/insert_batch.h"
#include "pipeline/watermark.h"

/* Streams with a batch under way in this process, innermost first. */
typedef struct ActiveBatch
{
	Oid			stream;
	struct ActiveBatch *outer;
} ActiveBatch;

static ActiveBatch *active_batches = NULL;

void
sa_insert_refuse_reentry(const SaStream *stream)
{
	for (ActiveBatch *active = active_batches; active != NULL; active = active->outer)
	{
		if (active->stream == stream->relid)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("cannot insert into stream \"%s\" from within its own batch",
							stream->name),
					 errhint("Use a trigger on the stream itself, or another stream.")));
	}
}

/* Positions of all partitions; those that the option added are created. */
static void
add_parts(SaBatch *batch)
{
	List	   *positions = sa_positions_load(batch->reader);
	int			known = list_length(positions);
	ListCell   *lc;

	for (int partition = known; partition < batch->stream->partitions; partition++)
	{
		SaPosition *position = palloc0(sizeof(SaPosition));

		position->partition = partition;
		position->arrivals = SA_NO_ARRIVALS;
		sa_position_insert(batch->reader, position);
		positions = lappend(positions, position);
	}
	foreach(lc, positions)
	{
		SaPosition *position = lfirst(lc);

		sa_batch_add_part(batch, position);
	}
}

/* The partition that a row chooses by its metadata column. */
static int
row_partition(const SaStream *stream, TupleTableSlot *slot)
{
	SaColumn   *column = sa_stream_column(stream, stream->partition_attnum);
	int64		partition = 0;
	bool		isnull = true;
	Datum		value;

	if (column != NULL)
	{
		value = slot_getattr(slot, stream->partition_attnum, &isnull);
		if (!isnull)
			partition = column->type == INT8OID ? DatumGetInt64(value) :
				column->type == INT2OID ? DatumGetInt16(value) : DatumGetInt32(value);
	}
	if (partition < 0 || partition >= stream->partitions)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("stream \"%s\" has no partition " INT64_FORMAT, stream->name, partition),
				 errhint("Insert into a partition from 0 to %d, or set the stream's option \"partitions\".",
						 stream->partitions - 1)));
	return partition;
}

/*
 * Number of rows per partition.  While a statement is cut into batches, a
 * partition with rows yet to come is not caught up, so that where the cuts are
 * makes no difference to the watermark.
 */
static int64 *
count_rows(const SaStream *stream, Tuplestorestate *rows, TupleTableSlot *slot)
{
	int64	   *counts = palloc0(sizeof(int64) * stream->partitions);

	if (rows == NULL)
		return counts;
	if (stream->partitions == 1)
	{
		counts[0] = tuplestore_tuple_count(rows);
		return counts;
	}
	while (tuplestore_gettupleslot(rows, true, false, slot))
		counts[row_partition(stream, slot)]++;
	tuplestore_rescan(rows);
	return counts;
}

/* Metadata that the stream itself gives to a row. */
static void
fill_metadata(SaBatch *batch, int row, int c)
{
	SaColumn   *column = &batch->stream->columns[c];
	Datum	   *value = &sa_batch_values(batch, row)[c];
	bool	   *isnull = &sa_batch_nulls(batch, row)[c];

	switch (column->source)
	{
		case SA_SOURCE_FIELD:
		case SA_SOURCE_KEY:
		case SA_SOURCE_VALUE:
		case SA_SOURCE_HEADERS:
			return;				/* as inserted */
		case SA_SOURCE_PARTITION:
			if (!*isnull)
				return;
			*value = (Datum) 0; /* partition 0 in any integer type */
			break;
		case SA_SOURCE_OFFSET:
			*value = Int64GetDatum(batch->rows[row].offset);
			break;
		case SA_SOURCE_TOPIC:
			*value = CStringGetTextDatum(batch->stream->topic);
			break;
		case SA_SOURCE_TIMESTAMP:
		case SA_SOURCE_PROCESSED_AT:
			if (!*isnull)
				return;
			*value = TimestampTzGetDatum(batch->now);
			break;
	}
	*isnull = false;
}

static void
add_row(SaBatch *batch, TupleTableSlot *slot)
{
	SaBatchPart *part = &batch->parts[row_partition(batch->stream, slot)];
	int			row = sa_batch_add_row(batch, part, part->next_offset);
	Datum	   *values = sa_batch_values(batch, row);
	bool	   *nulls = sa_batch_nulls(batch, row);

	slot_getallattrs(slot);
	for (int c = 0; c < batch->stream->ncolumns; c++)
	{
		int			attno = batch->stream->columns[c].attnum - 1;
		Form_pg_attribute att = TupleDescAttr(slot->tts_tupleDescriptor, attno);

		nulls[c] = slot->tts_isnull[attno];
		if (!nulls[c])
			values[c] = datumCopy(slot->tts_values[attno], att->attbyval, att->attlen);
		fill_metadata(batch, row, c);
	}
}

/*
 * Up to batch_rows rows; returns false if there were none left.  "left" counts
 * the rows of each partition that are still to come.
 */
static bool
fill_batch(SaBatch *batch, Tuplestorestate *rows, TupleTableSlot *slot, int64 *left)
{
	MemoryContext old = MemoryContextSwitchTo(batch->chunk);

	memset(batch->decoded, true, batch->stream->ncolumns);
	while (batch->nrows < batch->stream->batch_rows &&
		   tuplestore_gettupleslot(rows, true, false, slot))
		add_row(batch, slot);

	/* a tuple that was read back from disk is in the batch's memory */
	ExecClearTuple(slot);
	for (int i = 0; i < batch->stream->partitions; i++)
		left[i] -= batch->parts[i].nrows;
	MemoryContextSwitchTo(old);
	return batch->nrows > 0;
}

static void
apply_one(SaBatch *batch)
{
	SaBatchStop stop = {0};
	List	   *views = sa_batch_views(batch);
	Bitmapset  *attnums = sa_batch_view_columns(views);
	ActiveBatch active = {.stream = batch->stream->relid,.outer = active_batches};

	active_batches = &active;
	PG_TRY();
	{
		sa_batch_check_rows(batch, attnums);
		sa_bad_rows_stop_batch(batch, attnums);
		sa_batch_apply_chunk(batch, views, batch->stream->on_error != SA_ON_ERROR_STOP ?
							 SA_APPLY_GUARDED : SA_APPLY_PLAIN, &stop);
		sa_batch_finish(batch, views);
	}
	PG_FINALLY();
	{
		active_batches = active.outer;
	}
	PG_END_TRY();
}

/*
 * Runs batches until the tuplestore is empty; with NULL, one empty batch.
 */
static void
run_batches(SaStream *stream, Tuplestorestate *rows)
{
	SaReader	reader;
	TupleTableSlot *slot;
	int64	   *left;
	bool		more = true;
	bool		is_first = true;

	/* without a view there is nobody whom the rows could reach */
	if (!sa_reader_main(stream->relid, &reader))
		return;
	sa_insert_refuse_reentry(stream);
	slot = MakeSingleTupleTableSlot(stream->desc, &TTSOpsMinimalTuple);
	left = count_rows(stream, rows, slot);
	while (more)
	{
		MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
													  "stream_agg insert",
													  ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(context);
		SaBatch    *batch;

		if (!sa_reader_lock(reader.id, &reader))
			break;
		if (reader.paused)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("stream \"%s\" is paused", stream->name),
					 errhint("Call stream_agg.resume('%s').", stream->name)));

		PushCopiedSnapshot(GetTransactionSnapshot());
		batch = sa_batch_create(stream, reader.id, context);
		add_parts(batch);
		if (is_first)
			sa_watermark_look_for_silence(batch);
		is_first = false;
		more = rows != NULL && fill_batch(batch, rows, slot, left);
		for (int i = 0; i < batch->nparts; i++)
			batch->parts[i].position->caught_up = i >= stream->partitions || left[i] == 0;
		if (more || rows == NULL)
			apply_one(batch);
		PopActiveSnapshot();
		MemoryContextSwitchTo(old);
		MemoryContextDelete(context);
	}
	ExecDropSingleTupleTableSlot(slot);
	CommandCounterIncrement();
}

void
sa_insert_batches(SaStream *stream, Tuplestorestate *rows)
{
	run_batches(stream, rows);
}

void
sa_insert_tick(SaStream *stream)
{
	run_batches(stream, NULL);
}
