/*-------------------------------------------------------------------------
 *
 * held_groups.c
 *	  Groups of several chunks of a batch, held in memory until they are merged.
 *
 * NOTES
 *	  To merge a group into its table costs a look-up, a new version of its row,
 *	  and WAL, however few rows of the stream are in it.  So while a stream lags,
 *	  the groups of many chunks are put together before that, in the hash table of
 *	  the delta plan's own Agg node: it is executed once for the batch and filled
 *	  anew with each chunk.
 *
 *	  Agg fills its hash table from the plan below until that returns no more rows,
 *	  and then returns the groups.  When there is another chunk, the plan below is
 *	  rescanned, which takes the stream's scan to the new rows, and Agg is told that
 *	  its table is not filled: it adds what comes to the groups that are there.  No
 *	  node on the way from the scan may keep rows for a rescan; and what a group
 *	  returns must leave its state as it is, since the first group is returned, for
 *	  nobody, with each chunk.  That holds for states that are returned as they are,
 *	  and for serialization functions, which get them read-only.
 *
 *	  It must not come to where Agg writes groups to disk: from then on rows can't
 *	  be added any more.  So we stop in good time, and a chunk that is so large that
 *	  it happens nevertheless is the last.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "executor/nodeAgg.h"
#include "parser/parsetree.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "metadata/stream.h"
#include "pipeline/held_groups.h"
#include "pipeline/known_groups.h"

struct SaHeldGroups
{
	const PlannedStmt *delta;
	QueryDesc  *query;
	AggState   *agg;
	SaKnownGroups *known;		/* NULL: Agg looks for them alone */
	bool		begun;			/* rows have been added */
};

/*
 * Whether a rescan gives the rows of the stream that are there then, and nothing
 * but what follows from them.
 */
static bool
gives_new_rows(const PlannedStmt *statement, const Plan *plan)
{
	if (plan == NULL)
		return false;
	switch (nodeTag(plan))
	{
		case T_ForeignScan:
			return sa_is_stream(rt_fetch(((const ForeignScan *) plan)->scan.scanrelid,
										 statement->rtable)->relid);
		case T_NestLoop:
		case T_HashJoin:
			/* outer joins from the other side would return its rows each time */
			return (((const Join *) plan)->jointype == JOIN_INNER ||
					((const Join *) plan)->jointype == JOIN_LEFT ||
					((const Join *) plan)->jointype == JOIN_SEMI ||
					((const Join *) plan)->jointype == JOIN_ANTI) &&
				gives_new_rows(statement, outerPlan(plan));
		case T_Result:
		case T_ProjectSet:
			return gives_new_rows(statement, outerPlan(plan));
		case T_SubqueryScan:
			return gives_new_rows(statement, ((const SubqueryScan *) plan)->subplan);
		default:
			return false;
	}
}

bool
sa_held_groups_possible(const PlannedStmt *delta)
{
	const Plan *top = delta->planTree;

	return IsA(top, Agg) && ((const Agg *) top)->aggstrategy == AGG_HASHED &&
		gives_new_rows(delta, outerPlan(top));
}

SaHeldGroups *
sa_held_groups_begin(const PlannedStmt *delta, SaBatchScan *scan)
{
	SaHeldGroups *held = palloc0(sizeof(SaHeldGroups));

	/* of its own: the batch's goes on to what is written meanwhile */
	CommandCounterIncrement();
	PushCopiedSnapshot(GetActiveSnapshot());
	UpdateActiveSnapshotCommandId();
	held->delta = delta;
	held->query = CreateQueryDesc(unconstify(PlannedStmt *, delta), "<continuous view>",
								  GetActiveSnapshot(), InvalidSnapshot, None_Receiver,
								  sa_batch_scan_params(scan), NULL, 0);
	/* executions that are held end in any order, and triggers' queries must not */
	ExecutorStart(held->query, EXEC_FLAG_SKIP_TRIGGERS);
	PopActiveSnapshot();
	held->agg = castNode(AggState, held->query->planstate);
	held->known = sa_known_groups_begin(held->agg);
	return held;
}

const PlannedStmt *
sa_held_groups_plan(const SaHeldGroups *held)
{
	return held->delta;
}

bool
sa_held_groups_full(const SaHeldGroups *held)
{
	const AggState *agg = held->agg;

	return agg->hash_ever_spilled ||
		agg->hash_ngroups_current > agg->hash_ngroups_limit / 4 * 3 ||
		sa_held_groups_memory(held) > agg->hash_mem_limit / 4 * 3;
}

void
sa_held_groups_add(SaHeldGroups *held)
{
	EState	   *estate = held->query->estate;
	MemoryContext old = MemoryContextSwitchTo(estate->es_query_cxt);

	Assert(!held->agg->hash_ever_spilled);
	if (held->begun)
		ExecReScan(outerPlanState(held->agg));
	held->begun = true;
	if (held->known != NULL)
		sa_known_groups_fill(held->known);
	held->agg->table_filled = false;
	held->agg->agg_done = false;
	(void) ExecProcNode(held->query->planstate);
	ResetPerTupleExprContext(estate);
	MemoryContextSwitchTo(old);
}

void
sa_held_groups_end(SaHeldGroups *held, DestReceiver *receiver)
{
	QueryDesc  *query = held->query;

	/*
	 * Agg is to return all groups, from the first, and not to ask for more rows:
	 * the batch may be at a chunk that these groups don't stand for.
	 */
	ResetTupleHashIterator(held->agg->perhash[0].hashtable, &held->agg->perhash[0].hashiter);
	held->agg->agg_done = false;
	CommandCounterIncrement();
	UpdateActiveSnapshotCommandId();
	query->dest = receiver;
	if (held->known != NULL)
		sa_known_groups_return(held->known);
	sa_executor_run(query);
	ExecutorFinish(query);
	ExecutorEnd(query);
	FreeQueryDesc(query);
	pfree(held);
}

Size
sa_held_groups_memory(const SaHeldGroups *held)
{
	return MemoryContextMemAllocated(held->query->estate->es_query_cxt, true);
}
