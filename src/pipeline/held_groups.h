/*-------------------------------------------------------------------------
 *
 * held_groups.h
 *	  Groups of several chunks of a batch, held in memory until they are merged.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_HELD_GROUPS_H
#define SA_PIPELINE_HELD_GROUPS_H

#include "nodes/plannodes.h"
#include "tcop/dest.h"

#include "pipeline/batch.h"

typedef struct SaHeldGroups SaHeldGroups;

/* Whether the groups of a delta plan can be held. */
extern bool sa_held_groups_possible(const PlannedStmt *delta);

/*
 * Begins to execute a delta plan over the chunks of a batch, in
 * CurrentMemoryContext.  The scan must live as long.
 */
extern SaHeldGroups *sa_held_groups_begin(const PlannedStmt *delta, SaBatchScan *scan);

extern const PlannedStmt *sa_held_groups_plan(const SaHeldGroups *held);

/* Whether there is no room for another chunk. */
extern bool sa_held_groups_full(const SaHeldGroups *held);

/* Takes the rows of the scan's chunk into the groups. */
extern void sa_held_groups_add(SaHeldGroups *held);

/* Gives all groups to a receiver, and ends. */
extern void sa_held_groups_end(SaHeldGroups *held, DestReceiver *receiver);

extern Size sa_held_groups_memory(const SaHeldGroups *held);

#endif							/* SA_PIPELINE_HELD_GROUPS_H */
