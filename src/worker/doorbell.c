/*-------------------------------------------------------------------------
 *
 * doorbell.c
 *	  Telling the background workers that the catalogs have changed.
 *
 * NOTES
 *	  The bell rings after the commit is visible to other sessions (that is when
 *	  XACT_EVENT_COMMIT comes), so that who answers it sees the change.  The
 *	  launcher takes the ring before it starts the inspector that looks: a bell
 *	  that rings during an inspection is good for another one.
 *
 *	  A rolled-back savepoint does not take the ring back; to ring for nothing
 *	  costs one look at the catalogs.
 *
 *	  PREPARE TRANSACTION forgets the ring: who commits it later knows nothing of
 *	  it.  The launcher's own slow look finds what changed, see visits.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"

#include "worker/doorbell.h"
#include "worker/slots.h"

static bool ring_at_commit = false;
static bool callback_registered = false;

static void ring_or_forget(XactEvent event, void *arg);
static void remember_ring_locked(Oid database);

void
sa_doorbell_ring_at_commit(void)
{
	if (sa_worker_shared == NULL)
		return;

	if (!callback_registered)
	{
		RegisterXactCallback(ring_or_forget, NULL);
		callback_registered = true;
	}
	ring_at_commit = true;
}

/* Ring now: wake the launcher and the readers of a database. */
void
sa_doorbell_ring_locked(Oid database)
{
	remember_ring_locked(database);
	sa_slot_wake_launcher_locked();

	for (int i = SA_FIRST_READER; i < sa_worker_shared->slot_count; i++)
	{
		SaWorkerSlot *slot = &sa_worker_shared->slots[i];

		if (slot->phase != SA_SLOT_RUNNING || slot->database != database)
			continue;
		slot->wakeup = true;
		SetLatch(slot->latch);
	}
}

static void
ring_or_forget(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			if (ring_at_commit)
			{
				LWLockAcquire(sa_worker_shared->lock, LW_EXCLUSIVE);
				sa_doorbell_ring_locked(MyDatabaseId);
				LWLockRelease(sa_worker_shared->lock);
			}
			ring_at_commit = false;
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			ring_at_commit = false;
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
remember_ring_locked(Oid database)
{
	SaWorkerShared *shared = sa_worker_shared;

	for (int i = 0; i < shared->rung_count; i++)
	{
		if (shared->rung[i] == database)
			return;
	}
	if (shared->rung_count < SA_MAX_RINGS)
		shared->rung[shared->rung_count++] = database;
	else
		shared->rung_all = true;
}

void
sa_worker_wake(int32 reader)
{
	if (!sa_worker_available())
		return;
	LWLockAcquire(sa_worker_shared->lock, LW_SHARED);
	for (int i = SA_FIRST_READER; i < sa_worker_shared->slot_count; i++)
	{
		SaWorkerSlot *slot = &sa_worker_shared->slots[i];

		if (slot->phase != SA_SLOT_RUNNING || slot->database != MyDatabaseId ||
			slot->reader != reader)
			continue;
		slot->wakeup = true;
		SetLatch(slot->latch);
	}
	LWLockRelease(sa_worker_shared->lock);
}
