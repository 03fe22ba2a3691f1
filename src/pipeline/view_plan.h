/*-------------------------------------------------------------------------
 *
 * view_plan.h
 *	  What is needed to run a view on a batch, kept between batches.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_VIEW_PLAN_H
#define SA_PIPELINE_VIEW_PLAN_H

#include "executor/spi.h"
#include "nodes/bitmapset.h"
#include "nodes/plannodes.h"

#include "aggregate/aggregate_query.h"
#include "aggregate/state.h"
#include "metadata/view.h"
#include "pipeline/group_cache.h"

/* How a kept set gets the rows of a batch. */
typedef struct SaKeptPlan
{
	PlannedStmt *insert;		/* gives what it feeds to states */
	PlannedStmt *bulk_insert;	/* the SELECT of it; NULL: it must be the INSERT */

	/* of distinct values, if kept_sets.c may write them; else InvalidOid, NULL */
	Oid			index;			/* unique, on all columns */

	/* of the first of the sets that are filled together; else NULL, NIL */
	List	   *sets;			/* their numbers */
	PlannedStmt *values;		/* of the batch */
	PlannedStmt *states;		/* of what is new; NULL: they feed none */
} SaKeptPlan;

typedef struct SaViewPlan
{
	Oid			view;			/* hash key; must be first */
	bool		valid;			/* false: something it depends on changed */
	MemoryContext context;		/* of all below */

	SaView	   *row;			/* catalog row, as read when this was made */
	Oid			owner;
	Bitmapset  *attnums;		/* columns of the stream that the view reads */

	List	   *statements;		/* of PlannedStmt *: all that follow */
	PlannedStmt *load;			/* INSERT INTO data SELECT … */
	PlannedStmt *bulk_load;		/* the SELECT of it; NULL: it must be the INSERT */

	SaAggregateQuery *aq;
	SaViewTables tables;
	PlannedStmt *delta;			/* of sessions: the session plan */
	PlannedStmt *delta_in_time; /* if no row is behind; NULL: there is only one */
	SaKeptPlan *kept;			/* per kept set */
	bool		can_hold;		/* groups, while a batch has more chunks */
	bool		holds;			/* did so, or could have, in the last chunk; true for a
								 * load, which has none */
	PlannedStmt *trial;			/* of kept arguments; NULL: nothing can fail */
	PlannedStmt *lateness;		/* NULL: no windows, or sessions */
	SaStateFunctions **states;	/* per aggregate; NULL: it has none */
	SaWindowSpec pane;			/* with panes */

	/*
	 * The table into which deltas are merged, which is that of panes if there is
	 * one, and its unique index; InvalidOid: neither keys nor window
	 */
	Oid			merge_table;
	Oid			key_index;
	SaGroupCache *groups;		/* of that table; NULL: it can't be used */
	/* for a watermark that comes from $1 to $2; NULL: nothing to do */
	SPIPlanPtr	due_later;		/* says when to look again at sessions that go on */
	SPIPlanPtr	close;			/* makes final what ends on the way */
	SPIPlanPtr	settle;			/* drops the states of what ends on the way, the
								 * allowed lateness being taken off; with panes,
								 * stores the windows with starts $1 and ends $2 */
	SPIPlanPtr	first_pane;		/* with panes: start of the first from $1 on */
	List	   *discard;		/* of SPIPlanPtr: drop what is kept for sessions that
								 * settle has settled, or if groups expire for that
								 * in row $1 */
	List	   *sweeps;			/* of SaSweep *: what rows are removed */
} SaViewPlan;

/*
 * The plans of a view; made anew if something they depend on has changed.
 * Returns NULL if the view is gone.  Call as the view's owner, under the
 * view's settings.
 */
extern SaViewPlan *sa_view_plan_get(const SaView *view);

/* Frees what the merging of a group has left with the states' functions. */
extern void sa_view_plan_reset_states(const SaViewPlan *plan);

#endif							/* SA_PIPELINE_VIEW_PLAN_H */
