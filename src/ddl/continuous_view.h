/*-------------------------------------------------------------------------
 *
 * continuous_view.h
 *	  CREATE and DROP of continuous views, and what else is said to them as to
 *	  materialized views.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_DDL_CONTINUOUS_VIEW_H
#define SA_DDL_CONTINUOUS_VIEW_H

#include "nodes/parsenodes.h"

/* CREATE MATERIALIZED VIEW … WITH (stream_agg.continuous) */
extern void sa_continuous_view_create(CreateTableAsStmt *statement,
									  const char *query_string);

/* true if the name is a continuous view's */
extern bool sa_is_continuous_view(const RangeVar *name);

/* ---- drop_view.c: what is dropped takes its parts along ---- */

/* What was dropped while one utility statement ran. */
typedef struct SaDropScope
{
	List	   *relids;
	MemoryContext context;		/* of the list; outlives the statement */
	struct SaDropScope *outer;
} SaDropScope;

extern void sa_drop_init(void);
extern void sa_drop_scope_enter(SaDropScope *scope);
extern void sa_drop_scope_leave(SaDropScope *scope);

/* Drops the rest of views of which a part was dropped. */
extern void sa_drop_scope_finish(SaDropScope *scope, DropBehavior behavior);

#endif							/* SA_DDL_CONTINUOUS_VIEW_H */
