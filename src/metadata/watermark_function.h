/*-------------------------------------------------------------------------
 *
 * watermark_function.h
 *	  The user's function that computes the watermark of a partition.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_METADATA_WATERMARK_FUNCTION_H
#define SA_METADATA_WATERMARK_FUNCTION_H

#include "metadata/stream.h"

/*
 * The function of that name, which has a schema.  Raises an error if there is
 * none (max_event_time timestamptz, now timestamptz) RETURNS timestamptz.
 */
extern Oid	sa_watermark_function_find(const char *name);

/* The stream's function, which the stream's owner must be able to execute. */
extern Oid	sa_watermark_function_of_stream(const SaStream *stream);

/*
 * Makes the stream depend on the function that its options name, and on no
 * other.
 */
extern void sa_watermark_function_record(Oid stream);

/* The same for all streams that have readers. */
extern void sa_watermark_functions_adopt(void);

#endif							/* SA_METADATA_WATERMARK_FUNCTION_H */
