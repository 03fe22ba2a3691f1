/*-------------------------------------------------------------------------
 *
 * reader_loop.c
 *	  From Kafka to committed batches, for one reader.
 *
 * NOTES
 *	  The order of things is the proof that each message counts once:
 *
 *	  1. While waiting for Kafka there is no transaction and no snapshot.  The
 *		 only wait is for the latch, the consumer's wake-up descriptor and time.
 *	  2. Messages are taken until the batch is full or flush_interval is over.
 *	  3. One transaction (reader_batch.c) writes everything that follows from
 *		 them, and moves the positions by compare-and-swap as its last act.  While
 *		 the stream lags, it goes on with what else is there, without waiting.
 *	  4. Only after the commit are the new positions believed.
 *	  5. After any error nothing in memory is believed: the process scaffold
 *		 (reader_worker.c) calls sa_reader_reset(), and the next run reads the
 *		 positions from the table and starts the partitions there.
 *
 *	  Nothing is ever committed to Kafka.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "base/fault.h"
#include "base/settings.h"
#include "worker/process.h"
#include "worker/reader_loop.h"
#include "worker/reader_private.h"
#include "worker/shared.h"

/* New partitions are looked for this often. */
#define DISCOVERY_INTERVAL_MS	5000

/* Memory and what Kafka said of its bounds are looked at this often. */
#define CHECK_INTERVAL_MS		1000

/* Messages are held in memory; more than this make a chunk. */
#define MAX_HELD_BYTES			((size_t) 32 * 1024 * 1024)

static SaReaderLoop *current_loop = NULL;

static SaReaderLoop *
create_loop(int32 reader)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "stream_agg reader",
												  ALLOCSET_DEFAULT_SIZES);
	SaReaderLoop *loop = MemoryContextAllocZero(context, sizeof(SaReaderLoop));

	loop->context = context;
	loop->reader.id = reader;
	loop->next_idle_ms = PG_INT64_MAX;
	return loop;
}

void
sa_reader_reset(void)
{
	SaReaderLoop *loop = current_loop;

	if (loop == NULL)
		return;
	current_loop = NULL;
	if (loop->consumer != NULL)
		sa_consumer_close(loop->consumer);
	MemoryContextDelete(loop->context);
}

/* Resident memory of this process in kB, 0 if unknown. */
static long
resident_kb(void)
{
	long		size;
	long		resident = 0;
	FILE	   *file = fopen("/proc/self/statm", "r");

	if (file == NULL)
		return 0;
	if (fscanf(file, "%ld %ld", &size, &resident) != 2)
		resident = 0;
	fclose(file);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/*
 * A compressed batch can be much larger than what the client's limits see.
 * Better to throw the client away than to be killed by the kernel, which would
 * restart the whole server.
 */
static void
check_memory(void)
{
	long		kb = resident_kb();

	if (kb > sa_max_worker_memory_kb)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("background worker uses %ld kB of memory, more than stream_agg.max_worker_memory allows",
						kb),
				 errhint("Lower the stream's option \"batch_rows\", or raise stream_agg.max_worker_memory.")));
}

/* Takes note of how far each partition has been taken. */
static void
note_taken(SaReaderLoop *loop, int first, int n)
{
	SaLoopPart *part = NULL;

	for (int i = first; i < first + n; i++)
	{
		SaMessage  *message = &loop->messages[i];

		if (part == NULL || part->position.partition != message->partition)
			part = sa_loop_part(loop, message->partition);
		if (part == NULL || message->offset <= part->taken)
			continue;
		part->taken = message->offset;
		/* an end that messages lie behind is no end any more */
		part->end_of_data = -1;
		part->position.caught_up = false;
		part->end_unsure = false;
	}
}

bool
sa_loop_has_enough(SaReaderLoop *loop)
{
	return loop->nmessages >= loop->max_messages ||
		sa_consumer_held_bytes(loop->consumer) >= MAX_HELD_BYTES;
}

void
sa_loop_take_messages(SaReaderLoop *loop)
{
	sa_consumer_clear_fd(loop->consumer);
	while (!sa_loop_has_enough(loop))
	{
		int			n = sa_consumer_poll(loop->consumer, loop->messages + loop->nmessages,
										 loop->max_messages - loop->nmessages);

		if (n == 0)
			break;
		if (loop->nmessages == 0)
			loop->first_message_ms = sa_worker_clock_ms();
		note_taken(loop, loop->nmessages, n);
		loop->nmessages += n;
	}
}

static bool
batch_is_due(SaReaderLoop *loop, int64 now_ms)
{
	if (loop->nmessages == 0)
		return loop->tick_due || now_ms >= loop->next_idle_ms;
	return sa_loop_has_enough(loop) ||
		now_ms - loop->first_message_ms >= loop->stream->flush_interval_ms;
}

/* Milliseconds until something is due even if nothing comes. */
static long
time_to_wait(SaReaderLoop *loop, int64 now_ms)
{
	int64		until = Min(loop->next_discovery_ms, loop->next_check_ms);

	until = Min(until, loop->next_idle_ms);
	if (loop->nmessages > 0)
		until = Min(until, loop->first_message_ms + loop->stream->flush_interval_ms);
	for (int i = 0; i < loop->nparts; i++)
	{
		if (loop->parts[i].restart_ms != 0)
			until = Min(until, loop->parts[i].restart_ms);
	}
	return Max(until - now_ms, 0);
}

static void
wait_for_something(SaReaderLoop *loop)
{
	int			events = WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH;
	bool		full = loop->nmessages == loop->max_messages;
	long		timeout = time_to_wait(loop, sa_worker_clock_ms());

	if (timeout > 0)
		(void) WaitLatchOrSocket(MyLatch, events | (full ? 0 : WL_SOCKET_READABLE),
								 sa_consumer_fd(loop->consumer), timeout,
								 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	sa_process_interrupts();
}

static void
do_periodic(SaReaderLoop *loop, int64 now_ms)
{
	if (now_ms >= loop->next_discovery_ms)
	{
		sa_loop_discover(loop);
		loop->next_discovery_ms = sa_worker_clock_ms() + DISCOVERY_INTERVAL_MS;
	}
	if (now_ms >= loop->next_check_ms)
	{
		check_memory();
		/* what a batch could not report since another had just done so */
		pgstat_report_stat(false);
		loop->next_check_ms = now_ms + CHECK_INTERVAL_MS;
	}
	sa_loop_start_parts(loop);
}

void
sa_reader_run(int32 reader)
{
	SaReaderLoop *loop;

	if (current_loop == NULL)
		current_loop = create_loop(reader);
	loop = current_loop;
	(void) sa_worker_take_wakeup();
	if (sa_loop_load(loop) == SA_LOOP_DONE)
	{
		sa_reader_reset();
		return;
	}

	for (;;)
	{
		Assert(!IsTransactionState());
		if (sa_worker_stop_requested())
			break;
		if (sa_worker_take_wakeup())
		{
			if (sa_loop_load(loop) == SA_LOOP_DONE)
				break;
			/* whoever woke us may wait for what is in new partitions, too */
			sa_loop_discover(loop);
			sa_loop_refresh_bounds(loop);
		}
		do_periodic(loop, sa_worker_clock_ms());
		sa_loop_take_messages(loop);
		sa_loop_handle_events(loop);
		SA_FAULT_POINT("after_poll");
		if (batch_is_due(loop, sa_worker_clock_ms()))
		{
			sa_consumer_fetch_ahead(loop->consumer);
			if (sa_loop_run_batch(loop) == SA_LOOP_DONE)
				break;
			sa_worker_report_progress();
			continue;
		}
		wait_for_something(loop);
	}
	sa_reader_reset();
}
