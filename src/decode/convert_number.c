/*-------------------------------------------------------------------------
 *
 * convert_number.c
 *	  JSON values to numbers and booleans.
 *
 * NOTES
 *	  Each conversion takes what it can do fast and exactly, and leaves the rest
 *	  to the type's input function: strings, large numbers, exponents, and all
 *	  errors, so that both their rules and their messages are PostgreSQL's.
 *
 *	  Two rules are ours.  NaN and infinities, which JSON can only spell as
 *	  strings, are refused: one of them would spoil the sum of a window for
 *	  ever.  And a numeric may not have more than MAX_NUMERIC_DIGITS digits when
 *	  written out, since 1e131071 is a message of eight bytes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "decode/convert.h"

#define MAX_NUMERIC_DIGITS 1000

/* Longest mantissas and powers of ten that a float holds without rounding. */
#define FLOAT8_MANTISSA INT64CONST(9007199254740992)
#define FLOAT8_POWER 22
#define FLOAT4_MANTISSA INT64CONST(16777216)
#define FLOAT4_POWER 10

/* Where intermediate results have more bits, this would round twice. */
#define HAVE_PLAIN_FLOATS (FLT_EVAL_METHOD == 0)

static bool read_integer(const SaJsonValue *value, int64 min, int64 max,
						 int64 *result);
static bool read_float(const SaJsonValue *value, int64 max_mantissa,
					   int max_power, SaDecimal *number);
static void check_finite(bool is_finite, const SaJsonValue *value);
static void check_digits(const char *text);

Datum
sa_convert_int2(SaConversion *conversion, const SaJsonValue *value)
{
	int64		result;

	if (read_integer(value, PG_INT16_MIN, PG_INT16_MAX, &result))
		return Int16GetDatum((int16) result);
	return sa_convert_other(conversion, value);
}

Datum
sa_convert_int4(SaConversion *conversion, const SaJsonValue *value)
{
	int64		result;

	if (read_integer(value, PG_INT32_MIN, PG_INT32_MAX, &result))
		return Int32GetDatum((int32) result);
	return sa_convert_other(conversion, value);
}

Datum
sa_convert_int8(SaConversion *conversion, const SaJsonValue *value)
{
	int64		result;

	if (read_integer(value, PG_INT64_MIN, PG_INT64_MAX, &result))
		return Int64GetDatum(result);
	return sa_convert_other(conversion, value);
}

static bool
read_integer(const SaJsonValue *value, int64 min, int64 max, int64 *result)
{
	SaDecimal	number;

	if (value->kind != SA_JSON_NUMBER)
		return false;
	sa_decimal_parse(value->text, value->len, &number);
	*result = number.mantissa;
	return number.integer && number.exact &&
		number.mantissa >= min && number.mantissa <= max;
}

Datum
sa_convert_float4(SaConversion *conversion, const SaJsonValue *value)
{
	static const float4 powers[FLOAT4_POWER + 1] = {
		1e0f, 1e1f, 1e2f, 1e3f, 1e4f, 1e5f, 1e6f, 1e7f, 1e8f, 1e9f, 1e10f
	};
	SaDecimal	number;
	float4		result;
	Datum		converted;

	if (read_float(value, FLOAT4_MANTISSA, FLOAT4_POWER, &number))
	{
		result = (float4) number.mantissa;
		if (number.exponent < 0)
			result /= powers[-number.exponent];
		else
			result *= powers[number.exponent];
		return Float4GetDatum(result);
	}

	converted = sa_convert_other(conversion, value);
	check_finite(isfinite(DatumGetFloat4(converted)), value);
	return converted;
}

Datum
sa_convert_float8(SaConversion *conversion, const SaJsonValue *value)
{
	static const float8 powers[FLOAT8_POWER + 1] = {
		1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
		1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
	};
	SaDecimal	number;
	float8		result;
	Datum		converted;

	if (read_float(value, FLOAT8_MANTISSA, FLOAT8_POWER, &number))
	{
		result = (float8) number.mantissa;
		if (number.exponent < 0)
			result /= powers[-number.exponent];
		else
			result *= powers[number.exponent];
		return Float8GetDatum(result);
	}

	converted = sa_convert_other(conversion, value);
	check_finite(isfinite(DatumGetFloat8(converted)), value);
	return converted;
}

/*
 * True if mantissa and power of ten are both exact as floats: then one
 * multiplication or division rounds once, which is as strtod() rounds.
 */
static bool
read_float(const SaJsonValue *value, int64 max_mantissa, int max_power,
		   SaDecimal *number)
{
	if (value->kind != SA_JSON_NUMBER || !HAVE_PLAIN_FLOATS)
		return false;
	sa_decimal_parse(value->text, value->len, number);
	if (number->negative && number->mantissa == 0)
		return false;			/* minus zero is no integer */
	return number->exact &&
		number->mantissa >= -max_mantissa && number->mantissa <= max_mantissa &&
		number->exponent >= -max_power && number->exponent <= max_power;
}

static void
check_finite(bool is_finite, const SaJsonValue *value)
{
	if (!is_finite)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("value is not a finite number"),
				 errdetail("The message has \"%.*s\" in place of a number.",
						   (int) Min(value->len, 20), value->text)));
}

Datum
sa_convert_numeric(SaConversion *conversion, const SaJsonValue *value)
{
	SaDecimal	number;
	Numeric		result;
	Datum		converted;
	char	   *text;
	size_t		len;

	if (value->kind == SA_JSON_NUMBER)
	{
		sa_decimal_parse(value->text, value->len, &number);
		if (number.exact && number.exponent <= 0 && number.exponent >= -18)
		{
			result = int64_div_fast_to_numeric(number.mantissa,
											   -number.exponent);
			converted = NumericGetDatum(result);
			if (conversion->typmod < 0)
				return converted;
			converted = DirectFunctionCall2(numeric, converted,
											Int32GetDatum(conversion->typmod));
			pfree(result);
			return converted;
		}
	}

	text = sa_convert_cstring(conversion->space, value, &len);
	check_digits(text);
	converted = sa_convert_by_input(conversion, text);
	result = DatumGetNumeric(converted);
	check_finite(!numeric_is_nan(result) && !numeric_is_inf(result), value);
	return converted;
}

/* Refuses what would become a giant number, before it does. */
static void
check_digits(const char *text)
{
	int64		before_point = 0;
	int64		after_point = 0;
	int64	   *counter = &before_point;
	const char *p;

	for (p = text; *p != '\0' && *p != 'e' && *p != 'E'; p++)
	{
		if (*p == '.')
			counter = &after_point;
		else if (*p >= '0' && *p <= '9')
			(*counter)++;
	}
	if (*p != '\0')
	{
		/* saturates, which is as good */
		int64		exponent = strtol(p + 1, NULL, 10);

		exponent = Max(Min(exponent, PG_INT32_MAX), PG_INT32_MIN);
		before_point = Max(before_point + exponent, 0);
		after_point = Max(after_point - exponent, 0);
	}
	if (before_point + after_point > MAX_NUMERIC_DIGITS)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("number has too many digits"),
				 errdetail("Written out it has more than %d digits.",
						   MAX_NUMERIC_DIGITS)));
}

Datum
sa_convert_bool(SaConversion *conversion, const SaJsonValue *value)
{
	if (value->kind == SA_JSON_TRUE)
		return BoolGetDatum(true);
	if (value->kind == SA_JSON_FALSE)
		return BoolGetDatum(false);
	return sa_convert_other(conversion, value);
}
