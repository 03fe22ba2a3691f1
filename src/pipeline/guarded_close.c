/*-------------------------------------------------------------------------
 *
 * guarded_close.c
 *	  Closing windows of which some values can't be computed.
 *
 * NOTES
 *	  Values that are computed from kept arguments, or from panes, are computed a
 *	  last time when their window is settled.  Arguments that go well one by one
 *	  may fail together (arrays of different dimensions), or the final function
 *	  may.  No row is to blame that could be left out, and the watermark can't
 *	  stand still for one group.  So the value stays NULL, the others of the same
 *	  row are written, and a dead letter of the view takes note of it.
 *
 *	  First all windows are closed by the usual statements, in one subtransaction.
 *	  Only if that fails each group is tried by itself.  A trial only reads, so it
 *	  costs no transaction ID; of a group that fails the values are tried one by
 *	  one.  What failed is written with those values masked, and the rest then
 *	  by the usual statements, which pass over what is settled already.
 *
 *	  Windows made of panes are no rows before they are settled.  They are first
 *	  inserted without any value and are then like the others, but that each of
 *	  them is written by itself.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "aggregate/rows_sql.h"
#include "metadata/reject.h"
#include "pipeline/guarded.h"
#include "pipeline/guarded_close.h"
#include "pipeline/pane_settle.h"
#include "pipeline/statement.h"
#include "pipeline/view_run.h"

/* What closes when the watermark moves. */
typedef struct Closing
{
	SaViewPlan *plan;
	TimestampTz before;
	TimestampTz watermark;
} Closing;

/*
 * One group after the other.  Parameters of the statements are the ctid of its
 * row and the mask.
 */
typedef struct GroupLoop
{
	SaViewPlan *plan;
	const SaStream *stream;
	SPIPlanPtr	trial;
	SPIPlanPtr	write;
	SPIPlanPtr	remove;			/* with panes */
	MemoryContext context;		/* reset for each group */

	ItemPointerData ctid;		/* of the group at hand */
	int			naggregates;
	Datum	   *mask;			/* of bool, per aggregate: leave it NULL */
	bytea	   *json;			/* of the row, when it was written */
} GroupLoop;

/* Rows of the data table that are to be settled. */
typedef struct DueRows
{
	SPIPlanPtr	statement;		/* by which they are found */
	ItemPointer ctids;
	uint64		n;
	uint64		capacity;
} DueRows;

static void
close_all(void *arg)
{
	Closing    *closing = arg;

	sa_view_close(closing->plan, closing->before, closing->watermark);
}

/* ------------------------------------------------------------------------
 * Statements
 * ------------------------------------------------------------------------
 */

static SPIPlanPtr
prepare(const char *sql, int nargs, Oid *argtypes)
{
	SPIPlanPtr	plan = SPI_prepare(sql, nargs, argtypes);

	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\"", sql);
	return plan;
}

static void
execute(SPIPlanPtr plan, Datum *values)
{
	int			result = SPI_execute_plan(plan, values, NULL, false, 0);

	if (result < 0)
		elog(ERROR, "could not settle a window: %s", SPI_result_code_string(result));
}

/* SELECT value, … of the row */
static SPIPlanPtr
prepare_trial(const SaViewPlan *plan)
{
	Oid			argtypes[] = {TIDOID, BOOLARRAYOID};
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, sa_computed_values_sql(plan->aq, &plan->tables, true))
		appendStringInfo(&sql, "%s%s", sql.len > 0 ? ", " : "", (char *) lfirst(lc));
	return prepare(psprintf("SELECT %s FROM ONLY %s AS d WHERE d.ctid OPERATOR(pg_catalog.=) $1",
							sql.data, sa_relation_sql(plan->tables.data)),
				   lengthof(argtypes), argtypes);
}

static char *
returning_json(const char *columns)
{
	return psprintf("RETURNING (SELECT pg_catalog.row_to_json(x)::pg_catalog.text"
					" FROM (SELECT %s) AS x)", columns);
}

/* UPDATE of the row; returns keys, window and values as JSON */
static SPIPlanPtr
prepare_write(const SaViewPlan *plan)
{
	const SaAggregateQuery *aq = plan->aq;
	Oid			data = plan->tables.data;
	Oid			argtypes[] = {TIDOID, BOOLARRAYOID};
	StringInfoData columns;

	initStringInfo(&columns);
	for (AttrNumber attnum = 1; attnum < aq->final_attnum; attnum++)
	{
		if (aq->kept_count == NULL || attnum != aq->kept_count->value_attnum)
			appendStringInfo(&columns, "%sd.%s", columns.len > 0 ? ", " : "",
							 sa_column_sql(data, attnum));
	}
	return prepare(psprintf("UPDATE ONLY %s AS d SET %s, %s"
							" WHERE d.ctid OPERATOR(pg_catalog.=) $1 %s",
							sa_relation_sql(data), sa_final_assignments_sql(aq, data),
							sa_settle_assignments_sql(aq, &plan->tables, true),
							returning_json(columns.data)),
				   lengthof(argtypes), argtypes);
}

/* DELETE of the row; returns keys and window as JSON */
static SPIPlanPtr
prepare_remove(const SaViewPlan *plan)
{
	Oid			data = plan->tables.data;
	Oid			argtypes[] = {TIDOID, BOOLARRAYOID};
	StringInfoData columns;

	initStringInfo(&columns);
	for (AttrNumber attnum = 1; attnum <= plan->aq->end_attnum; attnum++)
		appendStringInfo(&columns, "%sd.%s", columns.len > 0 ? ", " : "",
						 sa_column_sql(data, attnum));
	return prepare(psprintf("DELETE FROM ONLY %s AS d WHERE d.ctid OPERATOR(pg_catalog.=) $1 %s",
							sa_relation_sql(data), returning_json(columns.data)),
				   lengthof(argtypes), argtypes);
}

/* ------------------------------------------------------------------------
 * Rows that are due
 * ------------------------------------------------------------------------
 */

/* Executes a statement that returns ctids, and takes these. */
static void
collect_rows(DueRows *rows, Datum *values)
{
	execute(rows->statement, values);
	if (rows->n + SPI_processed > rows->capacity)
	{
		rows->capacity = Max(rows->capacity * 2, rows->n + SPI_processed);
		rows->ctids = repalloc_huge(rows->ctids, sizeof(ItemPointerData) * rows->capacity);
	}
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Datum		ctid = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1,
										 &isnull);

		rows->ctids[rows->n++] = *(ItemPointer) DatumGetPointer(ctid);
	}
	SPI_freetuptable(SPI_tuptable);
}

static void
insert_windows(void *arg, Datum starts, Datum ends)
{
	Datum		values[] = {starts, ends};

	collect_rows(arg, values);
}

/* Windows made of panes become rows now, as yet without values. */
static void
make_due_rows(const Closing *closing, DueRows *rows)
{
	SaViewPlan *plan = closing->plan;
	Oid			type = get_array_type(plan->aq->sq->window_type);
	Oid			argtypes[] = {type, type};
	char	   *sql = psprintf("INSERT INTO %s AS d %s RETURNING d.ctid",
							   sa_relation_sql(plan->tables.data),
							   sa_settled_windows_sql(plan->aq, &plan->tables, false));

	rows->statement = prepare(sql, lengthof(argtypes), argtypes);
	sa_panes_settle(plan, sa_view_settled_by(plan, closing->before),
					sa_view_settled_by(plan, closing->watermark), insert_windows, rows);
}

static void
find_due_rows(const Closing *closing, DueRows *rows)
{
	const SaViewPlan *plan = closing->plan;
	const SaAggregateQuery *aq = plan->aq;
	Oid			data = plan->tables.data;
	Oid			argtypes[] = {aq->sq->window_type, aq->sq->window_type};
	Datum		values[] = {
		TimestampTzGetDatum(sa_view_settled_by(plan, closing->before)),
		TimestampTzGetDatum(sa_view_settled_by(plan, closing->watermark))
	};
	char	   *sql = psprintf("SELECT d.ctid FROM ONLY %s AS d WHERE %s AND d.%s IS NOT NULL",
							   sa_relation_sql(data), sa_due_condition_sql(aq, data),
							   sa_column_sql(data, aq->kept_count->state_attnum));

	rows->statement = prepare(sql, lengthof(argtypes), argtypes);
	collect_rows(rows, values);
}

/* ------------------------------------------------------------------------
 * One group
 * ------------------------------------------------------------------------
 */

static Datum
mask_array(const GroupLoop *loop)
{
	return PointerGetDatum(construct_array(loop->mask, loop->naggregates, BOOLOID, 1, true,
										   TYPALIGN_CHAR));
}

static void
compute(void *arg)
{
	GroupLoop  *loop = arg;
	Datum		values[] = {PointerGetDatum(&loop->ctid), mask_array(loop)};

	sa_statement_execute(loop->trial, values);
}

static void
set_mask(GroupLoop *loop, bool masked)
{
	for (int i = 0; i < loop->naggregates; i++)
		loop->mask[i] = BoolGetDatum(masked);
}

/*
 * Masks the values that fail.  Returns the error of the first of them, or NULL
 * if there are none.
 */
static ErrorData *
find_failing_values(GroupLoop *loop)
{
	const SaAggregateQuery *aq = loop->plan->aq;
	bool	   *failed = palloc0(sizeof(bool) * loop->naggregates);
	ErrorData  *first = NULL;

	set_mask(loop, false);
	if (sa_guarded_call(compute, loop) == NULL)
		return NULL;
	for (int i = 0; i < loop->naggregates; i++)
	{
		ErrorData  *error;

		if (!sa_value_is_computed(aq, list_nth(aq->aggregates, i)))
			continue;
		set_mask(loop, true);
		loop->mask[i] = BoolGetDatum(false);
		error = sa_guarded_call(compute, loop);
		failed[i] = error != NULL;
		if (first == NULL)
			first = error;
	}
	for (int i = 0; i < loop->naggregates; i++)
		loop->mask[i] = BoolGetDatum(failed[i]);
	return first;
}

/* Writes or removes the group's row; returns its JSON. */
static bytea *
execute_on_group(GroupLoop *loop, SPIPlanPtr statement)
{
	Datum		values[] = {PointerGetDatum(&loop->ctid), mask_array(loop)};
	bytea	   *json = NULL;
	bool		isnull;
	Datum		value;

	execute(statement, values);
	/* a trigger of the table may have kept it as it was */
	if (SPI_processed > 0)
	{
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
		/* text and bytea are the same bytes */
		json = (bytea *) PG_DETOAST_DATUM_COPY(value);
	}
	SPI_freetuptable(SPI_tuptable);
	return json;
}

/* "Values that stay NULL: a, b." behind what the error says itself */
static char *
describe_failure(const GroupLoop *loop, const ErrorData *error)
{
	StringInfoData detail;
	bool		first = true;

	initStringInfo(&detail);
	if (error->detail != NULL)
		appendStringInfo(&detail, "%s ", error->detail);
	appendStringInfoString(&detail, "Values that stay NULL:");
	for (int i = 0; i < loop->naggregates; i++)
	{
		SaAggregate *aggregate = list_nth(loop->plan->aq->aggregates, i);

		if (!DatumGetBool(loop->mask[i]))
			continue;
		appendStringInfo(&detail, "%s %s", first ? "" : ",",
						 sa_column_sql(loop->plan->tables.data, aggregate->value_attnum));
		first = false;
	}
	appendStringInfoChar(&detail, '.');
	return detail.data;
}

static void
write_group(void *arg)
{
	GroupLoop  *loop = arg;

	loop->json = execute_on_group(loop, loop->write);
}

static void
record_failure(GroupLoop *loop, const ErrorData *error, const char *detail)
{
	SaDeadLetter letter = {
		.stream = loop->stream->relid,
		.view = loop->plan->view,
		.topic = loop->stream->topic,
		.value = loop->json,
		.sqlstate = error->sqlerrcode,
		.reason = error->message,
		.detail = detail
	};

	if (loop->stream->on_error == SA_ON_ERROR_DEAD_LETTER)
		sa_dead_group_record(&letter);
}

/*
 * A group of panes that the table doesn't take, because of a constraint of the
 * user's, is in it no more.  Without panes such a row has been refused when it
 * came.
 */
static ErrorData *
write_or_remove(GroupLoop *loop)
{
	ErrorData  *error;

	if (!loop->plan->aq->panes)
	{
		write_group(loop);
		return NULL;
	}
	error = sa_guarded_call(write_group, loop);
	if (error != NULL)
		loop->json = execute_on_group(loop, loop->remove);
	return error;
}

/* Returns whether the group is stored with all of its values. */
static bool
settle_group(GroupLoop *loop)
{
	ErrorData  *error = find_failing_values(loop);
	ErrorData  *refused = NULL;

	if (error != NULL || loop->plan->aq->panes)
		refused = write_or_remove(loop);
	if (refused != NULL)
		record_failure(loop, refused, refused->detail);
	else if (error != NULL)
		record_failure(loop, error, describe_failure(loop, error));
	return error == NULL && refused == NULL;
}

/* ------------------------------------------------------------------------
 * All groups
 * ------------------------------------------------------------------------
 */

static int64
settle_groups(const Closing *closing, const SaStream *stream)
{
	SaViewPlan *plan = closing->plan;
	GroupLoop	loop = {
		.plan = plan,
		.stream = stream,
		.naggregates = list_length(plan->aq->aggregates)
	};
	DueRows		rows = {.capacity = 64};
	int64		nfailed = 0;

	SPI_connect();
	loop.trial = prepare_trial(plan);
	loop.write = prepare_write(plan);
	if (plan->aq->panes)
		loop.remove = prepare_remove(plan);
	loop.mask = palloc(sizeof(Datum) * loop.naggregates);
	loop.context = AllocSetContextCreate(CurrentMemoryContext, "stream_agg group",
										 ALLOCSET_DEFAULT_SIZES);
	rows.ctids = palloc(sizeof(ItemPointerData) * rows.capacity);
	if (plan->aq->panes)
		make_due_rows(closing, &rows);
	else
		find_due_rows(closing, &rows);
	for (uint64 i = 0; i < rows.n; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(loop.context);

		CHECK_FOR_INTERRUPTS();
		loop.ctid = rows.ctids[i];
		if (!settle_group(&loop))
			nfailed++;
		MemoryContextSwitchTo(old);
		MemoryContextReset(loop.context);
	}
	SPI_finish();
	return nfailed;
}

static bool
computes_values(const SaAggregateQuery *aq)
{
	return aq->panes || aq->kept_count != NULL;
}

int64
sa_guarded_close(SaViewPlan *plan, const SaStream *stream,
				 TimestampTz before, TimestampTz watermark)
{
	Closing		closing = {.plan = plan,.before = before,.watermark = watermark};
	ErrorData  *error;
	int64		nfailed;

	if (!computes_values(plan->aq))
	{
		sa_view_close(plan, before, watermark);
		return 0;
	}
	error = sa_guarded_call(close_all, &closing);
	if (error == NULL)
		return 0;
	FreeErrorData(error);
	nfailed = settle_groups(&closing, stream);
	if (!plan->aq->panes)
		sa_view_close(plan, before, watermark);
	return nfailed;
}
