/*-------------------------------------------------------------------------
 *
 * portable_datum.c
 *	  Values of any type as bytes that outlive a dump and a restore.
 *
 * NOTES
 *	  A transition state that lies in a table as bytea is dumped and restored as
 *	  bytes.  So it may hold nothing that means something else in another
 *	  database: no OID of a user's type (the images of enums, arrays, rows and
 *	  ranges all have one), no number of an anonymous row type, no text in some
 *	  client's encoding (textsend converts to that), no byte order.
 *
 *	  And it is not trusted, although stored states are sealed (sealed_state.c):
 *	  types may have changed since.  So no value is ever the image that was
 *	  stored; it is made by code that checks what it is given: a type's input or
 *	  receive function, or ours.
 *
 *	  Types change while states of them are stored.  The label of an enum is
 *	  found by name, then by OID, so that it may be renamed.  After a restore
 *	  the OID has no part in it: the name is found.  For rows see
 *	  portable_row.c.
 *
 *	  Send functions are used for types of PostgreSQL's own only, and only for
 *	  such that write neither OIDs nor text.  Every other type that isn't taken
 *	  apart here is written as text, as in a dump, under settings of our own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "aggregate/portable_private.h"
#include "base/compat.h"

static SaDatumForm choose_form(Oid typid, bool typbyval);
static bool has_safe_send(Oid typid);
static bool is_oid_alias(Oid typid);
static void write_by_value(const SaDatumType *type, Datum value, StringInfo out);
static Datum read_by_value(const SaDatumType *type, StringInfo in);
static char *read_bytes(StringInfo in, int *len);
static void write_binary(SaDatumType *type, Datum value, StringInfo out);
static Datum read_binary(SaDatumType *type, StringInfo in);
static int	begin_text(const SaDatumType *type);
static void write_text(SaDatumType *type, Datum value, StringInfo out);
static Datum read_text(SaDatumType *type, StringInfo in);
static void write_enum(Datum value, StringInfo out);
static Datum read_enum(const SaDatumType *type, StringInfo in);
static void write_array(SaDatumType *type, Datum value, StringInfo out);
static Datum read_array(SaDatumType *type, StringInfo in);

SaDatumType *
sa_datum_type(Oid typid)
{
	SaDatumType *type = palloc0(sizeof(SaDatumType));
	Oid			function;
	bool		is_varlena;

	check_stack_depth();
	type->typid = getBaseType(typid);
	type->context = CurrentMemoryContext;
	get_typlenbyvalalign(type->typid, &type->typlen, &type->typbyval, &type->typalign);
	type->form = choose_form(type->typid, type->typbyval);

	switch (type->form)
	{
		case SA_DATUM_BINARY:
			getTypeBinaryOutputInfo(type->typid, &function, &is_varlena);
			fmgr_info(function, &type->output);
			getTypeBinaryInputInfo(type->typid, &function, &type->ioparam);
			fmgr_info(function, &type->input);
			break;
		case SA_DATUM_TEXT:
			getTypeOutputInfo(type->typid, &function, &is_varlena);
			fmgr_info(function, &type->output);
			getTypeInputInfo(type->typid, &function, &type->ioparam);
			fmgr_info(function, &type->input);
			type->plain_text = type->typid == JSONOID || type->typid == JSONBOID;
			break;
		case SA_DATUM_ARRAY:
			type->element = sa_datum_type(get_element_type(type->typid));
			break;
		case SA_DATUM_BY_VALUE:
		case SA_DATUM_STRING:
		case SA_DATUM_ENUM:
		case SA_DATUM_ROW:
			break;
	}
	return type;
}

SaDatumForm
sa_datum_form(const SaDatumType *type)
{
	return type->form;
}

void
sa_datum_write(SaDatumType *type, Datum value, StringInfo out)
{
	check_stack_depth();
	switch (type->form)
	{
		case SA_DATUM_BY_VALUE:
			write_by_value(type, value, out);
			break;
		case SA_DATUM_STRING:
			{
				text	   *string = DatumGetTextPP(value);

				sa_datum_write_bytes(out, VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string));
				break;
			}
		case SA_DATUM_BINARY:
			write_binary(type, value, out);
			break;
		case SA_DATUM_TEXT:
			write_text(type, value, out);
			break;
		case SA_DATUM_ENUM:
			write_enum(value, out);
			break;
		case SA_DATUM_ARRAY:
			write_array(type, value, out);
			break;
		case SA_DATUM_ROW:
			sa_datum_write_row(type, value, out);
			break;
	}
}

Datum
sa_datum_read(SaDatumType *type, StringInfo in)
{
	check_stack_depth();
	switch (type->form)
	{
		case SA_DATUM_BY_VALUE:
			return read_by_value(type, in);
		case SA_DATUM_STRING:
			{
				int			len;
				char	   *string = sa_datum_read_string(in, &len);

				return PointerGetDatum(cstring_to_text_with_len(string, len));
			}
		case SA_DATUM_BINARY:
			return read_binary(type, in);
		case SA_DATUM_TEXT:
			return read_text(type, in);
		case SA_DATUM_ENUM:
			return read_enum(type, in);
		case SA_DATUM_ARRAY:
			return read_array(type, in);
		case SA_DATUM_ROW:
			return sa_datum_read_row(type, in);
	}
	pg_unreachable();
}

void
sa_datum_corrupt(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("stored aggregate state is corrupt")));
	pg_unreachable();
}

static SaDatumForm
choose_form(Oid typid, bool typbyval)
{
	char		typtype = get_typtype(typid);

	if (typid == RECORDOID || typtype == TYPTYPE_COMPOSITE)
		return SA_DATUM_ROW;
	if (typtype == TYPTYPE_ENUM)
		return SA_DATUM_ENUM;
	/* these two look like arrays but insist on one dimension without NULLs */
	if (typid != INT2VECTOROID && typid != OIDVECTOROID &&
		OidIsValid(get_element_type(typid)))
		return SA_DATUM_ARRAY;
	if (is_oid_alias(typid))
		return SA_DATUM_TEXT;
	if (typbyval)
		return SA_DATUM_BY_VALUE;
	if (typid == TEXTOID || typid == VARCHAROID || typid == BPCHAROID)
		return SA_DATUM_STRING;
	return has_safe_send(typid) ? SA_DATUM_BINARY : SA_DATUM_TEXT;
}

/*
 * True for types whose send function writes neither OIDs nor text, and whose
 * receive function checks what it reads.
 */
static bool
has_safe_send(Oid typid)
{
	switch (typid)
	{
		case BITOID:
		case BOXOID:
		case BYTEAOID:
		case CIDROID:
		case CIRCLEOID:
		case DATERANGEOID:
		case FLOAT8OID:			/* by reference on some machines */
		case INETOID:
		case INT4RANGEOID:
		case INT8OID:			/* likewise */
		case INT8RANGEOID:
		case INTERVALOID:
		case LINEOID:
		case LSEGOID:
		case MACADDR8OID:
		case MACADDROID:
		case NUMERICOID:
		case NUMRANGEOID:
		case PATHOID:
		case POINTOID:
		case POLYGONOID:
		case TIDOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case TIMETZOID:
		case TSRANGEOID:
		case TSTZRANGEOID:
		case UUIDOID:
		case VARBITOID:
			return true;
		default:
			return false;
	}
}

/* True for types that are OIDs of catalog objects, which a dump has by name. */
static bool
is_oid_alias(Oid typid)
{
	switch (typid)
	{
		case REGCLASSOID:
		case REGCOLLATIONOID:
		case REGCONFIGOID:
		case REGDICTIONARYOID:
		case REGNAMESPACEOID:
		case REGOPERATOROID:
		case REGOPEROID:
		case REGPROCEDUREOID:
		case REGPROCOID:
		case REGROLEOID:
		case REGTYPEOID:
			return true;
		default:
			return false;
	}
}

/*
 * As eight bytes.  What lies above the type's own bytes in a Datum is not
 * defined, and is made the same on both ways.
 */
static void
write_by_value(const SaDatumType *type, Datum value, StringInfo out)
{
	switch (type->typlen)
	{
		case 1:
			pq_sendint64(out, (int64) DatumGetChar(value));
			break;
		case 2:
			pq_sendint64(out, (int64) DatumGetInt16(value));
			break;
		case 4:
			pq_sendint64(out, (int64) DatumGetInt32(value));
			break;
		default:
			pq_sendint64(out, (int64) value);
			break;
	}
}

static Datum
read_by_value(const SaDatumType *type, StringInfo in)
{
	int64		number = pq_getmsgint64(in);

	if (type->typid == BOOLOID)
		return BoolGetDatum(number != 0);
	switch (type->typlen)
	{
		case 1:
			return CharGetDatum((char) number);
		case 2:
			return Int16GetDatum((int16) number);
		case 4:
			return Int32GetDatum((int32) number);
		default:
			return (Datum) number;
	}
}

void
sa_datum_write_bytes(StringInfo out, const char *data, int len)
{
	pq_sendint32(out, len);
	appendBinaryStringInfo(out, data, len);
}

/*
 * A copy with a zero behind it, which receive functions want before 17.
 */
static char *
read_bytes(StringInfo in, int *len)
{
	char	   *copy;

	*len = (int) pq_getmsgint(in, 4);
	if (*len < 0 || *len > in->len - in->cursor)
		sa_datum_corrupt();
	copy = palloc(*len + 1);
	memcpy(copy, pq_getmsgbytes(in, *len), *len);
	copy[*len] = '\0';
	return copy;
}

char *
sa_datum_read_string(StringInfo in, int *len)
{
	char	   *string = read_bytes(in, len);

	(void) pg_verifymbstr(string, *len, false);
	return string;
}

static void
write_binary(SaDatumType *type, Datum value, StringInfo out)
{
	bytea	   *bytes = SendFunctionCall(&type->output, value);

	sa_datum_write_bytes(out, VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ);
}

static Datum
read_binary(SaDatumType *type, StringInfo in)
{
	StringInfoData bytes;
	Datum		value;

	bytes.data = read_bytes(in, &bytes.len);
	bytes.maxlen = bytes.len + 1;
	bytes.cursor = 0;
	value = ReceiveFunctionCall(&type->input, &bytes, type->ioparam, -1);
	if (bytes.cursor != bytes.len)
		sa_datum_corrupt();
	return value;
}

/*
 * Settings under which text means the same to everyone.  Returns what
 * AtEOXact_GUC() wants in order to end it, 0 if there is nothing to end; after
 * an error the end of the (sub)transaction does that.
 */
static int
begin_text(const SaDatumType *type)
{
	static const struct
	{
		const char *name;
		const char *value;
	}			settings[] = {
		{"search_path", "pg_catalog"},
		{"DateStyle", "ISO"},
		{"IntervalStyle", "postgres"},
		{"extra_float_digits", "3"},
		{"xmloption", "content"},
	};
	int			level;

	if (type->plain_text)
		return 0;
	level = NewGUCNestLevel();
	for (int i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i].name, settings[i].value, PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return level;
}

static void
write_text(SaDatumType *type, Datum value, StringInfo out)
{
	int			level = begin_text(type);
	char	   *string = OutputFunctionCall(&type->output, value);

	if (level != 0)
		AtEOXact_GUC(true, level);
	sa_datum_write_bytes(out, string, strlen(string));
}

static Datum
read_text(SaDatumType *type, StringInfo in)
{
	int			len;
	char	   *string = sa_datum_read_string(in, &len);
	int			level = begin_text(type);
	Datum		value = InputFunctionCall(&type->input, string, type->ioparam, -1);

	if (level != 0)
		AtEOXact_GUC(true, level);
	return value;
}

static void
write_enum(Datum value, StringInfo out)
{
	HeapTuple	tuple = SearchSysCache1(ENUMOID, value);
	Form_pg_enum form;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid internal value for enum: %u", DatumGetObjectId(value))));
	form = (Form_pg_enum) GETSTRUCT(tuple);
	sa_datum_write_bytes(out, NameStr(form->enumlabel), strlen(NameStr(form->enumlabel)));
	pq_sendint32(out, form->oid);
	ReleaseSysCache(tuple);
}

static Datum
read_enum(const SaDatumType *type, StringInfo in)
{
	int			len;
	char	   *label = sa_datum_read_string(in, &len);
	Oid			old = (Oid) pq_getmsgint(in, 4);
	HeapTuple	tuple = NULL;
	Oid			found = InvalidOid;

	if (len < NAMEDATALEN)
		tuple = SearchSysCache2(ENUMTYPOIDNAME, ObjectIdGetDatum(type->typid),
								CStringGetDatum(label));
	if (!HeapTupleIsValid(tuple))
		tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(old));
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_enum form = (Form_pg_enum) GETSTRUCT(tuple);

		if (form->enumtypid == type->typid)
			found = form->oid;
		ReleaseSysCache(tuple);
	}
	if (!OidIsValid(found))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("stored aggregate state has value \"%s\", which enum %s lacks",
						label, format_type_be(type->typid))));
	return ObjectIdGetDatum(found);
}

static void
write_array(SaDatumType *type, Datum value, StringInfo out)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	SaDatumType *element = type->element;
	Datum	   *values;
	bool	   *nulls;
	int			count;

	pq_sendbyte(out, ARR_NDIM(array));
	for (int i = 0; i < ARR_NDIM(array); i++)
	{
		pq_sendint32(out, ARR_DIMS(array)[i]);
		pq_sendint32(out, ARR_LBOUND(array)[i]);
	}
	deconstruct_array(array, ARR_ELEMTYPE(array), element->typlen, element->typbyval,
					  element->typalign, &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		pq_sendbyte(out, nulls[i]);
		if (!nulls[i])
			sa_datum_write(element, values[i], out);
	}
}

static Datum
read_array(SaDatumType *type, StringInfo in)
{
	SaDatumType *element = type->element;
	Oid			element_id = get_element_type(type->typid);
	int			ndim = pq_getmsgbyte(in);
	int			dims[MAXDIM];
	int			lbounds[MAXDIM];
	Datum	   *values;
	bool	   *nulls;
	int			count;

	if (ndim == 0)
		return PointerGetDatum(construct_empty_array(element_id));
	if (ndim > MAXDIM)
		sa_datum_corrupt();
	for (int i = 0; i < ndim; i++)
	{
		dims[i] = (int) pq_getmsgint(in, 4);
		lbounds[i] = (int) pq_getmsgint(in, 4);
	}
	count = ArrayGetNItems(ndim, dims);
	ArrayCheckBounds(ndim, dims, lbounds);
	/* an element has one byte at least: don't allocate what can't be there */
	if (count <= 0 || count > in->len - in->cursor)
		sa_datum_corrupt();
	values = palloc0(sizeof(Datum) * count);
	nulls = palloc(sizeof(bool) * count);
	for (int i = 0; i < count; i++)
	{
		nulls[i] = pq_getmsgbyte(in) != 0;
		if (!nulls[i])
			values[i] = sa_datum_read(element, in);
	}
	return PointerGetDatum(construct_md_array(values, nulls, ndim, dims, lbounds, element_id,
											  element->typlen, element->typbyval,
											  element->typalign));
}
