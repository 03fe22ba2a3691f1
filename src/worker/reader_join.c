/*-------------------------------------------------------------------------
 *
 * reader_join.c
 *	  How a reader that has caught up hands its views to the main one.
 *
 * NOTES
 *	  A view that is created on a stream that is already being read gets a reader
 *	  of its own, which starts where the view wants to.  It does not read past the
 *	  main reader, unless it began far ahead of it.  Once the messages at hand
 *	  reach to where the main reader is in every partition, the main reader is
 *	  locked, which keeps its positions where they are until the commit, and the
 *	  batch is cut off exactly there.  Then both stand at the same place, and the
 *	  views change hands in the same transaction.
 *
 *	  A main reader that is paused or without views does not count; the other
 *	  takes its place.
 *
 *	  Where the delay of the watermark follows from earlier rows, two readers that
 *	  began at different places may have different delays.  A view keeps to the
 *	  one that its own rows led to: its reader stays, and reads on by itself.  From
 *	  time to time it lets the main one come to where it is, or the other way
 *	  round, to see whether both have come to the same by now.
 *
 *	  Only a reader that catches up locks two readers, first its own, then the
 *	  main one, so there is no deadlock.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/snapmgr.h"

#include "metadata/view.h"
#include "worker/doorbell.h"
#include "worker/reader_private.h"
#include "worker/shared.h"

/* How often readers with different delays are compared. */
#define MEETING_INTERVAL_MS	60000

static SaPosition *
find_position(List *positions, int32 partition)
{
	ListCell   *lc;

	foreach(lc, positions)
	{
		SaPosition *position = lfirst(lc);

		if (position->partition == partition)
			return position;
	}
	return NULL;
}

/*
 * How many messages this reader is ahead of the main one.  A view that began
 * late can be far ahead of a main reader that is still working on the history;
 * then it should not wait for that.
 */
static int64
messages_ahead(SaBatch *batch, List *main_positions)
{
	int64		ahead = 0;

	for (int i = 0; i < batch->nparts; i++)
	{
		SaPosition *main_position = find_position(main_positions, batch->parts[i].partition);
		int64		main_offset = main_position != NULL ? main_position->next_offset : 0;

		ahead += Max(batch->parts[i].chunk_offset - main_offset, 0);
	}
	return ahead;
}

/* true if the batch has all that the main reader has read, and can be cut there */
static bool
reaches(SaBatch *batch, List *main_positions)
{
	for (int i = 0; i < batch->nparts; i++)
	{
		SaPosition *main_position = find_position(main_positions, batch->parts[i].partition);

		if (main_position == NULL || batch->parts[i].next_offset < main_position->next_offset ||
			batch->parts[i].chunk_offset > main_position->next_offset)
			return false;
	}
	return list_length(main_positions) == batch->nparts;
}

/* Takes out what the main reader has not read itself. */
static void
cut_off(SaBatch *batch, List *main_positions)
{
	for (int i = 0; i < batch->nparts; i++)
	{
		SaBatchPart *part = &batch->parts[i];
		SaPosition *main_position = find_position(main_positions, part->partition);
		int64		limit = part->chunk_offset;

		if (main_position != NULL)
			limit = Max(limit, main_position->next_offset);
		if (part->next_offset > limit)
			sa_batch_truncate_part(batch, part, limit);
	}
}

/*
 * A main reader that is paused, or has lost its views, is nobody to wait for:
 * this one takes its place.
 */
static bool
replace_main(SaReaderLoop *loop, SaReader *main)
{
	bool		has_views = sa_views_of_reader(main->id) != NIL;

	if (has_views && !main->paused)
		return false;
	if (!sa_reader_lock(main->id, main))
		return false;
	sa_reader_promote(loop->reader.id, main->id);
	loop->reader.is_main = true;
	if (!has_views)
		sa_reader_delete(main->id);
	return true;
}

bool
sa_loop_meet_main(SaReaderLoop *loop, SaBatch *batch, int32 *main_reader)
{
	SaReader	main;
	List	   *positions;
	bool		meets;

	if (!sa_reader_main(loop->stream->relid, &main))
		return false;
	*main_reader = main.id;
	if (replace_main(loop, &main))
		return false;
	if (sa_worker_clock_ms() < loop->next_meeting_ms)
		return false;
	positions = sa_positions_load(main.id);
	if (messages_ahead(batch, positions) > batch->stream->batch_rows)
		return false;
	meets = reaches(batch, positions) && sa_reader_lock(main.id, &main);
	if (meets)
	{
		/* it may have gone on until we had the lock */
		positions = sa_positions_load(main.id);
		meets = reaches(batch, positions);
	}
	cut_off(batch, positions);
	return meets;
}

bool
sa_loop_agrees_with_main(SaReaderLoop *loop, int32 main_reader)
{
	List	   *main_positions;
	ListCell   *lc;

	if (loop->stream->delay_kind == SA_DELAY_FIXED)
		return true;
	main_positions = sa_positions_load(main_reader);
	foreach(lc, sa_positions_load(loop->reader.id))
	{
		SaPosition *position = lfirst(lc);
		SaPosition *main_position = find_position(main_positions, position->partition);

		if (main_position == NULL ||
			!sa_arrivals_equal(&position->arrivals, &main_position->arrivals))
		{
			loop->next_meeting_ms = sa_worker_clock_ms() + MEETING_INTERVAL_MS;
			return false;
		}
	}
	return true;
}

void
sa_loop_join(SaReaderLoop *loop, int32 main_reader)
{
	ListCell   *lc;

	foreach(lc, sa_views_of_reader(loop->reader.id))
		sa_view_set_reader(((SaView *) lfirst(lc))->view, main_reader);
	sa_reader_delete(loop->reader.id);
	sa_doorbell_ring_at_commit();
}
