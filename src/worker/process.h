/*-------------------------------------------------------------------------
 *
 * process.h
 *	  What the processes of our background workers have in common.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_WORKER_PROCESS_H
#define SA_WORKER_PROCESS_H

#include "postmaster/bgworker.h"

/*
 * Fill in a worker to be registered.  "function" is its main function; "name"
 * stands in the server log, "type" in pg_stat_activity.
 */
extern void sa_process_describe(BackgroundWorker *worker, const char *function,
								const char *type, const char *name);

/* Signal handlers; call it first, while signals are still blocked. */
extern void sa_process_handle_signals(void);

/*
 * Settings that must not depend on who configured what for the database.  Call
 * it when connected.
 */
extern void sa_process_pin_settings(const char *application_name);

/*
 * CHECK_FOR_INTERRUPTS, and a reload of the configuration if one is due.  Not in
 * a transaction.
 */
extern void sa_process_interrupts(void);

/* Wait for the latch or the time, whichever comes first; then interrupts. */
extern void sa_process_wait(int64 timeout_ms);

#endif							/* SA_WORKER_PROCESS_H */
