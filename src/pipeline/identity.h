/*-------------------------------------------------------------------------
 *
 * identity.h
 *	  Who a view's query runs as, and under which settings.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_IDENTITY_H
#define SA_PIPELINE_IDENTITY_H

#include "nodes/pg_list.h"

#include "metadata/stream.h"

typedef struct SaIdentity
{
	Oid			userid;
	int			sec_context;
	int			guc_level;
} SaIdentity;

/*
 * Take on a role and settings (name, value, name, value, …) until
 * sa_identity_leave().  An error in between is cleaned up by the
 * (sub)transaction's abort.
 */
extern void sa_identity_enter(SaIdentity *identity, Oid role, List *settings);
extern void sa_identity_leave(SaIdentity *identity);

/* The role that owns a relation; InvalidOid if there is none. */
extern Oid	sa_relation_owner(Oid relid);

/*
 * The settings under which rows of a stream are made and shown, for whom ever:
 * they follow from the stream alone.
 */
extern List *sa_identity_stream_settings(const SaStream *stream);

/* The settings as they are now, for a view that is being created. */
extern List *sa_identity_current_settings(void);

#endif							/* SA_PIPELINE_IDENTITY_H */
