/*-------------------------------------------------------------------------
 *
 * reader.c
 *	  Readers and their positions.
 *
 * NOTES
 *	  Two things keep batches of a reader apart.  sa_reader_lock() makes a second
 *	  one wait, so that it does not work in vain; and sa_position_advance()
 *	  makes it fail if its idea of the positions is old.  The second alone is
 *	  what exactly-once rests on: it holds whatever started the second batch, a
 *	  worker that was thought dead, a restored dump, or a bug of ours.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "metadata/catalog.h"
#include "metadata/reader.h"
#include "metadata/stream.h"

static void
fill_reader(uint64 row, SaReader *reader)
{
	bool		isnull;

	reader->id = DatumGetInt32(sa_catalog_value(row, 1, &isnull));
	reader->stream = DatumGetObjectId(sa_catalog_value(row, 2, &isnull));
	reader->is_main = DatumGetBool(sa_catalog_value(row, 3, &isnull));
	reader->paused = DatumGetBool(sa_catalog_value(row, 4, &isnull));
	reader->foreign =
		DatumGetInt64(sa_catalog_value(row, 5, &isnull)) != (int64) GetSystemIdentifier() ||
		DatumGetObjectId(sa_catalog_value(row, 6, &isnull)) != MyDatabaseId;
}

#define READER_COLUMNS \
	"reader, stream, is_main, paused, system_identifier, database"

/* The reader that a statement with one argument finds. */
static bool
select_reader(SaStatement *select, Datum argument, SaReader *reader)
{
	SaCatalogScope scope;
	bool		found;

	sa_catalog_begin(&scope);
	found = sa_catalog_execute(select, &argument, NULL) > 0;
	if (found)
		fill_reader(0, reader);
	sa_catalog_end(&scope);
	return found;
}

bool
sa_reader_by_id(int32 id, SaReader *reader)
{
	static SaStatement select = {
		"SELECT " READER_COLUMNS " FROM stream_agg.reader WHERE reader = $1",
		1, {INT4OID}
	};

	return select_reader(&select, Int32GetDatum(id), reader);
}

bool
sa_reader_main(Oid stream, SaReader *reader)
{
	static SaStatement select = {
		"SELECT " READER_COLUMNS " FROM stream_agg.reader"
		" WHERE stream = $1 AND is_main",
		1, {REGCLASSOID}
	};

	return select_reader(&select, ObjectIdGetDatum(stream), reader);
}

int32
sa_reader_create(Oid stream, bool is_main)
{
	static SaStatement insert = {
		"INSERT INTO stream_agg.reader (reader, stream, is_main, system_identifier, database)"
		" VALUES (nextval('stream_agg.reader_id'), $1, $2, $3, $4) RETURNING reader",
		4, {REGCLASSOID, BOOLOID, INT8OID, OIDOID}
	};
	Datum		values[] = {
		ObjectIdGetDatum(stream), BoolGetDatum(is_main),
		Int64GetDatum((int64) GetSystemIdentifier()),
		ObjectIdGetDatum(MyDatabaseId)
	};
	SaCatalogScope scope;
	bool		isnull;
	int32		id;

	sa_catalog_begin(&scope);
	sa_catalog_execute(&insert, values, NULL);
	id = DatumGetInt32(sa_catalog_value(0, 1, &isnull));
	sa_catalog_end(&scope);
	return id;
}

/* Runs a statement whose only argument is a reader's number. */
static uint64
execute_for_reader(SaStatement *statement, int32 id)
{
	Datum		values[] = {Int32GetDatum(id)};
	SaCatalogScope scope;
	uint64		processed;

	sa_catalog_begin(&scope);
	processed = sa_catalog_execute(statement, values, NULL);
	sa_catalog_end(&scope);
	return processed;
}

void
sa_reader_delete(int32 id)
{
	static SaStatement delete = {
		"WITH gone AS (DELETE FROM stream_agg.reader WHERE reader = $1 RETURNING reader)"
		" DELETE FROM stream_agg.position WHERE reader IN (TABLE gone)",
		1, {INT4OID}
	};

	execute_for_reader(&delete, id);
}

void
sa_readers_adopt(void)
{
	static SaStatement update = {
		"UPDATE stream_agg.reader SET system_identifier = $1, database = $2",
		2, {INT8OID, OIDOID}
	};
	Datum		values[] = {
		Int64GetDatum((int64) GetSystemIdentifier()), ObjectIdGetDatum(MyDatabaseId)
	};
	SaCatalogScope scope;

	sa_catalog_begin(&scope);
	sa_catalog_execute(&update, values, NULL);
	sa_catalog_end(&scope);
}

void
sa_reader_promote(int32 id, int32 former_main)
{
	static SaStatement demote = {
		"UPDATE stream_agg.reader SET is_main = false WHERE reader = $1", 1, {INT4OID}
	};
	static SaStatement promote = {
		"UPDATE stream_agg.reader SET is_main = true WHERE reader = $1", 1, {INT4OID}
	};

	execute_for_reader(&demote, former_main);
	execute_for_reader(&promote, id);
}

void
sa_reader_set_paused(int32 id, bool paused)
{
	static SaStatement pause = {
		"UPDATE stream_agg.reader SET paused = true WHERE reader = $1",
		1, {INT4OID}
	};
	static SaStatement resume = {
		"UPDATE stream_agg.reader SET paused = false WHERE reader = $1",
		1, {INT4OID}
	};

	static SaStatement clear_errors = {
		"UPDATE stream_agg.position SET error = NULL"
		" WHERE reader = $1 AND error IS NOT NULL",
		1, {INT4OID}
	};

	execute_for_reader(paused ? &pause : &resume, id);
	if (!paused)
		execute_for_reader(&clear_errors, id);
}

List *
sa_readers_to_run(void)
{
	static SaStatement select = {
		"SELECT " READER_COLUMNS " FROM stream_agg.reader r"
		" WHERE NOT paused AND EXISTS (SELECT FROM stream_agg.continuous_view v"
		" WHERE v.reader = r.reader) ORDER BY reader",
		0
	};
	MemoryContext caller = CurrentMemoryContext;
	SaCatalogScope scope;
	List	   *ids = NIL;
	uint64		count;

	if (!sa_extension_exists())
		return NIL;

	sa_catalog_begin(&scope);
	count = sa_catalog_execute(&select, NULL, NULL);
	for (uint64 i = 0; i < count; i++)
	{
		SaReader	reader;
		MemoryContext old;

		fill_reader(i, &reader);
		if (reader.foreign || !sa_is_stream(reader.stream) ||
			sa_stream_is_in_database(reader.stream))
			continue;
		old = MemoryContextSwitchTo(caller);
		ids = lappend_int(ids, reader.id);
		MemoryContextSwitchTo(old);
	}
	sa_catalog_end(&scope);
	return ids;
}

bool
sa_reader_lock(int32 id, SaReader *reader)
{
	/* an update, since a mere lock would not stop a REPEATABLE READ snapshot */
	static SaStatement update = {
		"UPDATE stream_agg.reader SET batches = batches + 1,"
		" last_batch_at = clock_timestamp()"
		" WHERE reader = $1 RETURNING " READER_COLUMNS,
		1, {INT4OID}
	};

	return select_reader(&update, Int32GetDatum(id), reader);
}

static int64 *
copy_counts(const int64 *counts, int ncounts)
{
	int64	   *copy = palloc(sizeof(int64) * Max(ncounts, 1));

	memcpy(copy, counts, sizeof(int64) * ncounts);
	return copy;
}

SaArrivals
sa_arrivals_copy(const SaArrivals *arrivals)
{
	SaArrivals	copy = *arrivals;

	if (copy.lateness != NULL)
		copy.lateness = copy_counts(copy.lateness, copy.nlateness);
	if (copy.period != NULL)
		copy.period = copy_counts(copy.period, copy.nperiod);
	return copy;
}

/* The sketch over all rows decides nothing, so it does not count. */
bool
sa_arrivals_equal(const SaArrivals *a, const SaArrivals *b)
{
	return a->max_event_time == b->max_event_time && a->delay_us == b->delay_us &&
		a->nperiod == b->nperiod &&
		(a->nperiod == 0 || memcmp(a->period, b->period, sizeof(int64) * a->nperiod) == 0);
}

static int64 *
read_counts(Datum array, int *ncounts)
{
	Datum	   *elements;
	int64	   *counts;

	deconstruct_array(DatumGetArrayTypeP(array), INT8OID, 8, FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &elements, NULL, ncounts);
	counts = palloc(sizeof(int64) * Max(*ncounts, 1));
	for (int i = 0; i < *ncounts; i++)
		counts[i] = DatumGetInt64(elements[i]);
	return counts;
}

/* Zeros at the end are not stored. */
static Datum
make_counts(const int64 *counts, int ncounts)
{
	Datum	   *elements;

	while (ncounts > 0 && counts[ncounts - 1] == 0)
		ncounts--;
	elements = palloc(sizeof(Datum) * Max(ncounts, 1));
	for (int i = 0; i < ncounts; i++)
		elements[i] = Int64GetDatum(counts[i]);
	return PointerGetDatum(construct_array(elements, ncounts, INT8OID, 8,
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* From four columns of a row of SPI_tuptable. */
static void
read_arrivals(uint64 row, int column, SaArrivals *arrivals)
{
	bool		isnull;
	Datum		value;

	value = sa_catalog_value(row, column, &isnull);
	arrivals->max_event_time = isnull ? DT_NOBEGIN : DatumGetTimestampTz(value);
	value = sa_catalog_value(row, column + 1, &isnull);
	arrivals->lateness = read_counts(value, &arrivals->nlateness);
	value = sa_catalog_value(row, column + 2, &isnull);
	arrivals->delay_us = isnull ? -1 : DatumGetInt64(value);
	value = sa_catalog_value(row, column + 3, &isnull);
	arrivals->period = read_counts(value, &arrivals->nperiod);
}

List *
sa_positions_load(int32 reader)
{
	static SaStatement select = {
		"SELECT partition, next_offset, first_offset, end_offset, last_message_at,"
		" error, checked_at, max_event_time, lateness, delay_us, period"
		" FROM stream_agg.position WHERE reader = $1 ORDER BY partition",
		1, {INT4OID}
	};
	Datum		values[] = {Int32GetDatum(reader)};
	MemoryContext caller = CurrentMemoryContext;
	SaCatalogScope scope;
	List	   *positions = NIL;
	uint64		count;

	sa_catalog_begin(&scope);
	count = sa_catalog_execute(&select, values, NULL);
	for (uint64 i = 0; i < count; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(caller);
		SaPosition *position = palloc0(sizeof(SaPosition));
		bool		isnull;
		Datum		value;

		position->partition = DatumGetInt32(sa_catalog_value(i, 1, &isnull));
		position->next_offset = DatumGetInt64(sa_catalog_value(i, 2, &isnull));
		position->first_offset = DatumGetInt64(sa_catalog_value(i, 3, &isnull));
		position->end_offset = DatumGetInt64(sa_catalog_value(i, 4, &isnull));
		value = sa_catalog_value(i, 5, &isnull);
		position->last_message_at = isnull ? 0 : DatumGetTimestampTz(value);
		value = sa_catalog_value(i, 6, &isnull);
		position->error = isnull ? NULL : TextDatumGetCString(value);
		value = sa_catalog_value(i, 7, &isnull);
		position->checked_at = isnull ? 0 : DatumGetTimestampTz(value);
		read_arrivals(i, 8, &position->arrivals);
		positions = lappend(positions, position);
		MemoryContextSwitchTo(old);
	}
	sa_catalog_end(&scope);
	return positions;
}

void
sa_position_insert(int32 reader, const SaPosition *position)
{
	static SaStatement insert = {
		"INSERT INTO stream_agg.position"
		" (reader, partition, next_offset, first_offset, end_offset)"
		" SELECT reader, $2, $3, $4, $5 FROM stream_agg.reader WHERE reader = $1"
		" FOR KEY SHARE",
		5, {INT4OID, INT4OID, INT8OID, INT8OID, INT8OID}
	};
	Datum		values[] = {
		Int32GetDatum(reader), Int32GetDatum(position->partition),
		Int64GetDatum(position->next_offset),
		Int64GetDatum(position->first_offset),
		Int64GetDatum(position->end_offset)
	};
	SaCatalogScope scope;

	sa_catalog_begin(&scope);
	sa_catalog_execute(&insert, values, NULL);
	sa_catalog_end(&scope);
}

void
sa_positions_copy(int32 from_reader, int32 to_reader)
{
	static SaStatement insert = {
		"INSERT INTO stream_agg.position"
		" SELECT $2, partition, next_offset, first_offset, end_offset,"
		" last_message_at, checked_at, error, max_event_time, lateness, delay_us, period"
		" FROM stream_agg.position WHERE reader = $1",
		2, {INT4OID, INT4OID}
	};
	Datum		values[] = {Int32GetDatum(from_reader), Int32GetDatum(to_reader)};
	SaCatalogScope scope;

	sa_catalog_begin(&scope);
	sa_catalog_execute(&insert, values, NULL);
	sa_catalog_end(&scope);
}

void
sa_position_advance(int32 reader, const SaPosition *position, int64 expected)
{
	static SaStatement update = {
		"UPDATE stream_agg.position SET next_offset = $3,"
		" first_offset = $4, end_offset = greatest($5, $3),"
		" last_message_at = $6, error = $7,"
		" max_event_time = $9, lateness = $10, delay_us = $11, period = $12"
		" WHERE reader = $1 AND partition = $2"
#ifndef STREAM_AGG_NEGATIVE_CONTROL	/* see doc/testing.md */
		" AND next_offset = $8"
#else
		" AND $8 IS NOT NULL"
#endif
		,
		12, {
			INT4OID, INT4OID, INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID,
			TEXTOID, INT8OID, TIMESTAMPTZOID, INT8ARRAYOID, INT8OID, INT8ARRAYOID
		}
	};
	const SaArrivals *arrivals = &position->arrivals;
	Datum		values[] = {
		Int32GetDatum(reader), Int32GetDatum(position->partition),
		Int64GetDatum(position->next_offset),
		Int64GetDatum(position->first_offset),
		Int64GetDatum(position->end_offset),
		TimestampTzGetDatum(position->last_message_at),
		(Datum) 0,
		Int64GetDatum(expected),
		TimestampTzGetDatum(arrivals->max_event_time),
		make_counts(arrivals->lateness, arrivals->nlateness),
		Int64GetDatum(arrivals->delay_us),
		make_counts(arrivals->period, arrivals->nperiod)
	};
	char		nulls[] = "            ";
	SaCatalogScope scope;

	if (position->last_message_at == 0)
		nulls[5] = 'n';
	if (position->error != NULL)
		values[6] = CStringGetTextDatum(position->error);
	else
		nulls[6] = 'n';
	if (arrivals->max_event_time == DT_NOBEGIN)
		nulls[8] = 'n';
	if (arrivals->delay_us < 0)
		nulls[10] = 'n';

	sa_catalog_begin(&scope);
	if (sa_catalog_execute(&update, values, nulls) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("position of reader %d in partition %d is no longer " INT64_FORMAT,
						reader, position->partition, expected),
				 errdetail("Another process has read on from there.")));
	sa_catalog_end(&scope);
}

void
sa_position_set_bounds(int32 reader, int32 partition,
					   int64 first_offset, int64 end_offset)
{
	static SaStatement update = {
		"UPDATE stream_agg.position SET first_offset = $3, end_offset = $4,"
		" checked_at = clock_timestamp() WHERE reader = $1 AND partition = $2",
		4, {INT4OID, INT4OID, INT8OID, INT8OID}
	};
	Datum		values[] = {
		Int32GetDatum(reader), Int32GetDatum(partition),
		Int64GetDatum(first_offset), Int64GetDatum(end_offset)
	};
	SaCatalogScope scope;

	sa_catalog_begin(&scope);
	sa_catalog_execute(&update, values, NULL);
	sa_catalog_end(&scope);
}

void
sa_position_set_error(int32 reader, int32 partition, const char *error)
{
	static SaStatement update = {
		"UPDATE stream_agg.position SET error = $3"
		" WHERE reader = $1 AND partition = $2 AND error IS DISTINCT FROM $3",
		3, {INT4OID, INT4OID, TEXTOID}
	};
	Datum		values[] = {
		Int32GetDatum(reader), Int32GetDatum(partition), (Datum) 0
	};
	SaCatalogScope scope;

	if (error != NULL)
		values[2] = CStringGetTextDatum(error);
	sa_catalog_begin(&scope);
	sa_catalog_execute(&update, values, error != NULL ? NULL : "  n");
	sa_catalog_end(&scope);
}

void
sa_gap_record(int32 reader, Oid stream, const char *topic, int32 partition,
			  int64 from_offset, int64 to_offset, const char *reason)
{
	static SaStatement insert = {
		"INSERT INTO stream_agg.gap"
		" (stream, reader, topic, partition, from_offset, to_offset, reason)"
		" SELECT $2, $1, $3, $4, $5, $6, $7 WHERE NOT EXISTS"
		" (SELECT FROM stream_agg.gap WHERE reader = $1 AND partition = $4"
		" AND from_offset = $5 AND to_offset = $6)",
		7, {INT4OID, REGCLASSOID, TEXTOID, INT4OID, INT8OID, INT8OID, TEXTOID}
	};
	Datum		values[] = {
		Int32GetDatum(reader), ObjectIdGetDatum(stream),
		CStringGetTextDatum(topic), Int32GetDatum(partition),
		Int64GetDatum(from_offset), Int64GetDatum(to_offset),
		CStringGetTextDatum(reason)
	};
	SaCatalogScope scope;

	sa_catalog_begin(&scope);
	sa_catalog_execute(&insert, values, NULL);
	sa_catalog_end(&scope);
}
