/*-------------------------------------------------------------------------
 *
 * database_ddl.c
 *	  Getting out of the way of commands on whole databases.
 *
 * NOTES
 *	  DROP DATABASE, ALTER DATABASE … RENAME TO, ALTER DATABASE … SET TABLESPACE
 *	  and CREATE DATABASE … TEMPLATE fail after five seconds if anybody else is
 *	  connected to the database.  Our workers always are.
 *
 *	  So the command puts a hold on the database, asks our workers there to stop,
 *	  and waits until they have left.  Under a hold the launcher starts nothing
 *	  in the database, and what it had already started refuses to attach.
 *
 *	  The hold lasts until the end of the transaction, whichever way it ends, or
 *	  of the process.  Where the command commits in between (SET TABLESPACE does),
 *	  it is over with the first commit; what comes then keeps others out by the
 *	  lock that the command has on the database, for which a new worker waits.
 *
 *	  The hook runs before PostgreSQL has checked anybody's rights.  Who could
 *	  not run the command must not be able to stop workers by trying to: only the
 *	  database's owner (or a superuser) gets a hold.  Another may copy a database
 *	  only if it is marked as a template, and in those no worker runs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "utils/acl.h"
#include "utils/syscache.h"

#include "worker/database_ddl.h"
#include "worker/slots.h"

/* From request to SIGTERM, and to giving up: the command waits 5 s itself. */
#define SA_EVICT_PATIENCE_MS	2000
#define SA_EVICT_LIMIT_MS		3000

static bool holding = false;
static bool callbacks_registered = false;

static const char *database_to_leave(Node *statement);
static const char *template_of(CreatedbStmt *statement);
static bool has_option(List *options, const char *name);
static bool may_evict(Oid database);
static void hold_database(Oid database);
static void wait_until_left(Oid database);
static bool workers_left(Oid database, bool terminate);
static void release_holds(void);
static void release_at_xact_end(XactEvent event, void *arg);
static void release_at_exit(int code, Datum arg);

void
sa_database_ddl_before(Node *statement)
{
	const char *name = database_to_leave(statement);
	Oid			database;

	if (name == NULL || sa_worker_shared == NULL)
		return;
	database = get_database_oid(name, true);
	if (!OidIsValid(database) || !may_evict(database))
		return;

	hold_database(database);
	wait_until_left(database);
}

/* The database that the statement needs for itself, or NULL. */
static const char *
database_to_leave(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_DropdbStmt:
			return castNode(DropdbStmt, statement)->dbname;
		case T_CreatedbStmt:
			return template_of(castNode(CreatedbStmt, statement));
		case T_AlterDatabaseStmt:
			{
				AlterDatabaseStmt *alter = castNode(AlterDatabaseStmt, statement);

				return has_option(alter->options, "tablespace") ?
					alter->dbname : NULL;
			}
		case T_RenameStmt:
			{
				RenameStmt *rename = castNode(RenameStmt, statement);

				return rename->renameType == OBJECT_DATABASE ?
					rename->subname : NULL;
			}
		default:
			return NULL;
	}
}

static const char *
template_of(CreatedbStmt *statement)
{
	ListCell   *lc;

	foreach(lc, statement->options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, "template") == 0 && option->arg != NULL)
			return defGetString(option);
	}
	return "template1";
}

static bool
has_option(List *options, const char *name)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		if (strcmp(lfirst_node(DefElem, lc)->defname, name) == 0)
			return true;
	}
	return false;
}

/* Owner or superuser; asked in a way that all server versions know. */
static bool
may_evict(Oid database)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID,
										ObjectIdGetDatum(database));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	result = has_privs_of_role(GetUserId(),
							   ((Form_pg_database) GETSTRUCT(tuple))->datdba);
	ReleaseSysCache(tuple);
	return result;
}

/*
 * Should there be no room for one more hold, then the workers are asked to stop
 * all the same; in the worst case the command fails, as it would without us.
 */
static void
hold_database(Oid database)
{
	if (!callbacks_registered)
	{
		RegisterXactCallback(release_at_xact_end, NULL);
		before_shmem_exit(release_at_exit, (Datum) 0);
		callbacks_registered = true;
	}

	holding = true;
	LWLockAcquire(sa_worker_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < SA_MAX_HOLDS; i++)
	{
		SaDatabaseHold *hold = &sa_worker_shared->holds[i];

		if (OidIsValid(hold->database))
			continue;
		hold->database = database;
		hold->holder = MyProcPid;
		break;
	}
	sa_slots_dismiss_locked(database);
	sa_slot_wake_launcher_locked();
	LWLockRelease(sa_worker_shared->lock);
}

static void
wait_until_left(Oid database)
{
	int64		started_ms = sa_worker_clock_ms();
	int64		waited_ms = 0;

	ConditionVariablePrepareToSleep(&sa_worker_shared->exited);
	while (waited_ms < SA_EVICT_LIMIT_MS &&
		   !workers_left(database, waited_ms >= SA_EVICT_PATIENCE_MS))
	{
		(void) ConditionVariableTimedSleep(&sa_worker_shared->exited, 500,
										   PG_WAIT_EXTENSION);
		waited_ms = sa_worker_clock_ms() - started_ms;
	}
	ConditionVariableCancelSleep();
}

/*
 * Whether no worker of ours is connected to the database.  One that has not
 * attached yet does not count: it will not be let in.
 */
static bool
workers_left(Oid database, bool terminate)
{
	bool		result = true;

	LWLockAcquire(sa_worker_shared->lock, LW_SHARED);
	for (int i = SA_FIRST_INSPECTOR; i < sa_worker_shared->slot_count; i++)
	{
		SaWorkerSlot *slot = &sa_worker_shared->slots[i];

		if (slot->phase != SA_SLOT_RUNNING || slot->database != database)
			continue;
		result = false;

		/* the pid can't be another's: see press_for_stops() */
		if (terminate)
			(void) kill(slot->pid, SIGTERM);
	}
	LWLockRelease(sa_worker_shared->lock);
	return result;
}

/* Let workers in again, and the launcher find out whether any are wanted. */
static void
release_holds(void)
{
	if (!holding)
		return;
	holding = false;

	LWLockAcquire(sa_worker_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < SA_MAX_HOLDS; i++)
	{
		SaDatabaseHold *hold = &sa_worker_shared->holds[i];

		if (!OidIsValid(hold->database) || hold->holder != MyProcPid)
			continue;
		sa_doorbell_ring_locked(hold->database);
		hold->database = InvalidOid;
		hold->holder = 0;
	}
	LWLockRelease(sa_worker_shared->lock);
}

static void
release_at_xact_end(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			release_holds();
			break;
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			break;
	}
}

static void
release_at_exit(int code, Datum arg)
{
	release_holds();
}
