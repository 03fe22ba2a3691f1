/*-------------------------------------------------------------------------
 *
 * ordered_state.c
 *	  The state of first, last, last_n and top_n.
 *
 * NOTES
 *	  All four keep the best n items, an item being a value with its ordering;
 *	  first and last have n = 1.  Which of two items is better:
 *
 *	  1. The one with the lesser ordering (first) or the greater one (the rest).
 *	  2. Else the one with the lesser value; NULL is greater than any value.
 *	  3. Else the one whose bytes are less, as they are stored.
 *
 *	  So it is the same as sorting by "ordering [DESC], value" and taking what
 *	  comes first.  Rule 3 decides between values that are equal for their type
 *	  but not the same (1.0 and 1.00), and takes the place of rule 2 for types
 *	  that have no order (json).  After it the items are the same in every
 *	  respect: the order is total, and what is kept depends on the set of items
 *	  alone.  Neither the order in which rows arrive, nor how they are cut into
 *	  batches, nor the order in which states are merged has any influence.
 *
 *	  The items are a heap with the worst one at the root, which is all that a
 *	  new item is compared with when the state is full.  Reading a state
 *	  adds its items one by one, so that no bytes can make a heap that is none.
 *
 *	  Memory: a state is as long-lived as the aggregate's context; an item that
 *	  falls out is freed at once, so that a state that sees a billion rows stays
 *	  as small as its n values.  What comparisons leave behind is in the
 *	  caller's context, which is reset for each row.
 *
 *	  Stored: version, greatest, limit, number of items, the forms of the two
 *	  types; then of each item a flag for NULL, the value unless NULL, the
 *	  ordering.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "aggregate/ordered_state.h"
#include "aggregate/portable_datum.h"
#include "base/compat.h"

#define STORED_VERSION	1

/* One of the two types. */
typedef struct ItemType
{
	int16		typlen;
	bool		typbyval;
	FmgrInfo   *cmp;			/* NULL: the type has no order */
	Oid			collation;
	SaDatumType *portable;
} ItemType;

struct SaOrderedTypes
{
	ItemType	value;
	ItemType	ordering;
};

struct SaOrderedState
{
	SaOrderedTypes *types;
	MemoryContext context;		/* of the state and all its items */
	bool		greatest;
	int			limit;
	int			count;
	int			allocated;
	SaOrderedItem *items;		/* heap, the worst at 0 */
	SaOrderedItem first;		/* where items points if limit is 1 */
};

static void init_type(ItemType *type, Oid typid, Oid collation);
static int	compare_items(const SaOrderedItem *a, const SaOrderedItem *b,
						  const SaOrderedState *state);
static int	compare_values(const SaOrderedItem *a, const SaOrderedItem *b,
						   const ItemType *type);
static int	compare_bytes(const ItemType *type, Datum a, Datum b);
static Datum copy_datum(const ItemType *type, Datum datum);
static void free_item(const SaOrderedState *state, SaOrderedItem *item);
static void sift_up(SaOrderedState *state);
static void sift_down(SaOrderedState *state);
static int	compare_items_arg(const void *a, const void *b, void *arg);

SaOrderedTypes *
sa_ordered_types(Oid value, Oid ordering, Oid collation)
{
	SaOrderedTypes *types = palloc0(sizeof(SaOrderedTypes));

	init_type(&types->ordering, ordering, collation);
	if (types->ordering.cmp == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("could not identify an ordering operator for type %s",
						format_type_be(ordering)),
				 errhint("Order by something whose type can be sorted.")));
	if (!OidIsValid(collation) && type_is_collatable(ordering))
		ereport(ERROR,
				(errcode(ERRCODE_INDETERMINATE_COLLATION),
				 errmsg("could not determine which collation to order by"),
				 errhint("Use the COLLATE clause to set the collation explicitly.")));

	init_type(&types->value, value, collation);

	/*
	 * An anonymous row type has a comparison function that fails when a column
	 * has none.  A query that works until there is a tie would be no use.
	 */
	if (getBaseType(value) == RECORDOID || getBaseType(value) == RECORDARRAYOID)
		types->value.cmp = NULL;

	/* values may well have several collations; their order matters in ties alone */
	if (!OidIsValid(collation) && type_is_collatable(value))
		types->value.collation = C_COLLATION_OID;
	return types;
}

static void
init_type(ItemType *type, Oid typid, Oid collation)
{
	TypeCacheEntry *entry = lookup_type_cache(typid, TYPECACHE_CMP_PROC_FINFO);

	type->typlen = entry->typlen;
	type->typbyval = entry->typbyval;
	type->collation = collation;
	if (OidIsValid(entry->cmp_proc_finfo.fn_oid))
	{
		type->cmp = palloc(sizeof(FmgrInfo));
		fmgr_info(entry->cmp_proc_finfo.fn_oid, type->cmp);
	}
	type->portable = sa_datum_type(typid);
}

SaOrderedState *
sa_ordered_state(SaOrderedTypes *types, bool greatest, int limit)
{
	SaOrderedState *state = palloc0(sizeof(SaOrderedState));

	Assert(limit >= 1 && limit <= SA_ORDERED_MAX_LIMIT);
	state->types = types;
	state->context = CurrentMemoryContext;
	state->greatest = greatest;
	state->limit = limit;
	if (limit == 1)
	{
		state->allocated = 1;
		state->items = &state->first;
	}
	return state;
}

SaOrderedState *
sa_ordered_state_like(const SaOrderedState *other)
{
	return sa_ordered_state(other->types, other->greatest, other->limit);
}

int
sa_ordered_state_limit(const SaOrderedState *state)
{
	return state->limit;
}

void
sa_ordered_state_add(SaOrderedState *state, const SaOrderedItem *item)
{
	bool		full = state->count == state->limit;
	MemoryContext old;
	SaOrderedItem copy;

	if (full && compare_items(item, &state->items[0], state) >= 0)
		return;

	old = MemoryContextSwitchTo(state->context);
	if (!full && state->count == state->allocated)
	{
		state->allocated = Min(Max(state->allocated * 2, 4), state->limit);
		if (state->items == NULL)
			state->items = palloc(sizeof(SaOrderedItem) * state->allocated);
		else
			state->items = repalloc(state->items, sizeof(SaOrderedItem) * state->allocated);
	}
	copy.value_isnull = item->value_isnull;
	copy.value = item->value_isnull ? (Datum) 0 :
		copy_datum(&state->types->value, item->value);
	copy.ordering = copy_datum(&state->types->ordering, item->ordering);
	MemoryContextSwitchTo(old);

	if (full)
	{
		free_item(state, &state->items[0]);
		state->items[0] = copy;
		sift_down(state);
	}
	else
	{
		state->items[state->count++] = copy;
		sift_up(state);
	}
}

void
sa_ordered_state_merge(SaOrderedState *state, const SaOrderedState *other)
{
	if (state->limit != other->limit || state->greatest != other->greatest)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of values must be the same for all rows of a group")));
	for (int i = 0; i < other->count; i++)
		sa_ordered_state_add(state, &other->items[i]);
}

SaOrderedItem *
sa_ordered_state_items(const SaOrderedState *state, int *count)
{
	SaOrderedItem *items = palloc(sizeof(SaOrderedItem) * Max(state->count, 1));

	*count = state->count;
	if (state->count == 0)
		return items;
	memcpy(items, state->items, sizeof(SaOrderedItem) * state->count);
	if (state->count > 1)
		qsort_arg(items, state->count, sizeof(SaOrderedItem), compare_items_arg,
				  unconstify(SaOrderedState *, state));
	return items;
}

/*
 * In sorted order, so that equal states are equal bytes.
 */
bytea *
sa_ordered_state_write(const SaOrderedState *state)
{
	SaOrderedTypes *types = state->types;
	int			count;
	SaOrderedItem *items = sa_ordered_state_items(state, &count);
	StringInfoData out;

	pq_begintypsend(&out);
	pq_sendbyte(&out, STORED_VERSION);
	pq_sendbyte(&out, state->greatest);
	pq_sendint32(&out, state->limit);
	pq_sendint32(&out, count);
	pq_sendbyte(&out, sa_datum_form(types->value.portable));
	pq_sendbyte(&out, sa_datum_form(types->ordering.portable));
	for (int i = 0; i < count; i++)
	{
		pq_sendbyte(&out, items[i].value_isnull);
		if (!items[i].value_isnull)
			sa_datum_write(types->value.portable, items[i].value, &out);
		sa_datum_write(types->ordering.portable, items[i].ordering, &out);
	}
	return pq_endtypsend(&out);
}

SaOrderedState *
sa_ordered_state_read(SaOrderedTypes *types, const bytea *bytes)
{
	StringInfoData in;
	SaOrderedState *state;
	MemoryContext scratch;
	MemoryContext old;
	bool		greatest;
	int			limit;
	int			count;

	in.data = VARDATA_ANY(unconstify(bytea *, bytes));
	in.len = in.maxlen = VARSIZE_ANY_EXHDR(bytes);
	in.cursor = 0;
	if (pq_getmsgbyte(&in) != STORED_VERSION)
		sa_datum_corrupt();
	greatest = pq_getmsgbyte(&in) != 0;
	limit = (int) pq_getmsgint(&in, 4);
	count = (int) pq_getmsgint(&in, 4);
	if (limit < 1 || limit > SA_ORDERED_MAX_LIMIT || count < 1 || count > limit ||
		pq_getmsgbyte(&in) != sa_datum_form(types->value.portable) ||
		pq_getmsgbyte(&in) != sa_datum_form(types->ordering.portable))
		sa_datum_corrupt();

	/* reading leaves things behind, and a state may live long */
	state = sa_ordered_state(types, greatest, limit);
	scratch = AllocSetContextCreate(CurrentMemoryContext, "stream_agg stored state",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(scratch);
	for (int i = 0; i < count; i++)
	{
		SaOrderedItem item = {0};

		item.value_isnull = pq_getmsgbyte(&in) != 0;
		if (!item.value_isnull)
			item.value = sa_datum_read(types->value.portable, &in);
		item.ordering = sa_datum_read(types->ordering.portable, &in);
		sa_ordered_state_add(state, &item);
	}
	if (in.cursor != in.len)
		sa_datum_corrupt();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
	return state;
}

/* Negative if a is better than b, 0 only if nothing tells them apart. */
static int
compare_items(const SaOrderedItem *a, const SaOrderedItem *b, const SaOrderedState *state)
{
	const ItemType *type = &state->types->ordering;
	int			result;

	result = DatumGetInt32(FunctionCall2Coll(type->cmp, type->collation,
											 a->ordering, b->ordering));
	if (result != 0)
		return (result < 0) == state->greatest ? 1 : -1;
	result = compare_values(a, b, &state->types->value);
	if (result != 0)
		return result;
	return compare_bytes(type, a->ordering, b->ordering);
}

static int
compare_values(const SaOrderedItem *a, const SaOrderedItem *b, const ItemType *type)
{
	int			result = 0;

	if (a->value_isnull || b->value_isnull)
		return (int) a->value_isnull - (int) b->value_isnull;
	if (type->cmp != NULL)
		result = DatumGetInt32(FunctionCall2Coll(type->cmp, type->collation,
												 a->value, b->value));
	return result != 0 ? result : compare_bytes(type, a->value, b->value);
}

/*
 * Compares what would be stored, since images in memory of one and the same
 * value may differ: compressed or not, or in the number of a row type.
 */
static int
compare_bytes(const ItemType *type, Datum a, Datum b)
{
	StringInfoData bytes_a;
	StringInfoData bytes_b;
	int			result;

	if (datum_image_eq(a, b, type->typbyval, type->typlen))
		return 0;
	initStringInfo(&bytes_a);
	initStringInfo(&bytes_b);
	sa_datum_write(type->portable, a, &bytes_a);
	sa_datum_write(type->portable, b, &bytes_b);
	result = memcmp(bytes_a.data, bytes_b.data, Min(bytes_a.len, bytes_b.len));
	if (result == 0)
		result = bytes_a.len - bytes_b.len;
	pfree(bytes_a.data);
	pfree(bytes_b.data);
	return result;
}

/* Nothing of the copy is elsewhere: neither in a TOAST table nor expanded. */
static Datum
copy_datum(const ItemType *type, Datum datum)
{
	if (type->typlen == -1 && !type->typbyval)
		return PointerGetDatum(PG_DETOAST_DATUM_COPY(datum));
	return datumCopy(datum, type->typbyval, type->typlen);
}

static void
free_item(const SaOrderedState *state, SaOrderedItem *item)
{
	if (!state->types->value.typbyval && !item->value_isnull)
		pfree(DatumGetPointer(item->value));
	if (!state->types->ordering.typbyval)
		pfree(DatumGetPointer(item->ordering));
}

/* Brings the last item to its place. */
static void
sift_up(SaOrderedState *state)
{
	SaOrderedItem *items = state->items;
	int			i = state->count - 1;

	while (i > 0)
	{
		int			parent = (i - 1) / 2;
		SaOrderedItem swap;

		if (compare_items(&items[i], &items[parent], state) <= 0)
			break;
		swap = items[i];
		items[i] = items[parent];
		items[parent] = swap;
		i = parent;
	}
}

/* Brings the root to its place. */
static void
sift_down(SaOrderedState *state)
{
	SaOrderedItem *items = state->items;
	int			i = 0;

	for (;;)
	{
		int			worst = 2 * i + 1;
		SaOrderedItem swap;

		if (worst >= state->count)
			break;
		if (worst + 1 < state->count &&
			compare_items(&items[worst + 1], &items[worst], state) > 0)
			worst++;
		if (compare_items(&items[worst], &items[i], state) <= 0)
			break;
		swap = items[i];
		items[i] = items[worst];
		items[worst] = swap;
		i = worst;
	}
}

static int
compare_items_arg(const void *a, const void *b, void *arg)
{
	return compare_items(a, b, arg);
}
