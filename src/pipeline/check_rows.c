/*-------------------------------------------------------------------------
 *
 * check_rows.c
 *	  From messages, or inserted values, to rows that the stream admits.
 *
 * NOTES
 *	  One pass over the rows.  For each: decode what some view reads, event time
 *	  first, so that it counts for the watermark whatever else is wrong; put in
 *	  defaults for fields that are missing; then look at event time, NOT NULL and
 *	  CHECK, which PostgreSQL itself does not enforce on foreign tables.
 *
 *	  Input functions, defaults and checks may be anybody's code.  They run as
 *	  the owner of the stream, under settings that do not depend on the session.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/epoch.h"
#include "base/row_error.h"
#include "decode/decoder.h"
#include "pipeline/check_rows.h"
#include "pipeline/guarded.h"
#include "pipeline/identity.h"

/* One CHECK constraint. */
typedef struct Check
{
	const char *name;
	ExprState  *expr;
} Check;

typedef struct RowChecker
{
	SaBatch    *batch;
	SaDecoder  *decoder;		/* NULL: values are there already */

	/* columns to fill, by index, the one with event time first */
	int			ncolumns;
	int		   *columns;
	int			event_time;		/* index of that column, -1: none */
	bool	   *essential;		/* per column: without it the row is bad */
	ExprState **defaults;		/* per column, NULL: none */

	int			nchecks;
	Check	   *checks;
	EState	   *estate;			/* for defaults and checks */
	TupleTableSlot *slot;

	/* where in the current row we are; survives an error */
	int			cursor;			/* in columns; -1: not parsed yet */
	bool		decoded;
} RowChecker;

static void
prepare_checks(RowChecker *checker, Relation rel)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;
	SaStream   *stream = checker->batch->stream;

	if (constr == NULL)
		return;
	checker->checks = palloc0(sizeof(Check) * Max(constr->num_check, 1));
	for (int i = 0; i < constr->num_check; i++)
	{
		Expr	   *expr = stringToNode(constr->check[i].ccbin);
		Bitmapset  *attnums = NULL;

		checker->checks[checker->nchecks].name = constr->check[i].ccname;
		checker->checks[checker->nchecks++].expr = ExecPrepareExpr(expr, checker->estate);
		pull_varattnos((Node *) expr, 1, &attnums);
		for (int c = 0; c < stream->ncolumns; c++)
		{
			int			attnum = stream->columns[c].attnum;

			if (bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, attnums) ||
				bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, attnums))
				checker->essential[c] = true;
		}
	}
}

/* Which columns to fill, in which order. */
static void
choose_columns(RowChecker *checker, Bitmapset *attnums)
{
	SaStream   *stream = checker->batch->stream;

	checker->columns = palloc(sizeof(int) * Max(stream->ncolumns, 1));
	checker->event_time = -1;
	for (int pass = 0; pass < 2; pass++)
	{
		for (int c = 0; c < stream->ncolumns; c++)
		{
			bool		is_event_time = stream->columns[c].attnum == stream->event_time_attnum;

			if (is_event_time != (pass == 0))
				continue;
			if (is_event_time)
			{
				checker->event_time = c;
				checker->essential[c] = true;
			}
			if (stream->columns[c].not_null)
				checker->essential[c] = true;
			if (checker->essential[c] || bms_is_member(stream->columns[c].attnum, attnums))
			{
				checker->columns[checker->ncolumns++] = c;
				checker->batch->decoded[c] = true;
			}
		}
	}
}

static void
prepare_defaults(RowChecker *checker, Relation rel)
{
	SaStream   *stream = checker->batch->stream;

	checker->defaults = palloc0(sizeof(ExprState *) * Max(stream->ncolumns, 1));
	for (int i = 0; i < checker->ncolumns; i++)
	{
		int			c = checker->columns[i];
		Node	   *expr = build_column_default(rel, stream->columns[c].attnum);

		if (expr != NULL)
			checker->defaults[c] = ExecPrepareExpr((Expr *) expr, checker->estate);
	}
}

/* The decoder for the chosen columns, in their order. */
static SaDecoder *
create_decoder(RowChecker *checker)
{
	SaStream   *stream = checker->batch->stream;
	SaColumn   *columns = palloc(sizeof(SaColumn) * Max(checker->ncolumns, 1));
	SaDecoder  *decoder;

	for (int i = 0; i < checker->ncolumns; i++)
		columns[i] = stream->columns[checker->columns[i]];
	decoder = sa_decoder_create(stream->format, columns, checker->ncolumns,
								stream->timezone, stream->topic, CurrentMemoryContext);
	return decoder;
}

/* ------------------------------------------------------------------------
 * One row
 * ------------------------------------------------------------------------
 */

static Datum
column_default(RowChecker *checker, int c, bool *isnull)
{
	*isnull = true;
	if (checker->defaults[c] == NULL)
		return (Datum) 0;
	return ExecEvalExpr(checker->defaults[c], GetPerTupleExprContext(checker->estate), isnull);
}

/* Event time of a row, after its column has been filled. */
static void
note_event_time(RowChecker *checker, int row)
{
	SaBatch    *batch = checker->batch;
	SaStream   *stream = batch->stream;
	TimestampTz time;

	if (checker->event_time >= 0)
	{
		if (sa_batch_nulls(batch, row)[checker->event_time])
		{
			sa_batch_add_error(batch, row, 0, ERRCODE_NULL_VALUE_NOT_ALLOWED,
							   psprintf("event time \"%s\" is null",
										stream->columns[checker->event_time].name), NULL);
			return;
		}
		time = DatumGetTimestampTz(sa_batch_values(batch, row)[checker->event_time]);
	}
	else if (batch->messages == NULL)
		time = batch->now;
	else if (!sa_time_from_kafka(batch->messages[row].timestamp_ms, &time))
	{
		sa_batch_add_error(batch, row, 0, ERRCODE_NULL_VALUE_NOT_ALLOWED,
						   "message has no timestamp", NULL);
		return;
	}

	if (TIMESTAMP_NOT_FINITE(time))
		sa_batch_add_error(batch, row, 0, ERRCODE_DATETIME_VALUE_OUT_OF_RANGE,
						   "event time is infinite", NULL);
	else if (time > batch->now && time - batch->now > stream->max_future_us)
		sa_batch_add_error(batch, row, 0, ERRCODE_DATETIME_VALUE_OUT_OF_RANGE,
						   "event time is too far in the future",
						   psprintf("Event time is %s.", timestamptz_to_str(time)));
	else
		batch->rows[row].event_time = time;
}

/* Decodes the columns from the cursor on; event time is looked at in passing. */
static void
fill_columns(RowChecker *checker, int row)
{
	SaBatch    *batch = checker->batch;
	Datum	   *values = sa_batch_values(batch, row);
	bool	   *nulls = sa_batch_nulls(batch, row);

	while (checker->cursor < checker->ncolumns)
	{
		int			i = checker->cursor;
		int			c = checker->columns[i];
		bool		isnull;
		bool		missing;
		Datum		value;

		value = sa_decoder_column(checker->decoder, i, &isnull, &missing);
		if (missing)
			value = column_default(checker, c, &isnull);
		values[c] = value;
		nulls[c] = isnull;
		checker->cursor++;
		if (c == checker->event_time)
			note_event_time(checker, row);
	}
}

static void
check_constraints(RowChecker *checker, int row)
{
	SaBatch    *batch = checker->batch;
	SaStream   *stream = batch->stream;
	Datum	   *values = sa_batch_values(batch, row);
	bool	   *nulls = sa_batch_nulls(batch, row);

	for (int c = 0; c < stream->ncolumns; c++)
	{
		if (stream->columns[c].not_null && nulls[c])
		{
			sa_batch_add_error(batch, row, 0, ERRCODE_NOT_NULL_VIOLATION,
							   psprintf("null value in column \"%s\" of stream \"%s\" violates not-null constraint",
										stream->columns[c].name, stream->name), NULL);
			return;
		}
	}
	if (checker->nchecks == 0)
		return;

	ExecClearTuple(checker->slot);
	memset(checker->slot->tts_isnull, true, sizeof(bool) * stream->natts);
	for (int c = 0; c < stream->ncolumns; c++)
	{
		checker->slot->tts_values[stream->columns[c].attnum - 1] = values[c];
		checker->slot->tts_isnull[stream->columns[c].attnum - 1] = nulls[c];
	}
	ExecStoreVirtualTuple(checker->slot);
	ResetPerTupleExprContext(checker->estate);
	GetPerTupleExprContext(checker->estate)->ecxt_scantuple = checker->slot;
	for (int i = 0; i < checker->nchecks; i++)
	{
		if (!ExecCheck(checker->checks[i].expr, GetPerTupleExprContext(checker->estate)))
		{
			sa_batch_add_error(batch, row, 0, ERRCODE_CHECK_VIOLATION,
							   psprintf("row violates check constraint \"%s\" of stream \"%s\"",
										checker->checks[i].name, stream->name), NULL);
			return;
		}
	}
}

static void
check_row(void *arg, int row)
{
	RowChecker *checker = arg;
	SaBatch    *batch = checker->batch;

	/* cut off before it was looked at: not this batch's */
	if (batch->rows[row].offset >= batch->parts[batch->rows[row].part].next_offset)
		return;
	if (checker->cursor < 0)
	{
		if (checker->decoder != NULL)
		{
			SaDecodeError error = {0};

			if (!sa_decoder_parse(checker->decoder, &batch->messages[row], batch->now, &error))
			{
				if (!sa_is_row_error(error.sqlstate))
					ereport(ERROR,
							(errcode(error.sqlstate),
							 errmsg_internal("%s", error.message)));
				sa_batch_add_error(batch, row, 0, error.sqlstate, error.message, error.detail);
				return;
			}
		}
		checker->cursor = 0;
		if (checker->decoder == NULL || checker->event_time < 0)
			note_event_time(checker, row);
	}
	if (checker->decoder != NULL)
		fill_columns(checker, row);
	checker->cursor = checker->ncolumns;
	if (!batch->rows[row].bad)
		check_constraints(checker, row);
	checker->cursor = -1;
}

static bool
check_row_failed(void *arg, int row, const ErrorData *error)
{
	RowChecker *checker = arg;
	SaStream   *stream = checker->batch->stream;
	bool		in_column = checker->cursor >= 0 && checker->cursor < checker->ncolumns;
	AttrNumber	attnum = 0;

	if (in_column)
	{
		int			c = checker->columns[checker->cursor];

		if (!checker->essential[c])
			attnum = stream->columns[c].attnum;
		sa_batch_add_error(checker->batch, row, attnum, error->sqlerrcode,
						   psprintf("column \"%s\": %s", stream->columns[c].name, error->message),
						   error->detail);
		checker->cursor++;
		return true;
	}
	sa_batch_add_error(checker->batch, row, 0, error->sqlerrcode, error->message, error->detail);
	checker->cursor = -1;
	return false;
}

void
sa_batch_check_rows(SaBatch *batch, Bitmapset *attnums)
{
	SaStream   *stream = batch->stream;
	RowChecker	checker = {.batch = batch,.cursor = -1};
	Relation	rel = table_open(stream->relid, AccessShareLock);
	MemoryContext old;
	SaIdentity	identity;

	sa_identity_enter(&identity, stream->owner, sa_identity_stream_settings(stream));
	old = MemoryContextSwitchTo(batch->chunk);
	checker.estate = CreateExecutorState();
	checker.slot = MakeSingleTupleTableSlot(stream->desc, &TTSOpsVirtual);
	checker.essential = palloc0(sizeof(bool) * Max(stream->ncolumns, 1));
	prepare_checks(&checker, rel);
	choose_columns(&checker, attnums);
	prepare_defaults(&checker, rel);
	if (batch->messages != NULL)
		checker.decoder = create_decoder(&checker);

	sa_guarded_loop(batch->nrows, check_row, check_row_failed, &checker);

	if (checker.decoder != NULL)
		sa_decoder_free(checker.decoder);
	ExecDropSingleTupleTableSlot(checker.slot);
	FreeExecutorState(checker.estate);
	MemoryContextSwitchTo(old);
	sa_identity_leave(&identity);
	table_close(rel, NoLock);
}
