/*-------------------------------------------------------------------------
 *
 * view_options.h
 *	  Options of CREATE MATERIALIZED VIEW … WITH (stream_agg.…).
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_DDL_VIEW_OPTIONS_H
#define SA_DDL_VIEW_OPTIONS_H

#include "nodes/parsenodes.h"

typedef struct SaViewOptions
{
	bool		continuous;
	char	   *start;
	char	   *into;			/* NULL: a table of its own */
	bool		emit_final;
	bool		late_drop;
	int64		allowed_lateness_us;
	char	   *late_function;	/* as the user wrote it; NULL: none */
	int64		retention_us;	/* -1: not given */
	int64		state_ttl_us;	/* -1: not given */
} SaViewOptions;

/*
 * Reads the options of our namespace.  "others" is set if there are options
 * without it, which a continuous view does not take.  Raises an error for
 * unknown names and values, but only if the view is to be continuous.
 */
extern void sa_view_options_read(List *options, SaViewOptions *result);

/* Whether an option has our namespace. */
extern bool sa_view_option_is_ours(const DefElem *option);

/*
 * ALTER … SET an option, or RESET it if it has no value.  Raises an error for
 * those that can't be changed.
 */
extern void sa_view_option_change(SaViewOptions *options, DefElem *option);

/* true if the list has stream_agg.continuous, whatever else it has */
extern bool sa_view_options_continuous(List *options);

#endif							/* SA_DDL_VIEW_OPTIONS_H */
