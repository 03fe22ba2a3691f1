/*-------------------------------------------------------------------------
 *
 * random_json.c
 *	  Random JSON documents.
 *
 * NOTES
 *	  Made for comparing parsers: few names, so that they repeat and nest;
 *	  names and strings with every kind of escape, also wrong ones; numbers at
 *	  the limits of 64 bits and of double.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/pg_prng.h"

#include "random_json.h"

static pg_prng_state prng;

static void random_value(StringInfo buf, int depth);
static void random_object(StringInfo buf, int depth);
static void random_array(StringInfo buf, int depth);
static void random_name(StringInfo buf);
static void random_string(StringInfo buf);
static void random_space(StringInfo buf);
static void damage(StringInfo buf);

static const char *const names[] = {
	"a", "b", "c", "ab", "a\\u0062", "\\u0061", "id", "\\u00e9", "\303\251",
	"", "b\\\\c", "user_name"
};

static const char *const pieces[] = {
	"x", "hello", " ", "\\n", "\\\\", "\\\"", "\\/", "\\u0041", "\\u00e9",
	"\\u20AC", "\\ud83d\\ude00", "\360\237\230\200", "\342\202\254", "{", "]",
	":", ",", "'", "\\b\\f\\r\\t", "\177", "123456789012345678901234567890"
};

/* what PostgreSQL or simdjson must refuse in jsonb */
static const char *const bad_pieces[] = {
	"\\u0000", "\\ud800", "\\udc00x", "\\ud83d\\u0041", "\\x", "\\u12g4",
	"\377", "\355\240\200", "\n", "\300\200"
};

static const char *const numbers[] = {
	"0", "-0", "1", "-1", "1.10", "0.1", "1e3", "1E+3", "1.5e-3",
	"9223372036854775807", "9223372036854775808", "-9223372036854775808",
	"-9223372036854775809", "18446744073709551615", "18446744073709551616",
	"123456789012345678901234567890.123456789", "1e400", "-1e-400",
	"1.7976931348623157e308", "-0.0", "0e5"
};

static const char *const bad_numbers[] = {
	"01", "1.", ".5", "+1", "-", "1e", "1e+", "0x10", "NaN", "-Infinity",
	"99999999999999999999.", "1 2"
};

#define PICK(array) \
	(array)[pg_prng_uint64_range(&prng, 0, lengthof(array) - 1)]

static bool
one_in(int n)
{
	return pg_prng_uint64_range(&prng, 1, n) == 1;
}

void
random_json(StringInfo buf, uint64 seed, bool damaged)
{
	pg_prng_seed(&prng, seed);
	random_space(buf);
	if (one_in(30))
		random_value(buf, 0);
	else
		random_object(buf, 0);
	random_space(buf);
	if (damaged)
		damage(buf);
}

static void
random_value(StringInfo buf, int depth)
{
	switch (pg_prng_uint64_range(&prng, 0, depth < 6 ? 8 : 5))
	{
		case 0:
			appendStringInfoString(buf, "null");
			break;
		case 1:
			appendStringInfoString(buf, one_in(2) ? "true" : "false");
			break;
		case 2:
		case 3:
			appendStringInfoString(buf, one_in(500) ? PICK(bad_numbers)
								   : PICK(numbers));
			break;
		case 4:
		case 5:
			random_string(buf);
			break;
		case 6:
		case 7:
			random_object(buf, depth + 1);
			break;
		default:
			random_array(buf, depth + 1);
			break;
	}
}

static void
random_object(StringInfo buf, int depth)
{
	int			nfields = pg_prng_uint64_range(&prng, 0, 8);

	appendStringInfoChar(buf, '{');
	for (int i = 0; i < nfields; i++)
	{
		if (i > 0)
			appendStringInfoChar(buf, ',');
		random_space(buf);
		random_name(buf);
		random_space(buf);
		appendStringInfoChar(buf, ':');
		random_space(buf);
		random_value(buf, depth);
		random_space(buf);
	}
	random_space(buf);
	appendStringInfoChar(buf, '}');
}

static void
random_array(StringInfo buf, int depth)
{
	int			nelements = pg_prng_uint64_range(&prng, 0, 4);

	appendStringInfoChar(buf, '[');
	random_space(buf);
	for (int i = 0; i < nelements; i++)
	{
		if (i > 0)
			appendStringInfoChar(buf, ',');
		random_value(buf, depth);
		random_space(buf);
	}
	appendStringInfoChar(buf, ']');
}

static void
random_name(StringInfo buf)
{
	if (one_in(20))
		random_string(buf);
	else
		appendStringInfo(buf, "\"%s\"", PICK(names));
}

static void
random_string(StringInfo buf)
{
	int			npieces = pg_prng_uint64_range(&prng, 0, 6);

	appendStringInfoChar(buf, '"');
	for (int i = 0; i < npieces; i++)
		appendStringInfoString(buf, one_in(1000) ? PICK(bad_pieces)
							   : PICK(pieces));
	appendStringInfoChar(buf, '"');
}

static void
random_space(StringInfo buf)
{
	static const char *const spaces[] = {" ", "\n", "\t", "\r\n", "    "};

	if (one_in(4))
		appendStringInfoString(buf, PICK(spaces));
}

static void
damage(StringInfo buf)
{
	int			nchanges = pg_prng_uint64_range(&prng, 1, 3);

	for (int i = 0; i < nchanges && buf->len > 1; i++)
	{
		int			at = pg_prng_uint64_range(&prng, 0, buf->len - 1);
		int			len = buf->len - at;

		switch (pg_prng_uint64_range(&prng, 0, 9))
		{
			case 0:
				buf->len = at;
				break;
			case 1:
			case 2:
			case 3:
				buf->data[at] = pg_prng_uint64_range(&prng, 0, 255);
				break;
			case 4:
			case 5:
			case 6:
				buf->data[at] ^= 1 << pg_prng_uint64_range(&prng, 0, 7);
				break;
			default:
				len = Min(len, 5);
				memmove(buf->data + at, buf->data + at + len,
						buf->len - at - len);
				buf->len -= len;
				break;
		}
	}
}
