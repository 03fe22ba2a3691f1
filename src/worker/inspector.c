/*-------------------------------------------------------------------------
 *
 * inspector.c
 *	  The process that asks one database what is to run in it.
 *
 * NOTES
 *	  It lives for one short transaction that only reads.  An error ends it, and
 *	  the launcher sends another one after a while.  See launcher.c for why it
 *	  doesn't stay.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "metadata/reader.h"
#include "worker/inspector.h"
#include "worker/process.h"
#include "worker/slots.h"

static bool look_at_catalogs(List **readers);

void
stream_agg_inspector_main(Datum main_arg)
{
	Oid			database;
	int32		reader;
	List	   *readers;
	bool		present;
	int			missing;

	sa_process_handle_signals();
	BackgroundWorkerUnblockSignals();
	if (!sa_slot_attach(&database, &reader))
		proc_exit(0);

	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	sa_process_pin_settings("stream_agg inspector");
	sa_worker_report("inspecting the catalogs");

	present = look_at_catalogs(&readers);
	missing = sa_slots_set_wanted(database, readers);
	if (missing > 0)
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg_plural("could not start %d reader of database %u",
							   "could not start %d readers of database %u",
							   missing, missing, database),
				 errdetail("All databases together may have %d readers.",
						   sa_max_workers),
				 errhint("Increase stream_agg.max_workers, and max_worker_processes with it.")));

	sa_slot_set_outcome(present ? SA_OUTCOME_PRESENT : SA_OUTCOME_ABSENT);
	proc_exit(0);
}

/* Is the extension here, and if so, which readers are to run? */
static bool
look_at_catalogs(List **readers)
{
	bool		present;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	present = OidIsValid(get_extension_oid(SA_EXTENSION_NAME, true));

	/* the list must outlive the transaction */
	MemoryContextSwitchTo(TopMemoryContext);
	*readers = present ? sa_readers_to_run() : NIL;

	PopActiveSnapshot();
	CommitTransactionCommand();
	return present;
}
