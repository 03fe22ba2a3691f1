/*-------------------------------------------------------------------------
 *
 * view_reader.c
 *	  Which reader a new view hangs on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/lmgr.h"

#include "ddl/start_position.h"
#include "ddl/view_reader.h"
#include "metadata/reader.h"
#include "metadata/view.h"

/*
 * A stream inside the database has one reader and no history.  Locking it makes
 * clear which rows the view has: those of transactions that commit after this
 * one.
 */
static int32
choose_in_database_reader(SaStream *stream)
{
	SaReader	reader;

	if (sa_reader_main(stream->relid, &reader))
	{
		(void) sa_reader_lock(reader.id, &reader);
		return reader.id;
	}
	reader.id = sa_reader_create(stream->relid, true);
	for (int partition = 0; partition < stream->partitions; partition++)
	{
		SaPosition	position = {.partition = partition};

		sa_position_insert(reader.id, &position);
	}
	return reader.id;
}

/*
 * A view of a Kafka stream joins the main reader only if that has read nothing
 * yet; the lock keeps it from doing so until this transaction has ended.  Else
 * the view gets a reader of its own, which joins the main one later.
 */
static int32
choose_kafka_reader(SaStream *stream, const char *start)
{
	bool		earliest = sa_start_is_earliest(start);
	List	   *positions;
	SaReader	main;
	bool		has_main = sa_reader_main(stream->relid, &main);
	int32		reader;
	ListCell   *lc;

	/* Kafka is asked before anything is locked */
	positions = sa_start_positions(stream, start);

	if (has_main && sa_reader_lock(main.id, &main))
	{
		bool		used = sa_views_of_reader(main.id) != NIL;

		if (earliest && used && sa_positions_load(main.id) == NIL)
			return main.id;
		/* a reader without views has stopped; nobody needs its positions */
		if (!used)
			sa_reader_delete(main.id);
		has_main = used;
	}
	reader = sa_reader_create(stream->relid, !has_main);
	foreach(lc, positions)
		sa_position_insert(reader, lfirst(lc));
	return reader;
}

int32
sa_view_reader_choose(SaStream *stream, const char *start, bool paused)
{
	int32		reader;

	/* of two first views only one makes the main reader */
	LockRelationOid(stream->relid, ShareUpdateExclusiveLock);
	if (stream->in_database)
		reader = choose_in_database_reader(stream);
	else
		reader = choose_kafka_reader(stream, start);
	if (paused)
	{
		/* INSERT and other views must not be held up */
		if (stream->in_database || sa_views_of_reader(reader) != NIL)
			reader = sa_reader_create(stream->relid, false);
		sa_reader_set_paused(reader, true);
	}
	return reader;
}
