/*-------------------------------------------------------------------------
 *
 * batch.h
 *	  The rows that one transaction takes from a stream.
 *
 * NOTES
 *	  A batch is filled from Kafka messages or from an INSERT, scanned by the
 *	  plan of each view, and gone when the transaction ends.  Rows of one
 *	  partition stand in the order of their offsets.
 *
 *	  A large batch comes in chunks, one after the other: the rows of one are gone
 *	  when the next begins (sa_batch_next_chunk), while the parts go on.  Row
 *	  numbers are those of the chunk.
 *
 *	  What belongs to the chunk lives in batch->chunk, all else in batch->context.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_BATCH_H
#define SA_PIPELINE_BATCH_H

#include "access/htup.h"
#include "datatype/timestamp.h"
#include "executor/tuptable.h"
#include "nodes/params.h"
#include "utils/hsearch.h"

#include "base/message.h"
#include "metadata/reader.h"
#include "metadata/stream.h"
#include "metadata/view.h"
#include "window/window.h"

typedef struct SaRow
{
	int			part;			/* index in batch->parts */
	bool		bad;			/* not for any view */
	int64		offset;
	TimestampTz event_time;		/* DT_NOBEGIN: has no usable one */

	/*
	 * The partition's watermark by the rows that this batch has of it before the
	 * row; DT_NOBEGIN: none.  Lateness is a matter of each view's own watermark,
	 * which may be ahead.  Set by sa_batch_measure().
	 */
	TimestampTz watermark_before;
} SaRow;

/* One partition's share of the batch. */
typedef struct SaBatchPart
{
	int32		partition;
	int64		expected;		/* the position that the batch starts from */
	int64		chunk_offset;	/* where the chunk at hand begins */
	int64		next_offset;	/* the position that it leads to */
	TimestampTz watermark;		/* by this batch's rows; DT_NOBEGIN: none */
	int			nrows;			/* of all chunks */
	SaPosition *position;		/* as loaded; first_offset etc. are passed on */
	SaArrivals	arrivals;		/* with the batch's rows, if measured */
	int64		period_rows;	/* of arrivals.period; see arrival.c */
	bool		measured;
} SaBatchPart;

/* Why a row, or one of its columns, can't be used. */
typedef struct SaRowError
{
	int			row;
	AttrNumber	attnum;			/* 0: bad for all views, else for those that
								 * read this column */
	int			sqlstate;
	char	   *reason;
	char	   *detail;			/* or NULL */
} SaRowError;

typedef struct SaBatch
{
	MemoryContext context;
	SaStream   *stream;
	int32		reader;
	TimestampTz now;			/* the clock, read once per chunk */

	/* the chunk at hand */
	MemoryContext chunk;
	int64		former_rows;	/* of the chunks before it */

	/* its rows; values and nulls have stream->ncolumns entries per row */
	int			nrows;
	int			capacity;
	SaRow	   *rows;
	Datum	   *values;
	bool	   *nulls;
	SaMessage  *messages;		/* parallel to rows; NULL: in-database */
	bool	   *decoded;		/* per column: whether it has been filled */
	List	   *errors;			/* of SaRowError *, in the order of rows */

	int			nparts;
	SaBatchPart *parts;
	bool		truncated;		/* rows were taken out of some part's end */

	/*
	 * Where silence before the batch has taken the watermark of all views
	 * (idle_close); DT_NOBEGIN: nowhere.
	 */
	TimestampTz silence_watermark;
} SaBatch;

/*
 * A row that is behind its watermark, and what sessions have made of it.  A row
 * that a join multiplied may be late for one group and not for another.
 */
typedef struct SaBehindRow
{
	int			row;
	bool		late;			/* for some group */
	bool		in_time;		/* for some group */
	TimestampTz window_start;	/* if late: the session, or the one that the row
								 * alone would make; the latest of several */
	TimestampTz window_end;
} SaBehindRow;

/*
 * What one execution of a view's plan sees of a batch.  It reaches the plan as
 * the argument of parameter $1, and nothing but that plan.
 *
 * An execution can go on with the next chunk (held_groups.c).  Row numbers and
 * what follows from them are set anew for it.
 */
typedef struct SaBatchScan
{
	SaBatch    *batch;
	int			first;			/* rows first … last - 1 */
	int			last;
	const bool *skip;			/* per row: bad for this view; NULL: none */
	bool		any_behind;		/* some row is behind its watermark */
	bool		only_behind;	/* leave out the rows that are not */
	const SaProgress *progress; /* the view's, as the batch found it */
	int64		allowed_lateness_us;
	const SaWindowSpec *window; /* the view's, if it has one */
	const SaWindowSpec *pane;	/* and what its windows are made of */
	TimestampTz safe_from;		/* sa_window_safe_range() of the window */
	TimestampTz safe_until;

	/* sessions only: the rows first … last - 1 that are behind, in order */
	int			nbehind;
	SaBehindRow *behind;
	HTAB	   *late;			/* those of them that are late in a group, by row and
								 * key_hash; NULL: none, or nobody asks */
} SaBatchScan;

extern SaBatch *sa_batch_create(SaStream *stream, int32 reader,
								MemoryContext parent);

/*
 * Adds a part for a position.  Every position of the reader has one; parts are
 * in the order of partitions.
 */
extern SaBatchPart *sa_batch_add_part(SaBatch *batch, SaPosition *position);
extern SaBatchPart *sa_batch_find_part(SaBatch *batch, int32 partition);

/* Lets go of the rows; the next chunk begins. */
extern void sa_batch_next_chunk(SaBatch *batch);

/* Makes room for so many rows in the chunk. */
extern void sa_batch_reserve(SaBatch *batch, int nrows);

/*
 * Adds a row without values (all columns NULL) and moves its part's
 * next_offset behind it.  Returns its number.
 */
extern int	sa_batch_add_row(SaBatch *batch, SaBatchPart *part, int64 offset);

/* The row's values and nulls, by column index (not attribute number). */
static inline Datum *
sa_batch_values(SaBatch *batch, int row)
{
	return batch->values + (size_t) row * batch->stream->ncolumns;
}

static inline bool *
sa_batch_nulls(SaBatch *batch, int row)
{
	return batch->nulls + (size_t) row * batch->stream->ncolumns;
}

extern void sa_batch_add_error(SaBatch *batch, int row, AttrNumber attnum,
							   int sqlstate, const char *reason,
							   const char *detail);

/*
 * Cuts a part off before an offset: rows of the chunk from there on are taken out
 * of the batch, and the position will not pass it.  The chunk must be the last.
 */
extern void sa_batch_truncate_part(SaBatch *batch, SaBatchPart *part,
								   int64 offset);

/* The number that stands in a row's ctid, and back. */
extern void sa_batch_set_ctid(ItemPointer ctid, int row);
extern int	sa_batch_row_of_ctid(ItemPointer ctid);

/* Parameters that carry a batch scan into a plan. */
extern ParamListInfo sa_batch_scan_params(SaBatchScan *scan);

/* The batch scan that the parameters carry, or NULL. */
extern SaBatchScan *sa_batch_scan_of_params(ParamListInfo params);

/*
 * Watermark that decides about a row's lateness: that of its own partition
 * just before it, or that of the stream if that has come further (its
 * partition was idle or new).  DT_NOBEGIN: none.
 */
extern TimestampTz sa_batch_row_watermark(const SaBatchScan *scan,
										  const SaRow *row);

/*
 * Which rows came before which, as far as sessions need to know it.  A row that
 * is behind its watermark has a number of its own, 2 n + 1 for behind[n]; the
 * others share one, 2 n, from one such row to the next.  What is not behind is
 * never late, so it doesn't matter in what order it came.
 */
extern int32 sa_batch_arrival(const SaBatchScan *scan, int row);

/* Notes that a row is late in a group, and finds it again. */
extern void sa_batch_note_late(SaBatchScan *scan, int row, int64 key_hash);
extern bool sa_batch_is_late(const SaBatchScan *scan, int row, int64 key_hash);

/* The row of scan->behind with an arrival, or NULL if it stands for others. */
static inline SaBehindRow *
sa_batch_behind_row(const SaBatchScan *scan, int32 arrival)
{
	return arrival % 2 == 0 ? NULL : &scan->behind[arrival / 2];
}

/* A row as a tuple of the stream's row type, in CurrentMemoryContext. */
extern HeapTuple sa_batch_row_tuple(SaBatch *batch, int row);

/* A row as a JSON object, for what is recorded about it. */
extern text *sa_batch_row_json(SaBatch *batch, int row);

#endif							/* SA_PIPELINE_BATCH_H */
