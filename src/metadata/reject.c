/*-------------------------------------------------------------------------
 *
 * reject.c
 *	  Rows that were not used: dead letters and late rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "metadata/catalog.h"
#include "metadata/reject.h"

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
sa_late_row_record(const SaLateRow *row)
{
	static SaStatement insert = {
		"INSERT INTO stream_agg.late_row (view, stream, topic, partition, \"offset\","
		" event_time, window_start, window_end, watermark, row_data, recorded_at)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp())",
		10, {
			REGCLASSOID, REGCLASSOID, TEXTOID, INT4OID, INT8OID, TIMESTAMPTZOID,
			TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, JSONBOID
		}
	};
	Datum		values[] = {
		ObjectIdGetDatum(row->view), ObjectIdGetDatum(row->stream),
		CStringGetTextDatum(row->topic), Int32GetDatum(row->partition),
		Int64GetDatum(row->offset), TimestampTzGetDatum(row->event_time),
		TimestampTzGetDatum(row->window_start),
		TimestampTzGetDatum(row->window_end),
		TimestampTzGetDatum(row->watermark), JsonbPGetDatum(row->row)
	};
	SaCatalogScope scope;

	sa_catalog_begin(&scope);
	sa_catalog_execute(&insert, values, NULL);
	sa_catalog_end(&scope);
}
