/*-------------------------------------------------------------------------
 *
 * reader_worker.h
 *	  The process around one reader.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_WORKER_READER_WORKER_H
#define SA_WORKER_READER_WORKER_H

#include "fmgr.h"

#include "stream_agg.h"

#define SA_READER_WORKER_MAIN	"stream_agg_reader_worker_main"

extern SA_EXPORT void stream_agg_reader_worker_main(Datum main_arg);

#endif							/* SA_WORKER_READER_WORKER_H */
