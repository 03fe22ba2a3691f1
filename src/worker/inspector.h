/*-------------------------------------------------------------------------
 *
 * inspector.h
 *	  The process that asks one database what is to run in it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_WORKER_INSPECTOR_H
#define SA_WORKER_INSPECTOR_H

#include "fmgr.h"

#include "stream_agg.h"

#define SA_INSPECTOR_MAIN	"stream_agg_inspector_main"

extern SA_EXPORT void stream_agg_inspector_main(Datum main_arg);

#endif							/* SA_WORKER_INSPECTOR_H */
