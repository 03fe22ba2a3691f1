/*-------------------------------------------------------------------------
 *
 * arrival.c
 *	  How rows arrive in their partitions: lateness, and the watermark.
 *
 * NOTES
 *	  Each row contributes to the watermark of its partition: its event time less
 *	  the delay that holds at this row, or what the user's function says of it.
 *	  The watermark is the greatest of these contributions, so it never goes back,
 *	  also when the delay gets longer.
 *
 *	  A row's lateness is how far it is behind the greatest event time before it.
 *	  Counting it costs one increment, for rows in order the same one each time.
 *
 *	  max_out_of_orderness 'auto': the delay of a partition is looked at when
 *	  event time comes into another minute and there were PERIOD_ROWS rows since
 *	  the last time.  Both follow from the partition's rows alone, never from
 *	  where batches are cut.  A minute, because out-of-orderness comes in bursts
 *	  and a thousand rows may pass in a millisecond; minutes of event time, because
 *	  they are the same for readers that began at different offsets.  More than
 *	  5 % later than the delay: it becomes what would have kept 98 % on time.
 *	  Less than 1 %: it becomes as short as that, but at most half as short at a
 *	  time, so that one calm minute does not undo what a burst has taught.
 *
 *	  A watermark function is called where a partition's greatest event time
 *	  grows, and nowhere else: for a row that is not the greatest so far it could
 *	  not say anything new.  It runs as the stream's owner.  An error of it is
 *	  nothing that a row can be blamed for, so it stops the batch.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "metadata/watermark_function.h"
#include "pipeline/arrival.h"
#include "pipeline/identity.h"
#include "window/lateness_sketch.h"

#define PERIOD_ROWS			500
#define LONGER_ABOVE		0.05
#define SHORTER_BELOW		0.01
#define KEPT_ON_TIME		0.98

/* The user's function and what it is being asked about. */
typedef struct FunctionCall
{
	const SaBatch *batch;
	const SaRow *row;
	FmgrInfo	flinfo;
	MemoryContext context;		/* of what a call leaves behind */
} FunctionCall;

typedef struct Measure
{
	SaBatch    *batch;
	FunctionCall call;
} Measure;

/* ------------------------------------------------------------------------
 * 'auto'
 * ------------------------------------------------------------------------
 */

/* The least bound of the sketch that is not under half of a delay. */
static int64
half_of(int64 delay_us)
{
	return sa_sketch_bound(sa_sketch_bucket(delay_us / 2));
}

static int64
clamp_delay(const SaStream *stream, int64 delay_us)
{
	return Min(Max(delay_us, stream->out_of_orderness_us), stream->max_delay_us);
}

/* The delay from here on, by the rows of the period that is over. */
static void
decide_delay(const SaStream *stream, SaArrivals *arrivals, int64 period_rows)
{
	int64		late = sa_sketch_later_than(arrivals->period, arrivals->nperiod,
											arrivals->delay_us);
	double		share = (double) late / (double) period_rows;
	int64		wanted = sa_sketch_quantile(arrivals->period, arrivals->nperiod, KEPT_ON_TIME);

	if (share > LONGER_ABOVE)
		arrivals->delay_us = clamp_delay(stream, wanted);
	else if (share < SHORTER_BELOW)
		arrivals->delay_us = clamp_delay(stream, Min(Max(wanted, half_of(arrivals->delay_us)),
													 arrivals->delay_us));
	memset(arrivals->period, 0, sizeof(int64) * arrivals->nperiod);
}

/* Whether event time comes into another minute. */
static inline bool
is_next_minute(TimestampTz before, TimestampTz time)
{
	return before != DT_NOBEGIN &&
		(before - MIN_TIMESTAMP) / USECS_PER_MINUTE < (time - MIN_TIMESTAMP) / USECS_PER_MINUTE;
}

/* ------------------------------------------------------------------------
 * watermark_function
 * ------------------------------------------------------------------------
 */

static void
function_context(void *arg)
{
	FunctionCall *call = arg;
	const SaBatch *batch = call->batch;

	errcontext("watermark function of stream \"%s\", called for partition %d at offset " INT64_FORMAT,
			   batch->stream->name, batch->parts[call->row->part].partition, call->row->offset);
}

/* What the function says of a greatest event time; DT_NOBEGIN for NULL. */
static TimestampTz
call_function(FunctionCall *call, const SaRow *row)
{
	LOCAL_FCINFO(fcinfo, 2);
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = function_context,
		.arg = call
	};
	MemoryContext old = MemoryContextSwitchTo(call->context);
	TimestampTz result = DT_NOBEGIN;

	CHECK_FOR_INTERRUPTS();
	call->row = row;
	error_context_stack = &callback;
	InitFunctionCallInfoData(*fcinfo, &call->flinfo, 2, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = TimestampTzGetDatum(row->event_time);
	fcinfo->args[0].isnull = false;
	fcinfo->args[1].value = TimestampTzGetDatum(call->batch->now);
	fcinfo->args[1].isnull = false;
	result = DatumGetTimestampTz(FunctionCallInvoke(fcinfo));
	if (fcinfo->isnull)
		result = DT_NOBEGIN;
	if (result == DT_NOEND)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("watermark function returned infinity"),
				 errhint("No row could be on time any more; return NULL to leave the watermark where it is.")));
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old);
	MemoryContextReset(call->context);
	return result;
}

static void
prepare_function(Measure *measure)
{
	FunctionCall *call = &measure->call;

	call->batch = measure->batch;
	call->context = AllocSetContextCreate(measure->batch->chunk, "stream_agg watermark function",
										  ALLOCSET_SMALL_SIZES);
	fmgr_info_cxt(sa_watermark_function_of_stream(measure->batch->stream), &call->flinfo,
				  measure->batch->chunk);
}

/* ------------------------------------------------------------------------
 * Rows
 * ------------------------------------------------------------------------
 */

/* A sketch with room for all buckets. */
static int64 *
full_sketch(const int64 *counts, int ncounts)
{
	int64	   *full = palloc0(sizeof(int64) * SA_SKETCH_BUCKETS);

	if (ncounts > 0)
		memcpy(full, counts, sizeof(int64) * Min(ncounts, SA_SKETCH_BUCKETS));
	return full;
}

static void
begin_part(Measure *measure, SaBatchPart *part)
{
	const SaStream *stream = measure->batch->stream;
	SaArrivals *arrivals = &part->arrivals;
	MemoryContext old = MemoryContextSwitchTo(measure->batch->context);

	*arrivals = part->position->arrivals;
	arrivals->lateness = full_sketch(arrivals->lateness, arrivals->nlateness);
	arrivals->nlateness = SA_SKETCH_BUCKETS;
	if (stream->delay_kind == SA_DELAY_AUTO)
	{
		arrivals->delay_us = clamp_delay(stream, arrivals->delay_us);
		arrivals->period = full_sketch(arrivals->period, arrivals->nperiod);
		arrivals->nperiod = SA_SKETCH_BUCKETS;
		part->period_rows =
			sa_sketch_total(arrivals->period, arrivals->nperiod);
	}
	else
	{
		arrivals->delay_us = -1;
		arrivals->nperiod = 0;
	}
	part->measured = true;
	MemoryContextSwitchTo(old);
}

/* Counts the row for the next decision, and makes it where that is due. */
static void
count_for_delay(const SaStream *stream, SaBatchPart *part, const SaRow *row, int bucket)
{
	SaArrivals *arrivals = &part->arrivals;

	arrivals->period[bucket]++;
	part->period_rows++;
	if (part->period_rows >= PERIOD_ROWS &&
		is_next_minute(arrivals->max_event_time, row->event_time))
	{
		decide_delay(stream, arrivals, part->period_rows);
		part->period_rows = 0;
	}
}

static inline void
measure_row(Measure *measure, SaRow *row)
{
	const SaStream *stream = measure->batch->stream;
	SaBatchPart *part = &measure->batch->parts[row->part];
	SaArrivals *arrivals = &part->arrivals;
	TimestampTz contribution = DT_NOBEGIN;
	bool		is_greatest;
	int			bucket;

	if (!part->measured)
		begin_part(measure, part);
	is_greatest = row->event_time > arrivals->max_event_time;
	bucket = is_greatest ? 0 : sa_sketch_bucket(arrivals->max_event_time - row->event_time);
	arrivals->lateness[bucket]++;
	switch (stream->delay_kind)
	{
		case SA_DELAY_FIXED:
			contribution = Max(row->event_time - stream->out_of_orderness_us, MIN_TIMESTAMP);
			break;
		case SA_DELAY_AUTO:
			contribution = Max(row->event_time - arrivals->delay_us, MIN_TIMESTAMP);
			count_for_delay(stream, part, row, bucket);
			break;
		case SA_DELAY_FUNCTION:
			if (is_greatest)
				contribution = call_function(&measure->call, row);
			break;
	}
	row->watermark_before = part->watermark;
	part->watermark = Max(part->watermark, contribution);
	if (is_greatest)
		arrivals->max_event_time = row->event_time;
}

void
sa_batch_measure(SaBatch *batch)
{
	const SaStream *stream = batch->stream;
	Measure		measure = {.batch = batch};
	SaIdentity	identity;
	bool		calls = stream->delay_kind == SA_DELAY_FUNCTION && batch->nrows > 0;

	if (calls)
	{
		sa_identity_enter(&identity, stream->owner, sa_identity_stream_settings(stream));
		prepare_function(&measure);
	}
	for (int i = 0; i < batch->nrows; i++)
	{
		if (batch->rows[i].event_time != DT_NOBEGIN)
			measure_row(&measure, &batch->rows[i]);
	}
	if (calls)
		sa_identity_leave(&identity);
}
