/*-------------------------------------------------------------------------
 *
 * session_join.h
 *	  Which rows of a group make which sessions, and which come too late.
 *
 * NOTES
 *	  Pure computation on times: no table, no states.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_SESSION_JOIN_H
#define SA_PIPELINE_SESSION_JOIN_H

#include "datatype/timestamp.h"

/* Arrives before everything: a session that was there. */
#define SA_SPAN_STORED	(-1)

/*
 * A run of rows of one group that are surely in one session: a stored session,
 * a piece of the batch, or a row that is behind its watermark.
 */
typedef struct SaSpan
{
	TimestampTz first;			/* event times */
	TimestampTz last;
	int32		arrival;		/* SA_SPAN_STORED, or see sa_batch_arrival */
	bool		behind;
	TimestampTz watermark;		/* of a row that is behind */
	int64		rows;

	/* the caller's */
	void	   *source;
	TimestampTz reach;			/* of this span and those before it, how far the
								 * farthest goes */

	/* results */
	bool		late;
	TimestampTz late_start;		/* if late: the window that it is late for */
	TimestampTz late_end;
	int			session;		/* if not: index of a span; the same for all spans
								 * of one session */
	int64		revisions;		/* rows that came after their session's end; for
								 * the span that the others refer to */

	/* state, for the span that others refer to */
	TimestampTz session_first;
	TimestampTz session_last;
	int			session_span;	/* greatest index of its spans */
} SaSpan;

/* a + b, kept within the range of an int64 */
extern int64 sa_time_add(int64 a, int64 b);

/* Whether two runs of rows are one session; either may be a single row. */
extern bool sa_spans_touch(TimestampTz first, TimestampTz last,
						   TimestampTz other_first, TimestampTz other_last,
						   int64 gap_us);

/* Order of spans for sa_sessions_join, for qsort. */
extern int	sa_span_compare(const void *a, const void *b);

/*
 * Lets spans, which are sorted, arrive one after the other, and writes the
 * results.  The spans of one session are then consecutive, but for late ones
 * between them.
 */
extern void sa_sessions_join(SaSpan *spans, int nspans, int64 gap_us,
							 int64 allowed_lateness_us);

#endif							/* SA_PIPELINE_SESSION_JOIN_H */
