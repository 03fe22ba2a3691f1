/*-------------------------------------------------------------------------
 *
 * state.h
 *	  Combining stored transition states, and computing values from them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_AGGREGATE_STATE_H
#define SA_AGGREGATE_STATE_H

#include "fmgr.h"
#include "nodes/execnodes.h"

#include "aggregate/aggregate_query.h"

typedef struct SaStateFunctions SaStateFunctions;

/* A state, or a value. */
typedef struct SaStateDatum
{
	Datum		value;
	bool		isnull;
} SaStateDatum;

/*
 * What a state looks like to others.  The forms of an internal state are both
 * bytea, but a stored one is sealed (sealed_state.h): tables and SQL have no
 * other, and no other may go there.  All other states are stored as they are.
 */
typedef enum SaStateForm
{
	SA_STATE_STORED,
	SA_STATE_DELTA				/* from the Agg node of a plan of ours, of this batch */
} SaStateForm;

/*
 * Looks up the functions of an aggregate; results live in CurrentMemoryContext.
 */
extern SaStateFunctions *sa_state_functions(const SaAggregate *aggregate);

/*
 * new state = old combined with delta; "old" is NULL for a group's first delta.
 * "old" is in stored form, "delta" is not.  Writes the state, in stored form,
 * and, unless that is NULL, the value that results from it.  Results live in
 * CurrentMemoryContext, which must be short-lived.
 */
extern void sa_state_merge(SaStateFunctions *functions,
						   const SaStateDatum *old, const SaStateDatum *delta,
						   SaStateDatum *state, SaStateDatum *value);

/*
 * The same for any number of states: add one after the other, each in its form
 * and in a context that may be reset before the next; then finish, which writes
 * the stored form.  What it writes lives in CurrentMemoryContext or until
 * sa_state_reset, with which a combination begins and ends.
 */
extern void sa_state_add(SaStateFunctions *functions, SaStateForm form,
						 const SaStateDatum *state);
extern void sa_state_finish(SaStateFunctions *functions,
							SaStateDatum *stored, SaStateDatum *value);

/*
 * The same for callers that are aggregates themselves and have many sums at a
 * time: the sum lives in "aggcontext", which is where an aggregate keeps what
 * belongs to a group.  States are in stored form.  These and the others must not be mixed.
 */
extern void sa_state_sum(SaStateFunctions *functions, MemoryContext aggcontext,
						 bool is_first, SaStateDatum *sum, const SaStateDatum *stored);
extern SaStateDatum sa_state_value(SaStateFunctions *functions,
								   MemoryContext aggcontext, SaStateDatum sum);

/*
 * Releases what the functions of the last merge kept for their aggregate, and
 * forgets the states that were added.
 */
extern void sa_state_reset(SaStateFunctions *functions);

#endif							/* SA_AGGREGATE_STATE_H */
