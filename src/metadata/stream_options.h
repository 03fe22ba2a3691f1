/*-------------------------------------------------------------------------
 *
 * stream_options.h
 *	  Options of streams and of their columns.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_METADATA_STREAM_OPTIONS_H
#define SA_METADATA_STREAM_OPTIONS_H

#include "nodes/parsenodes.h"

#include "metadata/stream.h"

/*
 * A length of time in microseconds.  Raises an error, in which "name" is the
 * option's, for what has no fixed length or is negative.
 */
extern int64 sa_duration_parse(const char *name, const char *value);

/*
 * Raise an error for an unknown option or a value that can't be, and for
 * options of a stream that exclude each other.
 */
extern void sa_stream_options_check(List *options);
extern void sa_column_option_check(DefElem *option);

/* Sets what the option says; the value has been checked by CREATE or ALTER. */
extern void sa_stream_option_apply(SaStream *stream, DefElem *option);
extern void sa_column_option_apply(SaColumn *column, DefElem *option);

#endif							/* SA_METADATA_STREAM_OPTIONS_H */
