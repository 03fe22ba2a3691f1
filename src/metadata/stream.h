/*-------------------------------------------------------------------------
 *
 * stream.h
 *	  What a foreign table of ours says about its stream.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_METADATA_STREAM_H
#define SA_METADATA_STREAM_H

#include "datatype/timestamp.h"
#include "pgtime.h"
#include "utils/relcache.h"

#include "decode/column.h"
#include "decode/decoder.h"

typedef enum SaOnError
{
	SA_ON_ERROR_DEAD_LETTER,
	SA_ON_ERROR_SKIP,
	SA_ON_ERROR_STOP
} SaOnError;

typedef enum SaOnDataLoss
{
	SA_ON_DATA_LOSS_STOP,
	SA_ON_DATA_LOSS_EARLIEST
} SaOnDataLoss;

/* What keeps the watermark behind the greatest event time. */
typedef enum SaDelayKind
{
	SA_DELAY_FIXED,
	SA_DELAY_AUTO,				/* as rows of the partition come late */
	SA_DELAY_FUNCTION			/* whatever the user's function says */
} SaDelayKind;

typedef struct SaStream
{
	/* identity */
	Oid			relid;
	Oid			serverid;
	Oid			owner;
	char	   *name;			/* as a user would write it */
	bool		in_database;	/* the server has no bootstrap_servers */

	/* table options */
	char	   *topic;			/* in-database: the table's name if not given */
	SaFormat	format;
	char	   *event_time;		/* column name, or NULL: the record's timestamp */
	SaDelayKind delay_kind;
	int64		out_of_orderness_us;	/* auto: the least */
	int64		max_delay_us;	/* auto: the greatest */
	char	   *watermark_function; /* name with schema, or NULL */
	int64		idle_timeout_us;
	int64		idle_close_us;	/* -1: off */
	int64		max_future_us;
	pg_tz	   *timezone;
	SaOnError	on_error;
	SaOnDataLoss on_data_loss;
	int			flush_interval_ms;
	int			batch_rows;
	bool		batches_grow;	/* beyond batch_rows, which nobody has set */
	int			partitions;		/* in-database only */

	/* columns that are not dropped; attnum 0: there is none */
	int			natts;			/* of the relation, dropped ones included */
	TupleDesc	desc;
	int			ncolumns;
	SaColumn   *columns;
	AttrNumber	event_time_attnum;
	AttrNumber	timestamp_attnum;
	AttrNumber	partition_attnum;
	AttrNumber	offset_attnum;
} SaStream;

/* true if the relation is a foreign table of this extension */
extern bool sa_is_stream(Oid relid);

/*
 * Reads the definition, in CurrentMemoryContext.  Raises an error if options
 * do not fit together.
 */
extern SaStream *sa_stream_load(Relation rel);

/* The column with this attribute number, or NULL. */
extern SaColumn *sa_stream_column(const SaStream *stream, AttrNumber attnum);

/* true if some column takes its values from there */
extern bool sa_stream_has_source(const SaStream *stream, SaColumnSource source);

/* Server and user-mapping options, as a list of DefElem. */
extern List *sa_stream_connection_options(const SaStream *stream);

/* true if the server has no bootstrap_servers */
extern bool sa_server_is_in_database(Oid serverid);
extern bool sa_stream_is_in_database(Oid relid);

#endif							/* SA_METADATA_STREAM_H */
