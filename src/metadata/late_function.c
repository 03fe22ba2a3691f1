/*-------------------------------------------------------------------------
 *
 * late_function.c
 *	  Functions that continuous views call for their late rows.
 *
 * NOTES
 *	  The catalog holds a name and not a regprocedure: pg_upgrade refuses a
 *	  database with columns of that type.  A dependency of the view keeps the
 *	  function from being dropped, and tells which one it is when it has been
 *	  renamed.  Dumps carry the name but not the dependency, which is made anew
 *	  by stream_agg.adopt().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/dependency.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "metadata/catalog.h"
#include "metadata/late_function.h"

/* By its name and exact signature; raises PostgreSQL's error if there is none. */
static Oid
find_function(const char *name)
{
	static const Oid argtypes[] = {
		REGCLASSOID, JSONBOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID
	};

	return LookupFuncName(sa_qualified_name_list(name), lengthof(argtypes), argtypes, false);
}

Oid
sa_late_function_lookup(const char *name)
{
	Oid			function = find_function(name);

	if (get_func_prokind(function) != PROKIND_FUNCTION ||
		get_func_rettype(function) != VOIDOID || get_func_retset(function))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("late function %s must be a function that returns void",
						format_procedure(function))));
	if (object_aclcheck(ProcedureRelationId, function, GetUserId(), ACL_EXECUTE) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, get_func_name(function));
	InvokeFunctionExecuteHook(function);
	return function;
}

char *
sa_late_function_name(Oid function)
{
	return quote_qualified_identifier(get_namespace_name(get_func_namespace(function)),
									  get_func_name(function));
}

void
sa_late_function_depend(Oid view, Oid function)
{
	ObjectAddress depender;
	ObjectAddress referenced;

	ObjectAddressSet(depender, RelationRelationId, view);
	ObjectAddressSet(referenced, ProcedureRelationId, function);
	(void) deleteDependencyRecordsForSpecific(RelationRelationId, view, DEPENDENCY_NORMAL,
											  ProcedureRelationId, function);
	recordDependencyOn(&depender, &referenced, DEPENDENCY_NORMAL);
}

void
sa_late_function_forget(Oid view)
{
	static SaStatement select = {
		"SELECT refobjid FROM pg_depend WHERE classid = 'pg_class'::regclass"
		" AND objid = $1 AND refclassid = 'pg_proc'::regclass",
		1, {OIDOID}
	};
	Datum		values[] = {ObjectIdGetDatum(view)};
	SaCatalogScope scope;
	uint64		count;

	sa_catalog_begin(&scope);
	count = sa_catalog_execute(&select, values, NULL);
	for (uint64 i = 0; i < count; i++)
	{
		bool		isnull;
		Oid			function = DatumGetObjectId(sa_catalog_value(i, 1, &isnull));

		(void) deleteDependencyRecordsForSpecific(RelationRelationId, view, DEPENDENCY_NORMAL,
												  ProcedureRelationId, function);
	}
	sa_catalog_end(&scope);
}

void
sa_late_functions_adopt(void)
{
	static SaStatement select = {
		"SELECT view, late_function FROM stream_agg.continuous_view"
		" WHERE late_function IS NOT NULL"
	};
	SaCatalogScope scope;
	uint64		count;

	sa_catalog_begin(&scope);
	count = sa_catalog_execute(&select, NULL, NULL);
	for (uint64 i = 0; i < count; i++)
	{
		bool		isnull;
		Oid			view = DatumGetObjectId(sa_catalog_value(i, 1, &isnull));
		char	   *name = TextDatumGetCString(sa_catalog_value(i, 2, &isnull));

		sa_late_function_depend(view, find_function(name));
	}
	sa_catalog_end(&scope);
}

/* Plans of these views keep the name, so they are made anew. */
void
sa_late_functions_follow(void)
{
	static SaStatement update = {
		"UPDATE stream_agg.continuous_view v SET late_function = f.name"
		" FROM (SELECT d.objid, format('%I.%I', n.nspname, p.proname) AS name"
		"  FROM pg_depend d JOIN pg_proc p ON p.oid = d.refobjid"
		"  JOIN pg_namespace n ON n.oid = p.pronamespace"
		"  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_proc'::regclass) f"
		" WHERE f.objid = v.view::oid AND v.late_function <> f.name"
		" RETURNING v.definition"
	};
	SaCatalogScope scope;
	uint64		count;

	sa_catalog_begin(&scope);
	count = sa_catalog_execute(&update, NULL, NULL);
	for (uint64 i = 0; i < count; i++)
	{
		bool		isnull;

		CacheInvalidateRelcacheByRelid(DatumGetObjectId(sa_catalog_value(i, 1, &isnull)));
	}
	sa_catalog_end(&scope);
}
