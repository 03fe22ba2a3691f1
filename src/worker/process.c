/*-------------------------------------------------------------------------
 *
 * process.c
 *	  What the processes of our background workers have in common.
 *
 * NOTES
 *	  SIGTERM is die(): the process ends at the next CHECK_FOR_INTERRUPTS or in
 *	  the wait that it is in, by FATAL and so with exit status 1.  bgworker_die,
 *	  the default, would throw inside the signal handler, and so perhaps inside
 *	  malloc.
 *
 *	  A worker connects without a role of its own, so ALTER ROLE SET does not
 *	  reach it, but ALTER DATABASE SET and postgresql.conf do.  What is pinned
 *	  here overrides both.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"

#include "stream_agg.h"
#include "worker/process.h"

typedef struct PinnedSetting
{
	const char *name;
	const char *value;
} PinnedSetting;

static const PinnedSetting pinned_settings[] = {
	/* what names and values mean */
	{"search_path", "pg_catalog, pg_temp"},
	{"timezone", "UTC"},
	{"datestyle", "ISO, MDY"},
	{"intervalstyle", "postgres"},

	/* transactions: short ones that write, and retry on what others do */
	{"default_transaction_isolation", "read committed"},
	{"default_transaction_read_only", "off"},
	{"default_transaction_deferrable", "off"},
	{"session_replication_role", "origin"},

	/* nothing but a lock may keep a batch waiting, and little longer than another batch */
	{"lock_timeout", "5s"},
	{"statement_timeout", "0"},
	{"idle_in_transaction_session_timeout", "0"},
	{"idle_session_timeout", "0"},
	{"transaction_timeout", "0"},	/* since 17 */

	/* plans: many small ones, in a process that takes one slot */
	{"jit", "off"},
	{"max_parallel_workers_per_gather", "0"},
};

/* in kB, of a process that does batches */
#define SA_LEAST_WORK_MEM_KB	(48 * 1024)

static void set_override(const char *name, const char *value);
static void adopt_synchronous_commit(void);
static void raise_work_mem(void);

void
sa_process_describe(BackgroundWorker *worker, const char *function,
					const char *type, const char *name)
{
	memset(worker, 0, sizeof(BackgroundWorker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;

	/* never on a standby; at once when one is promoted */
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker->bgw_library_name, SA_EXTENSION_NAME,
			sizeof(worker->bgw_library_name));
	strlcpy(worker->bgw_function_name, function,
			sizeof(worker->bgw_function_name));
	strlcpy(worker->bgw_type, type, sizeof(worker->bgw_type));
	strlcpy(worker->bgw_name, name, sizeof(worker->bgw_name));
}

void
sa_process_handle_signals(void)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
}

void
sa_process_pin_settings(const char *application_name)
{
	for (int i = 0; i < lengthof(pinned_settings); i++)
		set_override(pinned_settings[i].name, pinned_settings[i].value);
	set_override("application_name", application_name);
	raise_work_mem();
	adopt_synchronous_commit();
}

void
sa_process_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();

	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
		adopt_synchronous_commit();
	}
}

void
sa_process_wait(int64 timeout_ms)
{
	(void) WaitLatch(MyLatch,
					 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 (long) Max(timeout_ms, 0), PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	sa_process_interrupts();
}

/* A setting that this version of PostgreSQL doesn't have is left alone. */
static void
set_override(const char *name, const char *value)
{
	if (GetConfigOption(name, true, false) != NULL)
		SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

/*
 * The groups of a batch should fit into memory.  Few processes do batches, and
 * what the server allows to each of its many sessions is too little.
 */
static void
raise_work_mem(void)
{
	if (work_mem < SA_LEAST_WORK_MEM_KB)
		set_override("work_mem", psprintf("%d", SA_LEAST_WORK_MEM_KB));
}

/* Batches have a synchronous_commit of their own, which may be reloaded. */
static void
adopt_synchronous_commit(void)
{
	const char *value = GetConfigOption("stream_agg.synchronous_commit",
										true, false);

	if (value != NULL)
		set_override("synchronous_commit", value);
}
