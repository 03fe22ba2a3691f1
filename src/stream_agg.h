/*-------------------------------------------------------------------------
 *
 * stream_agg.h
 *	  The names by which the extension knows itself.
 *
 * NOTES
 *	  Every folder may include this file; it includes nothing of ours.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_STREAM_AGG_H
#define SA_STREAM_AGG_H

#include "fmgr.h"

#define SA_EXTENSION_NAME	"stream_agg"	/* extension, wrapper, library */
#define SA_SCHEMA			"stream_agg"	/* catalogs, views, functions */
#define SA_DATA_SCHEMA		"stream_agg_data"	/* tables behind the views */

/*
 * The library is compiled with hidden visibility, so that nothing of ours can
 * clash with another library in the same server; what PostgreSQL looks up by
 * name is exported here and nowhere else (tools/check_exports).
 */
#define SA_EXPORT __attribute__((visibility("default")))

#define SA_FUNCTION_INFO_V1(name) \
	extern SA_EXPORT Datum name(PG_FUNCTION_ARGS); \
	extern SA_EXPORT const Pg_finfo_record *pg_finfo_##name(void); \
	PG_FUNCTION_INFO_V1(name)

#endif							/* SA_STREAM_AGG_H */
