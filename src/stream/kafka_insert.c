/*-------------------------------------------------------------------------
 *
 * kafka_insert.c
 *	  INSERT into a stream of a Kafka server: producing to the topic.
 *
 * NOTES
 *	  A row becomes the message from which a continuous view would read the same
 *	  row: fields go where "path" says, times as numbers where "epoch" says, and
 *	  metadata columns to key, partition, timestamp and headers.
 *
 *	  The statement returns when Kafka has confirmed its messages.  Kafka knows
 *	  nothing of our transaction: what was sent stays sent after a ROLLBACK.
 *
 *	  The JSON is computed by an expression over the row, so that PostgreSQL's own
 *	  functions decide what each type looks like in JSON.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/epoch.h"
#include "kafka/producer.h"
#include "stream/kafka_insert.h"

/* Function calls take at most 100 arguments; so many fields make one object. */
#define FIELDS_PER_OBJECT	40

struct SaKafkaInsert
{
	MemoryContextCallback callback;
	SaStream   *stream;
	SaProducer *producer;		/* NULL: closed */
	EState	   *estate;
	ExprState  *value;			/* jsonb of the row's fields; NULL: raw */
	MemoryContext row_context;
};

static void append_object(StringInfo sql, List *columns, int depth);

static void
close_producer(void *arg)
{
	SaKafkaInsert *insert = arg;

	if (insert->producer != NULL)
		sa_producer_close(insert->producer);
	insert->producer = NULL;
}

/* ------------------------------------------------------------------------
 * The value
 * ------------------------------------------------------------------------
 */

/* A column, as a number of its unit if it is a time with one. */
static void
append_column(StringInfo sql, const SaColumn *column)
{
	const char *name = quote_identifier(column->name);
	const char *factor = NULL;

	switch (column->epoch)
	{
		case SA_EPOCH_NONE:
			appendStringInfoString(sql, name);
			return;
		case SA_EPOCH_S:
			factor = "1";
			break;
		case SA_EPOCH_MS:
			factor = "1000";
			break;
		case SA_EPOCH_US:
			factor = "1000000";
			break;
		case SA_EPOCH_NS:
			factor = "1000000000";
			break;
	}
	appendStringInfo(sql, "pg_catalog.trim_scale(pg_catalog.extract('epoch', %s) OPERATOR(pg_catalog.*) %s)",
					 name, factor);
}

/* Columns whose path has this name at this depth. */
static List *
columns_below(List *columns, const char *name, int depth)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, columns)
	{
		SaColumn   *column = lfirst(lc);

		if (strcmp(list_nth(column->path, depth), name) == 0)
			result = lappend(result, column);
	}
	return result;
}

static void
append_field(StringInfo sql, List *columns, const char *name, int depth)
{
	List	   *same = columns_below(columns, name, depth);
	SaColumn   *column = linitial(same);

	appendStringInfo(sql, "%s, ", quote_literal_cstr(name));
	if (list_length(column->path) == depth + 1)
		append_column(sql, column);
	else
		append_object(sql, same, depth + 1);
}

/* jsonb_build_object(…), several of them if there are many fields */
static void
append_object(StringInfo sql, List *columns, int depth)
{
	List	   *names = NIL;
	int			n = 0;
	ListCell   *lc;

	foreach(lc, columns)
	{
		char	   *name = list_nth(((SaColumn *) lfirst(lc))->path, depth);
		bool		seen = false;
		ListCell   *ln;

		foreach(ln, names)
			seen |= strcmp(lfirst(ln), name) == 0;
		if (seen)
			continue;
		names = lappend(names, name);
		if (n == FIELDS_PER_OBJECT)
		{
			appendStringInfoString(sql, ") OPERATOR(pg_catalog.||) ");
			n = 0;
		}
		appendStringInfoString(sql, n == 0 ? "pg_catalog.jsonb_build_object(" : ", ");
		append_field(sql, columns, name, depth);
		n++;
	}
	appendStringInfoString(sql, names == NIL ? "pg_catalog.jsonb_build_object()" : ")");
}

static ExprState *
prepare_value(SaKafkaInsert *insert, Relation rel)
{
	SaStream   *stream = insert->stream;
	ParseState *pstate = make_parsestate(NULL);
	List	   *fields = NIL;
	StringInfoData sql;
	SelectStmt *select;
	Node	   *expr;

	for (int c = 0; c < stream->ncolumns; c++)
	{
		if (stream->columns[c].source == SA_SOURCE_FIELD)
			fields = lappend(fields, &stream->columns[c]);
	}
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	append_object(&sql, fields, 0);

	addNSItemToQuery(pstate, addRangeTableEntryForRelation(pstate, rel, AccessShareLock,
														   NULL, false, true),
					 false, true, true);
	select = (SelectStmt *) linitial_node(RawStmt, raw_parser(sql.data, RAW_PARSE_DEFAULT))->stmt;
	expr = transformExpr(pstate, linitial_node(ResTarget, select->targetList)->val,
						 EXPR_KIND_SELECT_TARGET);
	assign_expr_collations(pstate, expr);
	return ExecPrepareExpr((Expr *) expr, insert->estate);
}

/* ------------------------------------------------------------------------
 * Rows
 * ------------------------------------------------------------------------
 */

/* A value's bytes: those of a bytea, or the text of anything else. */
static const char *
value_bytes(Datum value, Oid type, size_t *len)
{
	Oid			output;
	bool		is_varlena;
	char	   *text;

	if (type == BYTEAOID)
	{
		bytea	   *bytes = DatumGetByteaPP(value);

		*len = VARSIZE_ANY_EXHDR(bytes);
		return VARDATA_ANY(bytes);
	}
	getTypeOutputInfo(type, &output, &is_varlena);
	text = OidOutputFunctionCall(output, value);
	*len = strlen(text);
	return text;
}

/* Headers from a jsonb object: text as it is, null as none, others as JSON. */
static void
fill_headers(SaOutgoing *message, Jsonb *jsonb, const SaColumn *column)
{
	JsonbIterator *it = JsonbIteratorInit(&jsonb->root);
	SaHeader   *headers = palloc0(sizeof(SaHeader) * Max(JB_ROOT_COUNT(jsonb), 1));
	JsonbIteratorToken token;
	JsonbValue	v;
	int			n = 0;

	if (!JB_ROOT_IS_OBJECT(jsonb))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("value of column \"%s\" is not a JSON object", column->name),
				 errhint("Give headers as an object of names and values.")));
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			headers[n].name = pnstrdup(v.val.string.val, v.val.string.len);
		else if (token == WJB_VALUE)
		{
			if (v.type == jbvString)
			{
				headers[n].value = v.val.string.val;
				headers[n].value_len = v.val.string.len;
			}
			else if (v.type != jbvNull)
			{
				headers[n].value = JsonbToCString(NULL, &JsonbValueToJsonb(&v)->root, 0);
				headers[n].value_len = strlen(headers[n].value);
			}
			n++;
		}
	}
	message->headers = headers;
	message->nheaders = n;
}

static int64
to_integer(Datum value, Oid type)
{
	return type == INT8OID ? DatumGetInt64(value) :
		type == INT2OID ? DatumGetInt16(value) : DatumGetInt32(value);
}

static void
fill_from_metadata(SaOutgoing *message, const SaColumn *column, Datum value)
{
	switch (column->source)
	{
		case SA_SOURCE_FIELD:
			break;				/* part of the value */
		case SA_SOURCE_KEY:
			message->key = value_bytes(value, column->type, &message->key_len);
			break;
		case SA_SOURCE_VALUE:
			message->value = value_bytes(value, column->type, &message->value_len);
			break;
		case SA_SOURCE_PARTITION:
			message->partition = to_integer(value, column->type);
			break;
		case SA_SOURCE_TIMESTAMP:
			message->timestamp_ms = sa_time_to_kafka(DatumGetTimestampTz(value));
			break;
		case SA_SOURCE_HEADERS:
			fill_headers(message, DatumGetJsonbP(value), column);
			break;
		case SA_SOURCE_OFFSET:
		case SA_SOURCE_TOPIC:
		case SA_SOURCE_PROCESSED_AT:
			ereport(ERROR,
					(errcode(ERRCODE_GENERATED_ALWAYS),
					 errmsg("cannot insert a value into column \"%s\"", column->name),
					 errdetail("The column is filled when messages are read."),
					 errhint("Leave the column out, or give it a null value.")));
	}
}

/* The message's value from the row's fields, unless a column held all of it. */
static void
fill_value(SaKafkaInsert *insert, SaOutgoing *message, TupleTableSlot *slot)
{
	ExprContext *econtext = GetPerTupleExprContext(insert->estate);
	SaStream   *stream = insert->stream;
	bool		isnull;
	Datum		value;

	if (message->value != NULL)
		return;
	if (insert->value != NULL)
	{
		econtext->ecxt_scantuple = slot;
		value = ExecEvalExprSwitchContext(insert->value, econtext, &isnull);
		message->value = value_bytes(value, JSONBOID, &message->value_len);
		return;
	}
	for (int c = 0; c < stream->ncolumns; c++)
	{
		if (stream->columns[c].source != SA_SOURCE_FIELD)
			continue;
		value = slot_getattr(slot, stream->columns[c].attnum, &isnull);
		if (!isnull)
			message->value = value_bytes(value, stream->columns[c].type, &message->value_len);
	}
}

void
sa_kafka_insert_row(SaKafkaInsert *insert, TupleTableSlot *slot)
{
	MemoryContext old = MemoryContextSwitchTo(insert->row_context);
	SaStream   *stream = insert->stream;
	SaOutgoing	message = {.partition = -1};

	for (int c = 0; c < stream->ncolumns; c++)
	{
		bool		isnull;
		Datum		value = slot_getattr(slot, stream->columns[c].attnum, &isnull);

		if (!isnull)
			fill_from_metadata(&message, &stream->columns[c], value);
	}
	fill_value(insert, &message, slot);
	sa_producer_send(insert->producer, &message);
	MemoryContextSwitchTo(old);
	MemoryContextReset(insert->row_context);
	ResetPerTupleExprContext(insert->estate);
}

SaKafkaInsert *
sa_kafka_insert_begin(Relation rel, SaStream *stream)
{
	SaKafkaInsert *insert = palloc0(sizeof(SaKafkaInsert));

	insert->stream = stream;
	insert->estate = CreateExecutorState();
	insert->row_context = AllocSetContextCreate(CurrentMemoryContext, "stream_agg message",
												ALLOCSET_DEFAULT_SIZES);
	if (stream->format == SA_FORMAT_JSON)
		insert->value = prepare_value(insert, rel);
	insert->producer = sa_producer_open(sa_stream_connection_options(stream), stream->topic,
										"stream_agg-insert");
	insert->callback.func = close_producer;
	insert->callback.arg = insert;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &insert->callback);
	return insert;
}

void
sa_kafka_insert_end(SaKafkaInsert *insert)
{
	sa_producer_flush(insert->producer);
	close_producer(insert);
	FreeExecutorState(insert->estate);
}
