/*-------------------------------------------------------------------------
 *
 * column_check.c
 *	  Which types a column can have, by what it is filled from.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/lsyscache.h"

#include "decode/decoder.h"

typedef struct TypeRule
{
	const char *metadata;		/* value of the column option */
	const char *types;			/* the same as "allowed", in words */
	Oid			allowed[6];		/* up to the first InvalidOid */
} TypeRule;

/* whole bytes of the message */
#define BYTE_TYPE_NAMES "text, character varying, bytea, json or jsonb"
#define BYTE_TYPES {TEXTOID, VARCHAROID, BYTEAOID, JSONOID, JSONBOID, InvalidOid}

static bool is_allowed(const TypeRule *rule, Oid type);
static const char *check_field(const SaColumn *column, Oid type,
							   SaFormat format);

static const TypeRule rules[] = {
	[SA_SOURCE_FIELD] = {NULL, BYTE_TYPE_NAMES, BYTE_TYPES},	/* raw format */
	[SA_SOURCE_KEY] = {"key", BYTE_TYPE_NAMES, BYTE_TYPES},
	[SA_SOURCE_VALUE] = {"value", BYTE_TYPE_NAMES, BYTE_TYPES},
	[SA_SOURCE_PARTITION] = {"partition", "integer, bigint or smallint",
	{INT4OID, INT8OID, INT2OID, InvalidOid}},
	[SA_SOURCE_OFFSET] = {"offset", "bigint", {INT8OID, InvalidOid}},
	[SA_SOURCE_TIMESTAMP] = {"timestamp",
		"timestamp with time zone or timestamp without time zone",
	{TIMESTAMPTZOID, TIMESTAMPOID, InvalidOid}},
	[SA_SOURCE_HEADERS] = {"headers", "jsonb", {JSONBOID, InvalidOid}},
	[SA_SOURCE_TOPIC] = {"topic", "text or character varying",
	{TEXTOID, VARCHAROID, InvalidOid}},
	[SA_SOURCE_PROCESSED_AT] = {"processed_at",
		"timestamp with time zone or timestamp without time zone",
	{TIMESTAMPTZOID, TIMESTAMPOID, InvalidOid}},
};

const char *
sa_column_check_type(const SaColumn *column, SaFormat format)
{
	const TypeRule *rule = &rules[column->source];
	Oid			type = getBaseType(column->type);

	if (column->source == SA_SOURCE_FIELD)
		return check_field(column, type, format);
	if (!is_allowed(rule, type))
		return psprintf("column \"%s\" with metadata '%s' must be of type %s",
						column->name, rule->metadata, rule->types);
	if (column->epoch != SA_EPOCH_NONE)
		return psprintf("option \"epoch\" of column \"%s\" is for fields of the message only",
						column->name);
	return NULL;
}

static const char *
check_field(const SaColumn *column, Oid type, SaFormat format)
{
	if (column->epoch != SA_EPOCH_NONE &&
		(format != SA_FORMAT_JSON ||
		 (type != TIMESTAMPTZOID && type != TIMESTAMPOID)))
		return psprintf("option \"epoch\" of column \"%s\" needs a JSON field and a timestamp type",
						column->name);
	if (format == SA_FORMAT_RAW && !is_allowed(&rules[SA_SOURCE_FIELD], type))
		return psprintf("column \"%s\" of a stream in raw format must be of type %s",
						column->name, rules[SA_SOURCE_FIELD].types);
	return NULL;
}

static bool
is_allowed(const TypeRule *rule, Oid type)
{
	for (const Oid *allowed = rule->allowed; OidIsValid(*allowed); allowed++)
	{
		if (*allowed == type)
			return true;
	}
	return false;
}
