/*-------------------------------------------------------------------------
 *
 * message_column.c
 *	  Columns that are filled from the message itself: key, value, offset ...
 *
 * NOTES
 *	  sa_column_check_type() has seen to it that only the types handled here
 *	  come along.  The bytes of a key are the producer's, as are those of a value
 *	  that is not JSON, so their encoding is checked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "decode/json_string.h"
#include "decode/message_column.h"

static Datum bytes_value(SaConversion *conversion, const char *data,
						 size_t len, bool is_json);
static Datum json_value(SaConversion *conversion, const char *data,
						size_t len);
static Datum integer_value(SaConversion *conversion, int64 number);
static Datum time_value(SaConversion *conversion, TimestampTz time);
static Datum kafka_time_value(SaConversion *conversion, int64 time_ms);
static Datum headers_value(SaConversion *conversion,
						   const SaMessageState *state);
static JsonbValue *headers_object(SaHeader **sorted, int nheaders);
static void header_array(JsonbParseState **parse, SaHeader **sorted, int n);
static int	compare_headers(const void *a, const void *b);
static void header_text(const char *data, size_t len, JsonbValue *result);
static void header_value_text(const SaHeader *header, JsonbValue *result);

Datum
sa_message_column(SaConversion *conversion, const SaMessageState *state,
				  bool *isnull)
{
	const SaMessage *message = &state->message;

	*isnull = false;
	switch (conversion->column->source)
	{
		case SA_SOURCE_FIELD:
		case SA_SOURCE_VALUE:
			return sa_message_value(conversion, state, isnull);
		case SA_SOURCE_KEY:
			*isnull = message->key == NULL;
			return *isnull ? (Datum) 0
				: bytes_value(conversion, message->key, message->key_len, false);
		case SA_SOURCE_PARTITION:
			return integer_value(conversion, message->partition);
		case SA_SOURCE_OFFSET:
			return integer_value(conversion, message->offset);
		case SA_SOURCE_TIMESTAMP:
			*isnull = message->timestamp_ms == -1;
			return *isnull ? (Datum) 0
				: kafka_time_value(conversion, message->timestamp_ms);
		case SA_SOURCE_HEADERS:
			return headers_value(conversion, state);
		case SA_SOURCE_TOPIC:
			return bytes_value(conversion, state->topic, strlen(state->topic),
							   false);
		case SA_SOURCE_PROCESSED_AT:
			return time_value(conversion, state->processed_at);
	}
	elog(ERROR, "unexpected source of a column: %d",
		 (int) conversion->column->source);
	return (Datum) 0;
}

Datum
sa_message_value(SaConversion *conversion, const SaMessageState *state,
				 bool *isnull)
{
	const SaMessage *message = &state->message;

	*isnull = message->value == NULL;
	return *isnull ? (Datum) 0
		: bytes_value(conversion, message->value, message->value_len,
					  state->value_is_json);
}

/* "is_json": the bytes are known to be valid JSON, and so valid UTF-8. */
static Datum
bytes_value(SaConversion *conversion, const char *data, size_t len,
			bool is_json)
{
	/* a bytea is laid out like a text */
	if (conversion->type == BYTEAOID)
		return PointerGetDatum(cstring_to_text_with_len(data, len));

	if (!is_json)
		(void) pg_verify_mbstr(PG_UTF8, data, len, false);
	if (conversion->type == JSONOID && is_json)
		return sa_convert_json_text(data, len);
	if (conversion->type == JSONOID || conversion->type == JSONBOID)
		return json_value(conversion, data, len);
	return sa_convert_fit_text(conversion, data, len);
}

static Datum
json_value(SaConversion *conversion, const char *data, size_t len)
{
	char	   *text = sa_convert_copy(conversion->space, data, len);
	Datum		result = sa_convert_by_input(conversion, text);

	/* now it is known to be JSON: refuse \u0000, as in fields */
	if (conversion->type == JSONOID && sa_json_has_zero_escape(data, len))
	{
		pfree(DatumGetPointer(result));
		return sa_convert_json_text(data, len);
	}
	return result;
}

static Datum
integer_value(SaConversion *conversion, int64 number)
{
	if (conversion->type == INT8OID)
		return Int64GetDatum(number);
	if (conversion->type == INT4OID)
		return Int32GetDatum((int32) number);
	if (number < PG_INT16_MIN || number > PG_INT16_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("smallint out of range")));
	return Int16GetDatum((int16) number);
}

/* A timestamp column holds UTC, so both types have the same number. */
static Datum
time_value(SaConversion *conversion, TimestampTz time)
{
	if (conversion->typmod < 0)
		return TimestampTzGetDatum(time);
	return DirectFunctionCall2(timestamptz_scale, TimestampTzGetDatum(time),
							   Int32GetDatum(conversion->typmod));
}

static Datum
kafka_time_value(SaConversion *conversion, int64 time_ms)
{
	SaDecimal	number = {0};

	number.mantissa = time_ms;
	number.negative = time_ms < 0;
	number.exact = true;
	number.integer = true;
	return sa_convert_epoch(conversion, &number, SA_EPOCH_MS);
}

/*
 * {name: value}, and {name: [value, ...]} for a name that is there more than
 * once.
 */
static Datum
headers_value(SaConversion *conversion, const SaMessageState *state)
{
	MemoryContext caller = CurrentMemoryContext;
	const SaMessage *message = &state->message;
	SaHeader  **sorted;
	Jsonb	   *result;

	MemoryContextReset(conversion->space->scratch);
	MemoryContextSwitchTo(conversion->space->scratch);
	sorted = palloc(sizeof(SaHeader *) * Max(message->nheaders, 1));
	for (int i = 0; i < message->nheaders; i++)
		sorted[i] = &message->headers[i];
	qsort(sorted, message->nheaders, sizeof(SaHeader *), compare_headers);
	result = JsonbValueToJsonb(headers_object(sorted, message->nheaders));
	MemoryContextSwitchTo(caller);

	result = memcpy(palloc(VARSIZE(result)), result, VARSIZE(result));
	MemoryContextReset(conversion->space->scratch);
	return JsonbPGetDatum(result);
}

static JsonbValue *
headers_object(SaHeader **sorted, int nheaders)
{
	JsonbParseState *parse = NULL;
	JsonbValue	value;
	int			same;

	pushJsonbValue(&parse, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < nheaders; i += same)
	{
		for (same = 1; i + same < nheaders; same++)
		{
			if (strcmp(sorted[i]->name, sorted[i + same]->name) != 0)
				break;
		}
		header_text(sorted[i]->name, strlen(sorted[i]->name), &value);
		pushJsonbValue(&parse, WJB_KEY, &value);
		if (same > 1)
			header_array(&parse, &sorted[i], same);
		else
		{
			header_value_text(sorted[i], &value);
			pushJsonbValue(&parse, WJB_VALUE, &value);
		}
	}
	return pushJsonbValue(&parse, WJB_END_OBJECT, NULL);
}

static void
header_array(JsonbParseState **parse, SaHeader **sorted, int n)
{
	JsonbValue	value;

	pushJsonbValue(parse, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < n; i++)
	{
		header_value_text(sorted[i], &value);
		pushJsonbValue(parse, WJB_ELEM, &value);
	}
	pushJsonbValue(parse, WJB_END_ARRAY, NULL);
}

/* By name, and those of one name in the order of the message. */
static int
compare_headers(const void *a, const void *b)
{
	const SaHeader *x = *(SaHeader *const *) a;
	const SaHeader *y = *(SaHeader *const *) b;
	int			order = strcmp(x->name, y->name);

	if (order != 0)
		return order;
	return x < y ? -1 : x > y;
}

static void
header_value_text(const SaHeader *header, JsonbValue *result)
{
	if (header->value == NULL)
		result->type = jbvNull;
	else
		header_text(header->value, header->value_len, result);
}

/* As text, or, if that is no text, in the hexadecimal form of a bytea. */
static void
header_text(const char *data, size_t len, JsonbValue *result)
{
	result->type = jbvString;
	if (pg_verify_mbstr(PG_UTF8, data, len, true))
	{
		result->val.string.val = unconstify(char *, data);
		result->val.string.len = len;
	}
	else
	{
		char	   *hex = palloc(2 + len * 2);

		memcpy(hex, "\\x", 2);
		hex_encode(data, len, hex + 2);
		result->val.string.val = hex;
		result->val.string.len = 2 + len * 2;
	}
}
