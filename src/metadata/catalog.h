/*-------------------------------------------------------------------------
 *
 * catalog.h
 *	  Statements on the extension's own tables.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_METADATA_CATALOG_H
#define SA_METADATA_CATALOG_H

#include "executor/spi.h"

#define SA_STATEMENT_MAX_ARGS 20

/* One statement, prepared on first use and kept for the session. */
typedef struct SaStatement
{
	const char *sql;
	int			nargs;
	Oid			argtypes[SA_STATEMENT_MAX_ARGS];
	SPIPlanPtr	plan;
} SaStatement;

/* state to come back to, filled by sa_catalog_begin */
typedef struct SaCatalogScope
{
	Oid			userid;
	int			sec_context;
	int			guc_level;
	bool		snapshot_pushed;
} SaCatalogScope;

/* true if the extension is installed in this database */
extern bool sa_extension_exists(void);

/* Raises an error unless the library was preloaded. */
extern void sa_require_preload(void);

/*
 * Between the two, SPI is connected, the current user is the owner of the
 * extension's tables and names resolve in pg_catalog only.  An error in
 * between is cleaned up by the (sub)transaction's abort.
 */
extern void sa_catalog_begin(SaCatalogScope *scope);
extern void sa_catalog_end(SaCatalogScope *scope);

/*
 * Run one statement with a fresh snapshot; returns the number of rows, which
 * are in SPI_tuptable.  "nulls" may be NULL.
 */
extern uint64 sa_catalog_execute(SaStatement *statement, Datum *values,
								 const char *nulls);

/* The same in the active snapshot, for what must fit a query under way. */
extern uint64 sa_catalog_query(SaStatement *statement, Datum *values,
							   const char *nulls);

/* A column of a row of SPI_tuptable. */
extern Datum sa_catalog_value(uint64 row, int column, bool *isnull);

#endif							/* SA_METADATA_CATALOG_H */
