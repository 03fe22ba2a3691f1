/*-------------------------------------------------------------------------
 *
 * alter_stream.c
 *	  What follows from the options of a stream.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "nodes/parsenodes.h"

#include "ddl/alter_stream.h"
#include "metadata/catalog.h"
#include "metadata/stream.h"
#include "metadata/watermark_function.h"

/* The relation whose options a statement sets, or NULL. */
static RangeVar *
relation_of(Node *statement)
{
	AlterTableStmt *alter = (AlterTableStmt *) statement;
	ListCell   *lc;

	if (IsA(statement, CreateForeignTableStmt))
		return ((CreateForeignTableStmt *) statement)->base.relation;
	if (!IsA(statement, AlterTableStmt) ||
		(alter->objtype != OBJECT_FOREIGN_TABLE && alter->objtype != OBJECT_TABLE))
		return NULL;
	foreach(lc, alter->cmds)
	{
		if (lfirst_node(AlterTableCmd, lc)->subtype == AT_GenericOptions)
			return alter->relation;
	}
	return NULL;
}

void
sa_alter_stream_after(Node *statement)
{
	RangeVar   *name = relation_of(statement);
	Oid			relid;

	if (name == NULL || !sa_extension_exists())
		return;
	CommandCounterIncrement();
	relid = RangeVarGetRelid(name, NoLock, true);
	if (OidIsValid(relid) && sa_is_stream(relid))
		sa_watermark_function_record(relid);
}
