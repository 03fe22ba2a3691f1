/*-------------------------------------------------------------------------
 *
 * bulk_load.h
 *	  Loads that write many rows at a time.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_BULK_LOAD_H
#define SA_PIPELINE_BULK_LOAD_H

#include "nodes/plannodes.h"
#include "tcop/dest.h"
#include "utils/relcache.h"

/* Whether a table wants nothing that only an INSERT does, CHECKs aside. */
extern bool sa_bulk_load_is_plain(Relation table);

/*
 * The plan of an INSERT without the part that writes, or NULL if its table wants
 * things that only an INSERT does.  A query with a volatile function, which may
 * look at the table, must stay an INSERT, too; that is for the caller to see.
 */
extern PlannedStmt *sa_bulk_load_plan(const PlannedStmt *insert, Relation table);

/* What writes the rows of such a plan into the table; it is locked already. */
extern DestReceiver *sa_bulk_load_receiver(Oid table);

#endif							/* SA_PIPELINE_BULK_LOAD_H */
