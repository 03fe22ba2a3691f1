/*-------------------------------------------------------------------------
 *
 * preload.h
 *	  Whether the library was loaded by shared_preload_libraries.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_BASE_PRELOAD_H
#define SA_BASE_PRELOAD_H

/* set by _PG_init; the hooks and background workers exist only then */
extern bool sa_preloaded;

#endif							/* SA_BASE_PRELOAD_H */
