/*-------------------------------------------------------------------------
 *
 * session_query.h
 *	  What is special about queries over sessions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_AGGREGATE_SESSION_QUERY_H
#define SA_AGGREGATE_SESSION_QUERY_H

#include "nodes/plannodes.h"

#include "aggregate/aggregate_query.h"

/*
 * Rows of the session plan, each of them a part of one session: the keys in the
 * order of aq->keys, a bucket of time (timestamptz), the arrival (int4; see
 * sa_batch_arrival), the aggregates' states in the order of aq->aggregates
 * (serialized if internal, left out if arguments are kept), the first and the
 * last event time (timestamptz), the number of rows and, if arguments are kept,
 * the hash of the keys.  Late rows are in it.  In no particular order.
 */
extern PlannedStmt *sa_session_plan(const Query *definition, const SaView *view);

#endif							/* SA_AGGREGATE_SESSION_QUERY_H */
