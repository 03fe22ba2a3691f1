/*-------------------------------------------------------------------------
 *
 * group_cache.c
 *	  Where the rows of groups are that were written before.
 *
 * NOTES
 *	  Of what it costs to merge a group, the descent of the index is the largest
 *	  part.  Most groups of a batch were in one of the batches before, by the same
 *	  process; so the place of a row is kept, under a hash of its key.
 *
 *	  That is a hint and nothing more.  Whoever uses it (data_table.c) fetches the
 *	  row by the batch's snapshot, as an index scan does that comes with a place,
 *	  and compares the key: since the key is unique, a visible row with the same
 *	  key is the row.  Anything else (it was updated, removed
 *	  or moved, the transaction that wrote it was rolled back, two keys have one
 *	  hash) makes the look-up go to the index.
 *
 *	  The hash and the comparison are by the bytes of values.  Values that are
 *	  equal and look different are not found here, and are found by the index.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/datum.h"

#include "pipeline/group_cache.h"

/*
 * Of all caches of the process together; 12 bytes each, in tables that are between
 * half and nearly full.
 */
#define MAX_GROUPS	1800000

#define INITIAL_GROUPS	256

typedef struct Place
{
	uint32		hash;
	ItemPointerData tid;
	char		status;			/* of the hash table */
} Place;

#define SH_PREFIX		places
#define SH_ELEMENT_TYPE	Place
#define SH_KEY_TYPE		uint32
#define SH_KEY			hash
#define SH_HASH_KEY(table, key)		(key)
#define SH_EQUAL(table, a, b)		((a) == (b))
#define SH_SCOPE		static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct SaGroupCache
{
	MemoryContext context;
	places_hash *places;
	MemoryContextCallback callback;
};

static uint32 ngroups = 0;		/* in all caches */

/* The cache's context goes. */
static void
forget_cache(void *arg)
{
	SaGroupCache *cache = arg;

	ngroups -= cache->places->members;
}

SaGroupCache *
sa_group_cache_create(MemoryContext context)
{
	SaGroupCache *cache = MemoryContextAlloc(context, sizeof(SaGroupCache));

	cache->context = context;
	cache->places = places_create(context, INITIAL_GROUPS, NULL);
	cache->callback.func = forget_cache;
	cache->callback.arg = cache;
	MemoryContextRegisterResetCallback(context, &cache->callback);
	return cache;
}

/* What is still of use comes back with the next batches. */
static void
empty_cache(SaGroupCache *cache)
{
	ngroups -= cache->places->members;
	places_destroy(cache->places);
	cache->places = places_create(cache->context, INITIAL_GROUPS, NULL);
}

uint32
sa_group_hash(TupleDesc desc, int nkeys, const Datum *values, const bool *nulls)
{
	uint32		hash = 0;

	for (int i = 0; i < nkeys; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		uint32		column = 0;

		if (!nulls[i])
			column = datum_image_hash(values[i], att->attbyval, att->attlen);
		hash = hash_combine(hash, column);
	}
	return hash;
}

bool
sa_group_cache_find(SaGroupCache *cache, uint32 hash, ItemPointer tid)
{
	Place	   *place = places_lookup(cache->places, hash);

	if (place == NULL)
		return false;
	*tid = place->tid;
	return true;
}

void
sa_group_cache_put(SaGroupCache *cache, uint32 hash, ItemPointer tid)
{
	Place	   *place;
	bool		found;

	if (ngroups >= MAX_GROUPS)
		empty_cache(cache);
	place = places_insert(cache->places, hash, &found);
	place->tid = *tid;
	ngroups += !found;
}
