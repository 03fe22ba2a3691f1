/*-------------------------------------------------------------------------
 *
 * doorbell.h
 *	  Telling the background workers that the catalogs have changed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_WORKER_DOORBELL_H
#define SA_WORKER_DOORBELL_H

/*
 * When this transaction has committed, the launcher inspects this database, and
 * all its readers look at the catalogs (sa_worker_take_wakeup).  If it aborts,
 * nothing happens.  May be called any number of times, in any process, also
 * where the library was not preloaded.
 */
extern void sa_doorbell_ring_at_commit(void);

/*
 * Wake the worker of one reader of this database now: it looks at the catalogs
 * and asks Kafka how far its partitions reach.
 */
extern void sa_worker_wake(int32 reader);

#endif							/* SA_WORKER_DOORBELL_H */
