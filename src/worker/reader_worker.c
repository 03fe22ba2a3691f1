/*-------------------------------------------------------------------------
 *
 * reader_worker.c
 *	  The process around one reader: from its start to its end, by way of errors.
 *
 * NOTES
 *	  What a reader does is in pipeline/; here is what a process must do so that
 *	  the reader can do it: attach to its slot, connect, survive errors, leave.
 *
 *	  An error does not end the process.  Whatever it was, the transaction is
 *	  rolled back, what the reader held in memory is thrown away together with
 *	  its Kafka client, and after a pause it starts from the positions in the
 *	  catalogs.  Only FATAL, and an error while cleaning up, end the process; the
 *	  launcher then starts another one.
 *
 *	  The process must not run exit handlers of libraries while threads of the
 *	  Kafka client live (design.md, section 5), which is why the exit guard comes
 *	  first of all.
 *
 *	  SIGTERM ends it at the next CHECK_FOR_INTERRUPTS.  There is no stronger
 *	  means: a process that ends without giving back its place in shared memory
 *	  makes the postmaster restart the whole server.  So nothing that a reader
 *	  calls may block for long without looking.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include "access/xact.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/timeout.h"

#include "kafka/consumer.h"
#include "worker/reader_loop.h"
#include "worker/process.h"
#include "worker/reader_worker.h"
#include "worker/slots.h"

#define SA_ERROR_PAUSE_MIN_MS	100
#define SA_ERROR_PAUSE_MAX_MS	5000
#define SA_GOOD_RUN_MS			30000	/* an error after this starts anew */
#define SA_SAME_ERROR_LOG_MS	60000

/*
 * A batch takes tens of megabytes and gives them back, ten times a second.
 * Pages that malloc returns to the kernel in between come back as page faults,
 * which cost a tenth of the time of a batch (measured).
 */
#define KEPT_MEMORY_BYTES	(128 * 1024 * 1024)
#define LARGEST_HEAP_BLOCK	(32 * 1024 * 1024)	/* the most that malloc takes */

static void quit(SIGNAL_ARGS);
static bool run_reader(int32 reader);
static void recover(int32 reader, MemoryContext context);
static void log_error(const char *message);
static void pause_after_error(int64 pause_ms);
static void leave_if_asked(void);

void
stream_agg_reader_worker_main(Datum main_arg)
{
	Oid			database;
	int32		reader;
	char		name[NAMEDATALEN];
	int64		pause_ms = 0;

	sa_kafka_install_exit_guard();
	(void) mallopt(M_MMAP_THRESHOLD, LARGEST_HEAP_BLOCK);
	(void) mallopt(M_TRIM_THRESHOLD, KEPT_MEMORY_BYTES);
	sa_process_handle_signals();
	pqsignal(SIGQUIT, quit);
	BackgroundWorkerUnblockSignals();
	if (!sa_slot_attach(&database, &reader))
		proc_exit(0);

	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	snprintf(name, sizeof(name), "stream_agg reader %d", reader);
	sa_process_pin_settings(name);

	for (;;)
	{
		int64		started_ms = sa_worker_clock_ms();

		leave_if_asked();
		sa_worker_report("running");
		if (run_reader(reader))
		{
			leave_if_asked();
			sa_slot_set_outcome(SA_OUTCOME_DONE);
			proc_exit(0);
		}

		if (sa_worker_clock_ms() - started_ms >= SA_GOOD_RUN_MS)
			pause_ms = 0;
		pause_ms = Max(pause_ms * 2, SA_ERROR_PAUSE_MIN_MS);
		pause_ms = Min(pause_ms, SA_ERROR_PAUSE_MAX_MS);
		pause_after_error(pause_ms);
	}
}

/*
 * SIGQUIT: another process has crashed and the postmaster wants all to end at
 * once.  As SignalHandlerForCrashExit, but leave word in our slot that it was
 * not us (crash_record.c).  One byte, in a place that only this process uses, is
 * safe to write even into shared memory that may be corrupt.
 */
static void
quit(SIGNAL_ARGS)
{
	if (sa_my_slot != NULL)
		sa_my_slot->quit_by_postmaster = true;
	_exit(2);
}

/* Returns true if the reader has ended by itself, false after an error. */
static bool
run_reader(int32 reader)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool done = false;

	PG_TRY();
	{
		sa_reader_run(reader);
		done = true;
	}
	PG_CATCH();
	{
		recover(reader, context);
	}
	PG_END_TRY();

	return done;
}

/*
 * Called with an error raised.  Afterwards the process is as if it had just
 * connected.  An error in here ends the process.
 */
static void
recover(int32 reader, MemoryContext context)
{
	ErrorData  *error;

	HOLD_INTERRUPTS();
	disable_all_timeouts(false);
	QueryCancelPending = false;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	log_error(error->message);
	sa_worker_report_error(error->message);
	FreeErrorData(error);

	AbortOutOfAnyTransaction();
	FlushErrorState();
	MemoryContextSwitchTo(context);
	sa_reader_reset();
	pgstat_report_activity(STATE_IDLE, NULL);
	RESUME_INTERRUPTS();
}

/*
 * An error that repeats itself every few seconds, for hours, is logged once a
 * minute; stream_agg.workers shows it all the time.
 */
static void
log_error(const char *message)
{
	static char last_message[SA_WORKER_ERROR_LEN];
	static int64 last_logged_ms = 0;
	int64		now_ms = sa_worker_clock_ms();

	if (last_logged_ms != 0 &&
		now_ms - last_logged_ms < SA_SAME_ERROR_LOG_MS &&
		strncmp(last_message, message, sizeof(last_message) - 1) == 0)
		return;

	EmitErrorReport();
	strlcpy(last_message, message, sizeof(last_message));
	last_logged_ms = now_ms;
}

/* Wait, but not when somebody has just changed what may have been the cause. */
static void
pause_after_error(int64 pause_ms)
{
	int64		until_ms = sa_worker_clock_ms() + pause_ms;
	int64		left_ms;

	sa_worker_report("waiting to retry after an error");
	while ((left_ms = until_ms - sa_worker_clock_ms()) > 0)
	{
		sa_process_wait(left_ms);
		leave_if_asked();
		if (sa_worker_take_wakeup())
			break;
	}
}

static void
leave_if_asked(void)
{
	sa_process_interrupts();
	if (sa_worker_stop_requested())
		proc_exit(0);
}
