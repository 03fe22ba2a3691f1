/*-------------------------------------------------------------------------
 *
 * convert_time.c
 *	  JSON values to timestamps, dates and times.
 *
 * NOTES
 *	  The same message must mean the same instant whoever reads it and whenever,
 *	  so nothing here depends on the session or on the clock:
 *	  - text without a zone is read in the stream's zone;
 *	  - a timestamp column holds UTC, so it gets the same instant that a
 *	    timestamptz column would; PostgreSQL itself would ignore the offset;
 *	  - "now", "today", "tomorrow" and "yesterday" are refused;
 *	  - a number is a time only in the unit that the column's option names.
 *
 *	  ISO 8601, which is what messages have, is read here.  PostgreSQL's input
 *	  function gets everything else and has the last word on what is wrong.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "decode/convert.h"

#define UNIX_TO_POSTGRES_US \
	((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

#define MAX_FRACTION_DIGITS 9

/* 2024-01-02, or 2024-01-02T03:04[:05[.678]][Z|+01|+01:00|+0100] */
typedef struct IsoTime
{
	int			year;
	int			month;
	int			day;
	int64		time_us;		/* since midnight */
	bool		has_zone;
	int			zone_s;			/* seconds east of Greenwich */
} IsoTime;

static bool iso_time(const char *text, size_t len, IsoTime *iso);
static bool iso_date(const char *p, IsoTime *iso);
static const char *iso_clock(const char *p, const char *end, IsoTime *iso);
static const char *iso_fraction(const char *p, const char *end, int64 *us);
static const char *iso_zone(const char *p, const char *end, IsoTime *iso);
static bool digit_pair(const char *p, const char *end, int *result);
static int	local_offset(SaConvertSpace *space, const IsoTime *iso);
static Datum finish_timestamp(SaConversion *conversion, Timestamp timestamp);
static void refuse_number(SaConversion *conversion, const char *hint)
			__attribute__((noreturn));
static void refuse_relative_words(const char *text);

/* For timestamptz and timestamp. */
Datum
sa_convert_timestamp(SaConversion *conversion, const SaJsonValue *value)
{
	IsoTime		iso;
	SaDecimal	number;

	if (value->kind == SA_JSON_NUMBER)
	{
		if (conversion->column->epoch == SA_EPOCH_NONE)
			refuse_number(conversion,
						  "Set the column's option \"epoch\" to \"s\", \"ms\", \"us\" or \"ns\".");
		sa_decimal_parse(value->text, value->len, &number);
		return sa_convert_epoch(conversion, &number, conversion->column->epoch);
	}

	if (value->kind == SA_JSON_STRING &&
		iso_time(value->text, value->len, &iso))
	{
		int			days = date2j(iso.year, iso.month, iso.day) -
			POSTGRES_EPOCH_JDATE;
		int			zone_s = iso.has_zone ? iso.zone_s
			: local_offset(conversion->space, &iso);

		return finish_timestamp(conversion,
								days * USECS_PER_DAY + iso.time_us -
								zone_s * USECS_PER_SEC);
	}
	return sa_convert_time(conversion, value);
}

Datum
sa_convert_date(SaConversion *conversion, const SaJsonValue *value)
{
	IsoTime		iso;

	if (value->kind == SA_JSON_NUMBER)
		refuse_number(conversion, NULL);
	if (value->kind == SA_JSON_STRING && value->len == 10 &&
		iso_time(value->text, value->len, &iso))
		return DateADTGetDatum(date2j(iso.year, iso.month, iso.day) -
							   POSTGRES_EPOCH_JDATE);
	return sa_convert_time(conversion, value);
}

/* Any type that reads words like "now": through its input function. */
Datum
sa_convert_time(SaConversion *conversion, const SaJsonValue *value)
{
	size_t		len;
	char	   *text = sa_convert_cstring(conversion->space, value, &len);

	refuse_relative_words(text);
	return sa_convert_by_input(conversion, text);
}

/* For timestamptz and timestamp: a number of units since the Unix epoch. */
Datum
sa_convert_epoch(SaConversion *conversion, const SaDecimal *number,
				 SaEpochUnit unit)
{
	int64		us = 0;
	bool		fits = false;

	switch (unit)
	{
		case SA_EPOCH_NONE:
			break;
		case SA_EPOCH_S:
			fits = sa_decimal_scale(number, 6, &us);
			break;
		case SA_EPOCH_MS:
			fits = sa_decimal_scale(number, 3, &us);
			break;
		case SA_EPOCH_US:
			fits = sa_decimal_scale(number, 0, &us);
			break;
		case SA_EPOCH_NS:
			fits = sa_decimal_scale(number, -3, &us);
			break;
	}

	if (!fits || us < PG_INT64_MIN + UNIX_TO_POSTGRES_US ||
		!IS_VALID_TIMESTAMP(us - UNIX_TO_POSTGRES_US))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return finish_timestamp(conversion, us - UNIX_TO_POSTGRES_US);
}

static Datum
finish_timestamp(SaConversion *conversion, Timestamp timestamp)
{
	if (conversion->typmod < 0)
		return TimestampGetDatum(timestamp);
	return DirectFunctionCall2(timestamp_scale, TimestampGetDatum(timestamp),
							   Int32GetDatum(conversion->typmod));
}

static void
refuse_number(SaConversion *conversion, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_DATETIME_FORMAT),
			 errmsg("cannot read a number as a value of column \"%s\"",
					conversion->column->name),
			 hint ? errhint("%s", hint) : 0));
}

/* These would give another time at every reading. */
static void
refuse_relative_words(const char *text)
{
	static const char *const relative[] = {
		"now", "today", "tomorrow", "yesterday"
	};
	const char *p = text;

	while (*p != '\0')
	{
		const char *word = p;

		while ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z'))
			p++;
		for (int i = 0; i < lengthof(relative); i++)
		{
			if (p - word == strlen(relative[i]) &&
				pg_strncasecmp(word, relative[i], p - word) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_DATETIME_FORMAT),
						 errmsg("\"%s\" does not name a fixed time",
								relative[i])));
		}
		if (p == word)
			p++;
	}
}

/* True if all of the text is of the form above and in the usual ranges. */
static bool
iso_time(const char *text, size_t len, IsoTime *iso)
{
	const char *end = text + len;
	const char *p = text + 10;

	iso->time_us = 0;
	iso->has_zone = false;
	if (len < 10 || !iso_date(text, iso))
		return false;
	if (p == end)
		return true;
	if (*p != 'T' && *p != ' ')
		return false;

	p = iso_clock(p + 1, end, iso);
	if (p != NULL && p < end)
		p = iso_zone(p, end, iso);
	return p == end;
}

/* Ten characters are there. */
static bool
iso_date(const char *p, IsoTime *iso)
{
	int			century;
	int			year;

	if (!digit_pair(p, p + 10, &century) || !digit_pair(p + 2, p + 10, &year) ||
		p[4] != '-' || !digit_pair(p + 5, p + 10, &iso->month) ||
		p[7] != '-' || !digit_pair(p + 8, p + 10, &iso->day))
		return false;
	iso->year = century * 100 + year;
	return iso->year > 0 && iso->month >= 1 && iso->month <= 12 &&
		iso->day >= 1 &&
		iso->day <= day_tab[isleap(iso->year)][iso->month - 1];
}

/* Returns where the time of day ends, NULL if it isn't one. */
static const char *
iso_clock(const char *p, const char *end, IsoTime *iso)
{
	int			hour;
	int			minute;
	int			second = 0;
	int64		us = 0;

	if (!digit_pair(p, end, &hour) || hour > 23 ||
		end - p < 5 || p[2] != ':' ||
		!digit_pair(p + 3, end, &minute) || minute > 59)
		return NULL;
	p += 5;
	if (p < end && *p == ':')
	{
		if (!digit_pair(p + 1, end, &second) || second > 59)
			return NULL;
		p += 3;
		if (p < end && *p == '.')
			p = iso_fraction(p + 1, end, &us);
	}
	iso->time_us = ((hour * INT64CONST(60) + minute) * 60 + second) *
		USECS_PER_SEC + us;
	return p;
}

/*
 * Digits beyond microseconds are rounded by the very formula of PostgreSQL's
 * own parser, so that both make the same of a half.
 */
static const char *
iso_fraction(const char *p, const char *end, int64 *us)
{
	int64		digits = 0;
	int			ndigits = 0;
	double		scale = 1;

	for (; p < end && *p >= '0' && *p <= '9'; p++)
	{
		digits = digits * 10 + (*p - '0');
		scale *= 10;
		if (++ndigits > MAX_FRACTION_DIGITS)
			return NULL;
	}
	if (ndigits == 0)
		return NULL;
	*us = (int64) rint((double) digits / scale * 1000000);
	return p;
}

/* Returns where the offset from UTC ends, NULL if it isn't one. */
static const char *
iso_zone(const char *p, const char *end, IsoTime *iso)
{
	int			hours;
	int			minutes = 0;
	bool		west = *p == '-';

	iso->has_zone = true;
	if (*p == 'Z')
	{
		iso->zone_s = 0;
		return p + 1;
	}
	if ((*p != '+' && *p != '-') || !digit_pair(p + 1, end, &hours) ||
		hours > MAX_TZDISP_HOUR)
		return NULL;
	p += 3;
	if (p < end)
	{
		if (*p == ':')
			p++;
		if (!digit_pair(p, end, &minutes) || minutes > 59)
			return NULL;
		p += 2;
	}
	iso->zone_s = (hours * 60 + minutes) * 60;
	if (west)
		iso->zone_s = -iso->zone_s;
	return p;
}

static bool
digit_pair(const char *p, const char *end, int *result)
{
	unsigned char tens;
	unsigned char ones;

	if (end - p < 2)
		return false;
	tens = p[0] - '0';
	ones = p[1] - '0';
	*result = tens * 10 + ones;
	return tens <= 9 && ones <= 9;
}

/* Offset of the stream's zone at a local time, in seconds east of Greenwich. */
static int
local_offset(SaConvertSpace *space, const IsoTime *iso)
{
	struct pg_tm tm = {0};

	if (space->zone_is_fixed)
		return (int) space->zone_offset_s;

	tm.tm_year = iso->year;
	tm.tm_mon = iso->month;
	tm.tm_mday = iso->day;
	tm.tm_hour = (int) (iso->time_us / USECS_PER_HOUR);
	tm.tm_min = (int) (iso->time_us / USECS_PER_MINUTE % 60);
	tm.tm_sec = (int) (iso->time_us / USECS_PER_SEC % 60);
	return -DetermineTimeZoneOffset(&tm, space->zone);
}
