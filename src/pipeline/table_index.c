/*-------------------------------------------------------------------------
 *
 * table_index.c
 *	  Unique indexes of the tables behind a view, and look-ups by them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "catalog/pg_index.h"
#include "nodes/bitmapset.h"
#include "utils/lsyscache.h"

#include "pipeline/table_index.h"

/* Whether the key columns of an index are the first columns of the table. */
static bool
has_first_columns(Form_pg_index form, SaColumnOrder order)
{
	Bitmapset  *columns = NULL;

	for (int i = 0; i < form->indnkeyatts; i++)
	{
		int			attnum = form->indkey.values[i];

		if (attnum < 1 || attnum > form->indnkeyatts ||
			(order == SA_COLUMNS_AS_IN_TABLE && attnum != i + 1))
			return false;
		columns = bms_add_member(columns, attnum);
	}
	return bms_num_members(columns) == form->indnkeyatts;
}

Oid
sa_unique_index(Relation table, int ncolumns, SaColumnOrder order)
{
	Oid			found = InvalidOid;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(table))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);
		Form_pg_index form = index->rd_index;

		if (form->indisunique && form->indisvalid && form->indimmediate &&
			form->indnullsnotdistinct && form->indnkeyatts == ncolumns &&
			heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL) &&
			has_first_columns(form, order))
			found = RelationGetRelid(index);
		index_close(index, AccessShareLock);
	}
	return found;
}

Oid
sa_index_operator(Relation index, int column, StrategyNumber strategy)
{
	Oid			family = index->rd_opfamily[column];
	Oid			type = index->rd_opcintype[column];
	Oid			operator = get_opfamily_member(family, type, type, strategy);

	if (!OidIsValid(operator))
		elog(ERROR, "missing operator %d(%u,%u) in operator family %u",
			 strategy, type, type, family);
	return operator;
}

ScanKey
sa_index_scan_keys(Relation index, StrategyNumber last_strategy)
{
	int			nkeys = index->rd_index->indnkeyatts;
	ScanKey		keys = palloc0(sizeof(ScanKeyData) * nkeys);

	for (int i = 0; i < nkeys; i++)
	{
		StrategyNumber strategy = i == nkeys - 1 ? last_strategy : BTEqualStrategyNumber;
		Oid			operator = sa_index_operator(index, i, strategy);

		ScanKeyEntryInitialize(&keys[i], 0, i + 1, strategy, InvalidOid,
							   index->rd_indcollation[i], get_opcode(operator), (Datum) 0);
	}
	return keys;
}
