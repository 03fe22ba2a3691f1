/*-------------------------------------------------------------------------
 *
 * visits.h
 *	  When to inspect which database.
 *
 * NOTES
 *	  The launcher's own memory; used in no other process.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_WORKER_VISITS_H
#define SA_WORKER_VISITS_H

#include "worker/slots.h"

/*
 * Take note of doorbells and of databases that have come or gone.  Starts a
 * transaction if there is a reason to look at pg_database.
 */
extern void sa_visits_update(int64 now_ms);

/* A database that is due, or InvalidOid. */
extern Oid	sa_visits_next_due(int64 now_ms);

extern void sa_visits_started(Oid database, int64 now_ms);
extern void sa_visits_finished(Oid database, SaWorkerOutcome outcome,
							   bool stopped, int64 now_ms);

/* Inspect a database again soon. */
extern void sa_visits_request(Oid database, int64 now_ms);

/*
 * When something will be due that can be started, unless a doorbell rings or a
 * worker ends before.
 */
extern int64 sa_visits_wake_at(void);

#endif							/* SA_WORKER_VISITS_H */
