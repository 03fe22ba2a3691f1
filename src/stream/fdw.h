/*-------------------------------------------------------------------------
 *
 * fdw.h
 *	  The parts of the foreign-data wrapper.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_STREAM_FDW_H
#define SA_STREAM_FDW_H

#include "foreign/fdwapi.h"

/* Each sets the callbacks that it provides. */
extern void sa_fdw_set_scan(FdwRoutine *routine);
extern void sa_fdw_set_insert(FdwRoutine *routine);

#endif							/* SA_STREAM_FDW_H */
