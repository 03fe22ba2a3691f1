/*-------------------------------------------------------------------------
 *
 * monitoring.c
 *	  Functions behind the monitoring views.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "metadata/catalog.h"
#include "stream_agg.h"

SA_FUNCTION_INFO_V1(stream_agg_open_windows);
SA_FUNCTION_INFO_V1(stream_agg_is_copy);

/* The rule of the monitoring views: the owner, or any member of it. */
static bool
may_see(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	result = is_member_of_role(GetUserId(), ((Form_pg_class) GETSTRUCT(tuple))->relowner);
	ReleaseSysCache(tuple);
	return result;
}

/*
 * open_windows(data regclass) → bigint
 *
 * Number of rows of a data table that are not final; NULL if its view has no
 * windows.  There is a partial index for it.
 */
Datum
stream_agg_open_windows(PG_FUNCTION_ARGS)
{
	Oid			data = PG_GETARG_OID(0);
	SaCatalogScope scope;
	Datum		count;
	bool		isnull;

	if (!may_see(data))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(data));
	if (get_attnum(data, "is_final") <= 0 || get_attnum(data, "window_end") <= 0)
		PG_RETURN_NULL();
	sa_catalog_begin(&scope);
	if (SPI_execute(psprintf("SELECT count(*) FROM %s WHERE NOT is_final",
							 quote_qualified_identifier(get_namespace_name(get_rel_namespace(data)),
														get_rel_name(data))),
					true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not count open windows");
	count = sa_catalog_value(0, 1, &isnull);
	sa_catalog_end(&scope);
	PG_RETURN_DATUM(count);
}

/*
 * is_copy(system_identifier bigint, database oid) → boolean
 *
 * Whether a reader was written by another cluster or database, and came here
 * with a dump or a copy.
 */
Datum
stream_agg_is_copy(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(PG_GETARG_INT64(0) != (int64) GetSystemIdentifier() ||
				   PG_GETARG_OID(1) != MyDatabaseId);
}
