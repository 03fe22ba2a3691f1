/*-------------------------------------------------------------------------
 *
 * reject.c
 *	  Rows that were not used: dead letters and late rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "metadata/catalog.h"
#include "metadata/reject.h"
#include "stream_agg.h"

void
sa_dead_letter_record(const SaDeadLetter *letter)
{
	static SaStatement insert = {
		"INSERT INTO stream_agg.dead_letter (stream, view, topic, partition, \"offset\","
		" key, value, sqlstate, reason, detail, recorded_at)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp())"
		" ON CONFLICT DO NOTHING",
		10, {
			REGCLASSOID, REGCLASSOID, TEXTOID, INT4OID, INT8OID, BYTEAOID, BYTEAOID,
			TEXTOID, TEXTOID, TEXTOID
		}
	};
	Datum		values[] = {
		ObjectIdGetDatum(letter->stream), ObjectIdGetDatum(letter->view),
		CStringGetTextDatum(letter->topic), Int32GetDatum(letter->partition),
		Int64GetDatum(letter->offset), PointerGetDatum(letter->key),
		PointerGetDatum(letter->value),
		CStringGetTextDatum(unpack_sql_state(letter->sqlstate)),
		CStringGetTextDatum(letter->reason), (Datum) 0
	};
	char		nulls[] = "          ";
	SaCatalogScope scope;

	if (!OidIsValid(letter->view))
		nulls[1] = 'n';
	if (letter->key == NULL)
		nulls[5] = 'n';
	if (letter->value == NULL)
		nulls[6] = 'n';
	if (letter->detail != NULL)
		values[9] = CStringGetTextDatum(letter->detail);
	else
		nulls[9] = 'n';

	sa_catalog_begin(&scope);
	sa_catalog_execute(&insert, values, nulls);
	sa_catalog_end(&scope);
}

void
sa_dead_group_record(const SaDeadLetter *letter)
{
	static SaStatement next = {
		"SELECT coalesce(max(\"offset\") + 1, 0) FROM stream_agg.dead_letter"
		" WHERE stream = $1 AND partition = -1 AND view = $2",
		2, {REGCLASSOID, REGCLASSOID}
	};
	Datum		values[] = {ObjectIdGetDatum(letter->stream), ObjectIdGetDatum(letter->view)};
	SaDeadLetter numbered = *letter;
	SaCatalogScope scope;
	bool		isnull;

	sa_catalog_begin(&scope);
	sa_catalog_execute(&next, values, NULL);
	numbered.offset = DatumGetInt64(sa_catalog_value(0, 1, &isnull));
	sa_catalog_end(&scope);
	numbered.partition = -1;
	sa_dead_letter_record(&numbered);
}

/* The columns of stream_agg.late_row, in their order. */
static void
store_late_row(TupleTableSlot *slot, const SaLateRow *row, Datum topic, TimestampTz now)
{
	Datum		values[] = {
		ObjectIdGetDatum(row->view), ObjectIdGetDatum(row->stream), topic,
		Int32GetDatum(row->partition), Int64GetDatum(row->offset),
		TimestampTzGetDatum(row->event_time),
		TimestampTzGetDatum(row->window_start),
		TimestampTzGetDatum(row->window_end),
		TimestampTzGetDatum(row->watermark), JsonbPGetDatum(row->row),
		TimestampTzGetDatum(now)
	};

	Assert(slot->tts_tupleDescriptor->natts == lengthof(values));
	ExecClearTuple(slot);
	memcpy(slot->tts_values, values, sizeof(values));
	memset(slot->tts_isnull, false, lengthof(values));
	ExecStoreVirtualTuple(slot);
}

/*
 * As COPY does it: a statement per row would be most of a late row's cost.  What
 * it allocates is left to the caller's context.
 */
void
sa_late_rows_record(const SaLateRow *rows, int nrows)
{
	Oid			relid = get_relname_relid("late_row", get_namespace_oid(SA_SCHEMA, false));
	Relation	rel = table_open(relid, RowExclusiveLock);
	EState	   *estate = CreateExecutorState();
	ResultRelInfo *result = makeNode(ResultRelInfo);
	TupleDesc	desc = CreateTupleDescCopy(RelationGetDescr(rel));
	TupleTableSlot **slots = palloc(sizeof(TupleTableSlot *) * nrows);
	Datum		topic = CStringGetTextDatum(rows[0].topic);
	TimestampTz now = GetCurrentTimestamp();

	sa_init_result_range_table(estate, rel);
	InitResultRelInfo(result, rel, 1, NULL, 0);
	ExecOpenIndices(result, false);
	for (int i = 0; i < nrows; i++)
	{
		/* not the relation's own descriptor, of which each slot would keep account */
		slots[i] = MakeTupleTableSlot(desc, table_slot_callbacks(rel));
		store_late_row(slots[i], &rows[i], topic, now);
	}
	table_multi_insert(rel, slots, nrows, GetCurrentCommandId(true), 0, NULL);
	for (int i = 0; i < nrows; i++)
	{
		sa_insert_index_tuples(result, slots[i], estate);
		ResetPerTupleExprContext(estate);
		ExecClearTuple(slots[i]);
	}
	ExecCloseIndices(result);
	ExecCloseResultRelations(estate);
	FreeExecutorState(estate);
	table_close(rel, NoLock);
}
