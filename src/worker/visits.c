/*-------------------------------------------------------------------------
 *
 * visits.c
 *	  When to inspect which database.
 *
 * NOTES
 *	  Nobody but a process connected to a database can read its catalogs, and a
 *	  process stays in the database that it connected to.  So the launcher, which
 *	  is connected to none, sends an inspector on a visit: when it starts, when a
 *	  database is new, when its doorbell rang, when one of its readers has found
 *	  nothing left to do, and else every minute where the extension was found.
 *	  Databases without it are left in peace until their doorbell rings.
 *
 *	  At most one visit of a database is under way at any time, so the latest one
 *	  is right about what is wanted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "worker/visits.h"

#define SA_NEVER_MS			PG_INT64_MAX
#define SA_RESCAN_MS		60000	/* look for databases nobody told us of */
#define SA_REVISIT_MS		60000	/* look for changes nobody rang for */
#define SA_VISIT_SPACING_MS	100 /* at least, however often the bell rings */
#define SA_RETRY_MAX_MS		60000	/* after visits that failed */

typedef struct SaVisit
{
	Oid			database;		/* hash key */
	bool		seen;			/* in the scan that is under way */
	int64		due_ms;
	int64		started_ms;		/* of the last visit */
	int			failures;		/* in a row */
} SaVisit;

static HTAB *visits = NULL;
static int64 rescan_ms = 0;

static bool take_rings(List **databases, bool *all);
static void rescan_databases(int64 now_ms);
static void note_database(Form_pg_database form, int64 now_ms);
static void drop_unseen(void);
static SaVisit *find_visit(Oid database);
static bool must_wait(SaVisit *visit);
static void make_due(SaVisit *visit, int64 at_ms);
static int64 soonest(SaVisit *visit, int64 now_ms);

void
sa_visits_update(int64 now_ms)
{
	List	   *databases = NIL;
	bool		all = false;
	bool		rung = take_rings(&databases, &all);
	HASH_SEQ_STATUS status;
	SaVisit    *visit;

	/* a bell may come from a database we don't know, or about one dropped */
	if (rung || now_ms >= rescan_ms)
		rescan_databases(now_ms);
	if (!rung)
		return;

	hash_seq_init(&status, visits);
	while ((visit = hash_seq_search(&status)) != NULL)
	{
		if (all || list_member_oid(databases, visit->database))
			make_due(visit, soonest(visit, now_ms));
	}
	list_free(databases);
}

/* The one that has been waiting longest, so that none is starved. */
Oid
sa_visits_next_due(int64 now_ms)
{
	HASH_SEQ_STATUS status;
	SaVisit    *visit;
	SaVisit    *first = NULL;

	hash_seq_init(&status, visits);
	while ((visit = hash_seq_search(&status)) != NULL)
	{
		if (visit->due_ms <= now_ms &&
			(first == NULL || visit->due_ms < first->due_ms) &&
			!must_wait(visit))
			first = visit;
	}
	return first ? first->database : InvalidOid;
}

void
sa_visits_started(Oid database, int64 now_ms)
{
	SaVisit    *visit = find_visit(database);

	if (visit == NULL)
		return;
	visit->due_ms = SA_NEVER_MS;
	visit->started_ms = now_ms;
}

/* "stopped": somebody asked the inspector to leave, so that it says nothing. */
void
sa_visits_finished(Oid database, SaWorkerOutcome outcome, bool stopped,
				   int64 now_ms)
{
	SaVisit    *visit = find_visit(database);

	if (visit == NULL)
		return;

	switch (outcome)
	{
		case SA_OUTCOME_PRESENT:
			visit->failures = 0;
			make_due(visit, now_ms + SA_REVISIT_MS);
			break;
		case SA_OUTCOME_ABSENT:
		case SA_OUTCOME_DONE:
			visit->failures = 0;
			break;
		case SA_OUTCOME_FAILED:
			if (!stopped)
				visit->failures = Min(visit->failures + 1, 7);
			make_due(visit, now_ms +
					 Min((int64) 500 << visit->failures, SA_RETRY_MAX_MS));
			break;
	}
}

void
sa_visits_request(Oid database, int64 now_ms)
{
	SaVisit    *visit = find_visit(database);

	if (visit != NULL)
		make_due(visit, soonest(visit, now_ms));
}

int64
sa_visits_wake_at(void)
{
	int64		result = rescan_ms;
	HASH_SEQ_STATUS status;
	SaVisit    *visit;

	hash_seq_init(&status, visits);
	while ((visit = hash_seq_search(&status)) != NULL)
	{
		if (visit->due_ms < result && !must_wait(visit))
			result = visit->due_ms;
	}
	return result;
}

/* Returns whether any bell rang; the list is palloc'd. */
static bool
take_rings(List **databases, bool *all)
{
	Oid			rung[SA_MAX_RINGS];
	int			count;

	LWLockAcquire(sa_worker_shared->lock, LW_EXCLUSIVE);
	count = sa_worker_shared->rung_count;
	memcpy(rung, sa_worker_shared->rung, sizeof(Oid) * count);
	*all = sa_worker_shared->rung_all;
	sa_worker_shared->rung_count = 0;
	sa_worker_shared->rung_all = false;
	LWLockRelease(sa_worker_shared->lock);

	for (int i = 0; i < count; i++)
		*databases = lappend_oid(*databases, rung[i]);
	return *all || count > 0;
}

/* Make the list of databases what pg_database says. */
static void
rescan_databases(int64 now_ms)
{
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;

	if (visits == NULL)
	{
		HASHCTL		ctl = {0};

		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(SaVisit);
		ctl.hcxt = TopMemoryContext;
		visits = hash_create("stream_agg databases", 64, &ctl,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
		note_database((Form_pg_database) GETSTRUCT(tuple), now_ms);
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();

	drop_unseen();
	rescan_ms = now_ms + SA_RESCAN_MS;
}

/*
 * A template is there to be copied, which any worker in it would prevent; and
 * what can't be connected to can't be inspected.
 */
static void
note_database(Form_pg_database form, int64 now_ms)
{
	SaVisit    *visit;
	bool		found;

	if (!form->datallowconn || form->datistemplate ||
		database_is_invalid_form(form))
		return;

	visit = hash_search(visits, &form->oid, HASH_ENTER, &found);
	if (!found)
	{
		visit->due_ms = now_ms;
		visit->started_ms = 0;
		visit->failures = 0;
	}
	visit->seen = true;
}

/* Forget databases that are gone, and what was to run in them. */
static void
drop_unseen(void)
{
	HASH_SEQ_STATUS status;
	SaVisit    *visit;

	hash_seq_init(&status, visits);
	while ((visit = hash_seq_search(&status)) != NULL)
	{
		if (visit->seen)
		{
			visit->seen = false;
			continue;
		}

		LWLockAcquire(sa_worker_shared->lock, LW_EXCLUSIVE);
		sa_slots_dismiss_locked(visit->database);
		LWLockRelease(sa_worker_shared->lock);
		hash_search(visits, &visit->database, HASH_REMOVE, NULL);
	}
}

static SaVisit *
find_visit(Oid database)
{
	return hash_search(visits, &database, HASH_FIND, NULL);
}

/* For the visit that is under way or the end of a hold; both will wake us. */
static bool
must_wait(SaVisit *visit)
{
	bool		result;

	LWLockAcquire(sa_worker_shared->lock, LW_SHARED);
	result = sa_slots_held_locked(visit->database) ||
		sa_slots_inspected_locked(visit->database);
	LWLockRelease(sa_worker_shared->lock);
	return result;
}

static void
make_due(SaVisit *visit, int64 at_ms)
{
	visit->due_ms = Min(visit->due_ms, at_ms);
}

static int64
soonest(SaVisit *visit, int64 now_ms)
{
	return Max(now_ms, visit->started_ms + SA_VISIT_SPACING_MS);
}
