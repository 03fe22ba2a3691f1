/*-------------------------------------------------------------------------
 *
 * crash_record.c
 *	  Remembering which readers crashed the server, across the crash.
 *
 * NOTES
 *	  A message that makes a worker crash (out of memory in a decompressor, say)
 *	  restarts the whole server, and is the first that the worker meets after
 *	  the restart: without a breaker, one message in Kafka keeps a database down
 *	  for ever.  So a reader that crashes again and again, without its position
 *	  having moved in between, is no longer started (SA_CRASH_LIMIT).
 *
 *	  Shared memory does not outlive a crash, and a table can't be written in
 *	  one.  But the postmaster lives on, and before it throws the old shared
 *	  memory away it runs its on_shmem_exit callbacks, when all its children are
 *	  gone.  There it can see whose slot was still in use.  All others were told
 *	  to quit by SIGQUIT, and our readers' handler says so in the slot
 *	  (reader_worker.c); who was in use and has not said so is who crashed.  (With
 *	  send_abort_for_crash, a debugging aid of 16 and later, nobody gets SIGQUIT,
 *	  and all are suspects.)
 *
 *	  The postmaster must survive whatever it finds there.  It copies arrays of
 *	  fixed length, follows no pointer but its own, and takes no lock.
 *
 *	  A restart of the server by hand forgets the records, as is right.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"

#include "worker/slots.h"

/* in the postmaster only */
static SaCrashRecord kept[SA_MAX_CRASHES];
static int	kept_slot_count;

static void keep_crash_records(int code, Datum arg);
static SaCrashRecord *find_record(SaCrashRecord *records, Oid database,
								  int32 reader);
static void count_crash(Oid database, int32 reader);

/*
 * Postmaster, with shared memory just made: put the records into it, and see to
 * it that the next crash is noticed.
 */
void
sa_crash_record_restore(void)
{
	memcpy(sa_worker_shared->crash_records, kept, sizeof(kept));
	kept_slot_count = sa_worker_shared->slot_count;
	on_shmem_exit(keep_crash_records, (Datum) 0);
}

int
sa_crash_record_count_locked(Oid database, int32 reader)
{
	SaCrashRecord *record = find_record(sa_worker_shared->crash_records,
										database, reader);

	return record ? record->crashes : 0;
}

void
sa_crash_record_forget_locked(Oid database, int32 reader)
{
	SaCrashRecord *record = find_record(sa_worker_shared->crash_records,
										database, reader);

	if (record != NULL)
		memset(record, 0, sizeof(SaCrashRecord));
}

/*
 * Callback of the postmaster alone (children drop inherited callbacks).  A code
 * other than 0 means that it is about to start anew after a crash.
 */
static void
keep_crash_records(int code, Datum arg)
{
	if (code == 0 || sa_worker_shared == NULL)
		return;

	memcpy(kept, sa_worker_shared->crash_records, sizeof(kept));
	for (int i = SA_FIRST_READER; i < kept_slot_count; i++)
	{
		SaWorkerSlot *slot = &sa_worker_shared->slots[i];

		if (slot->kind == SA_WORKER_READER &&
			slot->phase == SA_SLOT_RUNNING &&
			OidIsValid(slot->database) &&
			!slot->quit_by_postmaster)
			count_crash(slot->database, slot->reader);
	}
}

static SaCrashRecord *
find_record(SaCrashRecord *records, Oid database, int32 reader)
{
	for (int i = 0; i < SA_MAX_CRASHES; i++)
	{
		if (records[i].database == database &&
			(!OidIsValid(database) || records[i].reader == reader))
			return &records[i];
	}
	return NULL;
}

/* With more suspects than records, the surplus is not counted. */
static void
count_crash(Oid database, int32 reader)
{
	SaCrashRecord *record = find_record(kept, database, reader);

	if (record == NULL)
		record = find_record(kept, InvalidOid, 0);
	if (record == NULL)
		return;

	record->database = database;
	record->reader = reader;
	record->crashes++;
	ereport(LOG,
			(errmsg("stream_agg reader %d of database %u has crashed",
					reader, database),
			 errdetail("This was crash number %d since its positions last moved.",
					   record->crashes)));
}
