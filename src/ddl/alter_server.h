/*-------------------------------------------------------------------------
 *
 * alter_server.h
 *	  What ALTER SERVER must not do under continuous views.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_DDL_ALTER_SERVER_H
#define SA_DDL_ALTER_SERVER_H

#include "nodes/nodes.h"

/* A server as it was before a statement. */
typedef struct SaServerBefore
{
	Oid			server;			/* InvalidOid: the statement alters none of ours */
	bool		in_database;
} SaServerBefore;

extern SaServerBefore sa_alter_server_before(Node *statement);

/* Raises an error if the statement has done what it must not. */
extern void sa_alter_server_check(const SaServerBefore *before);

#endif							/* SA_DDL_ALTER_SERVER_H */
