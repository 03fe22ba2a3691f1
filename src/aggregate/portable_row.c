/*-------------------------------------------------------------------------
 *
 * portable_row.c
 *	  Rows as bytes that outlive a dump, a restore and changes of their type.
 *
 * NOTES
 *	  Stored: the type's OID and the number of columns, then of each column its
 *	  number and name; if the row is anonymous also its type and collation, which
 *	  nobody else knows; the form; the length, so that a reader can go past a
 *	  column that is gone; the value.  A length of -1 means NULL.
 *
 *	  A row type may gain, lose and rename columns while rows of it are stored,
 *	  above all when it is that of a stream (last(stream, event_time)).  So a
 *	  column is found by its name, and if there is none of that name, by its
 *	  number; a column that no stored one is found for is NULL.  Numbers count
 *	  only while the type has the OID that was stored: a restore gives new OIDs,
 *	  and new numbers where columns were dropped.
 *
 *	  Types and collations of anonymous rows are stored by OID if PostgreSQL's
 *	  sources assign it, else by name.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/tupdesc.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "aggregate/portable_private.h"
#include "base/compat.h"

/* A row type, with its columns' types looked up. */
typedef struct SaRowShape
{
	MemoryContext context;		/* what all of this lives in */
	uint64		identifier;		/* changes when the row type does */
	TupleDesc	desc;
	SaDatumType **types;		/* NULL for dropped columns */
} RowShape;

/* A column of a stored row. */
typedef struct StoredColumn
{
	int			attnum;
	char	   *name;
	Oid			typid;			/* of an anonymous row's column */
	Oid			collation;		/* likewise */
	int			form;
	int			offset;			/* of the value */
	int			len;			/* -1: NULL */
} StoredColumn;

static RowShape *row_shape(SaDatumType *type, Oid typid, int32 typmod);
static void write_column(SaDatumType *type, Datum value, bool isnull,
						 StringInfo out);
static Datum read_named_row(SaDatumType *type, StringInfo in);
static Datum read_anonymous_row(SaDatumType *type, StringInfo in);
static int	read_columns(StringInfo in, bool anonymous, StoredColumn **columns);
static void read_column(StringInfo in, bool anonymous, StoredColumn *column);
static const StoredColumn **match_columns(const RowShape *shape,
										  const StoredColumn *columns, int count,
										  bool by_number);
static Datum read_column_value(SaDatumType *type, StringInfo in,
							   const StoredColumn *column);
static void write_type_name(Oid typid, StringInfo out);
static Oid	read_type_name(StringInfo in);
static void write_collation_name(Oid collation, StringInfo out);
static Oid	read_collation_name(StringInfo in);

void
sa_datum_write_row(SaDatumType *type, Datum value, StringInfo out)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(value);
	RowShape   *shape = row_shape(type, HeapTupleHeaderGetTypeId(header),
								  HeapTupleHeaderGetTypMod(header));
	int			natts = shape->desc->natts;
	Datum	   *values = palloc(sizeof(Datum) * Max(natts, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(natts, 1));
	int			live = 0;
	HeapTupleData tuple;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	heap_deform_tuple(&tuple, shape->desc, values, nulls);

	for (int i = 0; i < natts; i++)
		live += shape->types[i] != NULL;
	pq_sendint32(out, type->typid);
	pq_sendint16(out, live);
	for (int i = 0; i < natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(shape->desc, i);

		if (att->attisdropped)
			continue;
		pq_sendint16(out, att->attnum);
		sa_datum_write_bytes(out, NameStr(att->attname), strlen(NameStr(att->attname)));
		if (type->typid == RECORDOID)
		{
			write_type_name(att->atttypid, out);
			write_collation_name(att->attcollation, out);
		}
		write_column(shape->types[i], values[i], nulls[i], out);
	}
}

Datum
sa_datum_read_row(SaDatumType *type, StringInfo in)
{
	if (type->typid == RECORDOID)
		return read_anonymous_row(type, in);
	return read_named_row(type, in);
}

/*
 * The columns of a row type.  Looked up once: a named type stays the same until
 * it is altered, and so does an anonymous one that comes from one expression.
 */
static RowShape *
row_shape(SaDatumType *type, Oid typid, int32 typmod)
{
	uint64		identifier = assign_record_type_identifier(typid, typmod);
	MemoryContext context;
	MemoryContext old;
	RowShape   *shape;

	if (type->row != NULL && type->row->identifier == identifier)
		return type->row;

	if (type->row != NULL)
		MemoryContextDelete(type->row->context);
	type->row = NULL;
	context = AllocSetContextCreate(type->context, "stream_agg row type",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	shape = palloc0(sizeof(RowShape));
	shape->context = context;
	shape->identifier = identifier;
	shape->desc = lookup_rowtype_tupdesc_copy(typid, typmod);
	shape->types = palloc0(sizeof(SaDatumType *) * Max(shape->desc->natts, 1));
	for (int i = 0; i < shape->desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(shape->desc, i);

		if (!att->attisdropped)
			shape->types[i] = sa_datum_type(att->atttypid);
	}
	type->row = shape;
	MemoryContextSwitchTo(old);
	return shape;
}

static void
write_column(SaDatumType *type, Datum value, bool isnull, StringInfo out)
{
	int			start;
	uint32		len;

	pq_sendbyte(out, type->form);
	start = out->len;
	pq_sendint32(out, isnull ? -1 : 0);
	if (isnull)
		return;
	sa_datum_write(type, value, out);
	len = pg_hton32(out->len - start - sizeof(len));
	memcpy(out->data + start, &len, sizeof(len));
}

static Datum
read_named_row(SaDatumType *type, StringInfo in)
{
	RowShape   *shape = row_shape(type, type->typid, -1);
	int			natts = shape->desc->natts;
	bool		same_type = (Oid) pq_getmsgint(in, 4) == type->typid;
	Datum	   *values = palloc0(sizeof(Datum) * Max(natts, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(natts, 1));
	StoredColumn *columns;
	int			count = read_columns(in, false, &columns);
	const StoredColumn **matched = match_columns(shape, columns, count, same_type);

	for (int i = 0; i < natts; i++)
	{
		nulls[i] = matched[i] == NULL || matched[i]->len < 0;
		if (!nulls[i])
			values[i] = read_column_value(shape->types[i], in, matched[i]);
	}
	return HeapTupleGetDatum(heap_form_tuple(shape->desc, values, nulls));
}

static Datum
read_anonymous_row(SaDatumType *type, StringInfo in)
{
	StoredColumn *columns;
	TupleDesc	desc;
	RowShape   *shape;
	Datum	   *values;
	bool	   *nulls;
	int			count;

	(void) pq_getmsgint(in, 4);
	count = read_columns(in, true, &columns);
	values = palloc0(sizeof(Datum) * Max(count, 1));
	nulls = palloc(sizeof(bool) * Max(count, 1));
	desc = CreateTemplateTupleDesc(count);
	for (int i = 0; i < count; i++)
	{
		TupleDescInitEntry(desc, i + 1, columns[i].name, columns[i].typid, -1, 0);
		TupleDescInitEntryCollation(desc, i + 1, columns[i].collation);
	}
	desc = BlessTupleDesc(desc);
	shape = row_shape(type, desc->tdtypeid, desc->tdtypmod);
	for (int i = 0; i < count; i++)
	{
		nulls[i] = columns[i].len < 0;
		if (!nulls[i])
			values[i] = read_column_value(shape->types[i], in, &columns[i]);
	}
	return HeapTupleGetDatum(heap_form_tuple(shape->desc, values, nulls));
}

/* Reads the columns of a row, without their values; returns how many. */
static int
read_columns(StringInfo in, bool anonymous, StoredColumn **columns)
{
	int			count = (int) pq_getmsgint(in, 2);

	if (count > MaxTupleAttributeNumber)
		sa_datum_corrupt();
	*columns = palloc(sizeof(StoredColumn) * Max(count, 1));
	for (int i = 0; i < count; i++)
		read_column(in, anonymous, &(*columns)[i]);
	return count;
}

/* Everything of a column up to its value; leaves "in" behind the value. */
static void
read_column(StringInfo in, bool anonymous, StoredColumn *column)
{
	int			len;

	column->attnum = (int) pq_getmsgint(in, 2);
	column->name = sa_datum_read_string(in, &len);
	if (len >= NAMEDATALEN)
		sa_datum_corrupt();
	column->typid = anonymous ? read_type_name(in) : InvalidOid;
	column->collation = anonymous ? read_collation_name(in) : InvalidOid;
	column->form = pq_getmsgbyte(in);
	column->len = (int) pq_getmsgint(in, 4);
	column->offset = in->cursor;
	if (column->len < -1)
		sa_datum_corrupt();
	if (column->len > 0)
		(void) pq_getmsgbytes(in, column->len);
}

/*
 * Which stored column goes into which column of the row: by name, and what is
 * left by number, if that is allowed, into columns that no name has found.
 */
static const StoredColumn **
match_columns(const RowShape *shape, const StoredColumn *columns, int count,
			  bool by_number)
{
	int			natts = shape->desc->natts;
	const StoredColumn **matched = palloc0(sizeof(StoredColumn *) * Max(natts, 1));
	bool	   *found = palloc0(sizeof(bool) * Max(count, 1));

	for (int i = 0; i < count; i++)
	{
		for (int j = 0; j < natts && !found[i]; j++)
		{
			if (shape->types[j] == NULL || matched[j] != NULL ||
				strcmp(NameStr(TupleDescAttr(shape->desc, j)->attname),
					   columns[i].name) != 0)
				continue;
			matched[j] = &columns[i];
			found[i] = true;
		}
	}
	for (int i = 0; i < count && by_number; i++)
	{
		int			j = columns[i].attnum - 1;

		if (!found[i] && j >= 0 && j < natts && shape->types[j] != NULL &&
			matched[j] == NULL && shape->types[j]->form == columns[i].form)
			matched[j] = &columns[i];
	}
	return matched;
}

/*
 * Reads the value of a column; "in" is where its row is, and stays where it is.
 */
static Datum
read_column_value(SaDatumType *type, StringInfo in, const StoredColumn *column)
{
	StringInfoData bytes;
	Datum		value;

	if (column->form != type->form)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of a stored aggregate state does not fit type %s",
						column->name, format_type_be(type->typid))));
	bytes.data = in->data + column->offset;
	bytes.len = bytes.maxlen = column->len;
	bytes.cursor = 0;
	value = sa_datum_read(type, &bytes);
	if (bytes.cursor != bytes.len)
		sa_datum_corrupt();
	return value;
}

/*
 * PostgreSQL's own types, whose OIDs are in its sources, by OID; others by
 * their qualified names.
 */
static void
write_type_name(Oid typid, StringInfo out)
{
	const char *name = typid < FirstGenbkiObjectId ? "" :
		format_type_extended(typid, -1, FORMAT_TYPE_FORCE_QUALIFY);

	pq_sendint32(out, typid < FirstGenbkiObjectId ? typid : InvalidOid);
	sa_datum_write_bytes(out, name, strlen(name));
}

/* Returns a type that a column of a row may have. */
static Oid
read_type_name(StringInfo in)
{
	Oid			typid = (Oid) pq_getmsgint(in, 4);
	int			len;
	char	   *name = sa_datum_read_string(in, &len);

	if (!OidIsValid(typid))
		typid = DatumGetObjectId(DirectFunctionCall1(regtypein, CStringGetDatum(name)));
	if (!SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(typid)) ||
		!get_typisdefined(typid) ||
		(get_typtype(typid) == TYPTYPE_PSEUDO && typid != RECORDOID &&
		 typid != RECORDARRAYOID && typid != UNKNOWNOID))
		sa_datum_corrupt();
	return typid;
}

/* The same for collations; both parts are empty for columns that have none. */
static void
write_collation_name(Oid collation, StringInfo out)
{
	bool		fixed = collation < FirstGenbkiObjectId;
	const char *name = "";

	if (!fixed)
	{
		char	   *schema;
		Form_pg_collation form;
		HeapTuple	tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));

		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for collation %u", collation);
		form = (Form_pg_collation) GETSTRUCT(tuple);
		schema = get_namespace_name(form->collnamespace);
		if (schema == NULL)
			elog(ERROR, "cache lookup failed for schema %u", form->collnamespace);
		name = quote_qualified_identifier(schema, NameStr(form->collname));
		ReleaseSysCache(tuple);
	}
	pq_sendint32(out, fixed ? collation : InvalidOid);
	sa_datum_write_bytes(out, name, strlen(name));
}

static Oid
read_collation_name(StringInfo in)
{
	Oid			collation = (Oid) pq_getmsgint(in, 4);
	int			len;
	char	   *name = sa_datum_read_string(in, &len);

	if (len > 0)
		return get_collation_oid(sa_qualified_name_list(name), false);
	if (OidIsValid(collation) &&
		!SearchSysCacheExists1(COLLOID, ObjectIdGetDatum(collation)))
		sa_datum_corrupt();
	return collation;
}
