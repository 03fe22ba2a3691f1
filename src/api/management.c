/*-------------------------------------------------------------------------
 *
 * management.c
 *	  Functions by which users steer streams and continuous views.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/compat.h"
#include "metadata/catalog.h"
#include "metadata/reader.h"
#include "metadata/stream.h"
#include "metadata/view.h"
#include "pipeline/insert_batch.h"
#include "stream_agg.h"
#include "worker/doorbell.h"
#include "worker/shared.h"

SA_FUNCTION_INFO_V1(stream_agg_pause);
SA_FUNCTION_INFO_V1(stream_agg_resume);
SA_FUNCTION_INFO_V1(stream_agg_wait);
SA_FUNCTION_INFO_V1(stream_agg_watermark);
SA_FUNCTION_INFO_V1(stream_agg_data_table);

#define WAIT_POLL_MS		10L
#define WAKE_EVERY_POLLS	10

/* A stream, or one continuous view. */
typedef struct Target
{
	Oid			stream;
	SaView	   *view;			/* NULL: the whole stream */
} Target;

/* Finds out what the argument is; only its owner may go on. */
static Target
find_target(Oid relid)
{
	Target		target = {0};

	sa_require_preload();
	if (get_rel_name(relid) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	if (sa_is_stream(relid))
		target.stream = relid;
	else
	{
		target.view = sa_view_by_part(relid);
		if (target.view == NULL || target.view->view != relid)
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("\"%s\" is not a stream or continuous view", get_rel_name(relid))));
		target.stream = target.view->stream;
	}
	if (!object_ownercheck(RelationRelationId, relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER,
					   target.view != NULL ? OBJECT_VIEW : OBJECT_FOREIGN_TABLE,
					   get_rel_name(relid));
	return target;
}

static SaView *
find_view(Oid relid)
{
	Target		target = find_target(relid);

	if (target.view == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a continuous view", get_rel_name(relid)),
				 errhint("Give the name of a view that was created WITH (stream_agg.continuous).")));
	return target.view;
}

/*
 * A view that shares its reader with others is paused by giving it a reader of
 * its own, at the same positions.  The main reader of an in-database stream is
 * never paused for a view's sake, since INSERT would be refused.
 */
static void
pause_view(SaView *view)
{
	int32		reader;
	SaReader	locked;

	/* while we wait for the lock, someone else may move the view */
	for (;;)
	{
		bool		found = sa_reader_lock(view->reader, &locked);

		CHECK_FOR_INTERRUPTS();
		reader = view->reader;
		view = sa_view_by_part(view->view);
		if (view == NULL)
			return;
		if (found && view->reader == reader)
			break;
	}

	if (list_length(sa_views_of_reader(reader)) > 1 ||
		(locked.is_main && sa_stream_is_in_database(view->stream)))
	{
		reader = sa_reader_create(view->stream, false);
		sa_positions_copy(view->reader, reader);
		sa_view_set_reader(view->view, reader);
	}
	sa_reader_set_paused(reader, true);
}

/*
 * A view of an in-database stream has nothing to catch up with; it goes on with
 * the next row, for which the reader is locked.
 */
static void
resume_view(SaView *view)
{
	SaReader	main;

	if (sa_stream_is_in_database(view->stream))
	{
		int32		own = view->reader;

		if (!sa_reader_main(view->stream, &main) || main.id == own)
			return;
		(void) sa_reader_lock(main.id, &main);
		sa_view_set_reader(view->view, main.id);
		sa_reader_delete(own);
		return;
	}
	sa_reader_set_paused(view->reader, false);
}

/* A stream with all of its views. */
static void
set_stream_paused(Oid stream, bool paused)
{
	List	   *readers = sa_readers_of_stream(stream);
	SaReader	main;
	ListCell   *lc;

	if (sa_reader_main(stream, &main))
		readers = list_append_unique_int(readers, main.id);
	foreach(lc, readers)
		sa_reader_set_paused(lfirst_int(lc), paused);
	if (paused || !sa_stream_is_in_database(stream))
		return;
	foreach(lc, sa_views_of_stream(stream))
		resume_view(lfirst(lc));
}

static void
set_paused(Oid relid, bool paused)
{
	Target		target = find_target(relid);
	ListCell   *lc;

	if (target.view == NULL)
		set_stream_paused(target.stream, paused);
	else if (paused)
		pause_view(target.view);
	else
		resume_view(target.view);
	if (!paused)
	{
		foreach(lc, sa_readers_of_stream(target.stream))
			sa_worker_forgive(lfirst_int(lc));
	}
	sa_doorbell_ring_at_commit();
}

/*
 * pause(rel regclass) → void
 *
 * Stops reading for a stream, or for one continuous view.  With Kafka nothing is
 * lost: positions stay where they are.  A stream inside the database refuses
 * rows while it is paused; a view of it that is paused does not get them.
 */
Datum
stream_agg_pause(PG_FUNCTION_ARGS)
{
	set_paused(PG_GETARG_OID(0), true);
	PG_RETURN_VOID();
}

/*
 * resume(rel regclass) → void
 *
 * Reads on from where pause() or an error stopped.
 */
Datum
stream_agg_resume(PG_FUNCTION_ARGS)
{
	set_paused(PG_GETARG_OID(0), false);
	PG_RETURN_VOID();
}

/* ------------------------------------------------------------------------
 * wait
 * ------------------------------------------------------------------------
 */

/* How far a reader has to come. */
typedef struct WaitGoal
{
	Oid			stream;
	int32		reader;
	bool		known;			/* the ends below were heard after the call */
	List	   *ends;			/* of SaPosition *; end_offset is the goal */
} WaitGoal;

/* Positions as committed by now, whatever this transaction's snapshot. */
static List *
latest_positions(int32 reader)
{
	List	   *positions;

	PushActiveSnapshot(GetLatestSnapshot());
	positions = sa_positions_load(reader);
	PopActiveSnapshot();
	return positions;
}

/* True if the reader's worker has asked Kafka for the ends since then. */
static bool
ends_are_known(WaitGoal *goal, TimestampTz since)
{
	List	   *positions;
	ListCell   *lc;

	if (goal->known)
		return true;
	positions = latest_positions(goal->reader);
	if (positions == NIL)
		return false;
	foreach(lc, positions)
	{
		if (((SaPosition *) lfirst(lc))->checked_at < since)
			return false;
	}
	goal->ends = positions;
	goal->known = true;
	return true;
}

static bool
goal_is_reached(WaitGoal *goal, TimestampTz since)
{
	ListCell   *now;
	ListCell   *end;
	SaReader	reader;

	/* a reader that is gone has handed its views to the main one */
	PushActiveSnapshot(GetLatestSnapshot());
	if (!sa_reader_by_id(goal->reader, &reader))
	{
		if (sa_reader_main(goal->stream, &reader))
			goal->reader = reader.id;
		goal->known = false;
		PopActiveSnapshot();
		return false;
	}
	PopActiveSnapshot();
	if (!ends_are_known(goal, since))
		return false;
	forboth(now, latest_positions(goal->reader), end, goal->ends)
	{
		if (((SaPosition *) lfirst(now))->next_offset < ((SaPosition *) lfirst(end))->end_offset)
			return false;
	}
	return true;
}

static bool
wait_for_readers(Oid stream, List *readers, Interval *timeout)
{
	TimestampTz since = GetCurrentTimestamp();
	TimestampTz deadline;
	List	   *goals = NIL;
	int			polls = 0;
	ListCell   *lc;

	deadline = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
													   TimestampTzGetDatum(since),
													   IntervalPGetDatum(timeout)));
	foreach(lc, readers)
	{
		WaitGoal   *goal = palloc0(sizeof(WaitGoal));

		goal->stream = stream;
		goal->reader = lfirst_int(lc);
		goals = lappend(goals, goal);
	}
	for (;;)
	{
		bool		reached = true;

		foreach(lc, goals)
		{
			WaitGoal   *goal = lfirst(lc);

			/* a worker that is woken asks Kafka for the ends */
			if (!goal->known && polls % WAKE_EVERY_POLLS == 0)
				sa_worker_wake(goal->reader);
			reached = reached && goal_is_reached(goal, since);
		}
		polls++;
		if (reached)
			return true;
		if (GetCurrentTimestamp() >= deadline)
			return false;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 WAIT_POLL_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * wait(rel regclass, timeout interval DEFAULT '30 s') → boolean
 *
 * Waits until all that was in the topic at the call is committed in the
 * stream's views, or in one view; false if that took longer.  For an
 * in-database stream, looks at idleness.
 */
Datum
stream_agg_wait(PG_FUNCTION_ARGS)
{
	Target		target = find_target(PG_GETARG_OID(0));
	List	   *readers;

	if (sa_stream_is_in_database(target.stream))
	{
		Relation	rel = table_open(target.stream, RowExclusiveLock);

		sa_insert_tick(sa_stream_load(rel));
		table_close(rel, NoLock);
		PG_RETURN_BOOL(true);
	}
	readers = target.view != NULL ? list_make1_int(target.view->reader) :
		sa_readers_of_stream(target.stream);
	PG_RETURN_BOOL(wait_for_readers(target.stream, readers, PG_GETARG_INTERVAL_P(1)));
}

/* ------------------------------------------------------------------------
 * Information
 * ------------------------------------------------------------------------
 */

/*
 * watermark(rel regclass) → timestamptz
 *
 * The stream watermark as the view has it; for a stream, that of the view that
 * is furthest behind.  NULL if there is none yet.
 */
Datum
stream_agg_watermark(PG_FUNCTION_ARGS)
{
	Target		target = find_target(PG_GETARG_OID(0));
	List	   *views = target.view != NULL ? list_make1(target.view) :
		sa_views_of_stream(target.stream);
	TimestampTz least = DT_NOEND;
	ListCell   *lc;

	foreach(lc, views)
		least = Min(least, sa_progress_load(((SaView *) lfirst(lc))->view)->watermark);
	if (TIMESTAMP_NOT_FINITE(least))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(least);
}

/*
 * data_table(view regclass) → regclass
 *
 * The table behind a continuous view.
 */
Datum
stream_agg_data_table(PG_FUNCTION_ARGS)
{
	PG_RETURN_OID(find_view(PG_GETARG_OID(0))->data);
}
