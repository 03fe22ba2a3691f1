/*-------------------------------------------------------------------------
 *
 * known_groups.c
 *	  Finds the group of a row before the Agg node has to look for it.
 *
 * NOTES
 *	  To find a row's group costs Agg more than to add the row to it: a call of a
 *	  hash function and one of an equality operator for each key, a tuple to be
 *	  deformed, and, where there are more groups than the processor's cache holds,
 *	  a wait for memory at each of four places, one after the other.
 *
 *	  So we stand between Agg and the plan below.  A row whose key has the same
 *	  bytes as that of a group that Agg has made is added to it here, by the
 *	  transition expression that Agg has compiled.  Any other goes on to Agg, which
 *	  finds or makes its group; if it made one, it is known from then on.  Equal
 *	  bytes are equal to any operator; keys that are equal and look different are
 *	  Agg's affair each time.
 *
 *	  Where rows can wait (their values live as long as the chunk), some of them
 *	  are taken at once and the memory of all of their groups is asked for before
 *	  the first is added.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "executor/nodeAgg.h"
#include "nodes/nodeFuncs.h"

#include "base/compat.h"
#include "pipeline/known_groups.h"

/* Rows that are taken at once, if they can wait. */
#define ROWS_AT_ONCE	32

/* How early the memory of a group is asked for, in places of Agg's hash table. */
#define GROUPS_AHEAD	8

/* A group of Agg's hash table.  Of groups with the same hash, one is known. */
typedef struct KnownGroup
{
	MinimalTuple key;
	AggStatePerGroup states;
	uint32		hash;
	char		status;			/* of the hash table */
} KnownGroup;

#define SH_PREFIX		known
#define SH_ELEMENT_TYPE	KnownGroup
#define SH_KEY_TYPE		uint32
#define SH_KEY			hash
#define SH_HASH_KEY(table, key)		(key)
#define SH_EQUAL(table, a, b)		((a) == (b))
#define SH_SCOPE		static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct WaitingRow
{
	TupleTableSlot *slot;
	uint32		hash;
	bool		hashed;			/* not: its key can't be compared by bytes */
} WaitingRow;

struct SaKnownGroups
{
	AggState   *agg;
	AggStatePerHash perhash;
	PlanState  *below;
	ExecProcNodeMtd next_row;	/* of the plan below */
	ExecProcNodeMtd next_group; /* of Agg */
	known_hash *groups;
	bool		at_end;

	WaitingRow *rows;
	int			capacity;
	int			nrows;
	int			next;
	WaitingRow *sent;			/* to Agg, just now; NULL: none */
};

/* Whose plan is being executed. */
static SaKnownGroups *current = NULL;

/* ------------------------------------------------------------------------
 * Keys
 * ------------------------------------------------------------------------
 */

/* Neither compressed nor somewhere else. */
static inline bool
is_plain(Form_pg_attribute att, Datum value)
{
	struct varlena *pointer = (struct varlena *) DatumGetPointer(value);

	return att->attlen != -1 || !VARATT_IS_EXTENDED(pointer) ||
		(VARATT_IS_SHORT(pointer) && !VARATT_IS_EXTERNAL(pointer));
}

static inline uint32
hash_value(Form_pg_attribute att, Datum value)
{
	const unsigned char *bytes = (unsigned char *) DatumGetPointer(value);

	if (att->attbyval)
		return murmurhash32((uint32) value ^ (uint32) (value >> 32) * 0x85ebca6b);
	if (att->attlen == -1)
		return hash_bytes((unsigned char *) VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	return hash_bytes(bytes, att->attlen > 0 ? att->attlen : strlen((char *) bytes));
}

/* Of the key's bytes. */
static void
hash_key(const SaKnownGroups *known, WaitingRow *row)
{
	TupleTableSlot *slot = row->slot;
	uint32		hash = 0;

	row->hashed = false;
	for (int i = 0; i < known->perhash->numCols; i++)
	{
		int			column = known->perhash->hashGrpColIdxInput[i] - 1;
		Form_pg_attribute att = TupleDescAttr(slot->tts_tupleDescriptor, column);
		uint32		h = 0;

		if (!slot->tts_isnull[column])
		{
			if (!is_plain(att, slot->tts_values[column]))
				return;
			h = hash_value(att, slot->tts_values[column]);
		}
		hash = hash_combine(hash, h);
	}
	row->hash = murmurhash32(hash);
	row->hashed = true;
}

static inline bool
same_bytes(Form_pg_attribute att, Datum value, char *stored)
{
	char	   *bytes = DatumGetPointer(value);

	/* types without a sign may be extended by one or not */
	if (att->attbyval)
		return (fetchatt(att, stored) ^ value) << (SIZEOF_DATUM - att->attlen) * BITS_PER_BYTE == 0;
	if (att->attlen == -1)
		return VARSIZE_ANY_EXHDR(bytes) == VARSIZE_ANY_EXHDR(stored) &&
			memcmp(VARDATA_ANY(bytes), VARDATA_ANY(stored), VARSIZE_ANY_EXHDR(bytes)) == 0;
	if (att->attlen == -2)
		return strcmp(bytes, stored) == 0;
	return memcmp(bytes, stored, att->attlen) == 0;
}

/* Whether a tuple of Agg's, of which the keys are the first columns, has the key of a row. */
static bool
has_key(const SaKnownGroups *known, MinimalTuple tuple, const TupleTableSlot *slot)
{
	HeapTupleHeader header = (HeapTupleHeader) ((char *) tuple - MINIMAL_TUPLE_OFFSET);
	bool		any_null = (header->t_infomask & HEAP_HASNULL) != 0;
	char	   *data = (char *) header + header->t_hoff;
	uint32		offset = 0;

	for (int i = 0; i < known->perhash->numCols; i++)
	{
		int			column = known->perhash->hashGrpColIdxInput[i] - 1;
		Form_pg_attribute att = TupleDescAttr(slot->tts_tupleDescriptor, column);

		if (any_null && att_isnull(i, header->t_bits))
		{
			if (!slot->tts_isnull[column])
				return false;
			continue;
		}
		offset = att_align_pointer(offset, att->attalign, att->attlen, data + offset);
		if (slot->tts_isnull[column] ||
			!same_bytes(att, slot->tts_values[column], data + offset))
			return false;
		offset = att_addlength_pointer(offset, att->attlen, data + offset);
	}
	return true;
}

/* ------------------------------------------------------------------------
 * Groups
 * ------------------------------------------------------------------------
 */

static inline AggStatePerGroup
find_group(const SaKnownGroups *known, const WaitingRow *row)
{
	KnownGroup *group;

	if (!row->hashed)
		return NULL;
	group = known_lookup(known->groups, row->hash);
	if (group == NULL || !has_key(known, group->key, row->slot))
		return NULL;
	return group->states;
}

/* Agg has dealt with the row that it was sent; its hash slot has the key still. */
static void
learn_group(SaKnownGroups *known)
{
	WaitingRow *row = known->sent;
	TupleHashTable table = known->perhash->hashtable;
	TupleHashEntry entry;
	KnownGroup *group;
	bool		found;

	known->sent = NULL;
	if (row == NULL || !row->hashed)
		return;
	/* none if Agg has no room for more groups */
	entry = LookupTupleHashEntry(table, known->perhash->hashslot, NULL, NULL);
	if (entry == NULL || !has_key(known, entry->firstTuple, row->slot))
		return;
	group = known_insert(known->groups, row->hash, &found);
	group->key = entry->firstTuple;
	group->states = TupleHashEntryGetAdditional(table, entry);
}

/* What Agg does with a row when it has its group. */
static void
add_row(SaKnownGroups *known, TupleTableSlot *slot, AggStatePerGroup states)
{
	AggState   *agg = known->agg;

	agg->hash_pergroup[0] = states;
	agg->tmpcontext->ecxt_outertuple = slot;
	ExecEvalExprNoReturnSwitchContext(agg->phase->evaltrans, agg->tmpcontext);
	ResetExprContext(agg->tmpcontext);
}

/* ------------------------------------------------------------------------
 * Rows
 * ------------------------------------------------------------------------
 */

/* The plan below may write over what it has returned. */
static void
keep_row(WaitingRow *row, TupleTableSlot *slot)
{
	int			natts = slot->tts_tupleDescriptor->natts;

	slot_getallattrs(slot);
	ExecClearTuple(row->slot);
	memcpy(row->slot->tts_values, slot->tts_values, sizeof(Datum) * natts);
	memcpy(row->slot->tts_isnull, slot->tts_isnull, sizeof(bool) * natts);
	ExecStoreVirtualTuple(row->slot);
}

/* Asks for the memory of states that are not in their group's. */
static inline void
fetch_states(const AggState *agg, const AggStatePerGroupData *states)
{
	for (int i = 0; i < agg->numtrans; i++)
	{
		if (!agg->pertrans[i].transtypeByVal && !states[i].transValueIsNull)
			__builtin_prefetch(DatumGetPointer(states[i].transValue));
	}
}

/* Asks for the memory of the rows' groups. */
static void
fetch_groups(const SaKnownGroups *known)
{
	KnownGroup *groups[ROWS_AT_ONCE];

	for (int i = 0; i < known->nrows; i++)
	{
		groups[i] = known->rows[i].hashed ?
			known_lookup(known->groups, known->rows[i].hash) : NULL;
		if (groups[i] != NULL)
		{
			__builtin_prefetch(groups[i]->key);
			__builtin_prefetch(groups[i]->states);
		}
	}
	for (int i = 0; i < known->nrows; i++)
	{
		if (groups[i] != NULL)
			fetch_states(known->agg, groups[i]->states);
	}
}

static bool
take_rows(SaKnownGroups *known)
{
	known->next = 0;
	known->nrows = 0;
	while (known->nrows < known->capacity && !known->at_end)
	{
		TupleTableSlot *slot = known->next_row(known->below);
		WaitingRow *row = &known->rows[known->nrows];

		if (TupIsNull(slot))
		{
			known->at_end = true;
			break;
		}
		if (known->capacity > 1)
			keep_row(row, slot);
		else
		{
			slot_getallattrs(slot);
			row->slot = slot;
		}
		hash_key(known, row);
		__builtin_prefetch(&known->groups->data[row->hash & known->groups->sizemask]);
		known->nrows++;
	}
	if (known->capacity > 1)
		fetch_groups(known);
	return known->nrows > 0;
}

/* What Agg gets instead of the next row of the plan below. */
static TupleTableSlot *
next_unknown_row(PlanState *below)
{
	SaKnownGroups *known = current;

	Assert(known->below == below);
	learn_group(known);
	while (known->next < known->nrows || take_rows(known))
	{
		WaitingRow *row = &known->rows[known->next++];
		AggStatePerGroup states = find_group(known, row);

		if (states == NULL)
		{
			known->sent = row;
			return row->slot;
		}
		add_row(known, row->slot, states);
	}
	return NULL;
}

/* ------------------------------------------------------------------------
 * Groups that are returned
 * ------------------------------------------------------------------------
 */

static inline TupleHashEntry
entry_ahead(const AggStatePerHashData *perhash, int n)
{
	const tuplehash_hash *table = perhash->hashtable->hashtab;

	/* an iteration goes backwards */
	return &table->data[(perhash->hashiter.cur - n) & table->sizemask];
}

/* Agg itself; asks for the memory of the groups that it will come to. */
static TupleTableSlot *
next_group(PlanState *agg)
{
	AggStatePerHash perhash = current->perhash;
	TupleHashEntry far = entry_ahead(perhash, 2 * GROUPS_AHEAD);
	TupleHashEntry near = entry_ahead(perhash, GROUPS_AHEAD);

	Assert(&current->agg->ss.ps == agg);
	__builtin_prefetch(far->firstTuple);
	if (far->firstTuple != NULL)
		__builtin_prefetch(TupleHashEntryGetAdditional(perhash->hashtable, far));
	if (near->firstTuple != NULL)
		fetch_states(current->agg, TupleHashEntryGetAdditional(perhash->hashtable, near));
	return current->next_group(agg);
}

/* ------------------------------------------------------------------------
 * Set-up
 * ------------------------------------------------------------------------
 */

/*
 * Whether what the plan returns outlives its next row: values of the stream's
 * columns are the chunk's, others must not be in memory that is used again.
 */
static bool
rows_can_wait(PlanState *below)
{
	const TupleTableSlotOps *ops;
	bool		fixed;
	ListCell   *lc;

	ops = ExecGetResultSlotOps(below, &fixed);
	if (!IsA(below, ForeignScanState) || (fixed && ops != &TTSOpsVirtual))
		return false;
	foreach(lc, below->plan->targetlist)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (!TupleDescAttr(ExecGetResultType(below), entry->resno - 1)->attbyval &&
			!(IsA(entry->expr, Var) && castNode(Var, entry->expr)->varattno > 0))
			return false;
	}
	return true;
}

SaKnownGroups *
sa_known_groups_begin(AggState *agg)
{
	EState	   *estate = agg->ss.ps.state;
	PlanState  *below = outerPlanState(agg);
	MemoryContext old;
	SaKnownGroups *known;

	if (agg->num_hashes != 1 || agg->numtrans == 0)
		return NULL;
	old = MemoryContextSwitchTo(estate->es_query_cxt);
	known = palloc0(sizeof(SaKnownGroups));
	known->agg = agg;
	known->perhash = &agg->perhash[0];
	known->below = below;
	known->next_row = below->ExecProcNodeReal;
	known->next_group = agg->ss.ps.ExecProcNodeReal;
	known->groups = known_create(CurrentMemoryContext, 256, NULL);
	known->capacity = rows_can_wait(below) ? ROWS_AT_ONCE : 1;
	known->rows = palloc0(sizeof(WaitingRow) * known->capacity);
	for (int i = 0; known->capacity > 1 && i < known->capacity; i++)
		known->rows[i].slot = ExecInitExtraTupleSlot(estate, ExecGetResultType(below),
													 &TTSOpsVirtual);
	ExecSetExecProcNode(below, next_unknown_row);
	ExecSetExecProcNode(&agg->ss.ps, next_group);
	MemoryContextSwitchTo(old);
	return known;
}

void
sa_known_groups_fill(SaKnownGroups *known)
{
	Assert(known->next == known->nrows);
	known->at_end = false;
	known->sent = NULL;
	current = known;
}

void
sa_known_groups_return(SaKnownGroups *known)
{
	current = known;
}
