/*-------------------------------------------------------------------------
 *
 * apply_batch.c
 *	  What one transaction does with a batch.
 *
 * NOTES
 *	  The order is: for each chunk dead letters, then views one after the other
 *	  (rows, late rows, windows that end); when there are no more chunks what the
 *	  views hold, rows that are due to go, watermarks, and last the positions, each
 *	  from the value that the batch started from.  All of it is one transaction,
 *	  and that last step fails if any other transaction moved a position meanwhile.
 *	  So whatever is repeated, crashes or runs twice: a row is either not in the
 *	  results and before no position, or in them once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/fault.h"
#include "metadata/catalog.h"
#include "pipeline/apply_batch.h"
#include "pipeline/arrival.h"
#include "pipeline/bad_rows.h"
#include "pipeline/identity.h"

List *
sa_batch_views(SaBatch *batch)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, sa_views_of_reader(batch->reader))
	{
		SaBatchView *bv = palloc0(sizeof(SaBatchView));
		SaIdentity	identity;

		bv->view = lfirst(lc);
		bv->owner = sa_relation_owner(bv->view->view);
		if (!OidIsValid(bv->owner))
			continue;			/* being dropped */
		sa_identity_enter(&identity, bv->owner, bv->view->settings);
		bv->plan = sa_view_plan_get(bv->view);
		sa_identity_leave(&identity);
		if (bv->plan == NULL)
			continue;
		bv->progress = sa_progress_load(bv->view->view);
		bv->watermark_before = bv->progress->watermark;
		bv->closed_to = bv->progress->watermark;
		result = lappend(result, bv);
	}
	return result;
}

Bitmapset *
sa_batch_view_columns(List *views)
{
	Bitmapset  *attnums = NULL;
	ListCell   *lc;

	foreach(lc, views)
		attnums = bms_add_members(attnums, ((SaBatchView *) lfirst(lc))->plan->attnums);
	return attnums;
}

bool
sa_batch_views_hold(List *views)
{
	ListCell   *lc;

	foreach(lc, views)
	{
		if (!((SaBatchView *) lfirst(lc))->plan->holds)
			return false;
	}
	return true;
}

Size
sa_batch_held_memory(List *views)
{
	Size		total = 0;
	ListCell   *lc;

	foreach(lc, views)
	{
		SaBatchView *bv = lfirst(lc);

		if (bv->held != NULL)
			total += sa_held_groups_memory(bv->held);
	}
	return total;
}

void
sa_batch_apply_chunk(SaBatch *batch, List *views, SaApplyMode mode, SaBatchStop *stop)
{
	ListCell   *lc;

	sa_batch_measure(batch);
	/* idleness is counted from the last message, this batch's included */
	for (int i = 0; i < batch->nparts; i++)
	{
		if (batch->parts[i].nrows > 0)
			batch->parts[i].position->last_message_at = batch->now;
	}

	sa_bad_rows_record(batch, views);
	foreach(lc, views)
		sa_view_apply_chunk(batch, lfirst(lc), mode, stop);
}

void
sa_batch_finish(SaBatch *batch, List *views)
{
	ListCell   *lc;

	foreach(lc, views)
		sa_view_finish_batch(batch, lfirst(lc));

	SA_FAULT_POINT("before_positions");
	for (int i = 0; i < batch->nparts; i++)
	{
		SaBatchPart *part = &batch->parts[i];
		SaPosition	position = *part->position;

		if (part->next_offset == part->expected)
			continue;
		position.next_offset = part->next_offset;
		if (part->measured)
			position.arrivals = part->arrivals;
		sa_position_advance(batch->reader, &position, part->expected);
	}
	SA_FAULT_POINT("after_positions");
}
