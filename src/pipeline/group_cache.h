/*-------------------------------------------------------------------------
 *
 * group_cache.h
 *	  Where the rows of groups are that were written before.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_GROUP_CACHE_H
#define SA_PIPELINE_GROUP_CACHE_H

#include "access/tupdesc.h"
#include "storage/itemptr.h"

typedef struct SaGroupCache SaGroupCache;

extern SaGroupCache *sa_group_cache_create(MemoryContext context);

/* What stands for a group here, from its key: the first columns of a row. */
extern uint32 sa_group_hash(TupleDesc desc, int nkeys, const Datum *values,
							const bool *nulls);

/*
 * Where the group's row was when it was last written; false if not known.  It
 * may be anything by now, that of another group included.
 */
extern bool sa_group_cache_find(SaGroupCache *cache, uint32 hash, ItemPointer tid);
extern void sa_group_cache_put(SaGroupCache *cache, uint32 hash, ItemPointer tid);

#endif							/* SA_PIPELINE_GROUP_CACHE_H */
