/*-------------------------------------------------------------------------
 *
 * stream_query.h
 *	  Where in a query the stream is, and what may stand around it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_AGGREGATE_STREAM_QUERY_H
#define SA_AGGREGATE_STREAM_QUERY_H

#include "nodes/parsenodes.h"
#include "parser/parse_node.h"

#include "window/window.h"

/*
 * A query over one stream, with views and CTEs around the stream expanded.
 * Level 0 is the query itself; level i + 1 is the subquery that is range table
 * entry path[i] of level i; the last entry of the path is the stream.
 */
typedef struct SaStreamQuery
{
	Query	   *query;
	Oid			stream;
	int			depth;			/* length of the path, at least 1 */
	int		   *path;			/* range table indexes, from the top down */

	/* the window function, if there is one */
	SaWindowKind window_kind;	/* SA_WINDOW_NONE: there is none */
	Oid			window_type;	/* of its columns */
	int			window_level;
	int			window_rtindex;
	FuncExpr   *window_call;	/* with all arguments, in their order */
	SaWindowSpec window;
	AttrNumber	time_attnum;	/* the stream's event-time column */
} SaStreamQuery;

/*
 * Takes apart the query of a definition, which is not changed.  Raises an
 * error with the reason if it can't be maintained; positions in it refer to
 * pstate's text (pstate may be NULL).
 */
extern SaStreamQuery *sa_stream_query_analyze(const Query *query,
											  ParseState *pstate);

/* The query of one level. */
extern Query *sa_stream_query_level(const SaStreamQuery *sq, int level);

/* The levels from one of the path on, as a query of their own. */
extern SaStreamQuery sa_stream_query_below(const SaStreamQuery *sq, int level);

/*
 * What an expression of level 0 is further down: follows plain columns through
 * subqueries and join aliases.  Returns the level at which it ends.
 */
extern Node *sa_stream_query_trace(const SaStreamQuery *sq, Node *expr,
								   int *level);

/* Whether an expression of level 0 is volatile, also in what it refers to. */
extern bool sa_stream_query_is_volatile(const SaStreamQuery *sq, Node *expr);

/*
 * Makes a Var of some level visible at level 0, by adding columns to the
 * subqueries in between; returns the Var to use there.
 */
extern Var *sa_stream_query_expose(SaStreamQuery *sq, int level, Var *var);

/* A Var of the stream, exposed; attnum may be that of a system column. */
extern Var *sa_stream_query_stream_var(SaStreamQuery *sq, AttrNumber attnum,
									   Oid type, int32 typmod, Oid collation);

/* Column 1 (start) or 2 (end) of the window function, exposed. */
extern Var *sa_stream_query_window_var(SaStreamQuery *sq, AttrNumber attnum);

/* Raises the error for a definition that can't be maintained. */
extern void sa_refuse(ParseState *pstate, int location, const char *reason,
					  const char *hint) __attribute__((noreturn));

#endif							/* SA_AGGREGATE_STREAM_QUERY_H */
