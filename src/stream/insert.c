/*-------------------------------------------------------------------------
 *
 * insert.c
 *	  INSERT and COPY into a stream.
 *
 * NOTES
 *	  Rows for a Kafka stream are sent to its topic (kafka_insert.c).
 *
 *	  Rows for an in-database stream are kept until the end of the statement (a
 *	  tuplestore, which spills to disk), and become batches then: after the AFTER
 *	  triggers of the statement, before it returns.  What is kept hangs on the
 *	  executor's result relation, so that statements within statements each have
 *	  their own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "metadata/catalog.h"
#include "metadata/stream.h"
#include "pipeline/insert_batch.h"
#include "stream/fdw.h"
#include "stream/kafka_insert.h"

typedef struct InsertState
{
	MemoryContext context;
	SaStream   *stream;
	SaKafkaInsert *kafka;		/* NULL: an in-database stream */
	Tuplestorestate *rows;
} InsertState;

static List *
plan_modify(PlannerInfo *root, ModifyTable *plan, Index resultRelation, int subplan_index)
{
	if (plan->onConflictAction != ONCONFLICT_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("INSERT into a stream does not support ON CONFLICT"),
				 errhint("Leave out the ON CONFLICT clause.")));
	return NIL;
}

static void
begin(ResultRelInfo *result)
{
	Relation	rel = result->ri_RelationDesc;
	MemoryContext context;
	MemoryContext old;
	InsertState *state;

	sa_require_preload();
	context = AllocSetContextCreate(CurrentMemoryContext, "stream_agg statement",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	state = palloc0(sizeof(InsertState));
	state->context = context;
	state->stream = sa_stream_load(rel);
	if (!state->stream->in_database)
		state->kafka = sa_kafka_insert_begin(rel, state->stream);
	else
	{
		sa_insert_refuse_reentry(state->stream);
		state->rows = tuplestore_begin_heap(false, false, work_mem);
	}
	MemoryContextSwitchTo(old);
	result->ri_FdwState = state;
}

static void
end(ResultRelInfo *result)
{
	InsertState *state = result->ri_FdwState;

	if (state == NULL)
		return;
	result->ri_FdwState = NULL;
	if (state->kafka != NULL)
		sa_kafka_insert_end(state->kafka);
	else
	{
		sa_insert_batches(state->stream, state->rows);
		tuplestore_end(state->rows);
	}
	MemoryContextDelete(state->context);
}

static void
begin_modify(ModifyTableState *mtstate, ResultRelInfo *result, List *fdw_private,
			 int subplan_index, int eflags)
{
	if ((eflags & EXEC_FLAG_EXPLAIN_ONLY) == 0)
		begin(result);
}

static TupleTableSlot *
exec_insert(EState *estate, ResultRelInfo *result, TupleTableSlot *slot,
			TupleTableSlot *plan_slot)
{
	InsertState *state = result->ri_FdwState;

	if (state->kafka != NULL)
		sa_kafka_insert_row(state->kafka, slot);
	else
		tuplestore_puttupleslot(state->rows, slot);
	return slot;
}

static void
end_modify(EState *estate, ResultRelInfo *result)
{
	end(result);
}

static void
begin_insert(ModifyTableState *mtstate, ResultRelInfo *result)
{
	if (mtstate != NULL && mtstate->ps.plan != NULL &&
		((ModifyTable *) mtstate->ps.plan)->onConflictAction != ONCONFLICT_NONE)
		(void) plan_modify(NULL, (ModifyTable *) mtstate->ps.plan, 0, 0);
	begin(result);
}

static void
end_insert(EState *estate, ResultRelInfo *result)
{
	end(result);
}

static int
is_updatable(Relation rel)
{
	return 1 << CMD_INSERT;
}

void
sa_fdw_set_insert(FdwRoutine *routine)
{
	routine->PlanForeignModify = plan_modify;
	routine->BeginForeignModify = begin_modify;
	routine->ExecForeignInsert = exec_insert;
	routine->EndForeignModify = end_modify;
	routine->BeginForeignInsert = begin_insert;
	routine->EndForeignInsert = end_insert;
	routine->IsForeignRelUpdatable = is_updatable;
}
