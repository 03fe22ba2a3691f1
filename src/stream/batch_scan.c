/*-------------------------------------------------------------------------
 *
 * batch_scan.c
 *	  Scanning a stream.
 *
 * NOTES
 *	  Inside the plan of a continuous view a scan returns the rows of the current
 *	  batch: virtual tuples over values that exist already.  It knows its own
 *	  plan by the parameter that carries the batch; any other query over the
 *	  stream, also one in a trigger that the batch fires, has no such parameter.
 *
 *	  A row's ctid is its number in the batch.
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

typedef struct BatchScanState
{
	SaBatchScan *scan;
	int			next;			/* row to return next */

	/* columns that the batch has: where from, where to */
	int			ncolumns;
	int		   *columns;
	int		   *attnos;			/* attribute number - 1 */
} BatchScanState;

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

static ForeignScan *
get_plan(PlannerInfo *root, RelOptInfo *baserel, Oid relid, ForeignPath *best_path,
		 List *tlist, List *scan_clauses, Plan *outer_plan)
{
	return make_foreignscan(tlist, extract_actual_clauses(scan_clauses, false),
							baserel->relid, NIL, NIL, NIL, NIL, outer_plan);
}

/* ------------------------------------------------------------------------
 * Execution
 * ------------------------------------------------------------------------
 */

static void
refuse_scan(Relation rel)
{
	sa_require_preload();
	if (sa_stream_is_in_database(RelationGetRelid(rel)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot read stream \"%s\": an in-database stream keeps no rows",
						RelationGetRelationName(rel)),
				 errhint("Create a materialized view WITH (stream_agg.continuous) over the stream and read that.")));
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot read stream \"%s\" outside of a continuous view yet",
					RelationGetRelationName(rel)),
			 errhint("Create a materialized view WITH (stream_agg.continuous) over the stream and read that.")));
}

static void
begin_scan(ForeignScanState *node, int eflags)
{
	Relation	rel = node->ss.ss_currentRelation;
	BatchScanState *state;
	SaBatch    *batch;
	SaBatchScan *scan;

	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	scan = sa_batch_scan_of_params(node->ss.ps.state->es_param_list_info);
	if (scan == NULL || scan->batch->stream->relid != RelationGetRelid(rel))
		refuse_scan(rel);

	batch = scan->batch;
	state = palloc0(sizeof(BatchScanState));
	state->scan = scan;
	state->next = scan->first;
	state->columns = palloc(sizeof(int) * Max(batch->stream->ncolumns, 1));
	state->attnos = palloc(sizeof(int) * Max(batch->stream->ncolumns, 1));
	for (int c = 0; c < batch->stream->ncolumns; c++)
	{
		if (!batch->decoded[c])
			continue;
		state->columns[state->ncolumns] = c;
		state->attnos[state->ncolumns++] = batch->stream->columns[c].attnum - 1;
	}
	node->fdw_state = state;
}

static inline bool
is_wanted(const SaBatchScan *scan, int i)
{
	const SaRow *row = &scan->batch->rows[i];

	if (row->bad || (scan->skip != NULL && scan->skip[i]))
		return false;
	return !scan->only_behind || row->event_time < sa_batch_row_watermark(scan, row);
}

static TupleTableSlot *
iterate_scan(ForeignScanState *node)
{
	BatchScanState *state = node->fdw_state;
	SaBatchScan *scan = state->scan;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	Datum	   *values;
	bool	   *nulls;

	ExecClearTuple(slot);
	while (state->next < scan->last && !is_wanted(scan, state->next))
		state->next++;
	if (state->next >= scan->last)
		return slot;

	values = sa_batch_values(scan->batch, state->next);
	nulls = sa_batch_nulls(scan->batch, state->next);
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
	BatchScanState *state = node->fdw_state;

	state->next = state->scan->first;
}

static void
end_scan(ForeignScanState *node)
{
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
