/*-------------------------------------------------------------------------
 *
 * stream.c
 *	  What a foreign table of ours says about its stream.
 *
 * NOTES
 *	  A stream has no catalog row of its own: the foreign table, its columns and
 *	  their options are the definition.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/settings.h"
#include "metadata/stream.h"
#include "metadata/stream_options.h"
#include "stream_agg.h"

bool
sa_is_stream(Oid relid)
{
	ForeignTable *table;
	ForeignServer *server;
	ForeignDataWrapper *wrapper;

	if (get_rel_relkind(relid) != RELKIND_FOREIGN_TABLE)
		return false;
	table = GetForeignTable(relid);
	server = GetForeignServer(table->serverid);
	wrapper = GetForeignDataWrapper(server->fdwid);
	return strcmp(wrapper->fdwname, SA_EXTENSION_NAME) == 0;
}

bool
sa_server_is_in_database(Oid serverid)
{
	ForeignServer *server = GetForeignServer(serverid);
	ListCell   *lc;

	foreach(lc, server->options)
	{
		if (strcmp(((DefElem *) lfirst(lc))->defname, "bootstrap_servers") == 0)
			return false;
	}
	return true;
}

bool
sa_stream_is_in_database(Oid relid)
{
	return sa_server_is_in_database(GetForeignTable(relid)->serverid);
}

static void
load_columns(SaStream *stream, TupleDesc desc)
{
	stream->natts = desc->natts;
	stream->columns = palloc0(sizeof(SaColumn) * Max(desc->natts, 1));

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		SaColumn   *column = &stream->columns[stream->ncolumns];
		ListCell   *lc;

		if (att->attisdropped)
			continue;
		stream->ncolumns++;
		column->attnum = att->attnum;
		column->name = pstrdup(NameStr(att->attname));
		column->type = att->atttypid;
		column->typmod = att->atttypmod;
		column->collation = att->attcollation;
		column->not_null = att->attnotnull;
		column->source = SA_SOURCE_FIELD;
		foreach(lc, GetForeignColumnOptions(stream->relid, att->attnum))
			sa_column_option_apply(column, lfirst(lc));
		if (column->path == NIL)
			column->path = list_make1((char *) column->name);

		if (column->source == SA_SOURCE_TIMESTAMP)
			stream->timestamp_attnum = att->attnum;
		if (column->source == SA_SOURCE_PARTITION)
			stream->partition_attnum = att->attnum;
		if (column->source == SA_SOURCE_OFFSET)
			stream->offset_attnum = att->attnum;
	}
}

/*
 * Event time is the column that the option names, or else the record's own
 * timestamp, which a query can see only through a column that shows it.
 */
static void
resolve_event_time(SaStream *stream)
{
	if (stream->event_time == NULL)
	{
		stream->event_time_attnum = stream->timestamp_attnum;
		return;
	}

	for (int i = 0; i < stream->ncolumns; i++)
	{
		SaColumn   *column = &stream->columns[i];

		if (strcmp(column->name, stream->event_time) != 0)
			continue;
		if (column->type != TIMESTAMPTZOID && column->type != TIMESTAMPOID)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("event time column \"%s\" of stream \"%s\" has type %s",
							column->name, stream->name,
							format_type_be(column->type)),
					 errhint("Give the column the type timestamptz or timestamp.")));
		stream->event_time_attnum = column->attnum;
		return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("event time column \"%s\" of stream \"%s\" does not exist",
					stream->event_time, stream->name),
			 errhint("Set the option \"event_time\" to one of the stream's columns.")));
}

SaStream *
sa_stream_load(Relation rel)
{
	SaStream   *stream = palloc0(sizeof(SaStream));
	ForeignTable *table = GetForeignTable(RelationGetRelid(rel));
	ListCell   *lc;

	stream->relid = RelationGetRelid(rel);
	stream->serverid = table->serverid;
	stream->owner = rel->rd_rel->relowner;
	stream->name = pstrdup(RelationGetRelationName(rel));
	stream->in_database = sa_server_is_in_database(table->serverid);

	/* defaults */
	stream->format = SA_FORMAT_JSON;
	stream->idle_timeout_us = 30 * USECS_PER_SEC;
	stream->idle_close_us = -1;
	stream->max_future_us = USECS_PER_HOUR;
	stream->timezone = pg_tzset("UTC");
	stream->flush_interval_ms = sa_flush_interval_ms;
	stream->batch_rows = sa_batch_rows;
	stream->batches_grow = sa_batch_rows == SA_DEFAULT_BATCH_ROWS;
	stream->partitions = 1;

	foreach(lc, table->options)
		sa_stream_option_apply(stream, lfirst(lc));
	if (stream->topic == NULL && !stream->in_database)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("stream \"%s\" has no topic", stream->name),
				 errhint("Use ALTER FOREIGN TABLE %s OPTIONS (ADD topic '...').",
						 quote_identifier(stream->name))));
	if (stream->topic == NULL)
		stream->topic = pstrdup(stream->name);

	stream->desc = CreateTupleDescCopyConstr(RelationGetDescr(rel));
	load_columns(stream, stream->desc);
	resolve_event_time(stream);
	return stream;
}

SaColumn *
sa_stream_column(const SaStream *stream, AttrNumber attnum)
{
	for (int i = 0; i < stream->ncolumns; i++)
	{
		if (stream->columns[i].attnum == attnum)
			return &stream->columns[i];
	}
	return NULL;
}

bool
sa_stream_has_source(const SaStream *stream, SaColumnSource source)
{
	for (int c = 0; c < stream->ncolumns; c++)
	{
		if (stream->columns[c].source == source)
			return true;
	}
	return false;
}

List *
sa_stream_connection_options(const SaStream *stream)
{
	ForeignServer *server = GetForeignServer(stream->serverid);
	List	   *options = list_copy(server->options);

	/* a broker without authentication needs no user mapping */
	if (SearchSysCacheExists2(USERMAPPINGUSERSERVER,
							  ObjectIdGetDatum(stream->owner),
							  ObjectIdGetDatum(stream->serverid)) ||
		SearchSysCacheExists2(USERMAPPINGUSERSERVER,
							  ObjectIdGetDatum(InvalidOid),
							  ObjectIdGetDatum(stream->serverid)))
		options = list_concat(options,
							  GetUserMapping(stream->owner,
											 stream->serverid)->options);
	return options;
}
