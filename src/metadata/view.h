/*-------------------------------------------------------------------------
 *
 * view.h
 *	  Catalog rows of continuous views, their watermarks and counters.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_METADATA_VIEW_H
#define SA_METADATA_VIEW_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "decode/column.h"

typedef enum SaViewKind
{
	SA_VIEW_LOAD,
	SA_VIEW_AGGREGATE
} SaViewKind;

typedef struct SaView
{
	Oid			view;			/* what the user sees */
	Oid			definition;		/* the hidden view with the user's query */
	Oid			data;			/* the table behind it */
	Oid			panes;			/* the table of panes, or InvalidOid */
	List	   *kept;			/* of Oid: tables of kept arguments */
	Oid			stream;
	int32		reader;
	SaViewKind	kind;
	bool		owns_data;		/* false: the table was named by "into" */
	bool		emit_final;
	bool		late_drop;
	int64		allowed_lateness_us;
	char	   *late_function;	/* qualified name; NULL: none */
	int64		retention_us;	/* -1: for ever */
	int64		state_ttl_us;	/* -1: for ever */
	char	   *start;
	int			state_version;	/* of the server that wrote the states */
	List	   *settings;		/* of char *: name, value, name, value, … */
} SaView;

/*
 * How far event time has come for a view.  Partition n is at index n; a
 * partition without a watermark has DT_NOBEGIN there.
 */
typedef struct SaProgress
{
	TimestampTz watermark;		/* of the stream; DT_NOBEGIN: none yet */
	int			npartitions;
	TimestampTz *partitions;
	int64		rows_in;
	int64		rows_late;
	int64		rows_dead;
	int			ntimes;
	int64	   *times;			/* histogram of batch times */
} SaProgress;

extern void sa_view_insert(const SaView *view);

/* Stores late, late_function and retention. */
extern void sa_view_update_options(const SaView *view);

/* Deletes all that is recorded about a view, and a reader of its own. */
extern void sa_view_delete(const SaView *view);

/*
 * The continuous view one of whose parts is relid, or NULL.  Works for relations
 * that were just dropped, too.
 */
extern SaView *sa_view_by_part(Oid relid);

/* Oids of the tables that belong to the view and go with it. */
extern List *sa_view_tables(const SaView *view);

/* Lists of SaView *, in the order of creation. */
extern List *sa_views_of_reader(int32 reader);
extern List *sa_views_of_stream(Oid stream);

/* Whether any stream of a foreign server has a continuous view. */
extern bool sa_server_has_views(Oid serverid);

/* Readers of a stream that have views, in ascending order. */
extern List *sa_readers_of_stream(Oid stream);

extern void sa_view_set_reader(Oid view, int32 reader);

extern SaProgress *sa_progress_load(Oid view);
extern void sa_progress_save(Oid view, const SaProgress *progress);

/*
 * The stream watermark of the view whose own data table this is, in the active
 * snapshot; DT_NOBEGIN if there is none.
 */
extern TimestampTz sa_progress_watermark(Oid data);

/* Makes room for partition numbers below npartitions. */
extern void sa_progress_extend(SaProgress *progress, int npartitions);

/* Deletes what is recorded about a stream that was dropped. */
extern void sa_stream_forget(Oid stream);

#endif							/* SA_METADATA_VIEW_H */
