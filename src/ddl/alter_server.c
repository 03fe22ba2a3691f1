/*-------------------------------------------------------------------------
 *
 * alter_server.c
 *	  What ALTER SERVER must not do under continuous views.
 *
 * NOTES
 *	  Positions of an in-database stream count what was inserted, those of a
 *	  Kafka stream are offsets in a topic.  A server that went from one to the
 *	  other would have the readers of its streams go on at offsets that mean
 *	  something else, and pass over rows without a word.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "foreign/foreign.h"
#include "nodes/parsenodes.h"

#include "ddl/alter_server.h"
#include "metadata/catalog.h"
#include "metadata/stream.h"
#include "metadata/view.h"
#include "stream_agg.h"

SaServerBefore
sa_alter_server_before(Node *statement)
{
	SaServerBefore before = {InvalidOid, false};
	ForeignServer *server;

	if (!IsA(statement, AlterForeignServerStmt) || !sa_extension_exists())
		return before;
	server = GetForeignServerByName(((AlterForeignServerStmt *) statement)->servername, true);
	if (server == NULL ||
		strcmp(GetForeignDataWrapper(server->fdwid)->fdwname, SA_EXTENSION_NAME) != 0)
		return before;
	before.server = server->serverid;
	before.in_database = sa_server_is_in_database(server->serverid);
	return before;
}

void
sa_alter_server_check(const SaServerBefore *before)
{
	if (!OidIsValid(before->server))
		return;
	CommandCounterIncrement();
	if (sa_server_is_in_database(before->server) == before->in_database ||
		!sa_server_has_views(before->server))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg(before->in_database ?
					"cannot add option \"bootstrap_servers\" to server \"%s\"" :
					"cannot drop option \"bootstrap_servers\" of server \"%s\"",
					GetForeignServer(before->server)->servername),
			 errdetail("Continuous views depend on its streams."),
			 errhint("Create another server, and streams and views there.")));
}
