/*-------------------------------------------------------------------------
 *
 * table_index.h
 *	  Unique indexes of the tables behind a view, and look-ups by them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_TABLE_INDEX_H
#define SA_PIPELINE_TABLE_INDEX_H

#include "access/skey.h"
#include "access/stratnum.h"
#include "utils/rel.h"

typedef enum SaColumnOrder
{
	SA_COLUMNS_AS_IN_TABLE,
	SA_COLUMNS_IN_ANY_ORDER
} SaColumnOrder;

/*
 * An index that makes the first ncolumns columns of a table unique, NULLs
 * included, and has no others; InvalidOid if there is none.
 */
extern Oid	sa_unique_index(Relation table, int ncolumns, SaColumnOrder order);

/* The operator that a column of an index, counted from 0, has for a strategy. */
extern Oid	sa_index_operator(Relation index, int column, StrategyNumber strategy);

/*
 * A comparison for each key column of an index, without the arguments: the last
 * by a strategy, those before it by equality.
 */
extern ScanKey sa_index_scan_keys(Relation index, StrategyNumber last_strategy);

#endif							/* SA_PIPELINE_TABLE_INDEX_H */
