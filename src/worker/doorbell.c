/*-------------------------------------------------------------------------
 *
 * doorbell.c
 *	  Telling the background workers that the catalogs have changed.
 *
 * NOTES
 *	  Who answers the bell must see the change.  At XACT_EVENT_COMMIT it is
 *	  visible in tables, but the messages that invalidate other processes' caches
 *	  are not sent yet, and locks not released.  A reader that is woken then finds
 *	  the row of a new view, looks the view up in a cache which says that there
 *	  is none, and fails.  So the bell rings when the transaction's last resources
 *	  are released, a moment later.
 *
 *	  The launcher takes the ring before it starts the inspector that looks: a
 *	  bell that rings during an inspection is good for another one.
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
#include "utils/resowner.h"

#include "worker/doorbell.h"
#include "worker/slots.h"

static bool ring_at_commit = false;
static bool ring_at_release = false;	/* the commit has happened */
static bool callbacks_registered = false;

static void decide_at_xact_end(XactEvent event, void *arg);
static void ring_at_resource_release(ResourceReleasePhase phase, bool is_commit,
									 bool is_top_level, void *arg);
static void remember_ring_locked(Oid database);

void
sa_doorbell_ring_at_commit(void)
{
	if (sa_worker_shared == NULL)
		return;

	if (!callbacks_registered)
	{
		RegisterXactCallback(decide_at_xact_end, NULL);
		RegisterResourceReleaseCallback(ring_at_resource_release, NULL);
		callbacks_registered = true;
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
decide_at_xact_end(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			ring_at_release = ring_at_commit;
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

/* Runs for each resource owner, and long before the commit for some. */
static void
ring_at_resource_release(ResourceReleasePhase phase, bool is_commit,
						 bool is_top_level, void *arg)
{
	if (!ring_at_release || phase != RESOURCE_RELEASE_AFTER_LOCKS)
		return;
	ring_at_release = false;

	LWLockAcquire(sa_worker_shared->lock, LW_EXCLUSIVE);
	sa_doorbell_ring_locked(MyDatabaseId);
	LWLockRelease(sa_worker_shared->lock);
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
