/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  Scanning a stream.
 *
 * NOTES
 *	  Inside the plan of a continuous view a scan returns the rows of the current
 *	  batch: virtual tuples over values that exist already.  It knows its own
 *	  plan by the parameter that carries the batch; any other query over the
 *	  stream, also one in a trigger that the batch fires, has no such parameter.
 *
 *	  There, a scan of a Kafka stream reads the topic (kafka_scan.c), as rows of
 *	  small batches.
 *
 *	  A row's ctid is its number in the batch's chunk.  A rescan begins with the
 *	  chunk that is there then (pipeline/held_groups.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "executor/executor.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/settings.h"
#include "metadata/catalog.h"
#include "pipeline/batch.h"
#include "stream/fdw.h"
#include "stream/kafka_limits.h"
#include "stream/kafka_scan.h"

typedef struct StreamScanState
{
	SaBatchScan *scan;			/* NULL: no rows yet, or no more */
	SaKafkaScan *kafka;			/* NULL: a continuous view's batch */
	int			next;			/* row to return next */

	/*
	 * Columns that the batch has: where from, where to.  The arrays have room
	 * for all; -1: not looked at yet.
	 */
	int			ncolumns;
	int		   *columns;
	int		   *attnos;			/* attribute number - 1 */
} StreamScanState;

/* ------------------------------------------------------------------------
 * Planning
 * ------------------------------------------------------------------------
 */

static void
get_rel_size(PlannerInfo *root, RelOptInfo *baserel, Oid relid)
{
	/* what a full batch has */
	baserel->tuples = sa_batch_rows;
	baserel->rows = clamp_row_est(baserel->tuples *
								  clauselist_selectivity(root, baserel->baserestrictinfo,
														 0, JOIN_INNER, NULL));
}

static void
get_paths(PlannerInfo *root, RelOptInfo *baserel, Oid relid)
{
	Cost		total = baserel->tuples * (cpu_tuple_cost + baserel->baserestrictcost.per_tuple);

	add_path(baserel, (Path *) sa_create_foreignscan_path(root, baserel, baserel->rows,
														  0, total));
}

/* Attribute numbers of the columns that the scan has to deliver. */
static List *
needed_attnums(RelOptInfo *baserel)
{
	Bitmapset  *members = NULL;
	List	   *attnums = NIL;
	int			member = -1;
	ListCell   *lc;

	pull_varattnos((Node *) baserel->reltarget->exprs, baserel->relid, &members);
	foreach(lc, baserel->baserestrictinfo)
		pull_varattnos((Node *) lfirst_node(RestrictInfo, lc)->clause, baserel->relid, &members);
	while ((member = bms_next_member(members, member)) >= 0)
		attnums = lappend_int(attnums, member + FirstLowInvalidHeapAttributeNumber);
	return attnums;
}

static ForeignScan *
get_plan(PlannerInfo *root, RelOptInfo *baserel, Oid relid, ForeignPath *best_path,
		 List *tlist, List *scan_clauses, Plan *outer_plan)
{
	List	   *private = list_make2(sa_kafka_limits_find(baserel, relid),
									needed_attnums(baserel));

	return make_foreignscan(tlist, extract_actual_clauses(scan_clauses, false),
							baserel->relid, NIL, private, NIL, NIL, outer_plan);
}

/* ------------------------------------------------------------------------
 * Execution
 * ------------------------------------------------------------------------
 */

static void
refuse_in_database(Relation rel)
{
	if (sa_stream_is_in_database(RelationGetRelid(rel)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot read stream \"%s\": an in-database stream keeps no rows",
						RelationGetRelationName(rel)),
				 errhint("Create a materialized view WITH (stream_agg.continuous) over the stream and read that.")));
}

/* Which columns the rows of a batch have: where from, where to. */
static void
map_columns(StreamScanState *state, SaBatch *batch)
{
	state->ncolumns = 0;
	for (int c = 0; c < batch->stream->ncolumns; c++)
	{
		if (!batch->decoded[c])
			continue;
		state->columns[state->ncolumns] = c;
		state->attnos[state->ncolumns++] = batch->stream->columns[c].attnum - 1;
	}
}

/* A plan's list of attribute numbers as a set; 0 stands for all. */
static Bitmapset *
attnum_set(List *attnums, Relation rel)
{
	Bitmapset  *set = NULL;
	ListCell   *lc;

	foreach(lc, attnums)
	{
		if (lfirst_int(lc) == 0)
			set = bms_add_range(set, 1, RelationGetNumberOfAttributes(rel));
		else if (lfirst_int(lc) > 0)
			set = bms_add_member(set, lfirst_int(lc));
	}
	return set;
}

static void
begin_scan(ForeignScanState *node, int eflags)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	Relation	rel = node->ss.ss_currentRelation;
	StreamScanState *state;
	SaBatchScan *scan;

	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	/* rows are fetched in a context that is reset for each */
	state = palloc0(sizeof(StreamScanState));
	state->ncolumns = -1;
	state->columns = palloc(sizeof(int) * RelationGetNumberOfAttributes(rel));
	state->attnos = palloc(sizeof(int) * RelationGetNumberOfAttributes(rel));
	node->fdw_state = state;
	scan = sa_batch_scan_of_params(node->ss.ps.state->es_param_list_info);
	if (scan != NULL && scan->batch->stream->relid == RelationGetRelid(rel))
	{
		state->scan = scan;
		state->next = scan->first;
		map_columns(state, scan->batch);
		return;
	}
	sa_require_preload();
	refuse_in_database(rel);
	state->kafka = sa_kafka_scan_begin(rel, linitial(plan->fdw_private),
									   attnum_set(lsecond(plan->fdw_private), rel));
}

/* More rows of the topic; false at its end. */
static bool
next_rows(StreamScanState *state)
{
	if (state->kafka == NULL)
		return false;
	state->scan = sa_kafka_scan_next(state->kafka);
	if (state->scan == NULL)
		return false;
	state->next = 0;
	if (state->ncolumns < 0)
		map_columns(state, state->scan->batch);
	return true;
}

static inline bool
is_wanted(const SaBatchScan *scan, int i)
{
	const SaRow *row = &scan->batch->rows[i];

	if (row->bad || (scan->skip != NULL && scan->skip[i]))
		return false;
	return !scan->only_behind || row->event_time < sa_batch_row_watermark(scan, row);
}

/* Moves on to a row that is wanted; false if there is none left. */
static bool
find_row(StreamScanState *state)
{
	for (;;)
	{
		SaBatchScan *scan = state->scan;

		while (scan != NULL && state->next < scan->last)
		{
			if (is_wanted(scan, state->next))
				return true;
			state->next++;
		}
		if (!next_rows(state))
			return false;
	}
}

static TupleTableSlot *
iterate_scan(ForeignScanState *node)
{
	StreamScanState *state = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	Datum	   *values;
	bool	   *nulls;

	ExecClearTuple(slot);
	if (!find_row(state))
		return slot;

	values = sa_batch_values(state->scan->batch, state->next);
	nulls = sa_batch_nulls(state->scan->batch, state->next);
	memset(slot->tts_isnull, true, sizeof(bool) * slot->tts_tupleDescriptor->natts);
	for (int i = 0; i < state->ncolumns; i++)
	{
		slot->tts_values[state->attnos[i]] = values[state->columns[i]];
		slot->tts_isnull[state->attnos[i]] = nulls[state->columns[i]];
	}
	ExecStoreVirtualTuple(slot);
	sa_batch_set_ctid(&slot->tts_tid, state->next);
	state->next++;
	return slot;
}

static void
rescan(ForeignScanState *node)
{
	StreamScanState *state = node->fdw_state;

	if (state->kafka != NULL)
	{
		state->scan = NULL;
		sa_kafka_scan_restart(state->kafka);
	}
	else
		state->next = state->scan->first;
}

static void
end_scan(ForeignScanState *node)
{
	StreamScanState *state = node->fdw_state;

	if (state != NULL && state->kafka != NULL)
		sa_kafka_scan_end(state->kafka);
}

void
sa_fdw_set_scan(FdwRoutine *routine)
{
	routine->GetForeignRelSize = get_rel_size;
	routine->GetForeignPaths = get_paths;
	routine->GetForeignPlan = get_plan;
	routine->BeginForeignScan = begin_scan;
	routine->IterateForeignScan = iterate_scan;
	routine->ReScanForeignScan = rescan;
	routine->EndForeignScan = end_scan;
}
