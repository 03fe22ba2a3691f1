/*-------------------------------------------------------------------------
 *
 * shared.h
 *	  What the background workers share, as the rest of the extension sees it.
 *
 * NOTES
 *	  Every function may be called in any process.  Where the library was not
 *	  preloaded there is no shared memory, and where the process is not one of
 *	  our workers there is nothing to report about: the functions then do
 *	  nothing, so that callers need not ask.
 *
 *	  None of them throws, but for sa_worker_snapshot() (out of memory).
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_WORKER_SHARED_H
#define SA_WORKER_SHARED_H

#include "datatype/timestamp.h"

#define SA_WORKER_STATE_LEN	64
#define SA_WORKER_ERROR_LEN	256

/* stream_agg.max_workers: readers that the cluster can keep account of */
extern int	sa_max_workers;

typedef enum SaWorkerKind
{
	SA_WORKER_LAUNCHER,			/* one per cluster: starts the others */
	SA_WORKER_INSPECTOR,		/* looks at one database's catalogs, and leaves */
	SA_WORKER_READER			/* reads one stream */
} SaWorkerKind;

/* A worker, or a reader that waits for its worker. */
typedef struct SaWorkerInfo
{
	SaWorkerKind kind;
	int			pid;			/* 0: no process at the moment */
	Oid			database;		/* InvalidOid: the launcher */
	int32		reader;			/* 0 unless kind is SA_WORKER_READER */
	TimestampTz since;			/* start of the process or of the waiting */
	char		state[SA_WORKER_STATE_LEN];
	char		last_error[SA_WORKER_ERROR_LEN];	/* empty: none */
} SaWorkerInfo;

/*
 * Call from _PG_init, when the settings are known, and then
 * sa_launcher_register().  Asks for shared memory, if it is not too late.
 */
extern void sa_worker_init(void);

/* Is there shared memory, that is, was the library preloaded? */
extern bool sa_worker_available(void);

/*
 * For the worker itself.  Its latch is set whenever one of the first two
 * becomes true.
 */

/* The worker should end as soon as it can, between two batches. */
extern bool sa_worker_stop_requested(void);

/* Did the doorbell ring since the last call?  Then look at the catalogs. */
extern bool sa_worker_take_wakeup(void);

/* What stream_agg.workers shows; call it when that changes, not per batch. */
extern void sa_worker_report(const char *format,...) pg_attribute_printf(1, 2);
extern void sa_worker_report_error(const char *message);

/*
 * A batch was committed.  Cheap enough for every batch.  Once positions have
 * moved durably, what is remembered about crashes and errors is forgotten.
 */
extern void sa_worker_report_progress(void);

/*
 * Forget the crashes of a reader of this database, so that a reader which was
 * stopped for crashing the server is started again.  For stream_agg.resume().
 */
extern void sa_worker_forgive(int32 reader);

/*
 * The launcher and the workers of "database", as an array palloc'd in
 * CurrentMemoryContext; returns their number.
 */
extern int	sa_worker_snapshot(Oid database, SaWorkerInfo **infos);

#endif							/* SA_WORKER_SHARED_H */
