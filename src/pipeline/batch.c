/*-------------------------------------------------------------------------
 *
 * batch.c
 *	  The rows that one transaction takes from a stream.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "aggregate/delta.h"
#include "pipeline/batch.h"
#include "pipeline/identity.h"
#include "stream_agg.h"

#define INITIAL_ROWS	64

/* tuple identifiers must look valid: offset numbers start at 1 */
#define ROWS_PER_BLOCK	1024

SaBatch *
sa_batch_create(SaStream *stream, int32 reader, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "stream_agg batch",
												  ALLOCSET_DEFAULT_SIZES);
	SaBatch    *batch = MemoryContextAllocZero(context, sizeof(SaBatch));

	batch->context = context;
	batch->chunk = AllocSetContextCreate(context, "stream_agg chunk", ALLOCSET_DEFAULT_SIZES);
	batch->stream = stream;
	batch->reader = reader;
	batch->now = GetCurrentTimestamp();
	batch->decoded = MemoryContextAllocZero(context, Max(stream->ncolumns, 1));
	batch->silence_watermark = DT_NOBEGIN;
	return batch;
}

SaBatchPart *
sa_batch_add_part(SaBatch *batch, SaPosition *position)
{
	SaBatchPart *part;
	MemoryContext old = MemoryContextSwitchTo(batch->context);

	/* few and seldom: grown one by one */
	if (batch->parts == NULL)
		batch->parts = palloc(sizeof(SaBatchPart));
	else
		batch->parts = repalloc(batch->parts, sizeof(SaBatchPart) * (batch->nparts + 1));
	part = &batch->parts[batch->nparts++];
	memset(part, 0, sizeof(*part));
	part->partition = position->partition;
	part->expected = position->next_offset;
	part->chunk_offset = position->next_offset;
	part->next_offset = position->next_offset;
	part->watermark = DT_NOBEGIN;
	part->position = position;
	MemoryContextSwitchTo(old);
	return part;
}

SaBatchPart *
sa_batch_find_part(SaBatch *batch, int32 partition)
{
	for (int i = 0; i < batch->nparts; i++)
	{
		if (batch->parts[i].partition == partition)
			return &batch->parts[i];
	}
	return NULL;
}

void
sa_batch_next_chunk(SaBatch *batch)
{
	MemoryContextReset(batch->chunk);
	batch->former_rows += batch->nrows;
	batch->nrows = 0;
	batch->messages = NULL;
	batch->errors = NIL;
	batch->now = GetCurrentTimestamp();
	for (int i = 0; i < batch->nparts; i++)
		batch->parts[i].chunk_offset = batch->parts[i].next_offset;
}

void
sa_batch_reserve(SaBatch *batch, int nrows)
{
	size_t		capacity = nrows;
	size_t		ncolumns = Max(batch->stream->ncolumns, 1);

	if (nrows <= batch->capacity)
		return;
	if (batch->capacity == 0)
	{
		MemoryContext context = batch->context;

		batch->rows = MemoryContextAllocHuge(context, sizeof(SaRow) * capacity);
		batch->values = MemoryContextAllocHuge(context, sizeof(Datum) * capacity * ncolumns);
		batch->nulls = MemoryContextAllocHuge(context, sizeof(bool) * capacity * ncolumns);
	}
	else
	{
		batch->rows = repalloc_huge(batch->rows, sizeof(SaRow) * capacity);
		batch->values = repalloc_huge(batch->values, sizeof(Datum) * capacity * ncolumns);
		batch->nulls = repalloc_huge(batch->nulls, sizeof(bool) * capacity * ncolumns);
	}
	batch->capacity = capacity;
}

int
sa_batch_add_row(SaBatch *batch, SaBatchPart *part, int64 offset)
{
	int			number = batch->nrows;
	SaRow	   *row;

	if (number == batch->capacity)
		sa_batch_reserve(batch, Max(number * 2, INITIAL_ROWS));
	batch->nrows++;

	row = &batch->rows[number];
	row->part = part - batch->parts;
	row->bad = false;
	row->offset = offset;
	row->event_time = DT_NOBEGIN;
	row->watermark_before = DT_NOBEGIN;
	memset(sa_batch_nulls(batch, number), true, batch->stream->ncolumns);
	part->next_offset = offset + 1;
	part->nrows++;
	return number;
}

void
sa_batch_add_error(SaBatch *batch, int row, AttrNumber attnum, int sqlstate,
				   const char *reason, const char *detail)
{
	MemoryContext old = MemoryContextSwitchTo(batch->chunk);
	SaRowError *error = palloc(sizeof(SaRowError));

	error->row = row;
	error->attnum = attnum;
	error->sqlstate = sqlstate;
	error->reason = pstrdup(reason);
	error->detail = detail != NULL ? pstrdup(detail) : NULL;
	batch->errors = lappend(batch->errors, error);
	if (attnum == 0)
		batch->rows[row].bad = true;
	MemoryContextSwitchTo(old);
}

void
sa_batch_truncate_part(SaBatch *batch, SaBatchPart *part, int64 offset)
{
	int			index = part - batch->parts;
	ListCell   *lc;

	Assert(offset >= part->chunk_offset);
	if (part->next_offset <= offset)
		return;
	batch->truncated = true;
	for (int i = 0; i < batch->nrows; i++)
	{
		SaRow	   *row = &batch->rows[i];

		if (row->part == index && row->offset >= offset)
		{
			row->bad = true;
			row->event_time = DT_NOBEGIN;
		}
	}
	foreach(lc, batch->errors)
	{
		SaRowError *error = lfirst(lc);

		if (batch->rows[error->row].part == index && batch->rows[error->row].offset >= offset)
			batch->errors = foreach_delete_current(batch->errors, lc);
	}
	part->next_offset = Min(part->next_offset, offset);
}

void
sa_batch_set_ctid(ItemPointer ctid, int row)
{
	ItemPointerSet(ctid, row / ROWS_PER_BLOCK, row % ROWS_PER_BLOCK + 1);
}

int
sa_batch_row_of_ctid(ItemPointer ctid)
{
	return ItemPointerGetBlockNumberNoCheck(ctid) * ROWS_PER_BLOCK +
		ItemPointerGetOffsetNumberNoCheck(ctid) - 1;
}

/*
 * The parameter's value is only ever looked at by stream_agg.is_late(), and
 * the scan recognizes its own plan by this very function.
 */
static ParamExternData *
fetch_batch_param(ParamListInfo params, int paramid, bool speculative,
				  ParamExternData *workspace)
{
	Assert(paramid == SA_BATCH_PARAM);
	workspace->value = PointerGetDatum(params->paramFetchArg);
	workspace->isnull = false;
	workspace->pflags = 0;
	workspace->ptype = INTERNALOID;
	return workspace;
}

ParamListInfo
sa_batch_scan_params(SaBatchScan *scan)
{
	ParamListInfo params = makeParamList(0);

	params->numParams = SA_BATCH_PARAM;
	params->paramFetch = fetch_batch_param;
	params->paramFetchArg = scan;
	return params;
}

SaBatchScan *
sa_batch_scan_of_params(ParamListInfo params)
{
	if (params == NULL || params->paramFetch != fetch_batch_param)
		return NULL;
	return params->paramFetchArg;
}

TimestampTz
sa_batch_row_watermark(const SaBatchScan *scan, const SaRow *row)
{
	const SaProgress *progress = scan->progress;
	const SaBatch *batch = scan->batch;
	int32		partition = batch->parts[row->part].partition;
	TimestampTz watermark = progress->watermark;

	if (partition < progress->npartitions && progress->partitions[partition] > watermark)
		watermark = progress->partitions[partition];
	return Max(watermark, row->watermark_before);
}

typedef struct LateInGroup
{
	int64		row;			/* as wide as it is aligned: this is hashed */
	int64		key_hash;
} LateInGroup;

void
sa_batch_note_late(SaBatchScan *scan, int row, int64 key_hash)
{
	LateInGroup late = {.row = row,.key_hash = key_hash};

	if (scan->late == NULL)
	{
		HASHCTL		ctl = {
			.keysize = sizeof(LateInGroup),
			.entrysize = sizeof(LateInGroup),
			.hcxt = scan->batch->chunk
		};

		scan->late = hash_create("stream_agg late in group", 256, &ctl,
								 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	(void) hash_search(scan->late, &late, HASH_ENTER, NULL);
}

bool
sa_batch_is_late(const SaBatchScan *scan, int row, int64 key_hash)
{
	LateInGroup late = {.row = row,.key_hash = key_hash};

	return scan->late != NULL && hash_search(scan->late, &late, HASH_FIND, NULL) != NULL;
}

int32
sa_batch_arrival(const SaBatchScan *scan, int row)
{
	int			low = 0;
	int			high = scan->nbehind;

	/* number of rows behind that came before this one */
	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (scan->behind[middle].row < row)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < scan->nbehind && scan->behind[low].row == row)
		return 2 * low + 1;
	return 2 * low;
}

HeapTuple
sa_batch_row_tuple(SaBatch *batch, int row)
{
	SaStream   *stream = batch->stream;
	Datum	   *values = palloc0(sizeof(Datum) * stream->natts);
	bool	   *nulls = palloc(sizeof(bool) * stream->natts);
	HeapTuple	tuple;

	memset(nulls, true, sizeof(bool) * stream->natts);
	for (int i = 0; i < stream->ncolumns; i++)
	{
		int			attno = stream->columns[i].attnum - 1;

		values[attno] = sa_batch_values(batch, row)[i];
		nulls[attno] = sa_batch_nulls(batch, row)[i];
	}
	tuple = heap_form_tuple(stream->desc, values, nulls);
	pfree(values);
	pfree(nulls);
	return tuple;
}

text *
sa_batch_row_json(SaBatch *batch, int row)
{
	SaStream   *stream = batch->stream;
	HeapTuple	tuple = sa_batch_row_tuple(batch, row);
	SaIdentity	identity;
	text	   *json;

	/* output functions may be anybody's code, and depend on settings */
	sa_identity_enter(&identity, stream->owner, sa_identity_stream_settings(stream));
	json = DatumGetTextPP(DirectFunctionCall1(row_to_json, HeapTupleGetDatum(tuple)));
	sa_identity_leave(&identity);
	return json;
}
