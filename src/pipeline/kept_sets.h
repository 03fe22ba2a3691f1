/*-------------------------------------------------------------------------
 *
 * kept_sets.h
 *	  From the rows of a batch to kept arguments.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_KEPT_SETS_H
#define SA_PIPELINE_KEPT_SETS_H

#include "utils/rel.h"

#include "pipeline/batch.h"
#include "pipeline/view_plan.h"

/*
 * The unique index on all columns of the table of a set of distinct values.
 * InvalidOid if the table is such that values must be added by INSERT.
 */
extern Oid	sa_kept_set_index(Relation table, const SaKeptSet *set);

/*
 * Adds the rows of a scan to all kept sets of a view, and what is new there to
 * states.
 */
extern void sa_kept_sets_fill(SaViewPlan *plan, SaBatchScan *scan);

#endif							/* SA_PIPELINE_KEPT_SETS_H */
