/*-------------------------------------------------------------------------
 *
 * stream_options.c
 *	  Options of streams and of their columns.
 *
 * NOTES
 *	  A table of names and parsers.  Checking an option at CREATE and reading it
 *	  later are the same function, applied to a scratch struct in the first
 *	  case, so that nothing can be accepted that is not understood.
 *
 *	  What needs both the table and its columns is not checked here but when a
 *	  view is created, because a dump sets options one by one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/nearest.h"
#include "metadata/stream_options.h"
#include "metadata/watermark_function.h"

/* How long the delay of 'auto' without bounds may become */
#define AUTO_MAX_DELAY_US	USECS_PER_HOUR

/* Sums of times and lengths of time must not overflow. */
#define MAX_DURATION_DAYS	INT64CONST(100000)

typedef struct StreamOption
{
	const char *name;
	void		(*apply) (SaStream *stream, const char *name, const char *value);
} StreamOption;

typedef struct ColumnOption
{
	const char *name;
	void		(*apply) (SaColumn *column, const char *name, const char *value);
} ColumnOption;

/* One of the words that an option takes. */
typedef struct Word
{
	const char *word;
	int			value;
} Word;

static void apply_topic(SaStream *stream, const char *name, const char *value);
static void apply_format(SaStream *stream, const char *name, const char *value);
static void apply_event_time(SaStream *stream, const char *name, const char *value);
static void apply_out_of_orderness(SaStream *stream, const char *name, const char *value);
static void apply_watermark_function(SaStream *stream, const char *name, const char *value);
static void apply_idle_timeout(SaStream *stream, const char *name, const char *value);
static void apply_idle_close(SaStream *stream, const char *name, const char *value);
static void apply_max_future(SaStream *stream, const char *name, const char *value);
static void apply_timezone(SaStream *stream, const char *name, const char *value);
static void apply_on_error(SaStream *stream, const char *name, const char *value);
static void apply_on_data_loss(SaStream *stream, const char *name, const char *value);
static void apply_flush_interval(SaStream *stream, const char *name, const char *value);
static void apply_batch_rows(SaStream *stream, const char *name, const char *value);
static void apply_partitions(SaStream *stream, const char *name, const char *value);
static void apply_path(SaColumn *column, const char *name, const char *value);
static void apply_metadata(SaColumn *column, const char *name, const char *value);
static void apply_epoch(SaColumn *column, const char *name, const char *value);

static const StreamOption stream_options[] = {
	{"topic", apply_topic},
	{"format", apply_format},
	{"event_time", apply_event_time},
	{"max_out_of_orderness", apply_out_of_orderness},
	{"watermark_function", apply_watermark_function},
	{"idle_timeout", apply_idle_timeout},
	{"idle_close", apply_idle_close},
	{"max_future", apply_max_future},
	{"timezone", apply_timezone},
	{"on_error", apply_on_error},
	{"on_data_loss", apply_on_data_loss},
	{"flush_interval", apply_flush_interval},
	{"batch_rows", apply_batch_rows},
	{"partitions", apply_partitions},
};

static const ColumnOption column_options[] = {
	{"path", apply_path},
	{"metadata", apply_metadata},
	{"epoch", apply_epoch},
};

static const Word format_words[] = {
	{"json", SA_FORMAT_JSON}, {"raw", SA_FORMAT_RAW}, {NULL, 0}
};

static const Word on_error_words[] = {
	{"dead_letter", SA_ON_ERROR_DEAD_LETTER},
	{"skip", SA_ON_ERROR_SKIP},
	{"stop", SA_ON_ERROR_STOP},
	{NULL, 0}
};

static const Word on_data_loss_words[] = {
	{"stop", SA_ON_DATA_LOSS_STOP},
	{"earliest", SA_ON_DATA_LOSS_EARLIEST},
	{NULL, 0}
};

static const Word metadata_words[] = {
	{"key", SA_SOURCE_KEY},
	{"value", SA_SOURCE_VALUE},
	{"partition", SA_SOURCE_PARTITION},
	{"offset", SA_SOURCE_OFFSET},
	{"timestamp", SA_SOURCE_TIMESTAMP},
	{"headers", SA_SOURCE_HEADERS},
	{"topic", SA_SOURCE_TOPIC},
	{"processed_at", SA_SOURCE_PROCESSED_AT},
	{NULL, 0}
};

static const Word epoch_words[] = {
	{"s", SA_EPOCH_S},
	{"ms", SA_EPOCH_MS},
	{"us", SA_EPOCH_US},
	{"ns", SA_EPOCH_NS},
	{NULL, 0}
};

static void
report_value(const char *name, const char *value, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"%s\": \"%s\"", name, value),
			 errhint("%s", hint)));
}

/* The value of one of a list of words; an error names them all. */
static int
parse_word(const Word *words, const char *name, const char *value)
{
	StringInfoData hint;

	for (const Word *w = words; w->word != NULL; w++)
	{
		if (strcmp(w->word, value) == 0)
			return w->value;
	}

	initStringInfo(&hint);
	appendStringInfoString(&hint, "Use one of ");
	for (const Word *w = words; w->word != NULL; w++)
		appendStringInfo(&hint, "%s\"%s\"", w == words ? "" : ", ", w->word);
	appendStringInfoChar(&hint, '.');
	report_value(name, value, hint.data);
	return 0;					/* keep compiler quiet */
}

/* PostgreSQL's own complaint about an interval does not say which option it is. */
static void
duration_context(void *arg)
{
	errcontext("option \"%s\"", (const char *) arg);
}

/* A length of time in microseconds; years and months have no fixed one. */
int64
sa_duration_parse(const char *name, const char *value)
{
	Interval   *span;
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = duration_context,
		.arg = unconstify(char *, name)
	};

	error_context_stack = &callback;
	span = DatumGetIntervalP(DirectFunctionCall3(interval_in,
												 CStringGetDatum(value),
												 ObjectIdGetDatum(InvalidOid),
												 Int32GetDatum(-1)));
	error_context_stack = callback.previous;
	if (span->month != 0 || span->day < 0 || span->time < 0 ||
		span->day > MAX_DURATION_DAYS || span->time > MAX_DURATION_DAYS * USECS_PER_DAY)
		report_value(name, value,
					 "Use a length of time in days or smaller units, such as \"30 s\", up to 100000 days.");
	return span->day * USECS_PER_DAY + span->time;
}

static int
parse_integer(const char *name, const char *value, int min, int max)
{
	int			result;

	if (!parse_int(value, &result, 0, NULL) || result < min || result > max)
		report_value(name, value,
					 psprintf("Use a whole number between %d and %d.", min, max));
	return result;
}

/* Kafka's rule for names of topics */
static void
apply_topic(SaStream *stream, const char *name, const char *value)
{
	size_t		len = strlen(value);

	if (len == 0 || len > 249 || strcmp(value, ".") == 0 || strcmp(value, "..") == 0 ||
		strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != len)
		report_value(name, value,
					 "A topic name has 1 to 249 letters, digits, dots, underscores and hyphens; use the name of an existing topic.");
	stream->topic = pstrdup(value);
}

static void
apply_format(SaStream *stream, const char *name, const char *value)
{
	if (strcmp(value, "avro") == 0 || strcmp(value, "protobuf") == 0 ||
		strcmp(value, "csv") == 0 || strcmp(value, "debezium") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("format \"%s\" is not supported yet", value),
				 errhint("Use format \"json\" or \"raw\".")));
	stream->format = parse_word(format_words, name, value);
}

static void
apply_event_time(SaStream *stream, const char *name, const char *value)
{
	stream->event_time = pstrdup(value);
}

/* "auto", or "auto MIN to MAX" */
static void
apply_auto_delay(SaStream *stream, const char *name, const char *value)
{
	const char *bounds = value + strlen("auto") + strspn(value + strlen("auto"), " ");
	const char *to = strstr(bounds, " to ");

	stream->delay_kind = SA_DELAY_AUTO;
	stream->out_of_orderness_us = 0;
	stream->max_delay_us = AUTO_MAX_DELAY_US;
	if (*bounds == '\0')
		return;
	if (to == NULL || to <= bounds)
		report_value(name, value,
					 "Use \"auto\", or \"auto\" with bounds, such as \"auto 1 s to 10 min\".");
	stream->out_of_orderness_us = sa_duration_parse(name, pnstrdup(bounds, to - bounds));
	stream->max_delay_us = sa_duration_parse(name, to + strlen(" to "));
	if (stream->out_of_orderness_us > stream->max_delay_us)
		report_value(name, value, "Give the shorter bound first.");
}

static void
apply_out_of_orderness(SaStream *stream, const char *name, const char *value)
{
	if (strcmp(value, "auto") == 0 || strncmp(value, "auto ", strlen("auto ")) == 0)
	{
		apply_auto_delay(stream, name, value);
		return;
	}
	stream->out_of_orderness_us = sa_duration_parse(name, value);
}

/* The function itself is looked up where it is known who will run it. */
static void
apply_watermark_function(SaStream *stream, const char *name, const char *value)
{
	if (list_length(sa_qualified_name_list(value)) != 2)
		report_value(name, value,
					 "Name the function with its schema and without arguments, such as \"public.my_watermark\".");
	stream->delay_kind = SA_DELAY_FUNCTION;
	stream->watermark_function = pstrdup(value);
}

static void
apply_idle_timeout(SaStream *stream, const char *name, const char *value)
{
	stream->idle_timeout_us = sa_duration_parse(name, value);
}

static void
apply_idle_close(SaStream *stream, const char *name, const char *value)
{
	stream->idle_close_us = strcmp(value, "off") == 0 ? -1 : sa_duration_parse(name, value);
}

static void
apply_max_future(SaStream *stream, const char *name, const char *value)
{
	stream->max_future_us = sa_duration_parse(name, value);
}

static void
apply_timezone(SaStream *stream, const char *name, const char *value)
{
	stream->timezone = pg_tzset(value);
	if (stream->timezone == NULL)
		report_value(name, value,
					 "Use the name of a time zone, such as \"Europe/Berlin\"; see pg_timezone_names.");
}

static void
apply_on_error(SaStream *stream, const char *name, const char *value)
{
	stream->on_error = parse_word(on_error_words, name, value);
}

static void
apply_on_data_loss(SaStream *stream, const char *name, const char *value)
{
	stream->on_data_loss = parse_word(on_data_loss_words, name, value);
}

static void
apply_flush_interval(SaStream *stream, const char *name, const char *value)
{
	int64		us = sa_duration_parse(name, value);

	if (us < 10 * 1000 || us > USECS_PER_DAY)
		report_value(name, value, "Use a length of time between \"10 ms\" and \"1 day\".");
	stream->flush_interval_ms = us / 1000;
}

static void
apply_batch_rows(SaStream *stream, const char *name, const char *value)
{
	stream->batch_rows = parse_integer(name, value, 1, 10000000);
	stream->batches_grow = false;
}

static void
apply_partitions(SaStream *stream, const char *name, const char *value)
{
	stream->partitions = parse_integer(name, value, 1, 10000);
}

/* "a.b.c" into a list of names */
static void
apply_path(SaColumn *column, const char *name, const char *value)
{
	const char *begin = value;

	column->path = NIL;
	for (;;)
	{
		const char *dot = strchrnul(begin, '.');

		if (dot == begin)
			report_value(name, value,
						 "Use names separated by single dots, such as \"user.address.city\".");
		column->path = lappend(column->path, pnstrdup(begin, dot - begin));
		if (*dot == '\0')
			break;
		begin = dot + 1;
	}
}

static void
apply_metadata(SaColumn *column, const char *name, const char *value)
{
	column->source = parse_word(metadata_words, name, value);
}

static void
apply_epoch(SaColumn *column, const char *name, const char *value)
{
	column->epoch = parse_word(epoch_words, name, value);
}

/* Unknown names: say which one may have been meant. */
static void
report_unknown(const char *what, const char *name, const char *nearest)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("invalid option \"%s\" for a %s", name, what),
			 nearest != NULL ?
			 errhint("Perhaps you meant the option \"%s\".", nearest) :
			 errhint("See the documentation for the options of a %s.", what)));
}

static const StreamOption *
find_stream_option(const char *name)
{
	SaNearest	nearest;

	sa_nearest_init(&nearest, name);
	for (int i = 0; i < lengthof(stream_options); i++)
	{
		if (strcmp(stream_options[i].name, name) == 0)
			return &stream_options[i];
		sa_nearest_offer(&nearest, stream_options[i].name);
	}
	report_unknown("stream", name, sa_nearest_found(&nearest));
	return NULL;				/* keep compiler quiet */
}

static const ColumnOption *
find_column_option(const char *name)
{
	SaNearest	nearest;

	sa_nearest_init(&nearest, name);
	for (int i = 0; i < lengthof(column_options); i++)
	{
		if (strcmp(column_options[i].name, name) == 0)
			return &column_options[i];
		sa_nearest_offer(&nearest, column_options[i].name);
	}
	report_unknown("column of a stream", name, sa_nearest_found(&nearest));
	return NULL;				/* keep compiler quiet */
}

void
sa_stream_option_apply(SaStream *stream, DefElem *option)
{
	find_stream_option(option->defname)->apply(stream, option->defname,
											   defGetString(option));
}

void
sa_column_option_apply(SaColumn *column, DefElem *option)
{
	find_column_option(option->defname)->apply(column, option->defname,
											   defGetString(option));
}

void
sa_stream_options_check(List *options)
{
	SaStream	scratch = {0};
	bool		has_delay = false;
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		sa_stream_option_apply(&scratch, option);
		if (strcmp(option->defname, "max_out_of_orderness") == 0)
			has_delay = true;
	}
	if (scratch.watermark_function == NULL)
		return;
	if (has_delay)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
				 errmsg("stream options \"max_out_of_orderness\" and \"watermark_function\" exclude each other"),
				 errhint("Use one of the two; the function may subtract a delay itself.")));
	(void) sa_watermark_function_find(scratch.watermark_function);
}

void
sa_column_option_check(DefElem *option)
{
	SaColumn	scratch = {0};

	sa_column_option_apply(&scratch, option);
}
