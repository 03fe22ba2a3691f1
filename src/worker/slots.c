/*-------------------------------------------------------------------------
 *
 * slots.c
 *	  Deciding about slots: which readers are wanted, who has to stop.
 *
 * NOTES
 *	  See slots.h for the life of a slot.  Nothing here starts a process; that is
 *	  the launcher's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "worker/slots.h"

static SaWorkerSlot *find_reader_locked(Oid database, int32 reader);
static SaWorkerSlot *find_free_locked(void);
static void add_reader_locked(SaWorkerSlot *slot, Oid database, int32 reader);

void
sa_slot_wake_launcher_locked(void)
{
	Latch	   *latch = sa_worker_shared->slots[SA_LAUNCHER_SLOT].latch;

	if (latch != NULL)
		SetLatch(latch);
}

/*
 * Ask a worker to end.  One that has not attached yet will be refused.  The
 * launcher sends SIGTERM to those that take too long.
 */
void
sa_slot_request_stop_locked(SaWorkerSlot *slot)
{
	if (slot->stop_requested ||
		(slot->phase != SA_SLOT_STARTING && slot->phase != SA_SLOT_RUNNING))
		return;

	slot->stop_requested = true;
	slot->stop_requested_ms = sa_worker_clock_ms();
	if (slot->latch != NULL)
		SetLatch(slot->latch);
}

/*
 * The generation stays: it must not repeat for the next occupant.  Where slots
 * are scarce, nobody knows any more which database went without, so all are
 * inspected again.
 */
void
sa_slot_free_locked(SaWorkerSlot *slot)
{
	uint32		generation = slot->generation;
	bool		was_reader = (slot->kind == SA_WORKER_READER);

	memset(slot, 0, sizeof(SaWorkerSlot));
	slot->generation = generation;

	if (was_reader && sa_worker_shared->short_of_slots)
	{
		sa_worker_shared->short_of_slots = false;
		sa_worker_shared->rung_all = true;
		sa_slot_wake_launcher_locked();
	}
}

bool
sa_slots_held_locked(Oid database)
{
	for (int i = 0; i < SA_MAX_HOLDS; i++)
	{
		if (sa_worker_shared->holds[i].database == database)
			return true;
	}
	return false;
}

/* Is an inspector on its way to this database, or there? */
bool
sa_slots_inspected_locked(Oid database)
{
	for (int i = SA_FIRST_INSPECTOR; i < SA_FIRST_READER; i++)
	{
		if (sa_worker_shared->slots[i].phase != SA_SLOT_FREE &&
			sa_worker_shared->slots[i].database == database)
			return true;
	}
	return false;
}

/*
 * An inspector says: the catalogs of its database want exactly these readers (a
 * list of int) to run.  Returns the number of those for which there was no slot.
 *
 * One that was asked to stop is not listened to: after a hold on the database,
 * what it has seen may no longer be so.
 */
int
sa_slots_set_wanted(Oid database, List *readers)
{
	int			missing = 0;
	ListCell   *lc;

	LWLockAcquire(sa_worker_shared->lock, LW_EXCLUSIVE);
	if (sa_my_slot->stop_requested)
	{
		LWLockRelease(sa_worker_shared->lock);
		return 0;
	}

	for (int i = SA_FIRST_READER; i < sa_worker_shared->slot_count; i++)
	{
		SaWorkerSlot *slot = &sa_worker_shared->slots[i];

		if (slot->phase == SA_SLOT_FREE || slot->database != database)
			continue;

		slot->wanted = list_member_int(readers, slot->reader);
		if (slot->wanted)
			continue;
		if (slot->phase == SA_SLOT_WAITING)
			sa_slot_free_locked(slot);
		else
			sa_slot_request_stop_locked(slot);
	}

	foreach(lc, readers)
	{
		int32		reader = lfirst_int(lc);
		SaWorkerSlot *slot = find_reader_locked(database, reader);

		if (slot != NULL)
			continue;
		slot = find_free_locked();
		if (slot == NULL)
			missing++;
		else
			add_reader_locked(slot, database, reader);
	}

	if (missing > 0)
		sa_worker_shared->short_of_slots = true;
	sa_slot_wake_launcher_locked();
	LWLockRelease(sa_worker_shared->lock);
	return missing;
}

/*
 * Stop all that runs in a database, and forget what was wanted there; the next
 * inspection finds out anew.
 */
void
sa_slots_dismiss_locked(Oid database)
{
	for (int i = SA_FIRST_INSPECTOR; i < sa_worker_shared->slot_count; i++)
	{
		SaWorkerSlot *slot = &sa_worker_shared->slots[i];

		if (slot->phase == SA_SLOT_FREE || slot->database != database)
			continue;

		slot->wanted = false;
		if (slot->phase == SA_SLOT_WAITING)
			sa_slot_free_locked(slot);
		else
			sa_slot_request_stop_locked(slot);
	}
}

static SaWorkerSlot *
find_reader_locked(Oid database, int32 reader)
{
	for (int i = SA_FIRST_READER; i < sa_worker_shared->slot_count; i++)
	{
		SaWorkerSlot *slot = &sa_worker_shared->slots[i];

		if (slot->phase != SA_SLOT_FREE &&
			slot->database == database && slot->reader == reader)
			return slot;
	}
	return NULL;
}

static SaWorkerSlot *
find_free_locked(void)
{
	for (int i = SA_FIRST_READER; i < sa_worker_shared->slot_count; i++)
	{
		if (sa_worker_shared->slots[i].phase == SA_SLOT_FREE)
			return &sa_worker_shared->slots[i];
	}
	return NULL;
}

/*
 * A reader that has crashed the server again and again without getting anywhere
 * is given ever more time, and in the end not started any more.
 */
static void
add_reader_locked(SaWorkerSlot *slot, Oid database, int32 reader)
{
	int			crashes = sa_crash_record_count_locked(database, reader);

	slot->kind = SA_WORKER_READER;
	slot->phase = SA_SLOT_WAITING;
	slot->database = database;
	slot->reader = reader;
	slot->wanted = true;
	slot->since = GetCurrentTimestamp();
	if (crashes >= SA_CRASH_LIMIT)
	{
		slot->not_before_ms = PG_INT64_MAX;
		strlcpy(slot->state, "stopped", SA_WORKER_STATE_LEN);
		snprintf(slot->last_error, SA_WORKER_ERROR_LEN,
				 "its worker crashed %d times in a row; see the server log, "
				 "then call stream_agg.resume()", crashes);
		return;
	}

	/* 1, 2 … 16 s; the first two may have been bad luck */
	if (crashes > 1)
		slot->not_before_ms = sa_worker_clock_ms() +
			((int64) 1000 << (crashes - 2));
	strlcpy(slot->state, "waiting to start", SA_WORKER_STATE_LEN);
	if (crashes > 0)
		snprintf(slot->last_error, SA_WORKER_ERROR_LEN,
				 "its worker crashed (in a row: %d)", crashes);
}
