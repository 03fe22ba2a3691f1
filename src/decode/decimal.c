/*-------------------------------------------------------------------------
 *
 * decimal.c
 *	  Short decimal numbers, read from JSON text without loss.
 *
 * NOTES
 *	  Nearly all numbers in messages have fewer than 19 digits.  These are read
 *	  here once, and the conversions make an integer, a float, a numeric or a
 *	  time of the result; the rest goes to PostgreSQL's input functions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"

#include "decode/decimal.h"

/* A mantissa below this can take one more digit. */
#define MANTISSA_LIMIT (PG_INT64_MAX / 10)

/* More than any exponent that matters, and far from overflowing an int. */
#define EXPONENT_LIMIT 100000000

#define MAX_POWER 19			/* greatest power of ten in an uint64 */

static int	parse_exponent(const char *p, const char *end);
static uint64 power_of_ten(int power);

void
sa_decimal_parse(const char *text, size_t len, SaDecimal *number)
{
	const char *end = text + len;
	const char *p = text;
	uint64		mantissa = 0;
	int			exponent = 0;
	bool		fraction = false;

	number->negative = *p == '-';
	number->exact = true;
	if (number->negative)
		p++;
	for (; p < end; p++)
	{
		unsigned char digit = *p - '0';

		if (digit <= 9)
		{
			if (mantissa < MANTISSA_LIMIT)
			{
				mantissa = mantissa * 10 + digit;
				exponent -= fraction;
			}
			else
			{
				number->exact = false;
				exponent += !fraction;
			}
		}
		else if (*p == '.')
			fraction = true;
		else
			break;
	}
	number->integer = p == end && !fraction;
	if (p < end)
		exponent += parse_exponent(p + 1, end);

	number->mantissa = number->negative ? -(int64) mantissa : (int64) mantissa;
	number->exponent = exponent;
}

bool
sa_decimal_scale(const SaDecimal *number, int power, int64 *result)
{
	uint64		divisor;
	uint64		rounded;

	power += number->exponent;
	*result = number->mantissa;
	if (*result == 0)
		return true;
	if (power > MAX_POWER)
		return false;
	for (; power > 0; power--)
	{
		if (pg_mul_s64_overflow(*result, 10, result))
			return false;
	}
	if (power == 0)
		return true;

	if (power < -MAX_POWER)
	{
		*result = 0;
		return true;
	}
	divisor = power_of_ten(-power);
	rounded = number->negative ? -(uint64) number->mantissa
		: (uint64) number->mantissa;
	rounded = (rounded + divisor / 2) / divisor;
	*result = number->negative ? -(int64) rounded : (int64) rounded;
	return true;
}

/* "p" is behind the letter e. */
static int
parse_exponent(const char *p, const char *end)
{
	bool		negative = *p == '-';
	int			exponent = 0;

	if (*p == '-' || *p == '+')
		p++;
	for (; p < end; p++)
	{
		if (exponent < EXPONENT_LIMIT)
			exponent = exponent * 10 + (*p - '0');
	}
	exponent = Min(exponent, EXPONENT_LIMIT);
	return negative ? -exponent : exponent;
}

static uint64
power_of_ten(int power)
{
	uint64		result = 1;

	Assert(power >= 0 && power <= MAX_POWER);
	while (power-- > 0)
		result *= 10;
	return result;
}
