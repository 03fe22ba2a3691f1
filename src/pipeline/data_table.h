/*-------------------------------------------------------------------------
 *
 * data_table.h
 *	  The table into which an aggregate view's rows are merged, opened for a batch.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_DATA_TABLE_H
#define SA_PIPELINE_DATA_TABLE_H

#include "access/genam.h"
#include "access/skey.h"
#include "access/stratnum.h"
#include "executor/executor.h"

#include "pipeline/view_plan.h"

typedef struct SaDataTable
{
	Relation	rel;

	/* for the routines ExecSimpleRelation… */
	EState	   *estate;
	EPQState	epqstate;
	ResultRelInfo *result;
	TupleTableSlot *old_slot;	/* a row as it is found */
	TupleTableSlot *new_slot;	/* virtual; the row to be written */

	/* look-up by key; index is NULL if the table has neither keys nor window */
	Relation	index;
	IndexScanDesc scan;
	ScanKey		scan_keys;
	int			nkeys;			/* columns of the index */

	/* look-up by place; groups is NULL if it is only done by key */
	SaGroupCache *groups;
	IndexFetchTableData *fetch;
	BlockNumber nblocks;		/* at least so many */
	uint32		hash;			/* of the key looked for last */
	ItemPointerData place;		/* of the row found; invalid: none */
	bool		found_at_place;	/* and not by key */
} SaDataTable;

/*
 * Opens plan->merge_table, which is locked, in CurrentMemoryContext.  A
 * look-up compares the last column of the key index by "strategy", those before
 * it by equality.
 */
extern void sa_data_table_open(SaDataTable *table, const SaViewPlan *plan,
							   StrategyNumber strategy);

/* How the key index orders its column number "column", from 0. */
extern void sa_data_table_key_order(const SaDataTable *table, int column,
									Oid *less, Oid *collation);

/* Fires the AFTER triggers of what was written. */
extern void sa_data_table_close(SaDataTable *table);

/*
 * Where the row with a key was when it was written last by this process, if that
 * is known; one value per column of the index.
 */
extern bool sa_data_table_place(const SaDataTable *table, const Datum *values,
								const bool *nulls, ItemPointer place);

/*
 * Finds the row with a key, as old_slot: first at a place, if that is valid, or
 * with NULL where it was written last, and then by the index.
 */
extern bool sa_data_table_find(SaDataTable *table, const Datum *values,
							   const bool *nulls, const ItemPointerData *place);

/* The row that was looked for last has been written, from new_slot. */
extern void sa_data_table_wrote(SaDataTable *table);

/*
 * Starts a look-up; one value per column of the index.  A NULL finds NULL, which
 * in the last column is for equality only.  The values must live as long as
 * rows are fetched.
 */
extern void sa_data_table_look_up(SaDataTable *table, const Datum *values,
								  const bool *nulls);

/* Makes the new row one with nothing but NULLs, not stored yet. */
extern void sa_data_table_clear_new(SaDataTable *table);

/* Makes the new row a copy of the old one's columns, not stored yet. */
extern void sa_data_table_copy_old(SaDataTable *table);

/*
 * Says in the new row, not stored yet, whether its window is final at a watermark,
 * and of a session, when to look again.
 * One that is settled as well loses its states, as by sa_view_close().
 */
extern void sa_data_table_set_final(SaDataTable *table, const SaAggregateQuery *aq,
									TimestampTz watermark);

#endif							/* SA_PIPELINE_DATA_TABLE_H */
