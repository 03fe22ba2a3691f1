/*-------------------------------------------------------------------------
 *
 * bulk_load.c
 *	  Loads that write many rows at a time.
 *
 * NOTES
 *	  INSERT writes row by row: a buffer lock, a WAL record and a trip through
 *	  ModifyTable for each.  COPY writes a thousand rows at a time, by
 *	  table_multi_insert(), and so does this, under the same conditions but
 *	  narrower: an ordinary table without triggers (foreign keys and deferrable
 *	  constraints have some), row security or generated columns, and nothing that
 *	  is volatile, since that might look at the table.  NOT NULL, CHECK and indexes
 *	  are dealt with here.
 *
 *	  The plan is that of the INSERT without its topmost node, so that column
 *	  defaults, casts and permissions are the planner's and the executor's
 *	  business as before.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "optimizer/optimizer.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "pipeline/bulk_load.h"

/* Rows are written when there are so many, or so much. */
#define MAX_ROWS	1000
#define MAX_BYTES	((Size) 4 * 1024 * 1024)

typedef struct BulkLoad
{
	DestReceiver pub;
	Oid			relid;
	Relation	rel;
	TupleDesc	desc;			/* a copy: each slot keeps account of the relation's own */
	EState	   *estate;
	ResultRelInfo *result;
	MemoryContext row_memory;	/* of the slots' rows */

	TupleTableSlot *slots[MAX_ROWS];	/* made when needed, and used again */
	int			nslots;
	int			nrows;			/* that wait to be written */
	Size		written_bytes;	/* row_memory, when the last ones were written */
} BulkLoad;

/* Such a function may look at the table, and has to see the rows before its own. */
static bool
has_volatile_check(const TupleConstr *constr)
{
	for (int i = 0; constr != NULL && i < constr->num_check; i++)
	{
		if (contain_volatile_functions_not_nextval(stringToNode(constr->check[i].ccbin)))
			return true;
	}
	return false;
}

bool
sa_bulk_load_is_plain(Relation table)
{
	const TupleConstr *constr = RelationGetDescr(table)->constr;

	return table->rd_rel->relkind == RELKIND_RELATION && !table->rd_rel->relispartition &&
		!table->rd_rel->relrowsecurity && table->trigdesc == NULL &&
		(constr == NULL || !constr->has_generated_stored);
}

static bool
is_suitable(const ModifyTable *insert, Relation table)
{
	return insert->operation == CMD_INSERT &&
		insert->onConflictAction == ONCONFLICT_NONE &&
		insert->returningLists == NIL && insert->withCheckOptionLists == NIL &&
		sa_bulk_load_is_plain(table) &&
		!has_volatile_check(RelationGetDescr(table)->constr);
}

PlannedStmt *
sa_bulk_load_plan(const PlannedStmt *insert, Relation table)
{
	PlannedStmt *plan;

	if (!IsA(insert->planTree, ModifyTable) ||
		!is_suitable((const ModifyTable *) insert->planTree, table))
		return NULL;
	plan = copyObject(unconstify(PlannedStmt *, insert));
	plan->commandType = CMD_SELECT;
	plan->planTree = outerPlan(plan->planTree);
	plan->resultRelations = NIL;
	return plan;
}

static void
startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	BulkLoad   *load = (BulkLoad *) self;

	load->rel = table_open(load->relid, NoLock);
	load->desc = CreateTupleDescCopy(RelationGetDescr(load->rel));
	load->estate = CreateExecutorState();
	load->estate->es_output_cid = GetCurrentCommandId(true);
	sa_init_result_range_table(load->estate, load->rel);
	load->result = makeNode(ResultRelInfo);
	InitResultRelInfo(load->result, load->rel, 1, NULL, 0);
	ExecOpenIndices(load->result, false);
	load->row_memory = AllocSetContextCreate(CurrentMemoryContext, "stream_agg rows to load",
											 ALLOCSET_DEFAULT_SIZES);
}

static void
insert_into_indexes(BulkLoad *load)
{
	for (int i = 0; i < load->nrows; i++)
	{
		/* only deferrable constraints would give rows to be checked again */
		sa_insert_index_tuples(load->result, load->slots[i], load->estate);
		ResetPerTupleExprContext(load->estate);
	}
}

static void
write_rows(BulkLoad *load)
{
	MemoryContext old = MemoryContextSwitchTo(GetPerTupleMemoryContext(load->estate));

	/* it leaves memory behind */
	table_multi_insert(load->rel, load->slots, load->nrows, load->estate->es_output_cid,
					   0, NULL);
	MemoryContextSwitchTo(old);
	ResetPerTupleExprContext(load->estate);
	if (load->result->ri_NumIndices > 0)
		insert_into_indexes(load);
	for (int i = 0; i < load->nrows; i++)
		ExecClearTuple(load->slots[i]);
	load->nrows = 0;
	load->written_bytes = MemoryContextMemAllocated(load->row_memory, false);
}

static bool
receive(TupleTableSlot *row, DestReceiver *self)
{
	BulkLoad   *load = (BulkLoad *) self;
	MemoryContext old;
	TupleTableSlot *slot;

	if (load->nrows == load->nslots)
	{
		old = MemoryContextSwitchTo(load->row_memory);
		load->slots[load->nslots++] = ExecInitExtraTupleSlot(load->estate, load->desc,
															 table_slot_callbacks(load->rel));
		MemoryContextSwitchTo(old);
	}
	slot = load->slots[load->nrows++];
	ExecCopySlot(slot, row);
	slot->tts_tableOid = load->relid;
	/* the copy of the descriptor has no constraints */
	if (RelationGetDescr(load->rel)->constr != NULL)
		ExecConstraints(load->result, slot, load->estate);
	if (load->nrows == MAX_ROWS ||
		MemoryContextMemAllocated(load->row_memory, false) > load->written_bytes + MAX_BYTES)
		write_rows(load);
	return true;
}

static void
shutdown(DestReceiver *self)
{
	BulkLoad   *load = (BulkLoad *) self;

	if (load->nrows > 0)
		write_rows(load);
	ExecCloseIndices(load->result);
	ExecResetTupleTable(load->estate->es_tupleTable, false);
	ExecCloseResultRelations(load->estate);
	MemoryContextDelete(load->row_memory);
	FreeExecutorState(load->estate);
	table_close(load->rel, NoLock);
}

static void
destroy(DestReceiver *self)
{
	pfree(self);
}

DestReceiver *
sa_bulk_load_receiver(Oid table)
{
	BulkLoad   *load = palloc0(sizeof(BulkLoad));

	load->pub.receiveSlot = receive;
	load->pub.rStartup = startup;
	load->pub.rShutdown = shutdown;
	load->pub.rDestroy = destroy;
	load->pub.mydest = DestNone;
	load->relid = table;
	return (DestReceiver *) load;
}
