/*-------------------------------------------------------------------------
 *
 * convert_text.c
 *	  JSON values to text and to JSON types.
 *
 * NOTES
 *	  As with ->>, a string gives what it stands for and everything else its
 *	  own text; that is also what the input function of any other type gets.
 *	  The document has been validated, so encoding needs no further check here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/compat.h"
#include "decode/convert.h"
#include "decode/json_string.h"

/* A larger copy is not kept, in bytes. */
#define MAX_KEPT_COPY (1024 * 1024)

static char *reserve_copy(SaConvertSpace *space, size_t len);
static void raw_text(const SaJsonValue *value, const char **text, size_t *len);
static void report_zero(void) __attribute__((noreturn));

/*
 * What the value stands for, zero-terminated, in memory that is good until the
 * next such call.
 */
char *
sa_convert_cstring(SaConvertSpace *space, const SaJsonValue *value,
				   size_t *len)
{
	bool		has_zero;

	if (!value->escaped)
	{
		*len = value->len;
		return sa_convert_copy(space, value->text, value->len);
	}

	reserve_copy(space, value->len);
	*len = sa_json_unescape(value->text, value->len, space->text.data,
							&has_zero);
	if (has_zero)
		report_zero();
	space->text.data[*len] = '\0';
	return space->text.data;
}

/* The same for any text. */
char *
sa_convert_copy(SaConvertSpace *space, const char *text, size_t len)
{
	char	   *copy = reserve_copy(space, len);

	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

static char *
reserve_copy(SaConvertSpace *space, size_t len)
{
	if (space->text.maxlen > MAX_KEPT_COPY && len < MAX_KEPT_COPY / 2)
	{
		space->text.data = repalloc(space->text.data, MAX_KEPT_COPY);
		space->text.maxlen = MAX_KEPT_COPY;
	}
	resetStringInfo(&space->text);
	enlargeStringInfo(&space->text, len);
	return space->text.data;
}

/* As it stands in the document, a string with its quotes. */
static void
raw_text(const SaJsonValue *value, const char **text, size_t *len)
{
	int			quote = value->kind == SA_JSON_STRING ? 1 : 0;

	*text = value->text - quote;
	*len = value->len + 2 * quote;
}

static void
report_zero(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
			 errmsg("unsupported Unicode escape sequence"),
			 errdetail("\\u0000 cannot be converted to text.")));
}

/* For text, varchar(n) and char(n): too long is an error, as in INSERT. */
Datum
sa_convert_fit_text(SaConversion *conversion, const char *text, size_t len)
{
	Datum		result = PointerGetDatum(cstring_to_text_with_len(text, len));
	Datum		fitted;
	PGFunction	fit = conversion->type == BPCHAROID ? bpchar : varchar;

	/* no string has more characters than bytes */
	if (conversion->typmod < 0 ||
		(conversion->type == VARCHAROID && len + VARHDRSZ <= conversion->typmod))
		return result;

	fitted = DirectFunctionCall3(fit, result,
								 Int32GetDatum(conversion->typmod),
								 BoolGetDatum(false));
	if (DatumGetPointer(fitted) != DatumGetPointer(result))
		pfree(DatumGetPointer(result));
	return fitted;
}

Datum
sa_convert_text(SaConversion *conversion, const SaJsonValue *value)
{
	size_t		len = value->len;
	const char *text = value->text;

	if (value->escaped)
		text = sa_convert_cstring(conversion->space, value, &len);
	return sa_convert_fit_text(conversion, text, len);
}

Datum
sa_convert_json(SaConversion *conversion, const SaJsonValue *value)
{
	const char *text;
	size_t		len;

	raw_text(value, &text, &len);
	return sa_convert_json_text(text, len);
}

/*
 * For text that is known to be valid JSON.  A json column could hold \u0000,
 * but the first ->> on it would fail, in the middle of a batch.
 */
Datum
sa_convert_json_text(const char *text, size_t len)
{
	if (sa_json_has_zero_escape(text, len))
		report_zero();
	return PointerGetDatum(cstring_to_text_with_len(text, len));
}

Datum
sa_convert_jsonb(SaConversion *conversion, const SaJsonValue *value)
{
	const char *text;
	size_t		len;

	raw_text(value, &text, &len);
	return sa_convert_by_input(conversion,
							   sa_convert_copy(conversion->space, text, len));
}

/* Any type that is not treated by itself. */
Datum
sa_convert_other(SaConversion *conversion, const SaJsonValue *value)
{
	size_t		len;

	return sa_convert_by_input(conversion,
							   sa_convert_cstring(conversion->space, value,
												  &len));
}
