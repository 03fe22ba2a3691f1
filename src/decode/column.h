/*-------------------------------------------------------------------------
 *
 * column.h
 *	  What each column of a stream is filled from.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_DECODE_COLUMN_H
#define SA_DECODE_COLUMN_H

#include "access/attnum.h"
#include "nodes/pg_list.h"

typedef enum SaColumnSource
{
	SA_SOURCE_FIELD,			/* a field of the message's value */
	SA_SOURCE_KEY,
	SA_SOURCE_VALUE,
	SA_SOURCE_PARTITION,
	SA_SOURCE_OFFSET,
	SA_SOURCE_TIMESTAMP,
	SA_SOURCE_HEADERS,
	SA_SOURCE_TOPIC,
	SA_SOURCE_PROCESSED_AT
} SaColumnSource;

/* unit of a number that stands for a time */
typedef enum SaEpochUnit
{
	SA_EPOCH_NONE,
	SA_EPOCH_S,
	SA_EPOCH_MS,
	SA_EPOCH_US,
	SA_EPOCH_NS
} SaEpochUnit;

typedef struct SaColumn
{
	AttrNumber	attnum;
	const char *name;
	Oid			type;
	int32		typmod;
	Oid			collation;
	bool		not_null;

	SaColumnSource source;
	List	   *path;			/* of char *, for SA_SOURCE_FIELD: ("a" "b") for
								 * a.b, one name where no path was given */
	SaEpochUnit epoch;
} SaColumn;

#endif							/* SA_DECODE_COLUMN_H */
