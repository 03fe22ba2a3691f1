/*-------------------------------------------------------------------------
 *
 * convert.h
 *	  From a JSON value to a Datum of a column's type.  Private to decode/.
 *
 * NOTES
 *	  Results are palloc'd in CurrentMemoryContext, and nothing else is left
 *	  there.  All conversions throw what PostgreSQL throws for a value that does
 *	  not fit; a thrown error leaves everything usable.  None depends on
 *	  TimeZone, DateStyle or IntervalStyle of the session.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_DECODE_CONVERT_H
#define SA_DECODE_CONVERT_H

#include "access/tupdesc.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "pgtime.h"

#include "decode/column.h"
#include "decode/decimal.h"
#include "decode/json_scan.h"

/* What the columns of a decoder share. */
typedef struct SaConvertSpace
{
	MemoryContext memory;		/* lives as long as the decoder */
	MemoryContext scratch;		/* emptied after every use */
	StringInfoData text;		/* room for a zero-terminated copy of a value */

	pg_tz	   *zone;			/* of time text without a zone */
	bool		zone_is_fixed;	/* "zone" has one offset at all times */
	long		zone_offset_s;	/* that offset, seconds east of Greenwich */
} SaConvertSpace;

typedef struct SaConversion SaConversion;

/* "value" is neither missing nor null. */
typedef Datum (*SaConvertValue) (SaConversion *conversion,
								 const SaJsonValue *value);

struct SaConversion
{
	SaConvertSpace *space;
	const SaColumn *column;

	/* what is converted to: the column's type, or what its domain is over */
	Oid			type;
	int32		typmod;
	int16		typlen;
	bool		typbyval;
	SaConvertValue convert;
	FmgrInfo	input;			/* the type's input function */
	Oid			input_param;

	/* for arrays and composite types: PostgreSQL's JSON to record */
	MemoryContext record_memory;
	TupleDesc	record_desc;
	FmgrInfo	record_function;
	bool		record_ready;	/* false also after an error in it */

	bool		is_domain;
	void	   *domain_cache;
};

/* convert.c */
extern void sa_convert_space_init(SaConvertSpace *space, pg_tz *zone,
								  MemoryContext memory);
extern void sa_conversion_init(SaConversion *conversion, SaConvertSpace *space,
							   const SaColumn *column);
extern Datum sa_convert_value(SaConversion *conversion,
							  const SaJsonValue *value);
extern void sa_convert_check_domain(SaConversion *conversion, Datum value,
									bool isnull);
extern Datum sa_convert_by_input(SaConversion *conversion, char *text);
extern Datum sa_convert_by_record(SaConversion *conversion,
								  const SaJsonValue *value);

/* convert_text.c */
extern char *sa_convert_cstring(SaConvertSpace *space,
								const SaJsonValue *value, size_t *len);
extern char *sa_convert_copy(SaConvertSpace *space, const char *text,
							 size_t len);
extern Datum sa_convert_fit_text(SaConversion *conversion, const char *text,
								 size_t len);
extern Datum sa_convert_json_text(const char *text, size_t len);
extern Datum sa_convert_text(SaConversion *conversion,
							 const SaJsonValue *value);
extern Datum sa_convert_json(SaConversion *conversion,
							 const SaJsonValue *value);
extern Datum sa_convert_jsonb(SaConversion *conversion,
							  const SaJsonValue *value);
extern Datum sa_convert_other(SaConversion *conversion,
							  const SaJsonValue *value);

/* convert_number.c */
extern Datum sa_convert_int2(SaConversion *conversion,
							 const SaJsonValue *value);
extern Datum sa_convert_int4(SaConversion *conversion,
							 const SaJsonValue *value);
extern Datum sa_convert_int8(SaConversion *conversion,
							 const SaJsonValue *value);
extern Datum sa_convert_float4(SaConversion *conversion,
							   const SaJsonValue *value);
extern Datum sa_convert_float8(SaConversion *conversion,
							   const SaJsonValue *value);
extern Datum sa_convert_numeric(SaConversion *conversion,
								const SaJsonValue *value);
extern Datum sa_convert_bool(SaConversion *conversion,
							 const SaJsonValue *value);

/* convert_time.c */
extern Datum sa_convert_timestamp(SaConversion *conversion,
								  const SaJsonValue *value);
extern Datum sa_convert_date(SaConversion *conversion,
							 const SaJsonValue *value);
extern Datum sa_convert_time(SaConversion *conversion,
							 const SaJsonValue *value);
extern Datum sa_convert_epoch(SaConversion *conversion,
							  const SaDecimal *number, SaEpochUnit unit);

#endif							/* SA_DECODE_CONVERT_H */
