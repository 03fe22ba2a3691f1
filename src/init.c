/*-------------------------------------------------------------------------
 *
 * init.c
 *	  Loading of the library.
 *
 * NOTES
 *	  Background workers and shared memory need shared_preload_libraries.  A
 *	  library that was loaded later only says so.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "base/preload.h"
#include "ddl/utility_hook.h"
#include "guc.h"
#include "stream_agg.h"
#include "worker/launcher.h"
#include "worker/shared.h"

/* exported here, since 15 does not do it by itself */
extern SA_EXPORT const Pg_magic_struct *PG_MAGIC_FUNCTION_NAME(void);

PG_MODULE_MAGIC;

extern SA_EXPORT void _PG_init(void);

void
_PG_init(void)
{
	sa_preloaded = process_shared_preload_libraries_in_progress;
	sa_guc_define(sa_preloaded);
	sa_utility_hook_install();
	if (sa_preloaded)
	{
		sa_worker_init();
		sa_launcher_register();
	}
}
