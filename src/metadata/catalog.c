/*-------------------------------------------------------------------------
 *
 * catalog.c
 *	  Statements on the extension's own tables.
 *
 * NOTES
 *	  All other files of this folder go through here.  The statements are plain
 *	  SQL: none of them runs per row of a stream (late rows, of which there may be
 *	  many, are inserted without one), and what they say is easier to check than
 *	  heap access by hand.
 *
 *	  They run as the bootstrap superuser, since no user has rights on the
 *	  tables, and with search_path pinned, so that nothing that a user creates
 *	  can come in between; therefore names in them need no qualification beyond
 *	  our own schema.  The path must also be the same each time because a kept
 *	  plan is analyzed anew whenever it differs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#include "base/preload.h"
#include "metadata/catalog.h"
#include "stream_agg.h"

#define PINNED_SEARCH_PATH "pg_catalog, pg_temp"

bool		sa_preloaded = false;

bool
sa_extension_exists(void)
{
	return OidIsValid(get_extension_oid(SA_EXTENSION_NAME, true)) &&
		creating_extension == false;
}

void
sa_require_preload(void)
{
	if (sa_preloaded)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("library \"%s\" is not preloaded", SA_EXTENSION_NAME),
			 errhint("Add \"%s\" to shared_preload_libraries in postgresql.conf and restart the server.",
					 SA_EXTENSION_NAME)));
}

void
sa_catalog_begin(SaCatalogScope *scope)
{
	GetUserIdAndSecContext(&scope->userid, &scope->sec_context);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID,
						   scope->sec_context | SECURITY_LOCAL_USERID_CHANGE);

	scope->guc_level = 0;
	if (strcmp(namespace_search_path, PINNED_SEARCH_PATH) != 0)
	{
		scope->guc_level = NewGUCNestLevel();
		(void) set_config_option("search_path", PINNED_SEARCH_PATH,
								 PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	}

	/* a background worker between queries has none; SPI insists on one */
	scope->snapshot_pushed = !ActiveSnapshotSet();
	if (scope->snapshot_pushed)
		PushActiveSnapshot(GetTransactionSnapshot());

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
sa_catalog_end(SaCatalogScope *scope)
{
	SPI_finish();
	if (scope->snapshot_pushed)
		PopActiveSnapshot();
	if (scope->guc_level > 0)
		AtEOXact_GUC(true, scope->guc_level);
	SetUserIdAndSecContext(scope->userid, scope->sec_context);
}

static uint64
execute(SaStatement *statement, Datum *values, const char *nulls, bool read_only)
{
	int			result;

	if (statement->plan == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare(statement->sql, statement->nargs,
									   statement->argtypes);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare \"%s\": %s", statement->sql,
				 SPI_result_code_string(SPI_result));
		statement->plan = plan;
	}

	result = SPI_execute_plan(statement->plan, values, nulls, read_only, 0);
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", statement->sql,
			 SPI_result_code_string(result));
	return SPI_processed;
}

uint64
sa_catalog_execute(SaStatement *statement, Datum *values, const char *nulls)
{
	return execute(statement, values, nulls, false);
}

uint64
sa_catalog_query(SaStatement *statement, Datum *values, const char *nulls)
{
	return execute(statement, values, nulls, true);
}

Datum
sa_catalog_value(uint64 row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						 column, isnull);
}
