/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  The process that starts and stops all the others.
 *
 * NOTES
 *	  The words of this folder:
 *
 *		launcher	one per cluster, always there, connected to no database;
 *		inspector	a process that connects to one database, finds out which
 *					readers its catalogs want to run, and leaves;
 *		reader		a process that reads one stream, for as long as it is wanted;
 *		slot		the account of an inspector or reader in shared memory;
 *		doorbell	how a committed change of the catalogs gets noticed;
 *		hold		how a command on a whole database keeps us out of it.
 *
 *	  Inspectors leave because every process takes one of max_worker_processes
 *	  (8 by default, for everything in the server), and most databases want
 *	  nothing most of the time: one process per reader is all there is in the
 *	  long run, and databases without readers cost nothing.
 *
 *	  The launcher is the only one to register workers, and decides alone when.
 *	  All that it decides by is in shared memory, and survives it: after an error
 *	  it exits, the postmaster starts another a second later, and that one goes
 *	  on with the readers that are running.  The handles of registered workers
 *	  are lost then, which matters only for those that never attached.
 *
 *	  A round of the main loop never waits, but for the look at pg_database,
 *	  which takes a lock that nothing but VACUUM FULL of it conflicts with.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "worker/inspector.h"
#include "worker/launcher.h"
#include "worker/process.h"
#include "worker/reader_worker.h"
#include "worker/slots.h"
#include "worker/visits.h"

#define SA_STOP_PATIENCE_MS		2000	/* from request to SIGTERM */
#define SA_VISIT_LIMIT_MS		30000	/* an inspector hangs after this */
#define SA_LOST_START_MS		30000	/* STARTING without a handle */
#define SA_SHORT_RUN_MS			60000	/* a longer run was a good one */
#define SA_RESTART_MAX_MS		60000
#define SA_SLOT_RETRY_MS		1000	/* when all worker processes are taken */
#define SA_FIRST_ROUND_MS		5000
#define SA_LONGEST_WAIT_MS		60000
#define SA_SHORTEST_WAIT_MS		10

/* by slot; NULL where there is none.  TopMemoryContext. */
static BackgroundWorkerHandle **handles;

/* Before this, after the server had no free worker process, don't ask again. */
static int64 retry_start_ms = 0;
static bool slots_exhausted = false;

/* Until then readers wait for all databases to have been inspected once. */
static int64 first_round_until_ms;

static void run_round(int64 now_ms);
static void collect_exited(int64 now_ms);
static void collect_inspector(SaWorkerSlot *slot, int64 now_ms);
static void collect_reader_locked(SaWorkerSlot *slot, int64 now_ms);
static int64 restart_delay(SaWorkerSlot *slot, int64 now_ms);
static void give_up_lost_starts(int64 now_ms);
static void press_for_stops(int64 now_ms);
static void start_inspectors(int64 now_ms);
static void start_readers(int64 now_ms);
static bool in_first_round(int64 now_ms);
static bool claim_inspector_slot(int index, Oid database, int64 now_ms);
static bool claim_reader_slot(int index, int64 now_ms);
static void mark_starting_locked(SaWorkerSlot *slot, int64 now_ms);
static bool start_worker(int index, const char *function, const char *type,
						 int64 now_ms);
static void take_back_start(SaWorkerSlot *slot);
static void note_exhausted(int64 now_ms);
static void drop_handle(int index);
static int64 next_wake_ms(int64 now_ms);
static int64 slot_wake_ms_locked(SaWorkerSlot *slot, bool first_round);
static void report_state(void);

void
sa_launcher_register(void)
{
	BackgroundWorker worker;

	/* pg_upgrade copies positions and results: nothing may move in between */
	if (IsBinaryUpgrade)
		return;

	sa_process_describe(&worker, "stream_agg_launcher_main",
						"stream_agg launcher", "stream_agg launcher");
	worker.bgw_restart_time = 1;
	RegisterBackgroundWorker(&worker);
}

void
stream_agg_launcher_main(Datum main_arg)
{
	int64		now_ms;

	sa_process_handle_signals();
	BackgroundWorkerUnblockSignals();
	sa_slot_attach_launcher();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	sa_process_pin_settings("stream_agg launcher");

	handles = MemoryContextAllocZero(TopMemoryContext,
									 sizeof(BackgroundWorkerHandle *) *
									 sa_worker_shared->slot_count);
	MemoryContextSwitchTo(TopMemoryContext);

	first_round_until_ms = sa_worker_clock_ms() + SA_FIRST_ROUND_MS;
	sa_worker_report("running");

	for (;;)
	{
		now_ms = sa_worker_clock_ms();
		run_round(now_ms);
		sa_process_wait(next_wake_ms(now_ms) - sa_worker_clock_ms());
	}
}

static void
run_round(int64 now_ms)
{
	sa_visits_update(now_ms);
	give_up_lost_starts(now_ms);
	collect_exited(now_ms);
	press_for_stops(now_ms);
	start_inspectors(now_ms);
	start_readers(now_ms);
	report_state();
}

/*
 * Decide what becomes of slots whose process is gone, once the postmaster knows
 * it too (and tells us): only then can another process take its place among
 * max_worker_processes.
 */
static void
collect_exited(int64 now_ms)
{
	for (int i = SA_FIRST_INSPECTOR; i < sa_worker_shared->slot_count; i++)
	{
		SaWorkerSlot *slot = &sa_worker_shared->slots[i];
		SaWorkerSlot exited;
		pid_t		pid;

		if (handles[i] != NULL &&
			GetBackgroundWorkerPid(handles[i], &pid) != BGWH_STOPPED)
			continue;

		LWLockAcquire(sa_worker_shared->lock, LW_EXCLUSIVE);
		exited = *slot;
		if (exited.phase == SA_SLOT_EXITED)
		{
			if (exited.kind == SA_WORKER_READER && exited.wanted)
				collect_reader_locked(slot, now_ms);
			else
				sa_slot_free_locked(slot);
		}
		LWLockRelease(sa_worker_shared->lock);

		if (exited.phase != SA_SLOT_EXITED)
			continue;
		drop_handle(i);
		retry_start_ms = 0;		/* there is room for one at least */
		if (exited.kind == SA_WORKER_INSPECTOR)
			collect_inspector(&exited, now_ms);
		else if (exited.outcome == SA_OUTCOME_DONE)
			sa_visits_request(exited.database, now_ms);
	}
}

static void
collect_inspector(SaWorkerSlot *slot, int64 now_ms)
{
	sa_visits_finished(slot->database, slot->outcome, slot->stop_requested,
					   now_ms);
}

/*
 * A reader that was wanted has ended.  If it says that it is done, then the next
 * inspection will agree and free the slot, or want it again; the slot is kept
 * until then, so that a reader and an inspector that disagree for ever do so
 * with growing pauses.
 */
static void
collect_reader_locked(SaWorkerSlot *slot, int64 now_ms)
{
	slot->phase = SA_SLOT_WAITING;
	slot->since = GetCurrentTimestamp();
	strlcpy(slot->state, "waiting to restart", SA_WORKER_STATE_LEN);

	/* asked to stop, and wanted again before it had: no fault of its own */
	if (slot->stop_requested)
	{
		slot->stop_requested = false;
		slot->not_before_ms = now_ms;
		return;
	}

	slot->not_before_ms = now_ms + restart_delay(slot, now_ms);
	if (slot->outcome == SA_OUTCOME_DONE)
		slot->wanted = false;
	else if (slot->last_error[0] == '\0')
		strlcpy(slot->last_error, "its worker ended; see the server log",
				SA_WORKER_ERROR_LEN);
}

/* 0 (done) or 1 s (failed), then 2, 4 … 60 s, until a run lasts. */
static int64
restart_delay(SaWorkerSlot *slot, int64 now_ms)
{
	if (now_ms - slot->phase_since_ms >= SA_SHORT_RUN_MS)
		slot->short_runs = 0;
	slot->short_runs = Min(slot->short_runs + 1, 8);

	if (slot->outcome == SA_OUTCOME_DONE && slot->short_runs == 1)
		return 0;
	return Min((int64) 500 << slot->short_runs, SA_RESTART_MAX_MS);
}

/*
 * Workers that were registered and will never attach: the postmaster could not
 * fork, or they died before they got so far.
 */
static void
give_up_lost_starts(int64 now_ms)
{
	for (int i = SA_FIRST_INSPECTOR; i < sa_worker_shared->slot_count; i++)
	{
		SaWorkerSlot *slot = &sa_worker_shared->slots[i];
		bool		lost;
		pid_t		pid;

		/* only this process makes a slot STARTING, so that peeking is safe */
		if (slot->phase != SA_SLOT_STARTING)
			continue;
		if (handles[i] != NULL)
			lost = GetBackgroundWorkerPid(handles[i], &pid) == BGWH_STOPPED;
		else
			lost = now_ms - slot->phase_since_ms > SA_LOST_START_MS;
		if (!lost)
			continue;

		LWLockAcquire(sa_worker_shared->lock, LW_EXCLUSIVE);
		if (slot->phase == SA_SLOT_STARTING)
		{
			slot->phase = SA_SLOT_EXITED;
			slot->generation++;
		}
		LWLockRelease(sa_worker_shared->lock);
	}
}

/*
 * SIGTERM for those that were asked to stop and haven't, and for inspectors that
 * hang.  A slot has a pid only as long as the process exists: it takes the pid
 * out, under this lock, before it is gone.
 */
static void
press_for_stops(int64 now_ms)
{
	LWLockAcquire(sa_worker_shared->lock, LW_EXCLUSIVE);
	for (int i = SA_FIRST_INSPECTOR; i < sa_worker_shared->slot_count; i++)
	{
		SaWorkerSlot *slot = &sa_worker_shared->slots[i];

		if (slot->phase != SA_SLOT_RUNNING)
			continue;
		if (slot->kind == SA_WORKER_INSPECTOR &&
			now_ms - slot->phase_since_ms > SA_VISIT_LIMIT_MS)
			sa_slot_request_stop_locked(slot);
		if (slot->stop_requested &&
			now_ms - slot->stop_requested_ms >= SA_STOP_PATIENCE_MS)
		{
			slot->stop_requested_ms = now_ms;
			(void) kill(slot->pid, SIGTERM);
		}
	}
	LWLockRelease(sa_worker_shared->lock);
}

static void
start_inspectors(int64 now_ms)
{
	for (int i = SA_FIRST_INSPECTOR; i < SA_FIRST_READER; i++)
	{
		Oid			database;

		if (now_ms < retry_start_ms)
			return;
		database = sa_visits_next_due(now_ms);
		if (!OidIsValid(database))
			return;
		if (claim_inspector_slot(i, database, now_ms) &&
			start_worker(i, SA_INSPECTOR_MAIN, "stream_agg inspector", now_ms))
			sa_visits_started(database, now_ms);
	}
}

/*
 * Where worker processes are scarce, readers of the first databases would take
 * them all, and the other databases could not even be inspected and say what
 * they wait for.  So for a moment after the start, inspections come first.
 */
static void
start_readers(int64 now_ms)
{
	if (in_first_round(now_ms))
		return;

	for (int i = SA_FIRST_READER; i < sa_worker_shared->slot_count; i++)
	{
		if (now_ms < retry_start_ms)
			return;
		if (claim_reader_slot(i, now_ms))
			(void) start_worker(i, SA_READER_WORKER_MAIN, "stream_agg reader",
								now_ms);
	}

	/* none is left waiting */
	if (now_ms >= retry_start_ms)
		slots_exhausted = false;
}

static bool
in_first_round(int64 now_ms)
{
	return now_ms < first_round_until_ms && sa_visits_wake_at() <= now_ms;
}

static bool
claim_inspector_slot(int index, Oid database, int64 now_ms)
{
	SaWorkerSlot *slot = &sa_worker_shared->slots[index];
	bool		result;

	LWLockAcquire(sa_worker_shared->lock, LW_EXCLUSIVE);
	result = slot->phase == SA_SLOT_FREE && !sa_slots_held_locked(database);
	if (result)
	{
		slot->kind = SA_WORKER_INSPECTOR;
		slot->database = database;
		slot->since = GetCurrentTimestamp();
		mark_starting_locked(slot, now_ms);
	}
	LWLockRelease(sa_worker_shared->lock);
	return result;
}

static bool
claim_reader_slot(int index, int64 now_ms)
{
	SaWorkerSlot *slot = &sa_worker_shared->slots[index];
	bool		result;

	LWLockAcquire(sa_worker_shared->lock, LW_EXCLUSIVE);
	result = slot->phase == SA_SLOT_WAITING && slot->wanted &&
		slot->not_before_ms <= now_ms &&
		!sa_slots_held_locked(slot->database);
	if (result)
		mark_starting_locked(slot, now_ms);
	LWLockRelease(sa_worker_shared->lock);
	return result;
}

/* Before the worker is registered, since it may be faster than we are. */
static void
mark_starting_locked(SaWorkerSlot *slot, int64 now_ms)
{
	slot->phase = SA_SLOT_STARTING;
	slot->generation++;
	slot->phase_since_ms = now_ms;
	slot->stop_requested = false;
	slot->outcome = SA_OUTCOME_FAILED;
	strlcpy(slot->state, "starting", SA_WORKER_STATE_LEN);
}

/* Register the worker of a slot that was claimed. */
static bool
start_worker(int index, const char *function, const char *type, int64 now_ms)
{
	SaWorkerSlot *slot = &sa_worker_shared->slots[index];
	BackgroundWorker worker;
	SaWorkerTicket ticket = {index, slot->generation};
	char		name[BGW_MAXLEN];

	if (slot->kind == SA_WORKER_READER)
		snprintf(name, sizeof(name), "%s %d of database %u", type,
				 slot->reader, slot->database);
	else
		snprintf(name, sizeof(name), "%s of database %u", type,
				 slot->database);
	sa_process_describe(&worker, function, type, name);
	worker.bgw_notify_pid = MyProcPid;
	memcpy(worker.bgw_extra, &ticket, sizeof(ticket));

	if (RegisterDynamicBackgroundWorker(&worker, &handles[index]))
		return true;

	handles[index] = NULL;
	take_back_start(slot);
	note_exhausted(now_ms);
	return false;
}

static void
take_back_start(SaWorkerSlot *slot)
{
	LWLockAcquire(sa_worker_shared->lock, LW_EXCLUSIVE);
	if (slot->kind == SA_WORKER_READER && slot->wanted)
	{
		slot->phase = SA_SLOT_WAITING;
		slot->stop_requested = false;
	}
	else
		sa_slot_free_locked(slot);
	LWLockRelease(sa_worker_shared->lock);
}

/*
 * All worker processes are taken, perhaps by parallel queries that will soon be
 * over.  Ask again in a second, show it, but log it once.
 */
static void
note_exhausted(int64 now_ms)
{
	retry_start_ms = now_ms + SA_SLOT_RETRY_MS;

	LWLockAcquire(sa_worker_shared->lock, LW_EXCLUSIVE);
	for (int i = SA_FIRST_READER; i < sa_worker_shared->slot_count; i++)
	{
		SaWorkerSlot *slot = &sa_worker_shared->slots[i];

		if (slot->phase != SA_SLOT_WAITING || !slot->wanted ||
			slot->not_before_ms > now_ms)
			continue;
		strlcpy(slot->state, "waiting for a worker slot", SA_WORKER_STATE_LEN);
	}
	LWLockRelease(sa_worker_shared->lock);

	if (slots_exhausted)
		return;
	slots_exhausted = true;
	ereport(LOG,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("out of background worker slots"),
			 errdetail("Workers of stream_agg are waiting for one."),
			 errhint("Consider increasing max_worker_processes.")));
}

static void
drop_handle(int index)
{
	if (handles[index] != NULL)
		pfree(handles[index]);
	handles[index] = NULL;
}

/*
 * When there is something to do, if nobody sets our latch before.  What waits
 * for a process to end is not counted: that end will wake us.
 */
static int64
next_wake_ms(int64 now_ms)
{
	bool		first_round = in_first_round(now_ms);
	bool		inspector_free = false;
	int64		result = PG_INT64_MAX;

	LWLockAcquire(sa_worker_shared->lock, LW_SHARED);
	for (int i = SA_FIRST_INSPECTOR; i < sa_worker_shared->slot_count; i++)
	{
		SaWorkerSlot *slot = &sa_worker_shared->slots[i];

		if (i < SA_FIRST_READER && slot->phase == SA_SLOT_FREE)
			inspector_free = true;
		result = Min(result, slot_wake_ms_locked(slot, first_round));
	}
	LWLockRelease(sa_worker_shared->lock);

	if (inspector_free)
		result = Min(result, sa_visits_wake_at());
	result = Max(result, retry_start_ms);

	/* the first bound does for pg_database; the second is against a busy loop */
	result = Min(result, now_ms + SA_LONGEST_WAIT_MS);
	return Max(result, now_ms + SA_SHORTEST_WAIT_MS);
}

static int64
slot_wake_ms_locked(SaWorkerSlot *slot, bool first_round)
{
	switch (slot->phase)
	{
		case SA_SLOT_FREE:
		case SA_SLOT_EXITED:
			break;
		case SA_SLOT_WAITING:
			if (slot->wanted && !sa_slots_held_locked(slot->database))
				return first_round ? Max(slot->not_before_ms,
										 first_round_until_ms) :
					slot->not_before_ms;
			break;
		case SA_SLOT_STARTING:
			return slot->phase_since_ms + SA_LOST_START_MS;
		case SA_SLOT_RUNNING:
			if (slot->stop_requested)
				return slot->stop_requested_ms + SA_STOP_PATIENCE_MS;
			if (slot->kind == SA_WORKER_INSPECTOR)
				return slot->phase_since_ms + SA_VISIT_LIMIT_MS;
			break;
	}
	return PG_INT64_MAX;
}

static void
report_state(void)
{
	static bool reported = false;

	if (reported == slots_exhausted)
		return;
	reported = slots_exhausted;
	sa_worker_report(slots_exhausted ? "waiting for a worker slot" : "running");
}
