/*-------------------------------------------------------------------------
 *
 * decode_test.c
 *	  SQL functions that show what the decoder makes of a message.
 *
 * NOTES
 *	  Every value is taken in a subtransaction of its own, so that errors become
 *	  rows, and the same decoder goes on after them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "parser/parse_type.h"
#include "portability/instr_time.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "decode/decoder.h"
#include "random_json.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(decode_all);
PG_FUNCTION_INFO_V1(decode_metadata);
PG_FUNCTION_INFO_V1(check_type);
PG_FUNCTION_INFO_V1(decode_benchmark);

extern Datum random_json_sql(PG_FUNCTION_ARGS);

/* What became of one column of one message. */
typedef struct Outcome
{
	char	   *value;			/* NULL: null, missing or error */
	bool		missing;
	char	   *error;
} Outcome;

/* headers that read_headers() gives out */
static SaHeader *test_headers;
static int	test_nheaders;

static char *
text_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

static SaEpochUnit
epoch_unit(const char *name)
{
	static const char *const units[] = {"", "s", "ms", "us", "ns"};

	for (int i = 1; name != NULL && i < lengthof(units); i++)
	{
		if (strcmp(name, units[i]) == 0)
			return (SaEpochUnit) i;
	}
	return SA_EPOCH_NONE;
}

static SaFormat
format_of(const char *name)
{
	return strcmp(name, "raw") == 0 ? SA_FORMAT_RAW : SA_FORMAT_JSON;
}

static SaColumnSource
source_of(const char *name)
{
	static const char *const sources[] = {
		"field", "key", "value", "partition", "offset", "timestamp", "headers",
		"topic", "processed_at"
	};

	for (int i = 0; i < lengthof(sources); i++)
	{
		if (strcmp(name, sources[i]) == 0)
			return (SaColumnSource) i;
	}
	elog(ERROR, "unknown source \"%s\"", name);
}

static List *
split_path(char *path)
{
	List	   *names = NIL;
	char	   *dot;

	while ((dot = strchr(path, '.')) != NULL)
	{
		names = lappend(names, pnstrdup(path, dot - path));
		path = dot + 1;
	}
	return lappend(names, path);
}

static SaColumn
make_column(SaColumnSource source, char *path, const char *type,
			const char *epoch)
{
	SaColumn	column = {0};
	Oid			typid;

	/* the last argument is a boolean before PostgreSQL 16, a pointer since */
	(void) parseTypeString(type, &typid, &column.typmod, 0);
	column.attnum = 1;
	column.name = path;
	column.type = typid;
	column.source = source;
	column.path = source == SA_SOURCE_FIELD ? split_path(path) : NIL;
	column.epoch = epoch_unit(epoch);
	return column;
}

static SaColumn *
make_columns(ArrayType *paths, ArrayType *types, const char *epoch,
			 int *ncolumns)
{
	Datum	   *path_datums;
	Datum	   *type_datums;
	int			ntypes;
	SaColumn   *columns;

	deconstruct_array(paths, TEXTOID, -1, false, TYPALIGN_INT,
					  &path_datums, NULL, ncolumns);
	deconstruct_array(types, TEXTOID, -1, false, TYPALIGN_INT,
					  &type_datums, NULL, &ntypes);
	if (ntypes == 0 && *ncolumns > 0)
		elog(ERROR, "no types given");

	columns = palloc0(sizeof(SaColumn) * (*ncolumns + 1));
	for (int i = 0; i < *ncolumns; i++)
		columns[i] = make_column(SA_SOURCE_FIELD,
								 TextDatumGetCString(path_datums[i]),
								 TextDatumGetCString(type_datums[i % ntypes]),
								 epoch);
	return columns;
}

static SaMessage
make_message(bytea *value)
{
	SaMessage	message = {0};

	message.timestamp_ms = -1;
	if (value != NULL)
	{
		message.value_len = VARSIZE_ANY_EXHDR(value);
		message.value = memcpy(palloc0(message.value_len + SA_MESSAGE_PADDING),
							   VARDATA_ANY(value), message.value_len);
	}
	return message;
}

static Outcome
error_outcome(int sqlstate, const char *message, const char *detail)
{
	Outcome		outcome = {0};

	outcome.error = psprintf("%s %s%s%s", unpack_sql_state(sqlstate), message,
							 detail ? " - " : "", detail ? detail : "");
	return outcome;
}

static Outcome
column_outcome(SaDecoder *decoder, const SaColumn *column, int index)
{
	Outcome		outcome = {0};
	Oid			output;
	bool		varlena;
	bool		isnull;
	Datum		value = sa_decoder_column(decoder, index, &isnull,
										  &outcome.missing);

	if (!isnull)
	{
		getTypeOutputInfo(column->type, &output, &varlena);
		outcome.value = OidOutputFunctionCall(output, value);
	}
	return outcome;
}

/* In a subtransaction, so that an error can be shown. */
static Outcome
try_column(SaDecoder *decoder, const SaColumn *column, int index)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	Outcome		outcome;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		outcome = column_outcome(decoder, column, index);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(caller);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
		outcome = error_outcome(edata->sqlerrcode, edata->message,
								edata->detail);
	}
	PG_END_TRY();
	return outcome;
}

static void
put_outcome(ReturnSetInfo *rsinfo, int doc, int col, const Outcome *outcome)
{
	Datum		values[5];
	bool		nulls[5] = {0};

	values[0] = Int32GetDatum(doc);
	values[1] = Int32GetDatum(col);
	nulls[2] = outcome->value == NULL;
	if (!nulls[2])
		values[2] = CStringGetTextDatum(outcome->value);
	values[3] = BoolGetDatum(outcome->missing);
	nulls[4] = outcome->error == NULL;
	if (!nulls[4])
		values[4] = CStringGetTextDatum(outcome->error);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
decode_document(ReturnSetInfo *rsinfo, SaDecoder *decoder,
				const SaColumn *columns, int ncolumns, int doc, bytea *value)
{
	SaMessage	message = make_message(value);
	SaDecodeError error;
	Outcome		outcome;

	if (!sa_decoder_parse(decoder, &message, GetCurrentTimestamp(), &error))
	{
		outcome = error_outcome(error.sqlstate, error.message, error.detail);
		put_outcome(rsinfo, doc, 0, &outcome);
		return;
	}
	for (int i = 0; i < ncolumns; i++)
	{
		outcome = try_column(decoder, &columns[i], i);
		put_outcome(rsinfo, doc, i + 1, &outcome);
	}
}

Datum
decode_all(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	SaDecoder  *decoder;
	SaColumn   *columns;
	Datum	   *docs;
	bool	   *nulls;
	int			ndocs;
	int			ncolumns;

	InitMaterializedSRF(fcinfo, 0);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), BYTEAOID, -1, false,
					  TYPALIGN_INT, &docs, &nulls, &ndocs);
	columns = make_columns(PG_GETARG_ARRAYTYPE_P(1), PG_GETARG_ARRAYTYPE_P(2),
						   text_argument(fcinfo, 4), &ncolumns);
	decoder = sa_decoder_create(format_of(text_argument(fcinfo, 5)), columns,
								ncolumns, pg_tzset(text_argument(fcinfo, 3)),
								"test", CurrentMemoryContext);
	for (int i = 0; i < ndocs; i++)
		decode_document(rsinfo, decoder, columns, ncolumns, i + 1,
						nulls[i] ? NULL : DatumGetByteaPP(docs[i]));
	sa_decoder_free(decoder);
	return (Datum) 0;
}

static void
set_test_headers(ArrayType *names, ArrayType *values)
{
	Datum	   *name_datums;
	Datum	   *value_datums;
	bool	   *nulls;
	int			nvalues;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT,
					  &name_datums, NULL, &test_nheaders);
	deconstruct_array(values, BYTEAOID, -1, false, TYPALIGN_INT,
					  &value_datums, &nulls, &nvalues);
	if (nvalues != test_nheaders)
		elog(ERROR, "need as many values as names");

	test_headers = palloc0(sizeof(SaHeader) * (test_nheaders + 1));
	for (int i = 0; i < test_nheaders; i++)
	{
		test_headers[i].name = TextDatumGetCString(name_datums[i]);
		if (!nulls[i])
		{
			bytea	   *value = DatumGetByteaPP(value_datums[i]);

			test_headers[i].value = VARDATA_ANY(value);
			test_headers[i].value_len = VARSIZE_ANY_EXHDR(value);
		}
	}
}

Datum
decode_metadata(PG_FUNCTION_ARGS)
{
	char	   *source = text_argument(fcinfo, 0);
	SaColumn	column = make_column(source_of(source), source,
									 text_argument(fcinfo, 1), NULL);
	SaDecoder  *decoder;
	SaMessage	message;
	SaDecodeError error;
	Outcome		outcome;

	message = make_message(PG_ARGISNULL(3) ? NULL : PG_GETARG_BYTEA_PP(3));
	if (!PG_ARGISNULL(2))
	{
		message.key = VARDATA_ANY(PG_GETARG_BYTEA_PP(2));
		message.key_len = VARSIZE_ANY_EXHDR(PG_GETARG_BYTEA_PP(2));
	}
	message.partition = PG_GETARG_INT32(4);
	message.offset = PG_GETARG_INT64(5);
	message.timestamp_ms = PG_GETARG_INT64(6);
	set_test_headers(PG_GETARG_ARRAYTYPE_P(7), PG_GETARG_ARRAYTYPE_P(8));

	decoder = sa_decoder_create(format_of(text_argument(fcinfo, 9)), &column, 1,
								pg_tzset("UTC"), "clicks",
								CurrentMemoryContext);
	message.headers = test_headers;
	message.nheaders = test_nheaders;
	if (sa_decoder_parse(decoder, &message, 0, &error))
		outcome = try_column(decoder, &column, 0);
	else
		outcome = error_outcome(error.sqlstate, error.message, error.detail);
	sa_decoder_free(decoder);

	if (outcome.error != NULL)
		PG_RETURN_TEXT_P(cstring_to_text(outcome.error));
	if (outcome.value != NULL)
		PG_RETURN_TEXT_P(cstring_to_text(outcome.value));
	PG_RETURN_NULL();
}

Datum
check_type(PG_FUNCTION_ARGS)
{
	SaColumn	column = make_column(source_of(text_argument(fcinfo, 0)), "c",
									 text_argument(fcinfo, 1),
									 text_argument(fcinfo, 3));
	const char *reason = sa_column_check_type(&column,
											  format_of(text_argument(fcinfo, 2)));

	PG_RETURN_TEXT_P(cstring_to_text(reason ? reason : "ok"));
}

PG_FUNCTION_INFO_V1(random_json_sql);

Datum
random_json_sql(PG_FUNCTION_ARGS)
{
	StringInfoData buf;

	initStringInfo(&buf);
	random_json(&buf, PG_GETARG_INT64(0), PG_GETARG_BOOL(1));
	PG_RETURN_BYTEA_P(cstring_to_text_with_len(buf.data, buf.len));
}

Datum
decode_benchmark(PG_FUNCTION_ARGS)
{
	int			repeat = PG_GETARG_INT32(3);
	SaMessage	message = make_message(PG_GETARG_BYTEA_PP(0));
	MemoryContext rows = AllocSetContextCreate(CurrentMemoryContext, "rows",
											   ALLOCSET_DEFAULT_SIZES);
	SaDecoder  *decoder;
	SaColumn   *columns;
	SaDecodeError error;
	instr_time	start;
	instr_time	end;
	int			ncolumns;
	MemoryContext caller;

	columns = make_columns(PG_GETARG_ARRAYTYPE_P(1), PG_GETARG_ARRAYTYPE_P(2),
						   NULL, &ncolumns);
	decoder = sa_decoder_create(SA_FORMAT_JSON, columns, ncolumns,
								pg_tzset(text_to_cstring(PG_GETARG_TEXT_PP(4))),
								"test", CurrentMemoryContext);
	caller = MemoryContextSwitchTo(rows);
	INSTR_TIME_SET_CURRENT(start);
	for (int n = 0; n < repeat; n++)
	{
		if (n % 10000 == 0)
		{
			CHECK_FOR_INTERRUPTS();
			MemoryContextReset(rows);
		}
		if (!sa_decoder_parse(decoder, &message, 0, &error))
			elog(ERROR, "%s", error.message);
		for (int i = 0; i < ncolumns; i++)
		{
			bool		isnull;
			bool		missing;

			(void) sa_decoder_column(decoder, i, &isnull, &missing);
		}
	}
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	elog(DEBUG1, "%zu bytes for the rows", MemoryContextMemAllocated(rows, true));
	MemoryContextSwitchTo(caller);
	PG_RETURN_FLOAT8(INSTR_TIME_GET_DOUBLE(end) * 1e9 / repeat);
}
