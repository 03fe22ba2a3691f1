/*-------------------------------------------------------------------------
 *
 * session_join.c
 *	  Which rows of a group make which sessions, and which come too late.
 *
 * NOTES
 *	  Whether a row is late depends on the sessions that it meets, and those on
 *	  what came before it.  So spans arrive here in the order in which their
 *	  rows came:
 *
 *		time -->   [stored]         [piece]      x
 *		arrival      first            0          1 (behind)
 *
 *	  Those that have arrived and were not late are kept as a set of indexes into
 *	  the array, which is sorted by time.  Sessions lie apart by more than the gap,
 *	  so all spans of a session stand side by side in that set, and what a new
 *	  span touches is found at its neighbours.  Spans of one session refer to one
 *	  of them, as in any union-find.
 *
 *	  A row that is not behind its watermark is never late: whatever it touches
 *	  ends at or after its time, and hence after the watermark.  Nor does it
 *	  revise anything.  That is why such rows may arrive many at once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "nodes/bitmapset.h"

#include "pipeline/session_join.h"

typedef struct Join
{
	SaSpan	   *spans;
	int			nspans;
	int64		gap_us;
	int64		allowed_lateness_us;
	Bitmapset  *accepted;		/* indexes of spans, and nspans as the end */
} Join;

int64
sa_time_add(int64 a, int64 b)
{
	int64		sum;

	if (pg_add_s64_overflow(a, b, &sum))
		return b < 0 ? PG_INT64_MIN : PG_INT64_MAX;
	return sum;
}

bool
sa_spans_touch(TimestampTz first, TimestampTz last,
			   TimestampTz other_first, TimestampTz other_last, int64 gap_us)
{
	return other_first <= sa_time_add(last, gap_us) &&
		first <= sa_time_add(other_last, gap_us);
}

int
sa_span_compare(const void *a, const void *b)
{
	const SaSpan *x = a;
	const SaSpan *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	if (x->arrival != y->arrival)
		return x->arrival < y->arrival ? -1 : 1;
	return 0;
}

/* The span that all spans of this one's session refer to. */
static SaSpan *
find_session(Join *join, int index)
{
	SaSpan	   *spans = join->spans;

	while (spans[index].session != index)
	{
		/* halve the way for those who come later */
		spans[index].session = spans[spans[index].session].session;
		index = spans[index].session;
	}
	return &spans[index];
}

static bool
touches(Join *join, const SaSpan *span, const SaSpan *session)
{
	return sa_spans_touch(span->first, span->last, session->session_first,
						  session->session_last, join->gap_us);
}

/* The session on the left, or around the span, if it touches; or NULL. */
static SaSpan *
left_session(Join *join, int index)
{
	int			neighbour = bms_prev_member(join->accepted, index);
	SaSpan	   *session;

	if (neighbour < 0)
		return NULL;
	session = find_session(join, neighbour);
	return touches(join, &join->spans[index], session) ? session : NULL;
}

/* The next session on the right of everything up to "after", if it touches. */
static SaSpan *
right_session(Join *join, int index, int after)
{
	int			neighbour = bms_next_member(join->accepted, after);
	SaSpan	   *session;

	if (neighbour == join->nspans)
		return NULL;
	session = find_session(join, neighbour);
	return touches(join, &join->spans[index], session) ? session : NULL;
}

static bool
is_settled(Join *join, const SaSpan *row, TimestampTz session_last)
{
	TimestampTz end = sa_time_add(session_last, join->gap_us);

	return row->watermark > sa_time_add(end, join->allowed_lateness_us);
}

static void
set_late(Join *join, SaSpan *row, TimestampTz first, TimestampTz last)
{
	row->late = true;
	row->late_start = first;
	row->late_end = sa_time_add(last, join->gap_us);
}

/* A row that is behind its watermark touches at most one session on each side. */
static void
check_late(Join *join, int index, const SaSpan *left, const SaSpan *right)
{
	SaSpan	   *row = &join->spans[index];

	if (right != NULL && is_settled(join, row, right->session_last))
		set_late(join, row, right->session_first, right->session_last);
	else if (left != NULL && is_settled(join, row, left->session_last))
		set_late(join, row, left->session_first, left->session_last);
	else if (left == NULL && right == NULL && is_settled(join, row, row->last))
		set_late(join, row, row->first, row->last);
}

/* Makes two sessions one; returns the one that remains. */
static SaSpan *
unite(Join *join, SaSpan *session, SaSpan *other)
{
	other->session = session - join->spans;
	session->session_first = Min(session->session_first, other->session_first);
	session->session_last = Max(session->session_last, other->session_last);
	session->session_span = Max(session->session_span, other->session_span);
	session->revisions += other->revisions;
	return session;
}

/* A span that is not late. */
static void
accept_span(Join *join, int index, SaSpan *left)
{
	SaSpan	   *span = &join->spans[index];
	SaSpan	   *session = span;
	SaSpan	   *right;

	span->session = index;
	span->session_first = span->first;
	span->session_last = span->last;
	span->session_span = index;
	if (left != NULL)
		session = unite(join, left, session);
	while ((right = right_session(join, index, session->session_span)) != NULL)
		session = unite(join, session, right);
	join->accepted = bms_add_member(join->accepted, index);
	if (span->behind && span->watermark > sa_time_add(session->session_last, join->gap_us))
		session->revisions += span->rows;
}

static void
arrive(Join *join, int index)
{
	SaSpan	   *span = &join->spans[index];
	SaSpan	   *left = left_session(join, index);

	span->late = false;
	span->revisions = 0;
	if (span->behind)
	{
		int			after = left != NULL ? left->session_span : index;

		check_late(join, index, left, right_session(join, index, Max(after, index)));
	}
	if (!span->late)
		accept_span(join, index, left);
}

/* Order in which spans arrive; of the same arrival, by time. */
static int
compare_arrival(const void *a, const void *b, void *arg)
{
	const SaSpan *spans = arg;
	int			x = *(const int *) a;
	int			y = *(const int *) b;

	if (spans[x].arrival != spans[y].arrival)
		return spans[x].arrival < spans[y].arrival ? -1 : 1;
	return x < y ? -1 : x > y;
}

void
sa_sessions_join(SaSpan *spans, int nspans, int64 gap_us, int64 allowed_lateness_us)
{
	Join		join = {
		.spans = spans,
		.nspans = nspans,
		.gap_us = gap_us,
		.allowed_lateness_us = allowed_lateness_us,
		.accepted = bms_make_singleton(nspans)
	};
	int		   *order = MemoryContextAllocHuge(CurrentMemoryContext,
											   sizeof(int) * (size_t) nspans);

	for (int i = 0; i < nspans; i++)
		order[i] = i;
	qsort_arg(order, nspans, sizeof(int), compare_arrival, spans);
	for (int i = 0; i < nspans; i++)
		arrive(&join, order[i]);
	for (int i = 0; i < nspans; i++)
	{
		if (!spans[i].late)
			spans[i].session = find_session(&join, i) - spans;
	}
	bms_free(join.accepted);
	pfree(order);
}
