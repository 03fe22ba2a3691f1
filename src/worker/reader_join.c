/*-------------------------------------------------------------------------
 *
 * reader_join.c
 *	  How a reader that has caught up hands its views to the main one.
 *
 * NOTES
 *	  A view that is created on a stream that is already being read gets a reader
 *	  of its own, which starts at the beginning.  It never reads past the main
 *	  reader.  Once the messages at hand reach to where the main reader is in
 *	  every partition, the main reader is locked, which keeps its positions where
 *	  they are until the commit, and the batch is cut off exactly there.  Then
 *	  both stand at the same place, and the views change hands in the same
 *	  transaction.
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

/* true if the batch has, or is behind, all that the main reader has read */
static bool
reaches(SaBatch *batch, List *main_positions)
{
	ListCell   *lc;

	foreach(lc, main_positions)
	{
		SaPosition *main_position = lfirst(lc);
		SaBatchPart *part = sa_batch_find_part(batch, main_position->partition);

		if (part == NULL || part->next_offset < main_position->next_offset)
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
		int64		limit = part->expected;
		ListCell   *lc;

		foreach(lc, main_positions)
		{
			SaPosition *main_position = lfirst(lc);

			if (main_position->partition == part->partition)
				limit = Max(limit, main_position->next_offset);
		}
		if (part->next_offset > limit)
			sa_batch_truncate_part(batch, part, limit);
	}
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
	positions = sa_positions_load(main.id);
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

void
sa_loop_join(SaReaderLoop *loop, int32 main_reader)
{
	ListCell   *lc;

	foreach(lc, sa_views_of_reader(loop->reader.id))
		sa_view_set_reader(((SaView *) lfirst(lc))->view, main_reader);
	sa_reader_delete(loop->reader.id);
	sa_doorbell_ring_at_commit();
}
