/*-------------------------------------------------------------------------
 *
 * watermark_function.c
 *	  The user's function that computes the watermark of a partition.
 *
 * NOTES
 *	  The option holds a name with its schema, since a batch has no search_path
 *	  of the user's, and a dump has none at all.
 *
 *	  A function that a stream uses can't be dropped from under it without
 *	  CASCADE.  PostgreSQL knows of no dependencies of foreign tables on
 *	  functions, so we record them, when the option is set and when a view is
 *	  created.  A dump does not carry them; the statements in it set the option
 *	  again, which records them again, and adopt() does so for databases that
 *	  were restored without the library being loaded.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/dependency.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "metadata/catalog.h"
#include "metadata/watermark_function.h"

Oid
sa_watermark_function_find(const char *name)
{
	Oid			argtypes[] = {TIMESTAMPTZOID, TIMESTAMPTZOID};
	Oid			function = LookupFuncName(sa_qualified_name_list(name), 2, argtypes, true);

	if (!OidIsValid(function))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("watermark function %s(timestamptz, timestamptz) does not exist", name),
				 errhint("Create it with the arguments max_event_time and now, both timestamptz.")));
	if (get_func_rettype(function) != TIMESTAMPTZOID || get_func_retset(function) ||
		get_func_prokind(function) != PROKIND_FUNCTION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("watermark function %s must return timestamptz", format_procedure(function)),
				 errhint("It must be an ordinary function that returns one value of type timestamptz.")));
	return function;
}

Oid
sa_watermark_function_of_stream(const SaStream *stream)
{
	Oid			function = sa_watermark_function_find(stream->watermark_function);

	if (object_aclcheck(ProcedureRelationId, function, stream->owner, ACL_EXECUTE) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("owner \"%s\" of stream \"%s\" may not execute its watermark function %s",
						GetUserNameFromId(stream->owner, false), stream->name,
						format_procedure(function)),
				 errhint("Grant EXECUTE on the function to that role.")));
	return function;
}

/* The stream may not be complete yet, so only this option is looked at. */
void
sa_watermark_function_record(Oid stream)
{
	ListCell   *lc;

	(void) deleteDependencyRecordsForClass(RelationRelationId, stream,
										   ProcedureRelationId, DEPENDENCY_NORMAL);
	foreach(lc, GetForeignTable(stream)->options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);
		ObjectAddress depender;
		ObjectAddress referenced;

		if (strcmp(option->defname, "watermark_function") != 0)
			continue;
		ObjectAddressSet(depender, RelationRelationId, stream);
		ObjectAddressSet(referenced, ProcedureRelationId,
						 sa_watermark_function_find(defGetString(option)));
		recordDependencyOn(&depender, &referenced, DEPENDENCY_NORMAL);
	}
}

void
sa_watermark_functions_adopt(void)
{
	static SaStatement select = {
		"SELECT DISTINCT stream FROM stream_agg.reader", 0
	};
	MemoryContext caller = CurrentMemoryContext;
	SaCatalogScope scope;
	List	   *streams = NIL;
	uint64		count;
	ListCell   *lc;

	sa_catalog_begin(&scope);
	count = sa_catalog_execute(&select, NULL, NULL);
	for (uint64 i = 0; i < count; i++)
	{
		bool		isnull;
		Oid			stream = DatumGetObjectId(sa_catalog_value(i, 1, &isnull));
		MemoryContext old = MemoryContextSwitchTo(caller);

		streams = lappend_oid(streams, stream);
		MemoryContextSwitchTo(old);
	}
	sa_catalog_end(&scope);
	foreach(lc, streams)
	{
		if (sa_is_stream(lfirst_oid(lc)))
			sa_watermark_function_record(lfirst_oid(lc));
	}
}
