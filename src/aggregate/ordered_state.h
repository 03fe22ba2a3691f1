/*-------------------------------------------------------------------------
 *
 * ordered_state.h
 *	  The state of first, last, last_n and top_n.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_AGGREGATE_ORDERED_STATE_H
#define SA_AGGREGATE_ORDERED_STATE_H

#define SA_ORDERED_MAX_LIMIT	10000	/* values per state */

/* What the states of one aggregate have in common. */
typedef struct SaOrderedTypes SaOrderedTypes;

typedef struct SaOrderedState SaOrderedState;

typedef struct SaOrderedItem
{
	Datum		value;
	Datum		ordering;
	bool		value_isnull;
} SaOrderedItem;

/*
 * Looks up how values and orderings are compared and stored.  Raises an error
 * if the ordering can't be sorted.  The result lives in CurrentMemoryContext,
 * which must be that of a call site: states point to it.
 */
extern SaOrderedTypes *sa_ordered_types(Oid value, Oid ordering, Oid collation);

/*
 * An empty state for the "limit" items with the least, or the greatest,
 * ordering.  It and all that is added to it live in CurrentMemoryContext.
 */
extern SaOrderedState *sa_ordered_state(SaOrderedTypes *types, bool greatest,
										int limit);

/* An empty state for what another one keeps, in CurrentMemoryContext. */
extern SaOrderedState *sa_ordered_state_like(const SaOrderedState *other);

extern int	sa_ordered_state_limit(const SaOrderedState *state);

/* Copies an item into the state, if it is one of those that are kept. */
extern void sa_ordered_state_add(SaOrderedState *state, const SaOrderedItem *item);

/*
 * Adds the items of another state of the same aggregate.  Raises an error if
 * the two don't have the same limit.
 */
extern void sa_ordered_state_merge(SaOrderedState *state, const SaOrderedState *other);

/* The items, best first; palloc'd.  Their data still belongs to the state. */
extern SaOrderedItem *sa_ordered_state_items(const SaOrderedState *state, int *count);

/* The state as bytes that any database can read that has the types. */
extern bytea *sa_ordered_state_write(const SaOrderedState *state);

/* From bytes of any origin, into CurrentMemoryContext. */
extern SaOrderedState *sa_ordered_state_read(SaOrderedTypes *types, const bytea *bytes);

#endif							/* SA_AGGREGATE_ORDERED_STATE_H */
