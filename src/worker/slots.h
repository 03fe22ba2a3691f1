/*-------------------------------------------------------------------------
 *
 * slots.h
 *	  The workers' shared memory from inside: who may change what.
 *
 * NOTES
 *	  Private to worker/.
 *
 *	  One lock protects everything here.  It is held for loops over a few dozen
 *	  slots at most, and nothing is thrown, allocated or logged under it.  So the
 *	  exit callbacks can take it without asking who else may have it.
 *
 *	  Slot 0 is the launcher's, the next SA_MAX_INSPECTORS are for inspectors,
 *	  so that readers can't crowd them out, and the others for readers.
 *
 *	  Life of a reader's slot, and who moves it on:
 *
 *		FREE -> WAITING		inspector: the catalogs want this reader
 *		WAITING -> STARTING	launcher: registered with the postmaster
 *		STARTING -> RUNNING	the worker: attached
 *		STARTING -> EXITED	the worker: refused to attach; launcher: the
 *							postmaster gave up on it
 *		RUNNING -> EXITED	the worker: exit callback
 *		EXITED -> WAITING	launcher: to be restarted
 *		EXITED, WAITING -> FREE	no longer wanted
 *
 *	  An inspector's slot goes FREE, STARTING, RUNNING, EXITED, FREE; that of the
 *	  launcher is RUNNING or FREE.
 *
 *	  The generation of a slot changes with each registration.  A worker brings
 *	  the one it was registered under, so that one which the postmaster starts
 *	  very late can't mistake a new occupant's slot for its own.
 *
 *	  A crash of any server process makes the postmaster start with empty shared
 *	  memory: slots, holds and doorbells are gone, and the launcher finds out
 *	  anew what is to run.  Only the crash records survive (crash_record.c).
 *
 *	  Times are those of sa_worker_clock_ms(), which never jumps: a restart must
 *	  not wait for a year because somebody has corrected the server's clock.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_WORKER_SLOTS_H
#define SA_WORKER_SLOTS_H

#include <time.h>

#include "nodes/pg_list.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#include "worker/shared.h"

#define SA_MAX_INSPECTORS	2	/* more would only take slots from readers */
#define SA_LAUNCHER_SLOT	0
#define SA_FIRST_INSPECTOR	1
#define SA_FIRST_READER		(SA_FIRST_INSPECTOR + SA_MAX_INSPECTORS)

#define SA_MAX_RINGS		64	/* databases whose doorbell rang; beyond: all */
#define SA_MAX_HOLDS		64	/* commands on databases at one time */
#define SA_MAX_CRASHES		64	/* readers under suspicion */

/* After so many crashes in a row a reader stays down until it is resumed. */
#define SA_CRASH_LIMIT		6

typedef enum SaSlotPhase
{
	SA_SLOT_FREE,
	SA_SLOT_WAITING,			/* a reader without a process */
	SA_SLOT_STARTING,			/* registered with the postmaster */
	SA_SLOT_RUNNING,			/* the process has attached */
	SA_SLOT_EXITED				/* the process is gone, the launcher to decide */
} SaSlotPhase;

typedef enum SaWorkerOutcome
{
	SA_OUTCOME_FAILED,			/* the process ended without saying why */
	SA_OUTCOME_DONE,			/* reader: nothing left to do */
	SA_OUTCOME_ABSENT,			/* inspector: no extension in this database */
	SA_OUTCOME_PRESENT			/* inspector: extension found */
} SaWorkerOutcome;

typedef struct SaWorkerSlot
{
	/* identity */
	SaWorkerKind kind;
	SaSlotPhase phase;
	uint32		generation;
	Oid			database;
	int32		reader;

	/* the process, while RUNNING */
	pid_t		pid;
	Latch	   *latch;
	volatile bool quit_by_postmaster;	/* set without the lock, in SIGQUIT */

	/* what is asked of it */
	bool		wanted;			/* readers: the catalogs want it to run */
	bool		stop_requested;
	int64		stop_requested_ms;
	bool		wakeup;

	/* for the launcher's decisions */
	SaWorkerOutcome outcome;
	int64		phase_since_ms; /* valid in STARTING and RUNNING */
	int64		not_before_ms;	/* WAITING: start it then */
	int			short_runs;		/* runs in a row that soon ended */

	/* what is shown */
	TimestampTz since;
	char		state[SA_WORKER_STATE_LEN];
	char		last_error[SA_WORKER_ERROR_LEN];
} SaWorkerSlot;

/* No worker starts in this database while the backend runs a command on it. */
typedef struct SaDatabaseHold
{
	Oid			database;		/* InvalidOid: free */
	pid_t		holder;
} SaDatabaseHold;

/* A reader that has crashed the server and not yet proven itself since. */
typedef struct SaCrashRecord
{
	Oid			database;		/* InvalidOid: free */
	int32		reader;
	int			crashes;
} SaCrashRecord;

typedef struct SaWorkerShared
{
	LWLock	   *lock;			/* protects all that follows */
	ConditionVariable exited;	/* broadcast when a process has let go */

	int			rung_count;
	bool		rung_all;		/* more rang than there was room for */
	Oid			rung[SA_MAX_RINGS];

	SaDatabaseHold holds[SA_MAX_HOLDS];
	SaCrashRecord crash_records[SA_MAX_CRASHES];

	bool		short_of_slots; /* a wanted reader found no free slot */
	int			slot_count;
	SaWorkerSlot slots[FLEXIBLE_ARRAY_MEMBER];
} SaWorkerShared;

/* What a worker brings in bgw_extra, to find its slot. */
typedef struct SaWorkerTicket
{
	int			slot;
	uint32		generation;
} SaWorkerTicket;

/* NULL where the library was not preloaded */
extern SaWorkerShared *sa_worker_shared;

/* this process' slot, or NULL */
extern SaWorkerSlot *sa_my_slot;

/* shared.c: for the processes themselves */
extern void sa_slot_attach_launcher(void);
extern bool sa_slot_attach(Oid *database, int32 *reader);
extern void sa_slot_set_outcome(SaWorkerOutcome outcome);

/* slots.c: for those who decide; "locked" functions want the lock held */
extern void sa_slot_wake_launcher_locked(void);
extern void sa_slot_request_stop_locked(SaWorkerSlot *slot);
extern void sa_slot_free_locked(SaWorkerSlot *slot);
extern bool sa_slots_held_locked(Oid database);
extern bool sa_slots_inspected_locked(Oid database);
extern int	sa_slots_set_wanted(Oid database, List *readers);
extern void sa_slots_dismiss_locked(Oid database);

/* doorbell.c */
extern void sa_doorbell_ring_locked(Oid database);

/* crash_record.c */
extern void sa_crash_record_restore(void);
extern int	sa_crash_record_count_locked(Oid database, int32 reader);
extern void sa_crash_record_forget_locked(Oid database, int32 reader);

static inline int64
sa_worker_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif							/* SA_WORKER_SLOTS_H */
