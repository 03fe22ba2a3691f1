/*-------------------------------------------------------------------------
 *
 * view_reader.h
 *	  Which reader a new view hangs on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_DDL_VIEW_READER_H
#define SA_DDL_VIEW_READER_H

#include "metadata/stream.h"

/*
 * The reader for a view that starts at "start" (option stream_agg.start); it is
 * made if need be.  The stream's reader stands still until the transaction ends.
 */
extern int32 sa_view_reader_choose(SaStream *stream, const char *start, bool paused);

#endif							/* SA_DDL_VIEW_READER_H */
