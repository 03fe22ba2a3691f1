/*-------------------------------------------------------------------------
 *
 * decoder.c
 *	  From the bytes of one message to the Datums of one row.
 *
 * NOTES
 *	  Puts the parts together: json_scan finds the fields, convert makes Datums
 *	  of them, message_column gives what is no field.
 *
 *	  All memory belongs to one context, but for that of simdjson, which is
 *	  malloc'd and freed by a callback of the context, so that an error on any
 *	  path leaks nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "decode/decoder.h"
#include "decode/json_error.h"
#include "decode/json_fields.h"
#include "decode/message_column.h"

/* What fits a text value. */
#define MAX_VALUE_BYTES (MaxAllocSize - VARHDRSZ)

StaticAssertDecl(SA_JSON_PADDING <= SA_MESSAGE_PADDING,
				 "messages must have room for the JSON parser behind them");

struct SaDecoder
{
	MemoryContext memory;
	SaFormat	format;
	int			ncolumns;

	SaConvertSpace space;
	SaConversion *conversions;	/* one for each column */
	SaMessageState state;

	/* JSON */
	SaJsonScanner *scanner;
	SaJsonField *root;
	SaJsonField **fields;		/* for each column, or NULL */
	MemoryContextCallback free_scanner;
};

static void create_scanner(SaDecoder *decoder, const SaColumn *columns);
static void free_scanner(void *arg);
static bool parse_json(SaDecoder *decoder, SaDecodeError *error);
static bool scan_document(SaDecoder *decoder, SaDecodeError *error);
static bool set_error(SaDecodeError *error, int sqlstate, const char *message,
					  const char *detail);

SaDecoder *
sa_decoder_create(SaFormat format, const SaColumn *columns, int ncolumns,
				  pg_tz *zone, const char *topic, MemoryContext parent)
{
	MemoryContext memory = AllocSetContextCreate(parent, "stream_agg decoder",
												 ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(memory);
	SaDecoder  *decoder = palloc0(sizeof(SaDecoder));

	decoder->memory = memory;
	decoder->format = format;
	decoder->ncolumns = ncolumns;
	decoder->state.topic = pstrdup(topic);

	sa_convert_space_init(&decoder->space, zone, memory);
	decoder->conversions = palloc(sizeof(SaConversion) * Max(ncolumns, 1));
	for (int i = 0; i < ncolumns; i++)
		sa_conversion_init(&decoder->conversions[i], &decoder->space,
						   &columns[i]);
	if (format == SA_FORMAT_JSON)
		create_scanner(decoder, columns);

	MemoryContextSwitchTo(caller);
	return decoder;
}

static void
create_scanner(SaDecoder *decoder, const SaColumn *columns)
{
	decoder->fields = palloc(sizeof(SaJsonField *) * Max(decoder->ncolumns, 1));
	decoder->root = sa_json_fields_build(columns, decoder->ncolumns,
										 decoder->fields);

	decoder->scanner =
		sa_json_scanner_create(sa_json_fields_longest_name(decoder->root));
	if (decoder->scanner == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	decoder->free_scanner.func = free_scanner;
	decoder->free_scanner.arg = decoder->scanner;
	MemoryContextRegisterResetCallback(decoder->memory,
									   &decoder->free_scanner);
}

static void
free_scanner(void *arg)
{
	sa_json_scanner_free(arg);
}

void
sa_decoder_free(SaDecoder *decoder)
{
	MemoryContextDelete(decoder->memory);
}

bool
sa_decoder_parse(SaDecoder *decoder, const SaMessage *message,
				 TimestampTz processed_at, SaDecodeError *error)
{
	decoder->state.message = *message;
	decoder->state.processed_at = processed_at;
	decoder->state.value_is_json = false;

	if (decoder->format == SA_FORMAT_JSON)
		sa_json_forget(decoder->root);
	if (message->value_len >= MAX_VALUE_BYTES)
		return set_error(error, ERRCODE_PROGRAM_LIMIT_EXCEEDED,
						 "message is too large", NULL);
	return decoder->format != SA_FORMAT_JSON || parse_json(decoder, error);
}

static bool
parse_json(SaDecoder *decoder, SaDecodeError *error)
{
	const SaMessage *message = &decoder->state.message;

	if (message->value == NULL)
	{
		if (decoder->root->nchildren == 0)
			return true;
		return set_error(error, ERRCODE_NULL_VALUE_NOT_ALLOWED,
						 "message has no value", NULL);
	}
	if (message->value_len == 0)
		return set_error(error, ERRCODE_INVALID_TEXT_REPRESENTATION,
						 "message is empty", NULL);

	decoder->state.value_is_json = scan_document(decoder, error);
	return decoder->state.value_is_json;
}

static bool
scan_document(SaDecoder *decoder, SaDecodeError *error)
{
	const SaMessage *message = &decoder->state.message;

	switch (sa_json_scan(decoder->scanner, decoder->root,
						 message->value, message->value_len))
	{
		case SA_JSON_OK:
			return true;
		case SA_JSON_NOT_OBJECT:
			return set_error(error, ERRCODE_INVALID_TEXT_REPRESENTATION,
							 "message is not a JSON object", NULL);
		case SA_JSON_INVALID:
			sa_json_explain(message->value, message->value_len,
							sa_json_scanner_complaint(decoder->scanner), error);
			return false;
		case SA_JSON_TOO_DEEP:
			return set_error(error, ERRCODE_STATEMENT_TOO_COMPLEX,
							 "JSON is nested too deeply",
							 psprintf("The limit is %d levels.",
									  SA_JSON_MAX_DEPTH));
		case SA_JSON_NO_MEMORY:
			return set_error(error, ERRCODE_OUT_OF_MEMORY, "out of memory",
							 psprintf("Failed on a message of %zu bytes.",
									  message->value_len));
	}
	return false;				/* not reached */
}

/* "message" is a constant; "detail" is palloc'd or NULL. */
static bool
set_error(SaDecodeError *error, int sqlstate, const char *message,
		  const char *detail)
{
	error->sqlstate = sqlstate;
	error->message = pstrdup(message);
	error->detail = unconstify(char *, detail);
	return false;
}

Datum
sa_decoder_column(SaDecoder *decoder, int index, bool *isnull, bool *missing)
{
	SaConversion *conversion = &decoder->conversions[index];
	const SaJsonValue *value;
	Datum		result;

	Assert(index >= 0 && index < decoder->ncolumns);
	*missing = false;
	if (decoder->format == SA_FORMAT_JSON && decoder->fields[index] != NULL)
	{
		value = &decoder->fields[index]->value;
		*missing = value->kind == SA_JSON_MISSING;
		*isnull = *missing || value->kind == SA_JSON_NULL;
		if (!*isnull)
			return sa_convert_value(conversion, value);
		if (conversion->is_domain && !*missing)
			sa_convert_check_domain(conversion, (Datum) 0, true);
		return (Datum) 0;
	}

	result = sa_message_column(conversion, &decoder->state, isnull);
	if (conversion->is_domain)
		sa_convert_check_domain(conversion, result, *isnull);
	return result;
}
