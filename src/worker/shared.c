/*-------------------------------------------------------------------------
 *
 * shared.c
 *	  Shared memory of the background workers: making it, attaching to it,
 *	  reporting into it, looking at it.
 *
 * NOTES
 *	  Lock discipline and the life of a slot are in slots.h.  What the launcher
 *	  and others decide about slots is in slots.c.
 *
 *	  A process gives its slot back in an on_shmem_exit callback that it
 *	  registers before it connects to its database.  Callbacks run last in, first
 *	  out: by then the process has left the ProcArray, and whoever waits for the
 *	  slot (DROP DATABASE) knows that the database has one user less.  Destroying
 *	  the Kafka client comes later still, and holds up nobody.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/walwriter.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "stream_agg.h"
#include "worker/slots.h"

int			sa_max_workers = 32;

SaWorkerShared *sa_worker_shared = NULL;
SaWorkerSlot *sa_my_slot = NULL;

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

/* Since when this process has been committing batches without an error. */
static int64 progress_since_ms = 0;
static bool progress_proven = false;

static void request_shared_memory(void);
static void start_shared_memory(void);
static Size shared_memory_size(void);
static void detach(int code, Datum arg);
static void copy_text(char *to, const char *from, int size);

void
sa_worker_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;

	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shared_memory;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = start_shared_memory;
}

bool
sa_worker_available(void)
{
	return sa_worker_shared != NULL;
}

bool
sa_worker_stop_requested(void)
{
	bool		result;

	if (sa_my_slot == NULL)
		return false;

	LWLockAcquire(sa_worker_shared->lock, LW_SHARED);
	result = sa_my_slot->stop_requested;
	LWLockRelease(sa_worker_shared->lock);
	return result;
}

bool
sa_worker_take_wakeup(void)
{
	bool		result;

	if (sa_my_slot == NULL)
		return false;

	LWLockAcquire(sa_worker_shared->lock, LW_EXCLUSIVE);
	result = sa_my_slot->wakeup;
	sa_my_slot->wakeup = false;
	LWLockRelease(sa_worker_shared->lock);
	return result;
}

void
sa_worker_report(const char *format,...)
{
	char		text[SA_WORKER_STATE_LEN * 4];
	va_list		args;

	if (sa_my_slot == NULL)
		return;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	LWLockAcquire(sa_worker_shared->lock, LW_EXCLUSIVE);
	copy_text(sa_my_slot->state, text, SA_WORKER_STATE_LEN);
	LWLockRelease(sa_worker_shared->lock);
}

void
sa_worker_report_error(const char *message)
{
	progress_since_ms = 0;
	progress_proven = false;
	if (sa_my_slot == NULL)
		return;

	LWLockAcquire(sa_worker_shared->lock, LW_EXCLUSIVE);
	copy_text(sa_my_slot->last_error, message, SA_WORKER_ERROR_LEN);
	LWLockRelease(sa_worker_shared->lock);
}

/*
 * Batches commit asynchronously by default, and a crash takes back what the WAL
 * writer had not yet flushed: at most three times its delay.  A reader that
 * commits a batch and then crashes on the next would look healthy at every
 * start if a commit alone were proof.  It is not proven before it has been
 * committing for longer than what a crash can take back.
 */
void
sa_worker_report_progress(void)
{
	int64		now;

	if (sa_my_slot == NULL || progress_proven)
		return;

	now = sa_worker_clock_ms();
	if (progress_since_ms == 0)
		progress_since_ms = now;
	if (now - progress_since_ms <= 3 * (int64) WalWriterDelay)
		return;

	LWLockAcquire(sa_worker_shared->lock, LW_EXCLUSIVE);
	sa_my_slot->last_error[0] = '\0';
	sa_crash_record_forget_locked(sa_my_slot->database, sa_my_slot->reader);
	LWLockRelease(sa_worker_shared->lock);
	progress_proven = true;
}

void
sa_worker_forgive(int32 reader)
{
	if (sa_worker_shared == NULL)
		return;

	LWLockAcquire(sa_worker_shared->lock, LW_EXCLUSIVE);
	sa_crash_record_forget_locked(MyDatabaseId, reader);
	for (int i = SA_FIRST_READER; i < sa_worker_shared->slot_count; i++)
	{
		SaWorkerSlot *slot = &sa_worker_shared->slots[i];

		if (slot->phase == SA_SLOT_WAITING &&
			slot->database == MyDatabaseId && slot->reader == reader)
			slot->not_before_ms = 0;
	}
	sa_slot_wake_launcher_locked();
	LWLockRelease(sa_worker_shared->lock);
}

int
sa_worker_snapshot(Oid database, SaWorkerInfo **infos)
{
	SaWorkerInfo *result;
	int			count = 0;

	*infos = NULL;
	if (sa_worker_shared == NULL)
		return 0;

	/* slot_count never changes, so that it can be read without the lock */
	result = palloc0(sizeof(SaWorkerInfo) * sa_worker_shared->slot_count);

	LWLockAcquire(sa_worker_shared->lock, LW_SHARED);
	for (int i = 0; i < sa_worker_shared->slot_count; i++)
	{
		SaWorkerSlot *slot = &sa_worker_shared->slots[i];
		SaWorkerInfo *info = &result[count];

		if (slot->phase == SA_SLOT_FREE)
			continue;
		if (slot->kind != SA_WORKER_LAUNCHER && slot->database != database)
			continue;

		info->kind = slot->kind;
		info->pid = slot->pid;
		info->database = slot->database;
		info->reader = slot->reader;
		info->since = slot->since;
		strlcpy(info->state, slot->state, SA_WORKER_STATE_LEN);
		strlcpy(info->last_error, slot->last_error, SA_WORKER_ERROR_LEN);
		count++;
	}
	LWLockRelease(sa_worker_shared->lock);

	*infos = result;
	return count;
}

/*
 * The launcher takes its slot.  A predecessor is gone: the postmaster runs one
 * process per registered worker.
 */
void
sa_slot_attach_launcher(void)
{
	SaWorkerSlot *slot = &sa_worker_shared->slots[SA_LAUNCHER_SLOT];

	on_shmem_exit(detach, (Datum) 0);

	LWLockAcquire(sa_worker_shared->lock, LW_EXCLUSIVE);
	slot->kind = SA_WORKER_LAUNCHER;
	slot->phase = SA_SLOT_RUNNING;
	slot->pid = MyProcPid;
	slot->latch = MyLatch;
	slot->since = GetCurrentTimestamp();
	strlcpy(slot->state, "starting", SA_WORKER_STATE_LEN);
	LWLockRelease(sa_worker_shared->lock);
	sa_my_slot = slot;
}

/*
 * An inspector or reader takes the slot that it was registered for.  Returns
 * false if it is not to run after all: then it must exit at once, before it
 * connects to the database.
 */
bool
sa_slot_attach(Oid *database, int32 *reader)
{
	SaWorkerTicket ticket;
	SaWorkerSlot *slot;
	bool		expected;
	bool		accepted;

	memcpy(&ticket, MyBgworkerEntry->bgw_extra, sizeof(ticket));
	if (sa_worker_shared == NULL ||
		ticket.slot <= SA_LAUNCHER_SLOT ||
		ticket.slot >= sa_worker_shared->slot_count)
		return false;

	on_shmem_exit(detach, (Datum) 0);

	slot = &sa_worker_shared->slots[ticket.slot];
	LWLockAcquire(sa_worker_shared->lock, LW_EXCLUSIVE);
	expected = (slot->phase == SA_SLOT_STARTING &&
				slot->generation == ticket.generation);
	accepted = (expected && !slot->stop_requested &&
				!sa_slots_held_locked(slot->database));
	if (accepted)
	{
		slot->phase = SA_SLOT_RUNNING;
		slot->phase_since_ms = sa_worker_clock_ms();
		slot->pid = MyProcPid;
		slot->latch = MyLatch;
		slot->quit_by_postmaster = false;
		slot->wakeup = false;
		slot->since = GetCurrentTimestamp();
		strlcpy(slot->state, "connecting", SA_WORKER_STATE_LEN);
		*database = slot->database;
		*reader = slot->reader;
	}
	else if (expected)
	{
		slot->phase = SA_SLOT_EXITED;
		sa_slot_wake_launcher_locked();
	}
	LWLockRelease(sa_worker_shared->lock);

	if (accepted)
		sa_my_slot = slot;
	return accepted;
}

/* How this process is about to end; without a call it has failed. */
void
sa_slot_set_outcome(SaWorkerOutcome outcome)
{
	LWLockAcquire(sa_worker_shared->lock, LW_EXCLUSIVE);
	sa_my_slot->outcome = outcome;
	LWLockRelease(sa_worker_shared->lock);
}

static void
request_shared_memory(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();

	RequestAddinShmemSpace(shared_memory_size());
	RequestNamedLWLockTranche(SA_EXTENSION_NAME, 1);
}

static Size
shared_memory_size(void)
{
	return MAXALIGN(add_size(offsetof(SaWorkerShared, slots),
							 mul_size(SA_FIRST_READER + sa_max_workers,
									  sizeof(SaWorkerSlot))));
}

/* In the postmaster, at its start and again after each crash. */
static void
start_shared_memory(void)
{
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	sa_worker_shared = ShmemInitStruct("stream_agg workers",
									   shared_memory_size(), &found);
	if (!found)
	{
		memset(sa_worker_shared, 0, shared_memory_size());
		sa_worker_shared->lock =
			&(GetNamedLWLockTranche(SA_EXTENSION_NAME))->lock;
		ConditionVariableInit(&sa_worker_shared->exited);
		sa_worker_shared->slot_count = SA_FIRST_READER + sa_max_workers;
	}
	LWLockRelease(AddinShmemInitLock);

	if (!IsUnderPostmaster)
		sa_crash_record_restore();
}

/*
 * Exit callback: give the slot back.  Runs whenever the process ends in an
 * orderly way, also by FATAL.
 */
static void
detach(int code, Datum arg)
{
	SaWorkerSlot *slot = sa_my_slot;

	if (slot == NULL)
		return;
	sa_my_slot = NULL;

	LWLockAcquire(sa_worker_shared->lock, LW_EXCLUSIVE);
	slot->phase = (slot->kind == SA_WORKER_LAUNCHER) ?
		SA_SLOT_FREE : SA_SLOT_EXITED;
	slot->pid = 0;
	slot->latch = NULL;
	slot->since = GetCurrentTimestamp();
	strlcpy(slot->state, "exited", SA_WORKER_STATE_LEN);
	sa_slot_wake_launcher_locked();
	LWLockRelease(sa_worker_shared->lock);

	ConditionVariableBroadcast(&sa_worker_shared->exited);
}

/* Like strlcpy, but never ends in the middle of a character. */
static void
copy_text(char *to, const char *from, int size)
{
	int			len = pg_mbcliplen(from, strlen(from), size - 1);

	memcpy(to, from, len);
	to[len] = '\0';
}
