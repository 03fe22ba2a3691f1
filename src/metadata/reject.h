/*-------------------------------------------------------------------------
 *
 * reject.h
 *	  Rows that were not used: dead letters and late rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_METADATA_REJECT_H
#define SA_METADATA_REJECT_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

typedef struct SaDeadLetter
{
	Oid			stream;
	Oid			view;			/* InvalidOid: bad for all views */
	const char *topic;
	int32		partition;
	int64		offset;
	bytea	   *key;			/* NULL: none */
	bytea	   *value;			/* NULL: none */
	int			sqlstate;
	const char *reason;
	const char *detail;			/* or NULL */
} SaDeadLetter;

typedef struct SaLateRow
{
	Oid			view;
	Oid			stream;
	const char *topic;
	int32		partition;
	int64		offset;
	TimestampTz event_time;
	TimestampTz window_start;
	TimestampTz window_end;
	TimestampTz watermark;
	Jsonb	   *row;
} SaLateRow;

/* Records it; once only, if two readers of a stream meet the same message. */
extern void sa_dead_letter_record(const SaDeadLetter *letter);

/*
 * Records a group of a window as a dead letter of a view.  It is no message: its
 * partition is -1, and its offset counts such letters of the view.
 */
extern void sa_dead_group_record(const SaDeadLetter *letter);

/* Records late rows, in their order. */
extern void sa_late_rows_record(const SaLateRow *rows, int nrows);

#endif							/* SA_METADATA_REJECT_H */
