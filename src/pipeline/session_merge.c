/*-------------------------------------------------------------------------
 *
 * session_merge.c
 *	  From the pieces of a batch to the sessions in a view's table.
 *
 * NOTES
 *	  A stored session is a row of the data table.  The pieces of the batch are
 *	  sorted by group and time; per group they are cut into neighbourhoods:
 *
 *		pieces		   --  -      -             - --
 *		stored	  ------         ------  -----         -----  (gap: 3)
 *				  [       one neighbourhood  ]  [ another ]
 *
 *	  that is, pieces and stored sessions that would be one session if nothing
 *	  was late.  Nothing in one neighbourhood can touch anything in another, so
 *	  each is dealt with alone: mostly it is one session, and only if there are
 *	  rows behind their watermark has it to be found out (session_join.c).
 *
 *	  Stored sessions are found by the unique index on keys and start: from the
 *	  right end of the pieces leftwards until one ends before they begin.  That
 *	  costs the same however many sessions a group has.  The one that ends it tells
 *	  as well how far left of it nothing is stored, so that the sessions that are
 *	  new, mostly many to one that goes on, cost one look-up together.  Of the stored sessions
 *	  that become one, the first is updated, and before that the others are
 *	  deleted, since the new start may be theirs.  States are combined, never
 *	  computed anew.
 *
 *	  Memory: the pieces of one group in group_context, its stored sessions that
 *	  matter in near_context, what a written row is made of in row_context.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_oper.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplesort.h"

#include "pipeline/data_table.h"
#include "pipeline/session_join.h"
#include "pipeline/session_merge.h"
#include "window/window_check.h"

#define INITIAL_PIECES	64

typedef struct Sessions
{
	DestReceiver pub;
	SaViewPlan *plan;
	SaBatchScan *scan;
	int64	   *rows_in;
	int64		gap_us;
	SaDataTable table;

	/* rows of the session plan; numbers are those of columns, from 0 */
	Tuplesortstate *sort;
	TupleTableSlot *piece_slot; /* the piece that was fetched last */
	TupleTableSlot *state_slot;
	int			nkeys;
	int			state_column;	/* the first */
	int			nstates;
	ExprState  *same_group;		/* inner and outer tuple: two pieces */
	TupleTableSlot *group_slot; /* a piece of the group */
	Datum	   *key_values;		/* for look-ups: keys and a start */
	bool	   *key_nulls;

	/* pieces of the group, sorted by time; their tuples in group_context */
	MemoryContext group_context;
	SaSpan	   *pieces;
	int			npieces;
	int			capacity;

	/*
	 * Where the stored sessions left of those seen end, with the gap: nothing that
	 * begins later touches any.  DT_NOEND: not known; DT_NOBEGIN: there are none
	 */
	TimestampTz stored_until;

	/* a neighbourhood: pieces and stored sessions, sorted by time */
	MemoryContext near_context;
	List	   *stored;			/* of HeapTuple */
	SaSpan	   *spans;
	int			nspans;

	MemoryContext row_context;
} Sessions;

/* ------------------------------------------------------------------------
 * Receiving and sorting
 * ------------------------------------------------------------------------
 */

/* By the group keys and the bucket. */
static void
begin_sort(Sessions *sessions, TupleDesc desc)
{
	int			nkeys = sessions->nkeys;
	AttrNumber *columns = palloc(sizeof(AttrNumber) * (nkeys + 1));
	Oid		   *less = palloc(sizeof(Oid) * (nkeys + 1));
	Oid		   *equal = palloc(sizeof(Oid) * (nkeys + 1));
	Oid		   *collations = palloc(sizeof(Oid) * (nkeys + 1));
	bool	   *nulls_first = palloc0(sizeof(bool) * (nkeys + 1));

	for (int i = 0; i < nkeys; i++)
	{
		SaGroupKey *key = list_nth(sessions->plan->aq->keys, i);

		columns[i] = i + 1;
		less[i] = key->clause->sortop;
		equal[i] = key->clause->eqop;
		collations[i] = exprCollation((Node *) key->expr);
	}
	columns[nkeys] = nkeys + 1;
	get_sort_group_operators(TIMESTAMPTZOID, true, false, false, &less[nkeys], NULL, NULL,
							 NULL);
	collations[nkeys] = InvalidOid;
	sessions->sort = tuplesort_begin_heap(desc, nkeys + 1, columns, less, collations,
										  nulls_first, work_mem, NULL, TUPLESORT_NONE);
	sessions->same_group = execTuplesMatchPrepare(desc, nkeys, columns, equal,
												  collations, NULL);
}

static void
sessions_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	Sessions   *sessions = (Sessions *) self;
	SaAggregateQuery *aq = sessions->plan->aq;
	List	  **tuple_table;
	ListCell   *lc;

	sa_data_table_open(&sessions->table, sessions->plan, BTLessEqualStrategyNumber);
	tuple_table = &sessions->table.estate->es_tupleTable;
	sessions->nkeys = list_length(aq->keys);
	sessions->state_column = sessions->nkeys + 2;
	sessions->nstates = 0;
	foreach(lc, aq->aggregates)
		sessions->nstates += ((SaAggregate *) lfirst(lc))->mode != SA_AGGREGATE_KEPT;
	begin_sort(sessions, typeinfo);
	sessions->piece_slot = ExecAllocTableSlot(tuple_table, typeinfo, &TTSOpsMinimalTuple);
	sessions->state_slot = ExecAllocTableSlot(tuple_table, typeinfo, &TTSOpsMinimalTuple);
	sessions->group_slot = ExecAllocTableSlot(tuple_table, typeinfo, &TTSOpsMinimalTuple);
	sessions->key_values = palloc(sizeof(Datum) * (sessions->nkeys + 1));
	sessions->key_nulls = palloc0(sizeof(bool) * (sessions->nkeys + 1));
	sessions->capacity = INITIAL_PIECES;
	sessions->pieces = palloc(sizeof(SaSpan) * sessions->capacity);
	sessions->group_context = AllocSetContextCreate(CurrentMemoryContext,
													"stream_agg group",
													ALLOCSET_DEFAULT_SIZES);
	sessions->near_context = AllocSetContextCreate(CurrentMemoryContext,
												   "stream_agg neighbourhood",
												   ALLOCSET_DEFAULT_SIZES);
	sessions->row_context = AllocSetContextCreate(CurrentMemoryContext,
												  "stream_agg session",
												  ALLOCSET_DEFAULT_SIZES);
}

static bool
sessions_receive(TupleTableSlot *slot, DestReceiver *self)
{
	Sessions   *sessions = (Sessions *) self;

	tuplesort_puttupleslot(sessions->sort, slot);
	return true;
}

/* Adds the piece that was just fetched to the group. */
static void
add_piece(Sessions *sessions)
{
	TupleTableSlot *slot = sessions->piece_slot;
	int			column = sessions->state_column + sessions->nstates;
	MemoryContext old_context;
	SaBehindRow *behind;
	SaSpan	   *piece;

	slot_getallattrs(slot);
	if (sessions->npieces == sessions->capacity)
	{
		sessions->capacity *= 2;
		sessions->pieces = repalloc_huge(sessions->pieces,
										 sizeof(SaSpan) * (size_t) sessions->capacity);
	}
	piece = &sessions->pieces[sessions->npieces++];
	memset(piece, 0, sizeof(SaSpan));
	piece->arrival = DatumGetInt32(slot->tts_values[sessions->nkeys + 1]);
	piece->first = DatumGetTimestampTz(slot->tts_values[column]);
	piece->last = DatumGetTimestampTz(slot->tts_values[column + 1]);
	piece->rows = DatumGetInt64(slot->tts_values[column + 2]);
	old_context = MemoryContextSwitchTo(sessions->group_context);
	piece->source = ExecCopySlotMinimalTuple(slot);
	MemoryContextSwitchTo(old_context);

	behind = sa_batch_behind_row(sessions->scan, piece->arrival);
	if (behind != NULL)
	{
		piece->behind = true;
		piece->watermark = sa_batch_row_watermark(sessions->scan,
												  &sessions->scan->batch->rows[behind->row]);
	}
}

/* ------------------------------------------------------------------------
 * Neighbourhoods
 * ------------------------------------------------------------------------
 */

static void
get_bounds(Sessions *sessions, TupleTableSlot *row, TimestampTz *first, TimestampTz *last)
{
	SaAggregateQuery *aq = sessions->plan->aq;
	bool		isnull;

	*first = DatumGetTimestampTz(slot_getattr(row, aq->start_attnum, &isnull));
	*last = DatumGetTimestampTz(slot_getattr(row, aq->end_attnum, &isnull)) -
		sessions->gap_us;
}

/*
 * Notes the stored sessions that touch the time from *first to last and begin
 * before *seen.  Moves *first and *seen to the earliest of their starts.
 */
static void
fetch_stored(Sessions *sessions, TimestampTz *first, TimestampTz last, TimestampTz *seen)
{
	SaDataTable *table = &sessions->table;
	TimestampTz limit = Min(sa_time_add(last, sessions->gap_us), *seen - 1);

	if (*first > sessions->stored_until)
		return;
	sessions->stored_until = DT_NOBEGIN;
	sessions->key_values[sessions->nkeys] = TimestampTzGetDatum(limit);
	sa_data_table_look_up(table, sessions->key_values, sessions->key_nulls);
	while (index_getnext_slot(table->scan, BackwardScanDirection, table->old_slot))
	{
		TimestampTz row_first;
		TimestampTz row_last;
		MemoryContext old_context;

		get_bounds(sessions, table->old_slot, &row_first, &row_last);
		if (sa_time_add(row_last, sessions->gap_us) < *first)
		{
			sessions->stored_until = sa_time_add(row_last, sessions->gap_us);
			break;
		}
		/* only here: the scan keeps memory of its own from one to the next */
		old_context = MemoryContextSwitchTo(sessions->near_context);
		sessions->stored = lappend(sessions->stored,
								   ExecCopySlotHeapTuple(table->old_slot));
		MemoryContextSwitchTo(old_context);
		*seen = row_first;
	}
	*first = Min(*first, *seen);
}

/* Puts the stored sessions among the pieces. */
static void
collect_spans(Sessions *sessions, const SaSpan *pieces, int npieces)
{
	int			n = list_length(sessions->stored);
	ListCell   *lc;

	sessions->spans = MemoryContextAllocHuge(sessions->near_context,
											 sizeof(SaSpan) * (size_t) (npieces + n));
	memset(sessions->spans, 0, sizeof(SaSpan) * n);
	n = 0;
	foreach(lc, sessions->stored)
	{
		SaSpan	   *span = &sessions->spans[n++];

		ExecForceStoreHeapTuple(lfirst(lc), sessions->table.old_slot, false);
		get_bounds(sessions, sessions->table.old_slot, &span->first, &span->last);
		span->arrival = SA_SPAN_STORED;
		span->source = lfirst(lc);
	}
	memcpy(sessions->spans + n, pieces, sizeof(SaSpan) * npieces);
	sessions->nspans = n + npieces;
	if (n > 0)
		qsort(sessions->spans, sessions->nspans, sizeof(SaSpan), sa_span_compare);
}

/*
 * Collects the neighbourhood that holds the last of "end" pieces.  Returns the
 * number of pieces before it.
 */
static int
collect_neighbourhood(Sessions *sessions, int end)
{
	SaSpan	   *pieces = sessions->pieces;
	int			begin = end - 1;
	TimestampTz first = pieces[begin].first;
	TimestampTz seen = DT_NOEND;

	sessions->stored = NIL;
	do
	{
		while (begin > 0 && sa_time_add(pieces[begin - 1].reach, sessions->gap_us) >= first)
		{
			begin--;
			first = Min(first, pieces[begin].first);
		}
		fetch_stored(sessions, &first, pieces[end - 1].reach, &seen);
	} while (begin > 0 && sa_time_add(pieces[begin - 1].reach, sessions->gap_us) >= first);
	collect_spans(sessions, pieces + begin, end - begin);
	return begin;
}

/* Finds out which sessions the neighbourhood makes. */
static void
join_neighbourhood(Sessions *sessions)
{
	bool		any_behind = false;
	MemoryContext old_context;

	for (int i = 0; i < sessions->nspans; i++)
	{
		any_behind |= sessions->spans[i].behind;
		sessions->spans[i].session = 0;
	}
	/* if nothing can be late, all of it is one */
	if (!any_behind)
		return;
	old_context = MemoryContextSwitchTo(sessions->near_context);
	sa_sessions_join(sessions->spans, sessions->nspans, sessions->gap_us,
					 sessions->plan->row->allowed_lateness_us);
	MemoryContextSwitchTo(old_context);
}

/* What became of a row that was behind, for the group at hand. */
static void
note_verdict(Sessions *sessions, const SaSpan *span)
{
	SaBehindRow *behind = sa_batch_behind_row(sessions->scan, span->arrival);
	int			column = sessions->state_column + sessions->nstates + 3;

	if (span->late && sessions->plan->aq->kept != NIL)
		sa_batch_note_late(sessions->scan, behind->row,
						   DatumGetInt64(sessions->group_slot->tts_values[column]));
	if (!span->late)
		behind->in_time = true;
	else if (!behind->late || span->late_end > behind->window_end)
	{
		behind->late = true;
		behind->window_start = span->late_start;
		behind->window_end = span->late_end;
	}
}

/* ------------------------------------------------------------------------
 * Writing
 * ------------------------------------------------------------------------
 */

/* Adds the states of a span, whose row is in a slot, to the session's. */
static void
add_states(Sessions *sessions, const SaSpan *span, TupleTableSlot *slot)
{
	SaAggregateQuery *aq = sessions->plan->aq;
	SaDataTable *table = &sessions->table;
	MemoryContext old_context;
	SaStateForm form = span->arrival == SA_SPAN_STORED ? SA_STATE_STORED : SA_STATE_DELTA;
	int			piece_column = sessions->state_column;
	int			n = -1;
	ListCell   *lc;

	slot_getallattrs(slot);
	old_context = MemoryContextSwitchTo(GetPerTupleMemoryContext(table->estate));
	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);
		SaStateDatum state;
		int			column;

		n++;
		if (aggregate->mode == SA_AGGREGATE_KEPT)
			continue;
		column = form == SA_STATE_STORED ? aggregate->state_attnum - 1 : piece_column;
		piece_column++;
		state.value = slot->tts_values[column];
		state.isnull = slot->tts_isnull[column];
		sa_state_add(sessions->plan->states[n], form, &state);
	}
	MemoryContextSwitchTo(old_context);
	ResetPerTupleExprContext(table->estate);
}

/* Writes the combined states and their values into the new row. */
static void
finish_states(Sessions *sessions)
{
	TupleTableSlot *slot = sessions->table.new_slot;
	int			n = 0;
	ListCell   *lc;

	foreach(lc, sessions->plan->aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);
		SaStateFunctions *functions = sessions->plan->states[n++];
		SaStateDatum state;
		SaStateDatum value;

		if (functions == NULL)
			continue;
		sa_state_finish(functions, &state, &value);
		/* where value and state share a column, they are the same */
		slot->tts_values[aggregate->state_attnum - 1] = state.value;
		slot->tts_isnull[aggregate->state_attnum - 1] = state.isnull;
		slot->tts_values[aggregate->value_attnum - 1] = value.value;
		slot->tts_isnull[aggregate->value_attnum - 1] = value.isnull;
	}
}

/* When a session ends whose last row is at a time. */
static TimestampTz
session_end(Sessions *sessions, TimestampTz last)
{
	TimestampTz end;

	sa_window_check(sa_window_end(&sessions->plan->aq->sq->window, last, &end));
	return end;
}

/* Sets a column of the new row. */
static void
set_column(Sessions *sessions, AttrNumber attnum, Datum value)
{
	TupleTableSlot *slot = sessions->table.new_slot;

	slot->tts_values[attnum - 1] = value;
	slot->tts_isnull[attnum - 1] = false;
}

/*
 * Fills the new row's keys and count of revisions: those of the stored session
 * in old_slot, or of a session that begins with the batch.
 */
static void
start_row(Sessions *sessions, bool is_new, int64 revisions)
{
	SaDataTable *table = &sessions->table;
	AttrNumber	attnum = sessions->plan->aq->revision_attnum;

	if (is_new)
	{
		sa_data_table_clear_new(table);
		memcpy(table->new_slot->tts_values, sessions->key_values,
			   sizeof(Datum) * sessions->nkeys);
		memcpy(table->new_slot->tts_isnull, sessions->key_nulls,
			   sizeof(bool) * sessions->nkeys);
	}
	else
		sa_data_table_copy_old(table);
	set_column(sessions, attnum, Int64GetDatum(revisions));
}

/* Puts a stored session into old_slot, as if a scan had found it there. */
static void
store_old(SaDataTable *table, HeapTuple tuple)
{
	ExecForceStoreHeapTuple(tuple, table->old_slot, false);
	table->old_slot->tts_tid = tuple->t_self;
	table->old_slot->tts_tableOid = tuple->t_tableOid;
}

static int64
stored_revisions(Sessions *sessions)
{
	bool		isnull;

	return DatumGetInt64(slot_getattr(sessions->table.old_slot,
									  sessions->plan->aq->revision_attnum, &isnull));
}

/*
 * Adds up the spans of a session; deletes the stored ones but for the first.
 * Returns that one, or NULL.
 */
static HeapTuple
absorb_spans(Sessions *sessions, const SaSpan *spans, int nspans, int64 *revisions)
{
	SaDataTable *table = &sessions->table;
	HeapTuple	kept = NULL;

	for (int i = 0; i < nspans; i++)
	{
		if (spans[i].late)
			continue;
		if (spans[i].arrival != SA_SPAN_STORED)
		{
			ExecStoreMinimalTuple(spans[i].source, sessions->state_slot, false);
			add_states(sessions, &spans[i], sessions->state_slot);
			*sessions->rows_in += spans[i].rows;
			continue;
		}
		store_old(table, spans[i].source);
		add_states(sessions, &spans[i], table->old_slot);
		*revisions += stored_revisions(sessions);
		if (kept == NULL)
			kept = spans[i].source;
		else
			ExecSimpleRelationDelete(table->result, table->estate, &table->epqstate,
									 table->old_slot);
	}
	return kept;
}

/* Writes one session, made of the spans given and the late ones among them. */
static void
write_session(Sessions *sessions, const SaSpan *spans, int nspans,
			  TimestampTz first, TimestampTz last, int64 revisions)
{
	SaAggregateQuery *aq = sessions->plan->aq;
	SaDataTable *table = &sessions->table;
	TimestampTz end = session_end(sessions, last);
	MemoryContext old_context = MemoryContextSwitchTo(sessions->row_context);
	HeapTuple	kept = absorb_spans(sessions, spans, nspans, &revisions);

	if (kept != NULL)
		store_old(table, kept);
	start_row(sessions, kept == NULL, revisions);
	finish_states(sessions);
	set_column(sessions, aq->start_attnum, TimestampTzGetDatum(first));
	set_column(sessions, aq->end_attnum, TimestampTzGetDatum(end));
	sa_data_table_set_final(table, aq, sessions->scan->progress->watermark);
	ExecStoreVirtualTuple(table->new_slot);
	if (kept != NULL)
		ExecSimpleRelationUpdate(table->result, table->estate, &table->epqstate,
								 table->old_slot, table->new_slot);
	else
		ExecSimpleRelationInsert(table->result, table->estate, table->new_slot);
	MemoryContextSwitchTo(old_context);

	sa_view_plan_reset_states(sessions->plan);
	ResetPerTupleExprContext(table->estate);
	MemoryContextReset(sessions->row_context);
}

/* Writes the sessions of the neighbourhood that the batch has changed. */
static void
write_neighbourhood(Sessions *sessions)
{
	SaSpan	   *spans = sessions->spans;

	for (int i = 0, next; i < sessions->nspans; i = next)
	{
		TimestampTz last = spans[i].last;
		bool		changed = false;

		next = i + 1;
		if (spans[i].behind)
			note_verdict(sessions, &spans[i]);
		if (spans[i].late)
			continue;
		changed = spans[i].arrival != SA_SPAN_STORED;
		for (; next < sessions->nspans; next++)
		{
			if (!spans[next].late && spans[next].session != spans[i].session)
				break;
			if (spans[next].behind)
				note_verdict(sessions, &spans[next]);
			if (spans[next].late)
				continue;
			changed |= spans[next].arrival != SA_SPAN_STORED;
			last = Max(last, spans[next].last);
		}
		if (changed)
			write_session(sessions, &spans[i], next - i, spans[i].first, last,
						  spans[spans[i].session].revisions);
	}
}

/*
 * From the latest neighbourhood to the earliest: the scan for one steps over
 * what this command has written in the range, since it doesn't see it yet.
 * What was written for later ones is out of range.
 */
static void
merge_group(Sessions *sessions)
{
	SaSpan	   *pieces = sessions->pieces;

	sessions->stored_until = DT_NOEND;
	qsort(pieces, sessions->npieces, sizeof(SaSpan), sa_span_compare);
	for (int i = 0; i < sessions->npieces; i++)
		pieces[i].reach = i > 0 ? Max(pieces[i].last, pieces[i - 1].reach) : pieces[i].last;
	for (int end = sessions->npieces; end > 0;)
	{
		CHECK_FOR_INTERRUPTS();
		end = collect_neighbourhood(sessions, end);
		join_neighbourhood(sessions);
		write_neighbourhood(sessions);
		MemoryContextReset(sessions->near_context);
	}
}

static bool
is_same_group(Sessions *sessions)
{
	ExprContext *econtext = GetPerTupleExprContext(sessions->table.estate);

	econtext->ecxt_outertuple = sessions->piece_slot;
	econtext->ecxt_innertuple = sessions->group_slot;
	return ExecQualAndReset(sessions->same_group, econtext);
}

/* Groups one after the other; the pieces of one follow each other. */
static void
merge_groups(Sessions *sessions)
{
	bool		more;

	tuplesort_performsort(sessions->sort);
	more = tuplesort_gettupleslot(sessions->sort, true, false, sessions->piece_slot, NULL);
	while (more)
	{
		ExecCopySlot(sessions->group_slot, sessions->piece_slot);
		slot_getallattrs(sessions->group_slot);
		memcpy(sessions->key_values, sessions->group_slot->tts_values,
			   sizeof(Datum) * sessions->nkeys);
		memcpy(sessions->key_nulls, sessions->group_slot->tts_isnull,
			   sizeof(bool) * sessions->nkeys);
		do
		{
			add_piece(sessions);
			more = tuplesort_gettupleslot(sessions->sort, true, false,
										  sessions->piece_slot, NULL);
		} while (more && is_same_group(sessions));
		merge_group(sessions);
		MemoryContextReset(sessions->group_context);
		sessions->npieces = 0;
	}
}

static void
sessions_shutdown(DestReceiver *self)
{
	Sessions   *sessions = (Sessions *) self;

	merge_groups(sessions);
	tuplesort_end(sessions->sort);
	sa_data_table_close(&sessions->table);
	MemoryContextDelete(sessions->row_context);
	MemoryContextDelete(sessions->near_context);
	MemoryContextDelete(sessions->group_context);
}

static void
sessions_destroy(DestReceiver *self)
{
	pfree(self);
}

DestReceiver *
sa_session_receiver(SaViewPlan *plan, SaBatchScan *scan, int64 *rows_in)
{
	Sessions   *sessions = palloc0(sizeof(Sessions));

	sessions->pub.receiveSlot = sessions_receive;
	sessions->pub.rStartup = sessions_startup;
	sessions->pub.rShutdown = sessions_shutdown;
	sessions->pub.rDestroy = sessions_destroy;
	sessions->pub.mydest = DestNone;
	sessions->plan = plan;
	sessions->scan = scan;
	sessions->rows_in = rows_in;
	sessions->gap_us = plan->aq->sq->window.size_us;
	return (DestReceiver *) sessions;
}
