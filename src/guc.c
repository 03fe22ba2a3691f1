/*-------------------------------------------------------------------------
 *
 * guc.c
 *	  Settings.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "access/xact.h"
#include "utils/guc.h"

#include "base/fault.h"
#include "base/settings.h"
#include "guc.h"
#include "kafka/properties.h"
#include "stream_agg.h"
#include "worker/shared.h"

int			sa_flush_interval_ms;
int			sa_batch_rows;
int			sa_synchronous_commit;
int			sa_max_worker_memory_kb;

static const struct config_enum_entry synchronous_commit_values[] = {
	{"local", SYNCHRONOUS_COMMIT_LOCAL_FLUSH, false},
	{"remote_write", SYNCHRONOUS_COMMIT_REMOTE_WRITE, false},
	{"remote_apply", SYNCHRONOUS_COMMIT_REMOTE_APPLY, false},
	{"on", SYNCHRONOUS_COMMIT_ON, false},
	{"off", SYNCHRONOUS_COMMIT_OFF, false},
	{NULL, 0, false}
};

static void
define_server_settings(void)
{
	DefineCustomIntVariable("stream_agg.max_workers",
							"Maximum number of readers that the server keeps account of.",
							NULL, &sa_max_workers, 32, 1, 1024,
							PGC_POSTMASTER, 0, NULL, NULL, NULL);
}

void
sa_guc_define(bool preloaded)
{
	DefineCustomIntVariable("stream_agg.flush_interval",
							"Longest time that rows wait for their batch to be committed.",
							"Streams can override this with the option \"flush_interval\".",
							&sa_flush_interval_ms, 100, 10, 24 * 60 * 60 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("stream_agg.batch_rows",
							"Largest number of rows of a batch.",
							"Streams can override this with the option \"batch_rows\".",
							&sa_batch_rows, SA_DEFAULT_BATCH_ROWS, 1, 10000000,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("stream_agg.synchronous_commit",
							 "Value of synchronous_commit for the batches of background workers.",
							 "With \"off\", a crash may lose the last batches together with their positions; they are read again.",
							 &sa_synchronous_commit, SYNCHRONOUS_COMMIT_OFF,
							 synchronous_commit_values,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("stream_agg.max_worker_memory",
							"Memory of a background worker above which it closes its Kafka client and starts anew.",
							NULL, &sa_max_worker_memory_kb, 2 * 1024 * 1024, 64 * 1024, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomStringVariable("stream_agg.allowed_brokers",
							   "Brokers that servers of users other than superusers may name.",
							   "A list of host:port, separated by commas; \"*\" allows all.",
							   &sa_allowed_brokers, "",
							   PGC_SUSET, GUC_LIST_INPUT, NULL, NULL, NULL);
#ifdef STREAM_AGG_FAULTS
	DefineCustomStringVariable("stream_agg.fault", "Fault to inject, for tests.", NULL,
							   &sa_fault, "", PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("stream_agg.chunk_rows", "Rows of a chunk, for tests.", NULL,
							&sa_fault_chunk_rows, 0, 0, 100000, PGC_SIGHUP, 0, NULL, NULL, NULL);
#endif
	if (preloaded)
		define_server_settings();
	MarkGUCPrefixReserved(SA_EXTENSION_NAME);
}
