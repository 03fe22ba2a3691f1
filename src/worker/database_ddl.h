/*-------------------------------------------------------------------------
 *
 * database_ddl.h
 *	  Getting out of the way of commands on whole databases.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_WORKER_DATABASE_DDL_H
#define SA_WORKER_DATABASE_DDL_H

#include "nodes/nodes.h"

/*
 * Call before a utility statement is executed.  If it is one that no connection
 * to some database may stand in the way of, and the user may run it, then the
 * workers of that database are stopped, and start again when the transaction has
 * ended.  Waits up to 3 s for them.
 */
extern void sa_database_ddl_before(Node *statement);

#endif							/* SA_WORKER_DATABASE_DDL_H */
