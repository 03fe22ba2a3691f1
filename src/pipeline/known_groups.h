/*-------------------------------------------------------------------------
 *
 * known_groups.h
 *	  Finds the group of a row before the Agg node has to look for it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_KNOWN_GROUPS_H
#define SA_PIPELINE_KNOWN_GROUPS_H

#include "nodes/execnodes.h"

typedef struct SaKnownGroups SaKnownGroups;

/*
 * Puts itself between an Agg node and the plan below it, in the query's context.
 * NULL: the node's groups can't be found like that.
 */
extern SaKnownGroups *sa_known_groups_begin(AggState *agg);

/*
 * The plan below has been rescanned, and Agg will read it to its end: of this,
 * rows whose groups are known don't come to it.
 */
extern void sa_known_groups_fill(SaKnownGroups *known);

/* Agg is going to return its groups. */
extern void sa_known_groups_return(SaKnownGroups *known);

#endif							/* SA_PIPELINE_KNOWN_GROUPS_H */
