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

#include "aggregate/rows_sql.h"
#include "metadata/catalog.h"
#include "metadata/view.h"
#include "pipeline/identity.h"
#include "stream_agg.h"

SA_FUNCTION_INFO_V1(stream_agg_open_windows);
SA_FUNCTION_INFO_V1(stream_agg_is_copy);

/* SELECT whose rows are those of a view that has windows; NULL: it has none. */
static char *
open_windows_sql(const SaView *view)
{
	SaViewTables tables = {.data = view->data,.panes = view->panes,.kept = view->kept};
	SaAggregateQuery *aq = sa_aggregate_query_of_view(view);
	const char *is_final;

	if (aq == NULL || !aq->windowed)
		return NULL;
	is_final = sa_column_sql(view->data, aq->final_attnum);
	if (aq->panes)
		return psprintf("SELECT count(*) FROM (%s) AS d WHERE NOT d.%s",
						sa_rows_sql(aq, &tables), is_final);
	return psprintf("SELECT count(*) FROM %s AS d WHERE NOT d.%s",
					sa_relation_sql(view->data), is_final);
}

/*
 * open_windows(data regclass) → bigint
 *
 * Number of windows that are not final; NULL if the view behind which the table
 * is has none.
 */
Datum
stream_agg_open_windows(PG_FUNCTION_ARGS)
{
	Oid			data = PG_GETARG_OID(0);
	SaView	   *view = sa_view_by_part(data);
	char	   *sql;
	SaIdentity	identity;
	Datum		count = (Datum) 0;
	bool		isnull;

	/* the rule of the monitoring views: the owner, or any member of it */
	if (!is_member_of_role(GetUserId(), sa_relation_owner(data)))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(data));
	if (view == NULL)
		PG_RETURN_NULL();

	/* keys may be compared by the owner's own functions */
	sa_identity_enter(&identity, sa_relation_owner(data), view->settings);
	sql = open_windows_sql(view);
	isnull = sql == NULL;
	if (!isnull)
	{
		if (SPI_connect() != SPI_OK_CONNECT || SPI_execute(sql, true, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not count open windows");
		count = sa_catalog_value(0, 1, &isnull);
		SPI_finish();
	}
	sa_identity_leave(&identity);
	if (isnull)
		PG_RETURN_NULL();
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
