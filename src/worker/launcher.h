/*-------------------------------------------------------------------------
 *
 * launcher.h
 *	  The process that starts and stops all the others.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_WORKER_LAUNCHER_H
#define SA_WORKER_LAUNCHER_H

#include "fmgr.h"

#include "stream_agg.h"

/* Call while shared_preload_libraries is being processed, once. */
extern void sa_launcher_register(void);

extern SA_EXPORT void stream_agg_launcher_main(Datum main_arg);

#endif							/* SA_WORKER_LAUNCHER_H */
