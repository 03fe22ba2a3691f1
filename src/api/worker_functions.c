/*-------------------------------------------------------------------------
 *
 * worker_functions.c
 *	  What stream_agg.workers shows.
 *
 * NOTES
 *	  Shows the launcher and the workers of the current database.  Anyone may
 *	  see that they run.  The text of an error may hold values from rows, and is
 *	  shown only to the database's owner and to who may read all statistics;
 *	  owners of a stream see what concerns them in stream_agg.streams.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "stream_agg.h"
#include "worker/shared.h"

#define WORKER_LIST_COLUMNS 7

SA_FUNCTION_INFO_V1(stream_agg_worker_list);

static const char *kind_name(SaWorkerKind kind);
static bool may_see_errors(void);
static void put_worker(ReturnSetInfo *rsinfo, const SaWorkerInfo *info,
					   bool with_error);

Datum
stream_agg_worker_list(PG_FUNCTION_ARGS)
{
	bool		with_error = may_see_errors();
	SaWorkerInfo *infos;
	int			count;

	InitMaterializedSRF(fcinfo, 0);

	count = sa_worker_snapshot(MyDatabaseId, &infos);
	for (int i = 0; i < count; i++)
		put_worker((ReturnSetInfo *) fcinfo->resultinfo, &infos[i], with_error);

	return (Datum) 0;
}

static const char *
kind_name(SaWorkerKind kind)
{
	switch (kind)
	{
		case SA_WORKER_LAUNCHER:
			return "launcher";
		case SA_WORKER_INSPECTOR:
			return "inspector";
		case SA_WORKER_READER:
			return "reader";
	}
	pg_unreachable();
}

static bool
may_see_errors(void)
{
	HeapTuple	tuple;
	Oid			owner;

	if (has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS))
		return true;

	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for database %u", MyDatabaseId);
	owner = ((Form_pg_database) GETSTRUCT(tuple))->datdba;
	ReleaseSysCache(tuple);
	return has_privs_of_role(GetUserId(), owner);
}

static void
put_worker(ReturnSetInfo *rsinfo, const SaWorkerInfo *info, bool with_error)
{
	Datum		values[WORKER_LIST_COLUMNS] = {0};
	bool		nulls[WORKER_LIST_COLUMNS] = {0};
	NameData	database;

	values[0] = Int32GetDatum(info->pid);
	nulls[0] = (info->pid == 0);
	nulls[1] = !OidIsValid(info->database);
	if (OidIsValid(info->database))
	{
		namestrcpy(&database, get_database_name(info->database));
		values[1] = NameGetDatum(&database);
	}
	values[2] = CStringGetTextDatum(kind_name(info->kind));
	values[3] = Int32GetDatum(info->reader);
	nulls[3] = (info->kind != SA_WORKER_READER);
	values[4] = CStringGetTextDatum(info->state);
	values[5] = TimestampTzGetDatum(info->since);
	nulls[6] = (info->last_error[0] == '\0' || !with_error);
	if (!nulls[6])
		values[6] = CStringGetTextDatum(info->last_error);

	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}
