/*-------------------------------------------------------------------------
 *
 * view.c
 *	  Catalog rows of continuous views, their watermarks and counters.
 *
 * NOTES
 *	  Watermarks are one row per view with an array over partitions, so that a
 *	  batch writes one row per view however many partitions there are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "metadata/catalog.h"
#include "metadata/view.h"

#define VIEW_COLUMNS \
	"view, definition, data, stream, reader, kind, owns_data, emit, late, start, settings, state_version,"\
	" allowed_lateness_us, panes, kept, late_function, retention_us, state_ttl_us"

static Datum
text_array(List *strings)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(list_length(strings), 1));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, strings)
		elements[n++] = CStringGetTextDatum((char *) lfirst(lc));
	return PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

static List *
string_list(Datum array)
{
	Datum	   *elements;
	int			n;
	List	   *strings = NIL;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, NULL, &n);
	for (int i = 0; i < n; i++)
		strings = lappend(strings, TextDatumGetCString(elements[i]));
	return strings;
}

static Datum
regclass_array(List *oids)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(list_length(oids), 1));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, oids)
		elements[n++] = ObjectIdGetDatum(lfirst_oid(lc));
	return PointerGetDatum(construct_array(elements, n, REGCLASSOID, sizeof(Oid), true,
										   TYPALIGN_INT));
}

static List *
oid_list(Datum array)
{
	Datum	   *elements;
	int			n;
	List	   *oids = NIL;

	deconstruct_array(DatumGetArrayTypeP(array), REGCLASSOID, sizeof(Oid), true,
					  TYPALIGN_INT, &elements, NULL, &n);
	for (int i = 0; i < n; i++)
		oids = lappend_oid(oids, DatumGetObjectId(elements[i]));
	return oids;
}

static int64
length_or_none(Datum value, bool isnull)
{
	return isnull ? -1 : DatumGetInt64(value);
}

/* A view from a result row with VIEW_COLUMNS, in CurrentMemoryContext. */
static SaView *
make_view(uint64 row)
{
	SaView	   *view = palloc0(sizeof(SaView));
	Datum		value;
	bool		isnull;

	view->view = DatumGetObjectId(sa_catalog_value(row, 1, &isnull));
	view->definition = DatumGetObjectId(sa_catalog_value(row, 2, &isnull));
	view->data = DatumGetObjectId(sa_catalog_value(row, 3, &isnull));
	view->stream = DatumGetObjectId(sa_catalog_value(row, 4, &isnull));
	view->reader = DatumGetInt32(sa_catalog_value(row, 5, &isnull));
	view->kind = strcmp(TextDatumGetCString(sa_catalog_value(row, 6, &isnull)),
						"load") == 0 ? SA_VIEW_LOAD : SA_VIEW_AGGREGATE;
	view->owns_data = DatumGetBool(sa_catalog_value(row, 7, &isnull));
	view->emit_final = strcmp(TextDatumGetCString(sa_catalog_value(row, 8, &isnull)),
							  "final") == 0;
	view->late_drop = strcmp(TextDatumGetCString(sa_catalog_value(row, 9, &isnull)),
							 "drop") == 0;
	view->start = TextDatumGetCString(sa_catalog_value(row, 10, &isnull));
	view->settings = string_list(sa_catalog_value(row, 11, &isnull));
	view->state_version = DatumGetInt32(sa_catalog_value(row, 12, &isnull));
	view->allowed_lateness_us = DatumGetInt64(sa_catalog_value(row, 13, &isnull));
	view->panes = DatumGetObjectId(sa_catalog_value(row, 14, &isnull));
	view->kept = oid_list(sa_catalog_value(row, 15, &isnull));
	value = sa_catalog_value(row, 16, &isnull);
	view->late_function = isnull ? NULL : TextDatumGetCString(value);
	value = sa_catalog_value(row, 17, &isnull);
	view->retention_us = length_or_none(value, isnull);
	value = sa_catalog_value(row, 18, &isnull);
	view->state_ttl_us = length_or_none(value, isnull);
	return view;
}

/* The views that a statement with one argument finds. */
static List *
select_views(SaStatement *select, Datum argument)
{
	MemoryContext caller = CurrentMemoryContext;
	SaCatalogScope scope;
	List	   *views = NIL;
	uint64		count;

	sa_catalog_begin(&scope);
	count = sa_catalog_execute(select, &argument, NULL);
	for (uint64 i = 0; i < count; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(caller);

		views = lappend(views, make_view(i));
		MemoryContextSwitchTo(old);
	}
	sa_catalog_end(&scope);
	return views;
}

void
sa_view_insert(const SaView *view)
{
	static SaStatement insert = {
		"INSERT INTO stream_agg.continuous_view (" VIEW_COLUMNS ")"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
		18, {
			REGCLASSOID, REGCLASSOID, REGCLASSOID, REGCLASSOID, INT4OID, TEXTOID,
			BOOLOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, INT4OID, INT8OID,
			REGCLASSOID, REGCLASSARRAYOID, TEXTOID, INT8OID, INT8OID
		}
	};
	static SaStatement insert_progress = {
		"INSERT INTO stream_agg.progress (view) VALUES ($1)", 1, {REGCLASSOID}
	};
	Datum		values[] = {
		ObjectIdGetDatum(view->view), ObjectIdGetDatum(view->definition),
		ObjectIdGetDatum(view->data), ObjectIdGetDatum(view->stream),
		Int32GetDatum(view->reader),
		CStringGetTextDatum(view->kind == SA_VIEW_LOAD ? "load" : "aggregate"),
		BoolGetDatum(view->owns_data),
		CStringGetTextDatum(view->emit_final ? "final" : "changes"),
		CStringGetTextDatum(view->late_drop ? "drop" : "record"),
		CStringGetTextDatum(view->start), text_array(view->settings),
		Int32GetDatum(view->state_version), Int64GetDatum(view->allowed_lateness_us),
		ObjectIdGetDatum(view->panes), regclass_array(view->kept),
		view->late_function != NULL ? CStringGetTextDatum(view->late_function) : (Datum) 0,
		Int64GetDatum(view->retention_us), Int64GetDatum(view->state_ttl_us)
	};
	char		nulls[] = "                  ";
	SaCatalogScope scope;

	if (!OidIsValid(view->panes))
		nulls[13] = 'n';
	if (view->late_function == NULL)
		nulls[15] = 'n';
	if (view->retention_us < 0)
		nulls[16] = 'n';
	if (view->state_ttl_us < 0)
		nulls[17] = 'n';

	sa_catalog_begin(&scope);
	sa_catalog_execute(&insert, values, nulls);
	sa_catalog_execute(&insert_progress, values, NULL);
	sa_catalog_end(&scope);
}

void
sa_view_update_options(const SaView *view)
{
	static SaStatement update = {
		"UPDATE stream_agg.continuous_view SET late = $2, late_function = $3, retention_us = $4"
		" WHERE view = $1",
		4, {REGCLASSOID, TEXTOID, TEXTOID, INT8OID}
	};
	Datum		values[] = {
		ObjectIdGetDatum(view->view),
		CStringGetTextDatum(view->late_drop ? "drop" : "record"),
		view->late_function != NULL ? CStringGetTextDatum(view->late_function) : (Datum) 0,
		Int64GetDatum(view->retention_us)
	};
	char		nulls[] = "    ";
	SaCatalogScope scope;

	if (view->late_function == NULL)
		nulls[2] = 'n';
	if (view->retention_us < 0)
		nulls[3] = 'n';
	sa_catalog_begin(&scope);
	sa_catalog_execute(&update, values, nulls);
	sa_catalog_end(&scope);
}

/*
 * The main reader stays: its positions are those of the stream.
 */
static void
delete_own_reader(int32 reader)
{
	static SaStatement delete = {
		"WITH gone AS (DELETE FROM stream_agg.reader r WHERE reader = $1 AND NOT is_main"
		" AND NOT EXISTS (SELECT FROM stream_agg.continuous_view v"
		" WHERE v.reader = r.reader) RETURNING reader)"
		" DELETE FROM stream_agg.position WHERE reader IN (TABLE gone)",
		1, {INT4OID}
	};
	Datum		values[] = {Int32GetDatum(reader)};

	sa_catalog_execute(&delete, values, NULL);
}

void
sa_view_delete(const SaView *view)
{
	static SaStatement statements[] = {
		{"DELETE FROM stream_agg.continuous_view WHERE view = $1", 1, {REGCLASSOID}},
		{"DELETE FROM stream_agg.progress WHERE view = $1", 1, {REGCLASSOID}},
		{"DELETE FROM stream_agg.dead_letter WHERE view = $1", 1, {REGCLASSOID}},
		{"DELETE FROM stream_agg.late_row WHERE view = $1", 1, {REGCLASSOID}}
	};
	Datum		values[] = {ObjectIdGetDatum(view->view)};
	SaCatalogScope scope;

	sa_catalog_begin(&scope);
	for (int i = 0; i < lengthof(statements); i++)
		sa_catalog_execute(&statements[i], values, NULL);
	delete_own_reader(view->reader);
	sa_catalog_end(&scope);
}

SaView *
sa_view_by_part(Oid relid)
{
	static SaStatement select = {
		"SELECT " VIEW_COLUMNS " FROM stream_agg.continuous_view"
		" WHERE view = $1 OR definition = $1 OR (data = $1 AND owns_data)"
		" OR panes = $1 OR $1 = ANY (kept)",
		1, {REGCLASSOID}
	};
	List	   *views = select_views(&select, ObjectIdGetDatum(relid));

	return views == NIL ? NULL : linitial(views);
}

List *
sa_view_tables(const SaView *view)
{
	List	   *tables = list_copy(view->kept);

	if (OidIsValid(view->panes))
		tables = lappend_oid(tables, view->panes);
	if (view->owns_data)
		tables = lappend_oid(tables, view->data);
	return tables;
}

List *
sa_views_of_reader(int32 reader)
{
	static SaStatement select = {
		"SELECT " VIEW_COLUMNS " FROM stream_agg.continuous_view"
		" WHERE reader = $1 ORDER BY view::oid",
		1, {INT4OID}
	};

	return select_views(&select, Int32GetDatum(reader));
}

List *
sa_views_of_stream(Oid stream)
{
	static SaStatement select = {
		"SELECT " VIEW_COLUMNS " FROM stream_agg.continuous_view"
		" WHERE stream = $1 ORDER BY view::oid",
		1, {REGCLASSOID}
	};

	return select_views(&select, ObjectIdGetDatum(stream));
}

List *
sa_readers_of_stream(Oid stream)
{
	List	   *readers = NIL;
	ListCell   *lc;

	foreach(lc, sa_views_of_stream(stream))
		readers = list_append_unique_int(readers, ((SaView *) lfirst(lc))->reader);
	list_sort(readers, list_int_cmp);
	return readers;
}

bool
sa_server_has_views(Oid serverid)
{
	static SaStatement select = {
		"SELECT FROM stream_agg.continuous_view v"
		" JOIN pg_foreign_table t ON t.ftrelid = v.stream WHERE t.ftserver = $1",
		1, {OIDOID}
	};
	Datum		values[] = {ObjectIdGetDatum(serverid)};
	SaCatalogScope scope;
	bool		found;

	sa_catalog_begin(&scope);
	found = sa_catalog_execute(&select, values, NULL) > 0;
	sa_catalog_end(&scope);
	return found;
}

void
sa_view_set_reader(Oid view, int32 reader)
{
	static SaStatement update = {
		"UPDATE stream_agg.continuous_view SET reader = $2 WHERE view = $1",
		2, {REGCLASSOID, INT4OID}
	};
	Datum		values[] = {ObjectIdGetDatum(view), Int32GetDatum(reader)};
	SaCatalogScope scope;

	sa_catalog_begin(&scope);
	sa_catalog_execute(&update, values, NULL);
	sa_catalog_end(&scope);
}

void
sa_progress_extend(SaProgress *progress, int npartitions)
{
	if (npartitions <= progress->npartitions)
		return;
	if (progress->partitions == NULL)
		progress->partitions = palloc(sizeof(TimestampTz) * npartitions);
	else
		progress->partitions = repalloc(progress->partitions,
										sizeof(TimestampTz) * npartitions);
	for (int i = progress->npartitions; i < npartitions; i++)
		progress->partitions[i] = DT_NOBEGIN;
	progress->npartitions = npartitions;
}

static void
read_progress_arrays(SaProgress *progress, Datum watermarks, Datum times)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(watermarks), TIMESTAMPTZOID, 8,
					  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, &nulls, &n);
	sa_progress_extend(progress, n);
	for (int i = 0; i < n; i++)
	{
		if (!nulls[i])
			progress->partitions[i] = DatumGetTimestampTz(elements[i]);
	}

	deconstruct_array(DatumGetArrayTypeP(times), INT8OID, 8, FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &elements, NULL, &n);
	progress->ntimes = n;
	progress->times = palloc(sizeof(int64) * Max(n, 1));
	for (int i = 0; i < n; i++)
		progress->times[i] = DatumGetInt64(elements[i]);
}

SaProgress *
sa_progress_load(Oid view)
{
	static SaStatement select = {
		"SELECT watermark, partition_watermarks, rows_in, rows_late, rows_dead, batch_times"
		" FROM stream_agg.progress WHERE view = $1",
		1, {REGCLASSOID}
	};
	Datum		values[] = {ObjectIdGetDatum(view)};
	SaProgress *progress = palloc0(sizeof(SaProgress));
	MemoryContext caller = CurrentMemoryContext;
	SaCatalogScope scope;
	MemoryContext spi;
	bool		isnull;
	Datum		watermark;

	sa_catalog_begin(&scope);
	if (sa_catalog_execute(&select, values, NULL) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("progress of continuous view \"%s\" is missing",
						get_rel_name(view))));
	spi = MemoryContextSwitchTo(caller);
	watermark = sa_catalog_value(0, 1, &isnull);
	progress->watermark = isnull ? DT_NOBEGIN : DatumGetTimestampTz(watermark);
	progress->rows_in = DatumGetInt64(sa_catalog_value(0, 3, &isnull));
	progress->rows_late = DatumGetInt64(sa_catalog_value(0, 4, &isnull));
	progress->rows_dead = DatumGetInt64(sa_catalog_value(0, 5, &isnull));
	read_progress_arrays(progress, sa_catalog_value(0, 2, &isnull),
						 sa_catalog_value(0, 6, &isnull));
	MemoryContextSwitchTo(spi);
	sa_catalog_end(&scope);
	return progress;
}

void
sa_progress_save(Oid view, const SaProgress *progress)
{
	static SaStatement update = {
		"UPDATE stream_agg.progress SET watermark = $2, partition_watermarks = $3,"
		" rows_in = $4, rows_late = $5, rows_dead = $6, batch_times = $7"
		" WHERE view = $1",
		7, {
			REGCLASSOID, TIMESTAMPTZOID, TIMESTAMPTZARRAYOID, INT8OID, INT8OID,
			INT8OID, INT8ARRAYOID
		}
	};
	Datum	   *elements = palloc(sizeof(Datum) * Max(progress->npartitions, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(progress->npartitions, 1));
	Datum	   *times = palloc(sizeof(Datum) * Max(progress->ntimes, 1));
	int			dims[1] = {progress->npartitions};
	int			bounds[1] = {1};
	Datum		values[7];
	SaCatalogScope scope;

	for (int i = 0; i < progress->npartitions; i++)
	{
		elements[i] = TimestampTzGetDatum(progress->partitions[i]);
		nulls[i] = (progress->partitions[i] == DT_NOBEGIN);
	}
	for (int i = 0; i < progress->ntimes; i++)
		times[i] = Int64GetDatum(progress->times[i]);

	values[0] = ObjectIdGetDatum(view);
	values[1] = TimestampTzGetDatum(progress->watermark);
	values[2] = PointerGetDatum(construct_md_array(elements, nulls, 1, dims, bounds,
												   TIMESTAMPTZOID, 8, FLOAT8PASSBYVAL,
												   TYPALIGN_DOUBLE));
	values[3] = Int64GetDatum(progress->rows_in);
	values[4] = Int64GetDatum(progress->rows_late);
	values[5] = Int64GetDatum(progress->rows_dead);
	values[6] = PointerGetDatum(construct_array(times, progress->ntimes, INT8OID, 8,
												FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));

	sa_catalog_begin(&scope);
	sa_catalog_execute(&update, values,
					   progress->watermark == DT_NOBEGIN ? " n     " : NULL);
	sa_catalog_end(&scope);
}

TimestampTz
sa_progress_watermark(Oid data)
{
	static SaStatement select = {
		"SELECT p.watermark FROM stream_agg.continuous_view v"
		" JOIN stream_agg.progress p ON p.view = v.view"
		" WHERE v.data = $1 AND v.owns_data",
		1, {REGCLASSOID}
	};
	Datum		values[] = {ObjectIdGetDatum(data)};
	TimestampTz watermark = DT_NOBEGIN;
	SaCatalogScope scope;

	sa_catalog_begin(&scope);
	if (sa_catalog_query(&select, values, NULL) > 0)
	{
		bool		isnull;
		Datum		value = sa_catalog_value(0, 1, &isnull);

		if (!isnull)
			watermark = DatumGetTimestampTz(value);
	}
	sa_catalog_end(&scope);
	return watermark;
}

void
sa_stream_forget(Oid stream)
{
	static SaStatement statements[] = {
		{
			"WITH gone AS (DELETE FROM stream_agg.reader WHERE stream = $1 RETURNING reader)"
			" DELETE FROM stream_agg.position WHERE reader IN (TABLE gone)",
			1, {REGCLASSOID}
		},
		{"DELETE FROM stream_agg.dead_letter WHERE stream = $1", 1, {REGCLASSOID}},
		{"DELETE FROM stream_agg.late_row WHERE stream = $1", 1, {REGCLASSOID}},
		{"DELETE FROM stream_agg.gap WHERE stream = $1", 1, {REGCLASSOID}}
	};
	Datum		values[] = {ObjectIdGetDatum(stream)};
	SaCatalogScope scope;

	sa_catalog_begin(&scope);
	for (int i = 0; i < lengthof(statements); i++)
		sa_catalog_execute(&statements[i], values, NULL);
	sa_catalog_end(&scope);
}
