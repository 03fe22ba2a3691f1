/*-------------------------------------------------------------------------
 *
 * alter_view.h
 *	  ALTER MATERIALIZED VIEW … SET (stream_agg.option = value)
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_DDL_ALTER_VIEW_H
#define SA_DDL_ALTER_VIEW_H

#include "nodes/parsenodes.h"

/*
 * Changes the options of ours that the statement names, and takes them out of
 * it.  Returns whether nothing is left of it.
 */
extern bool sa_alter_view_options(AlterTableStmt *alter);

/* Whether the statement names options of ours. */
extern bool sa_alter_view_has_options(Node *statement);

#endif							/* SA_DDL_ALTER_VIEW_H */
