/*-------------------------------------------------------------------------
 *
 * view_kept.c
 *	  What a view's plan has for kept sets: how they get rows, and lose them.
 *
 * NOTES
 *	  The plans themselves are made by aggregate/kept_plan.c; here it is decided
 *	  which of them a set needs, and which sets are filled together.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "aggregate/delta.h"
#include "aggregate/rows_sql.h"
#include "pipeline/bulk_load.h"
#include "pipeline/kept_sets.h"
#include "pipeline/statement.h"
#include "pipeline/view_plan_private.h"

/* How set number n gets rows by itself, and whether it can do with others. */
static void
plan_kept_set(SaViewPlan *plan, const Query *query, const SaView *row, int n)
{
	SaKeptPlan *kept = &plan->kept[n];
	SaKeptSet  *set = list_nth(plan->aq->kept, n);
	Relation	table = table_open(list_nth_oid(plan->tables.kept, n), RowExclusiveLock);
	PlannedStmt *bulk_insert;

	kept->insert = sa_view_plan_keep(plan, sa_kept_plan(query, row, &plan->tables, n));
	bulk_insert = sa_bulk_load_plan(kept->insert, table);
	if (bulk_insert != NULL)
		kept->bulk_insert = sa_view_plan_keep(plan, bulk_insert);
	kept->index = sa_kept_set_index(table, set);
	table_close(table, NoLock);
}

/* The first set of those with which set number n is filled, or n. */
static int
first_of_sets(const SaViewPlan *plan, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (plan->kept[i].sets != NIL &&
			sa_kept_sets_match(plan->aq, list_nth(plan->aq->kept, i),
							   list_nth(plan->aq->kept, n)))
			return i;
	}
	return n;
}

/* Makes the first of these sets that which feeds what all of them feed. */
static bool
join_sets(SaViewPlan *plan, List *sets)
{
	SaKeptSet  *first = list_nth(plan->aq->kept, linitial_int(sets));
	bool		any = false;
	ListCell   *lc;

	foreach(lc, plan->aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);

		if (aggregate->mode != SA_AGGREGATE_DISTINCT ||
			!list_member_int(sets, sa_kept_set_number(plan->aq, aggregate->kept)))
			continue;
		aggregate->kept = first;
		any = true;
	}
	return any;
}

void
sa_view_kept_plan(SaViewPlan *plan, const Query *query, const SaView *row)
{
	int			nsets = list_length(plan->aq->kept);
	MemoryContext old = MemoryContextSwitchTo(plan->context);

	plan->kept = palloc0(sizeof(SaKeptPlan) * Max(nsets, 1));
	MemoryContextSwitchTo(old);
	for (int n = 0; n < nsets; n++)
	{
		SaKeptPlan *first;

		plan_kept_set(plan, query, row, n);
		if (!OidIsValid(plan->kept[n].index))
			continue;
		first = &plan->kept[first_of_sets(plan, n)];
		old = MemoryContextSwitchTo(plan->context);
		first->sets = lappend_int(first->sets, n);
		MemoryContextSwitchTo(old);
	}
	for (int n = 0; n < nsets; n++)
	{
		SaKeptPlan *kept = &plan->kept[n];

		if (kept->sets == NIL)
			continue;
		kept->values = sa_view_plan_keep(plan, sa_kept_values_plan(query, row, kept->sets));
		if (join_sets(plan, kept->sets))
			kept->states = sa_view_plan_keep(plan,
											 sa_kept_states_plan(query, row, &plan->tables,
																 kept->sets));
	}
}

/* A DELETE of what set number n keeps, for rows d of the data table. */
static SPIPlanPtr
plan_kept_delete(SaViewPlan *plan, int n, const char *condition, int nargs, Oid *argtypes)
{
	return sa_statement_prepare(sa_kept_delete_sql(plan->aq, &plan->tables, n, condition),
								nargs, argtypes);
}

/*
 * What is kept for a session, or for a group that expires, can't be told from its
 * time to be out of use: the group may have gone on for long.  So it goes when
 * the session is settled or the group begins anew.
 */
void
sa_view_kept_plan_discard(SaViewPlan *plan)
{
	SaAggregateQuery *aq = plan->aq;
	bool		session = aq->sq->window_kind == SA_WINDOW_SESSION;
	Oid			window[] = {aq->sq->window_type, aq->sq->window_type};
	Oid			tid[] = {TIDOID};

	if (!session && aq->last_attnum == 0)
		return;
	for (int n = 0; n < list_length(aq->kept); n++)
	{
		SPIPlanPtr	delete;

		if (session)
			delete = plan_kept_delete(plan, n, sa_due_condition_sql(aq, plan->tables.data),
									  lengthof(window), window);
		else
			delete = plan_kept_delete(plan, n, "d.ctid OPERATOR(pg_catalog.=) $1", 1, tid);
		plan->discard = lappend(plan->discard, delete);
	}
}
