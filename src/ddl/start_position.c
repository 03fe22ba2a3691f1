/*-------------------------------------------------------------------------
 *
 * start_position.c
 *	  Where a continuous view begins to read.
 *
 * NOTES
 *	  "latest" and times become numbers while CREATE runs, and are committed with
 *	  the view.  Were they left for later, what is produced in between would be
 *	  in the view or not depending on when the first message is asked for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/epoch.h"
#include "ddl/start_position.h"
#include "kafka/consumer.h"

#define ANSWER_TIMEOUT_MS	10000

typedef enum StartKind
{
	START_EARLIEST,
	START_LATEST,
	START_TIME,
	START_OFFSETS
} StartKind;

typedef struct Start
{
	StartKind	kind;
	int64		time_ms;		/* START_TIME: since the Unix epoch */
	List	   *positions;		/* START_OFFSETS: of SaPosition * */
} Start;

static void
report_offsets(const char *start)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid starting offsets: \"%s\"", start),
			 errhint("Give the next offset of each partition, as in {\"0\": 17, \"1\": 4}.")));
}

/* {"partition": next offset, …} */
static List *
parse_offsets(const char *start)
{
	Jsonb	   *jsonb = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(start)));
	JsonbIterator *it = JsonbIteratorInit(&jsonb->root);
	List	   *positions = NIL;
	SaPosition *position = NULL;
	JsonbIteratorToken token;
	JsonbValue	v;

	if (!JB_ROOT_IS_OBJECT(jsonb))
		report_offsets(start);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			position = palloc0(sizeof(SaPosition));
			position->partition = pg_strtoint32(pnstrdup(v.val.string.val, v.val.string.len));
			positions = lappend(positions, position);
		}
		else if (token == WJB_VALUE)
		{
			if (v.type != jbvNumeric)
				report_offsets(start);
			position->next_offset =
				DatumGetInt64(DirectFunctionCall1(numeric_int8,
												  NumericGetDatum(v.val.numeric)));
			if (position->partition < 0 || position->next_offset < 0)
				report_offsets(start);
		}
	}
	return positions;
}

/* Like any literal in a statement, text without a zone is of the session's. */
static int64
parse_time(const char *start)
{
	TimestampTz time = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in,
															   CStringGetDatum(start),
															   ObjectIdGetDatum(InvalidOid),
															   Int32GetDatum(-1)));

	if (TIMESTAMP_NOT_FINITE(time) || sa_time_to_kafka(time) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid starting time: \"%s\"", start),
				 errhint("Use \"earliest\", \"latest\", a time after 1970, or offsets.")));
	return sa_time_to_kafka(time);
}

static Start
parse_start(const char *start)
{
	Start		result = {START_EARLIEST};

	if (strcmp(start, "earliest") == 0)
		return result;
	if (strcmp(start, "latest") == 0)
		result.kind = START_LATEST;
	else if (start[0] == '{')
	{
		result.kind = START_OFFSETS;
		result.positions = parse_offsets(start);
	}
	else
	{
		result.kind = START_TIME;
		result.time_ms = parse_time(start);
	}
	return result;
}

void
sa_start_check(const char *start)
{
	(void) parse_start(start);
}

bool
sa_start_is_earliest(const char *start)
{
	return strcmp(start, "earliest") == 0;
}

static void
report_no_answer(SaStream *stream, const char *problem)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
			 errmsg("could not find the starting offsets of stream \"%s\"", stream->name),
			 problem[0] != '\0' ? errdetail_internal("%s.", problem) : 0,
			 errhint("Check that Kafka is up and has the topic \"%s\", or start at \"earliest\".",
					 stream->topic)));
}

/* One partition's bounds, and where to begin in it. */
static SaPosition *
ask_partition(SaStream *stream, SaConsumer *consumer, int32 partition, const Start *start)
{
	SaPosition *position = palloc0(sizeof(SaPosition));
	char		problem[256] = "";

	position->partition = partition;
	if (!sa_consumer_query_offsets(consumer, partition, &position->first_offset,
								   &position->end_offset, ANSWER_TIMEOUT_MS,
								   problem, sizeof(problem)))
		report_no_answer(stream, problem);
	position->next_offset = position->end_offset;
	if (start->kind == START_TIME &&
		!sa_consumer_offset_for_time(consumer, partition, start->time_ms,
									 &position->next_offset, ANSWER_TIMEOUT_MS,
									 problem, sizeof(problem)))
		report_no_answer(stream, problem);
	return position;
}

static List *
ask_kafka(SaStream *stream, const Start *start)
{
	SaConsumer *consumer = sa_consumer_open(sa_stream_connection_options(stream),
											stream->topic, "stream_agg-create");
	List	   *positions = NIL;

	PG_TRY();
	{
		char		problem[256] = "";
		int			count = sa_consumer_partition_count(consumer, ANSWER_TIMEOUT_MS,
														problem, sizeof(problem));

		if (count <= 0)
			report_no_answer(stream, problem);
		for (int32 partition = 0; partition < count; partition++)
			positions = lappend(positions, ask_partition(stream, consumer, partition, start));
	}
	PG_FINALLY();
	{
		sa_consumer_close(consumer);
	}
	PG_END_TRY();
	return positions;
}

List *
sa_start_positions(SaStream *stream, const char *text)
{
	Start		start = parse_start(text);

	switch (start.kind)
	{
		case START_EARLIEST:
			return NIL;
		case START_OFFSETS:
			return start.positions;
		case START_LATEST:
		case START_TIME:
			return ask_kafka(stream, &start);
	}
	return NIL;					/* keep compiler quiet */
}
