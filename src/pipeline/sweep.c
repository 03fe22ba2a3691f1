/*-------------------------------------------------------------------------
 *
 * sweep.c
 *	  Removing rows that are no longer needed, a few with each batch.
 *
 * NOTES
 *	  A statement that removed all that is due could hold a batch up for minutes
 *	  when a long gap in event time makes a month of windows due at once.  So each
 *	  batch removes a limited number of rows, or looks at a limited number of
 *	  blocks, and the next one goes on from there.
 *
 *	  Nobody may depend on when exactly a row goes: what is due must never be
 *	  needed again, and a reader of the view should not see it where that matters.
 *
 *	  Rows that somebody has locked are left for a later step, instead of waiting.
 *
 *	  How far a sweep has come is known to this process alone.  A new one begins
 *	  anywhere, so that many short sessions together get round, too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "executor/spi.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "aggregate/rows_sql.h"
#include "pipeline/statement.h"
#include "pipeline/sweep.h"

/* The least that a step does. */
#define STEP_ROWS	1000
#define STEP_BLOCKS	16

/* A batch can't fill blocks faster than with so many new rows each. */
#define ROWS_PER_BLOCK	16

struct SaSweep
{
	Oid			table;
	int64		keep_us;
	bool		by_block;
	SPIPlanPtr	delete;
	List	   *before;			/* of SPIPlanPtr */

	/* by index: the last step may have left rows that were due */
	bool		more;

	/* by block: where to go on, and what is left of this round */
	BlockNumber next;
	BlockNumber left;
	bool		begun;
};

static SaSweep *
make_sweep(Relation table, int64 keep_us)
{
	SaSweep    *sweep = palloc0(sizeof(SaSweep));

	sweep->table = RelationGetRelid(table);
	sweep->keep_us = keep_us;
	return sweep;
}

SaSweep *
sa_sweep_by_index(Relation table, AttrNumber column, int64 keep_us)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(table), column - 1);
	const char *name = quote_identifier(NameStr(att->attname));
	Oid			argtypes[] = {att->atttypid, INT8OID};
	SaSweep    *sweep = make_sweep(table, keep_us);

	sweep->more = true;
	sweep->delete =
		sa_statement_prepare(psprintf("DELETE FROM ONLY %s WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY("
									  "SELECT ctid FROM ONLY %s WHERE %s OPERATOR(pg_catalog.<=) $1"
									  " ORDER BY %s LIMIT $2 FOR UPDATE SKIP LOCKED))",
									  sa_relation_sql(sweep->table), sa_relation_sql(sweep->table),
									  name, name),
							 lengthof(argtypes), argtypes);
	return sweep;
}

SaSweep *
sa_sweep_by_block(Relation table, AttrNumber column, int64 keep_us)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(table), column - 1);
	const char *name = quote_identifier(NameStr(att->attname));
	Oid			argtypes[] = {att->atttypid, TIDOID, TIDOID};
	SaSweep    *sweep = make_sweep(table, keep_us);

	sweep->by_block = true;
	sweep->delete =
		sa_statement_prepare(psprintf("DELETE FROM ONLY %s WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY("
									  "SELECT d.ctid FROM ONLY %s AS d WHERE %s"
									  " FOR UPDATE SKIP LOCKED))",
									  sa_relation_sql(sweep->table), sa_relation_sql(sweep->table),
									  sa_sweep_block_condition("d", name)),
							 lengthof(argtypes), argtypes);
	return sweep;
}

char *
sa_sweep_block_condition(const char *alias, const char *column)
{
	return psprintf("%s.%s OPERATOR(pg_catalog.<) $1 AND %s.ctid OPERATOR(pg_catalog.>=) $2"
					" AND %s.ctid OPERATOR(pg_catalog.<) $3", alias, column, alias, alias);
}

void
sa_sweep_before(SaSweep *sweep, const char *sql)
{
	Oid			argtypes[] = {TIMESTAMPTZOID, TIDOID, TIDOID};

	Assert(sweep->by_block);
	sweep->before = lappend(sweep->before,
							sa_statement_prepare(sql, lengthof(argtypes), argtypes));
}

/* Returns the number of rows that were removed. */
static uint64
execute_delete(SaSweep *sweep, Datum *values)
{
	uint64		processed;
	int			result;
	ListCell   *lc;

	SPI_connect();
	foreach(lc, sweep->before)
	{
		if (SPI_execute_plan(lfirst(lc), values, NULL, false, 0) != SPI_OK_DELETE)
			elog(ERROR, "could not remove what is kept for rows");
	}
	result = SPI_execute_plan(sweep->delete, values, NULL, false, 0);
	if (result != SPI_OK_DELETE)
		elog(ERROR, "could not remove rows: %s", SPI_result_code_string(result));
	processed = SPI_processed;
	SPI_finish();
	return processed;
}

static void
step_by_index(SaSweep *sweep, TimestampTz bound, bool moved, int64 limit)
{
	Datum		values[] = {TimestampTzGetDatum(bound), Int64GetDatum(limit)};

	if (moved || sweep->more)
		sweep->more = execute_delete(sweep, values) >= limit;
}

static BlockNumber
count_blocks(Oid table)
{
	Relation	rel = RelationIdGetRelation(table);
	BlockNumber blocks = RelationGetNumberOfBlocks(rel);

	RelationClose(rel);
	return blocks;
}

/* Blocks from "next" on, and in the next step from the first one again. */
static void
step_by_block(SaSweep *sweep, TimestampTz bound, bool moved, int64 limit)
{
	BlockNumber blocks = count_blocks(sweep->table);
	ItemPointerData from;
	ItemPointerData to;
	Datum		values[3];
	BlockNumber end;

	if (!sweep->begun && blocks > 0)
		sweep->next = pg_prng_uint64_range(&pg_global_prng_state, 0, blocks - 1);
	if (!sweep->begun || moved)
		sweep->left = blocks;
	sweep->begun = true;
	if (sweep->left == 0)
		return;

	if (sweep->next >= blocks)
		sweep->next = 0;
	end = sweep->next + Min(Min(limit, sweep->left), blocks - sweep->next);
	ItemPointerSet(&from, sweep->next, 0);
	ItemPointerSet(&to, end, 0);
	values[0] = TimestampTzGetDatum(bound);
	values[1] = PointerGetDatum(&from);
	values[2] = PointerGetDatum(&to);
	(void) execute_delete(sweep, values);
	sweep->left -= end - sweep->next;
	sweep->next = end;
}

void
sa_sweep_run(List *sweeps, TimestampTz watermark, bool moved, int batch_rows)
{
	ListCell   *lc;

	foreach(lc, sweeps)
	{
		SaSweep    *sweep = lfirst(lc);

		/* nothing can be due; DT_NOBEGIN is less than all others */
		if (watermark < MIN_TIMESTAMP + sweep->keep_us)
			continue;
		if (sweep->by_block)
			step_by_block(sweep, watermark - sweep->keep_us, moved,
						  Max(STEP_BLOCKS, batch_rows / ROWS_PER_BLOCK));
		else
			step_by_index(sweep, watermark - sweep->keep_us, moved,
						  Max(STEP_ROWS, batch_rows));
	}
}

void
sa_sweep_free(List *sweeps)
{
	ListCell   *lc;

	foreach(lc, sweeps)
	{
		SaSweep    *sweep = lfirst(lc);
		ListCell   *lb;

		SPI_freeplan(sweep->delete);
		foreach(lb, sweep->before)
			SPI_freeplan(lfirst(lb));
	}
}
