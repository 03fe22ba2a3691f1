/*-------------------------------------------------------------------------
 *
 * convert.c
 *	  Chooses how a column is converted; conversion through PostgreSQL's own
 *	  functions.
 *
 * NOTES
 *	  Input functions, and the code that makes arrays and rows of JSON, leave
 *	  garbage behind and look at settings of the session.  Here they run in a
 *	  context of their own, from which only the result is copied, and under fixed
 *	  settings, which are put back also after an error.
 *
 *	  A domain is converted as the type below it and then checked, so that the
 *	  rules for times and numbers hold for domains as well.
 *
 *	  What is known about a type is looked up once; a decoder must not outlive
 *	  a change of the types.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "decode/convert.h"

/* The settings that input functions look at. */
typedef struct TimeSettings
{
	pg_tz	   *zone;
	int			date_style;
	int			date_order;
	int			interval_style;
} TimeSettings;

typedef Datum (*IsolatedWork) (SaConversion *conversion, char *text);

static SaConvertValue choose_conversion(Oid type);
static Datum isolate(SaConversion *conversion, IsolatedWork work, char *text);
static Datum call_input(SaConversion *conversion, char *text);
static Datum call_record_function(SaConversion *conversion, char *text);
static Datum record_column(SaConversion *conversion, Datum record);
static void prepare_record_function(SaConversion *conversion);
static TimeSettings get_time_settings(void);
static void set_time_settings(TimeSettings settings);
static TimeSettings stream_time_settings(const SaConvertSpace *space);

void
sa_convert_space_init(SaConvertSpace *space, pg_tz *zone, MemoryContext memory)
{
	MemoryContext caller = MemoryContextSwitchTo(memory);

	space->memory = memory;
	space->scratch = AllocSetContextCreate(memory, "stream_agg conversion",
										   ALLOCSET_DEFAULT_SIZES);
	initStringInfo(&space->text);
	space->zone = zone;
	space->zone_is_fixed = pg_get_timezone_offset(zone, &space->zone_offset_s);
	MemoryContextSwitchTo(caller);
}

void
sa_conversion_init(SaConversion *conversion, SaConvertSpace *space,
				   const SaColumn *column)
{
	Oid			function;

	memset(conversion, 0, sizeof(SaConversion));
	conversion->space = space;
	conversion->column = column;
	conversion->typmod = column->typmod;
	conversion->type = getBaseTypeAndTypmod(column->type, &conversion->typmod);
	conversion->is_domain = conversion->type != column->type;
	get_typlenbyval(conversion->type, &conversion->typlen,
					&conversion->typbyval);
	conversion->convert = choose_conversion(conversion->type);

	getTypeInputInfo(conversion->type, &function, &conversion->input_param);
	if (conversion->type == TIMESTAMPOID)
		function = F_TIMESTAMPTZ_IN;	/* see convert_time.c */
	fmgr_info_cxt(function, &conversion->input, space->memory);
}

/* "value" is not missing, and not null either. */
Datum
sa_convert_value(SaConversion *conversion, const SaJsonValue *value)
{
	Datum		result = conversion->convert(conversion, value);

	if (conversion->is_domain)
		sa_convert_check_domain(conversion, result, false);
	return result;
}

static SaConvertValue
choose_conversion(Oid type)
{
	static const struct
	{
		Oid			type;
		SaConvertValue convert;
	}			by_type[] =
	{
		{BOOLOID, sa_convert_bool},
		{INT2OID, sa_convert_int2},
		{INT4OID, sa_convert_int4},
		{INT8OID, sa_convert_int8},
		{FLOAT4OID, sa_convert_float4},
		{FLOAT8OID, sa_convert_float8},
		{NUMERICOID, sa_convert_numeric},
		{TEXTOID, sa_convert_text},
		{VARCHAROID, sa_convert_text},
		{BPCHAROID, sa_convert_text},
		{JSONOID, sa_convert_json},
		{JSONBOID, sa_convert_jsonb},
		{TIMESTAMPTZOID, sa_convert_timestamp},
		{TIMESTAMPOID, sa_convert_timestamp},
		{DATEOID, sa_convert_date},
		{TIMEOID, sa_convert_time},
		{TIMETZOID, sa_convert_time},
	};

	for (int i = 0; i < lengthof(by_type); i++)
	{
		if (by_type[i].type == type)
			return by_type[i].convert;
	}
	if (type_is_array(type) || type_is_rowtype(type))
		return sa_convert_by_record;
	return sa_convert_other;
}

void
sa_convert_check_domain(SaConversion *conversion, Datum value, bool isnull)
{
	TimeSettings session = get_time_settings();

	Assert(conversion->is_domain);
	set_time_settings(stream_time_settings(conversion->space));
	PG_TRY();
	{
		domain_check(value, isnull, conversion->column->type,
					 &conversion->domain_cache, conversion->space->memory);
	}
	PG_FINALLY();
	{
		set_time_settings(session);
	}
	PG_END_TRY();
}

/* Through the type's input function; "text" must not be in scratch memory. */
Datum
sa_convert_by_input(SaConversion *conversion, char *text)
{
	return isolate(conversion, call_input, text);
}

/*
 * For arrays and composite types.  A JSON array or object is converted element
 * by element, as json_to_record() does; a string is what the input function
 * takes.
 */
Datum
sa_convert_by_record(SaConversion *conversion, const SaJsonValue *value)
{
	if (value->kind != SA_JSON_ARRAY && value->kind != SA_JSON_OBJECT)
		return sa_convert_other(conversion, value);
	return isolate(conversion, call_record_function,
				   sa_convert_copy(conversion->space, value->text, value->len));
}

static Datum
isolate(SaConversion *conversion, IsolatedWork work, char *text)
{
	SaConvertSpace *space = conversion->space;
	TimeSettings session = get_time_settings();
	MemoryContext caller = MemoryContextSwitchTo(space->scratch);
	Datum		result = (Datum) 0;

	MemoryContextReset(space->scratch); /* of an error's remains */
	set_time_settings(stream_time_settings(space));
	PG_TRY();
	{
		result = work(conversion, text);
	}
	PG_FINALLY();
	{
		set_time_settings(session);
	}
	PG_END_TRY();

	MemoryContextSwitchTo(caller);
	if (!conversion->typbyval)
		result = datumCopy(result, false, conversion->typlen);
	MemoryContextReset(space->scratch);
	return result;
}

static Datum
call_input(SaConversion *conversion, char *text)
{
	return InputFunctionCall(&conversion->input, text,
							 conversion->input_param, conversion->typmod);
}

/*
 * json_to_record() on an object with the value as its only field.  It takes the
 * result's type from where the caller expects it, as for a function in FROM.
 */
static Datum
call_record_function(SaConversion *conversion, char *text)
{
	LOCAL_FCINFO(fcinfo, 1);
	ReturnSetInfo expected = {.type = T_ReturnSetInfo};
	StringInfoData object;
	Datum		record;

	prepare_record_function(conversion);

	initStringInfo(&object);
	appendStringInfoChar(&object, '{');
	escape_json(&object, conversion->column->name);
	appendStringInfoChar(&object, ':');
	appendStringInfoString(&object, text);
	appendStringInfoChar(&object, '}');

	expected.expectedDesc = conversion->record_desc;
	InitFunctionCallInfoData(*fcinfo, &conversion->record_function, 1,
							 InvalidOid, NULL, (Node *) &expected);
	fcinfo->args[0].value =
		PointerGetDatum(cstring_to_text_with_len(object.data, object.len));
	fcinfo->args[0].isnull = false;

	conversion->record_ready = false;
	record = FunctionCallInvoke(fcinfo);
	conversion->record_ready = true;
	return record_column(conversion, record);
}

static Datum
record_column(SaConversion *conversion, Datum record)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(record);
	HeapTupleData tuple = {0};
	Datum		result;
	bool		isnull;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	tuple.t_data = header;
	result = heap_getattr(&tuple, 1, conversion->record_desc, &isnull);
	if (isnull)
		elog(ERROR, "conversion of column \"%s\" gave no value",
			 conversion->column->name);
	return result;
}

/*
 * json_to_record() keeps what it knows about the types in its FmgrInfo.  An
 * error may have left that half done, so it is begun anew after one.
 */
static void
prepare_record_function(SaConversion *conversion)
{
	const SaColumn *column = conversion->column;
	MemoryContext caller;

	if (conversion->record_ready)
		return;
	if (conversion->record_memory == NULL)
		conversion->record_memory =
			AllocSetContextCreate(conversion->space->memory,
								  "stream_agg JSON record",
								  ALLOCSET_SMALL_SIZES);
	MemoryContextReset(conversion->record_memory);

	caller = MemoryContextSwitchTo(conversion->record_memory);
	conversion->record_desc = CreateTemplateTupleDesc(1);
	TupleDescInitEntry(conversion->record_desc, 1, column->name,
					   conversion->type, conversion->typmod, 0);
	fmgr_info_cxt(F_JSON_TO_RECORD, &conversion->record_function,
				  conversion->record_memory);
	MemoryContextSwitchTo(caller);
}

static TimeSettings
get_time_settings(void)
{
	TimeSettings settings;

	settings.zone = session_timezone;
	settings.date_style = DateStyle;
	settings.date_order = DateOrder;
	settings.interval_style = IntervalStyle;
	return settings;
}

static void
set_time_settings(TimeSettings settings)
{
	session_timezone = settings.zone;
	DateStyle = settings.date_style;
	DateOrder = settings.date_order;
	IntervalStyle = settings.interval_style;
}

static TimeSettings
stream_time_settings(const SaConvertSpace *space)
{
	TimeSettings settings;

	settings.zone = space->zone;
	settings.date_style = USE_ISO_DATES;
	settings.date_order = DATEORDER_MDY;
	settings.interval_style = INTSTYLE_POSTGRES;
	return settings;
}
