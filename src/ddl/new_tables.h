/*-------------------------------------------------------------------------
 *
 * new_tables.h
 *	  Creates the tables behind a continuous view, and their indexes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_DDL_NEW_TABLES_H
#define SA_DDL_NEW_TABLES_H

#include "aggregate/aggregate_query.h"

/* Names are those of tables in schema stream_agg_data. */
typedef struct SaNewTables
{
	const SaAggregateQuery *aq; /* NULL: a load */
	List	   *load_columns;	/* of ColumnDef *, for a load */
	bool		has_retention;
	char	   *data;			/* NULL: not to be created */
	char	   *panes;			/* NULL: none */
	List	   *kept;			/* of char *, as aq->kept */
} SaNewTables;

/*
 * Creates the tables and gives them to a role.  Call within a catalog scope.
 */
extern void sa_new_tables_create(const SaNewTables *new, Oid owner);

/* Makes sure of an index by which settled windows are found. */
extern void sa_new_tables_index_ends(const SaAggregateQuery *aq, Oid data);

/* ALTER kind name OWNER TO owner, for an object in schema stream_agg_data. */
extern void sa_new_object_give(const char *kind, const char *name, Oid owner);

#endif							/* SA_DDL_NEW_TABLES_H */
