/*-------------------------------------------------------------------------
 *
 * bad_rows.c
 *	  Rows of a batch that the stream, or a view, can't use.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "metadata/reject.h"
#include "pipeline/apply_view.h"
#include "pipeline/bad_rows.h"

static bytea *
make_bytea(const char *data, size_t len)
{
	bytea	   *result;

	if (data == NULL)
		return NULL;
	result = palloc(len + VARHDRSZ);
	SET_VARSIZE(result, len + VARHDRSZ);
	memcpy(VARDATA(result), data, len);
	return result;
}

void
sa_bad_row_record(SaBatch *batch, int row, Oid view, int sqlstate,
				  const char *reason, const char *detail)
{
	SaDeadLetter letter = {
		.stream = batch->stream->relid,
		.view = view,
		.topic = batch->stream->topic,
		.partition = batch->parts[batch->rows[row].part].partition,
		.offset = batch->rows[row].offset,
		.sqlstate = sqlstate,
		.reason = reason,
		.detail = detail
	};

	if (batch->stream->on_error != SA_ON_ERROR_DEAD_LETTER)
		return;
	if (batch->messages != NULL)
	{
		SaMessage  *message = &batch->messages[row];

		letter.key = make_bytea(message->key, message->key_len);
		letter.value = make_bytea(message->value, message->value_len);
	}
	else
	{
		/* text and bytea are the same bytes; the row as JSON is the message */
		letter.value = (bytea *) sa_batch_row_json(batch, row);
	}
	sa_dead_letter_record(&letter);
}

void
sa_bad_rows_record(SaBatch *batch, List *views)
{
	int			last_row = -1;
	ListCell   *lc;
	ListCell   *lv;

	foreach(lc, batch->errors)
	{
		SaRowError *error = lfirst(lc);

		if (batch->rows[error->row].bad && (error->attnum != 0 || error->row == last_row))
			continue;			/* one letter per row is enough */
		if (error->attnum == 0)
		{
			last_row = error->row;
			sa_bad_row_record(batch, error->row, InvalidOid, error->sqlstate,
							  error->reason, error->detail);
		}
		foreach(lv, views)
		{
			SaBatchView *bv = lfirst(lv);

			if (error->attnum != 0 && !bms_is_member(error->attnum, bv->plan->attnums))
				continue;
			if (error->attnum != 0)
				sa_bad_row_record(batch, error->row, bv->view->view, error->sqlstate,
								  error->reason, error->detail);
			bv->counts.rows_dead++;
		}
	}
}

bool *
sa_bad_rows_of_view(SaBatch *batch, const SaViewPlan *plan)
{
	bool	   *skip = NULL;
	ListCell   *lc;

	foreach(lc, batch->errors)
	{
		SaRowError *error = lfirst(lc);

		if (error->attnum == 0 || !bms_is_member(error->attnum, plan->attnums))
			continue;
		if (skip == NULL)
			skip = MemoryContextAllocZero(batch->chunk, Max(batch->nrows, 1));
		skip[error->row] = true;
	}
	return skip;
}

void
sa_bad_rows_stop_batch(SaBatch *batch, Bitmapset *attnums)
{
	if (batch->stream->on_error != SA_ON_ERROR_STOP)
		return;

	/* truncating takes errors out of the list, so begin anew each time */
	for (;;)
	{
		SaRowError *found = NULL;
		ListCell   *lc;
		SaBatchPart *part;
		MemoryContext old;

		foreach(lc, batch->errors)
		{
			SaRowError *error = lfirst(lc);

			if (error->attnum == 0 || bms_is_member(error->attnum, attnums))
			{
				found = error;
				break;
			}
		}
		if (found == NULL)
			return;
		if (batch->messages == NULL)
			ereport(ERROR,
					(errcode(found->sqlstate),
					 errmsg_internal("%s", found->reason),
					 found->detail != NULL ? errdetail_internal("%s", found->detail) : 0));
		part = &batch->parts[batch->rows[found->row].part];
		old = MemoryContextSwitchTo(batch->context);
		part->position->error = psprintf("offset " INT64_FORMAT ": %s",
										 batch->rows[found->row].offset, found->reason);
		MemoryContextSwitchTo(old);
		sa_batch_truncate_part(batch, part, batch->rows[found->row].offset);
	}
}
