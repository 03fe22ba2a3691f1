/*-------------------------------------------------------------------------
 *
 * json_ahead.c
 *	  Scans JSON documents on a second thread, ahead of who wants their values.
 *
 * NOTES
 *	  To scan documents is about half of what it takes to decode a batch, and
 *	  needs nothing of PostgreSQL: bytes that don't change go in, the places of
 *	  fields come out.  So a thread of the process does it while the main thread
 *	  makes values of what was found.  What comes out is the same whoever does it.
 *
 *	  Messages are scanned in chunks, in their order.  A chunk is claimed by
 *	  whoever comes first: the thread, or the main thread when it needs a chunk that
 *	  isn't ready.  Thus little is lost where there is no second processor; the
 *	  thread may never get to run.  Nobody goes further than a window before the
 *	  place where the main thread is, so that results stay in the cache.
 *
 *	  A chunk's place in the window is used again by the one that is a window
 *	  later.  That may only be claimed when the main thread has left the earlier
 *	  one, and it enters none before it is ready.  So the main thread must never
 *	  give up waiting for a chunk: whoever is still at it would write into the place
 *	  of another.
 *
 *	  The thread is started when it is first needed, and sleeps between batches.
 *	  It calls nothing of PostgreSQL: no palloc, no ereport, no signals.  All it
 *	  touches belongs to the main thread, which must therefore call
 *	  sa_json_ahead_end() before it frees anything, on errors too.  At the end of
 *	  the process an exit callback does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/s_lock.h"

#include "decode/json_ahead.h"

#define CHUNK_MESSAGES	64
#define WINDOW_CHUNKS	32

/*
 * The main thread looks so often for a chunk that is being scanned, when there is
 * no other to scan meanwhile, before it gives up its processor: the thread may be
 * waiting for one.
 */
#define MAX_SPINS		1000

/* What was found in one chunk. */
typedef struct Chunk
{
	pg_atomic_uint32 ready;		/* number of the chunk, plus 1 */
	bool		valid[CHUNK_MESSAGES];
	SaJsonValue *values;		/* nfields for each message */
} Chunk;

struct SaJsonAhead
{
	/* what to do; nobody changes it */
	SaJsonReader theirs;
	SaJsonReader ours;
	int			nfields;
	const SaMessage *messages;
	int			nmessages;
	uint32		nchunks;

	/* shared by both threads */
	pg_atomic_uint32 claimed;	/* chunks that were taken by one of them */
	pg_atomic_uint32 position;	/* chunk that the main thread is at */
	pg_atomic_uint32 ended;
	pg_atomic_uint32 waits;		/* the thread does, for the position to move on */
	Chunk		chunks[WINDOW_CHUNKS];

	/* main thread only */
	uint32		current;		/* chunk that was asked for last */
};

/* The thread of this process, and what it works at. */
static struct
{
	bool		started;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	SaJsonAhead *job;			/* protected by mutex, as all below */
	bool		working;
} helper = {
	.mutex = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER
};

/* ------------------------------------------------------------------------
 * On both threads
 * ------------------------------------------------------------------------
 */

static void
scan_chunk(SaJsonAhead *ahead, const SaJsonReader *reader, uint32 number)
{
	Chunk	   *chunk = &ahead->chunks[number % WINDOW_CHUNKS];
	int			first = number * CHUNK_MESSAGES;
	int			count = Min(CHUNK_MESSAGES, ahead->nmessages - first);

	for (int i = 0; i < count; i++)
	{
		const SaMessage *message = &ahead->messages[first + i];
		SaJsonValue *values = chunk->values + (size_t) i * ahead->nfields;

		chunk->valid[i] = message->value_len > 0 &&
			sa_json_scan(reader->scanner, reader->root, message->value,
						 message->value_len) == SA_JSON_OK;
		if (!chunk->valid[i])
			continue;
		for (int f = 1; f < ahead->nfields; f++)
			values[f] = reader->root[f].value;
	}
	pg_write_barrier();
	pg_atomic_write_u32(&chunk->ready, number + 1);
}

static bool
is_in_window(SaJsonAhead *ahead, uint32 number)
{
	return number < pg_atomic_read_u32(&ahead->position) + WINDOW_CHUNKS;
}

/* Scans the next chunk that nobody has begun, if it is within the window. */
static bool
scan_next(SaJsonAhead *ahead, const SaJsonReader *reader)
{
	uint32		number = pg_atomic_read_u32(&ahead->claimed);

	if (number >= ahead->nchunks || !is_in_window(ahead, number) ||
		!pg_atomic_compare_exchange_u32(&ahead->claimed, &number, number + 1))
		return false;
	scan_chunk(ahead, reader, number);
	return true;
}

/* ------------------------------------------------------------------------
 * On the thread
 * ------------------------------------------------------------------------
 */

static void
wait_for_window(SaJsonAhead *ahead, uint32 number)
{
	pthread_mutex_lock(&helper.mutex);
	pg_atomic_write_u32(&ahead->waits, 1);
	pg_memory_barrier();
	while (!is_in_window(ahead, number) && !pg_atomic_read_u32(&ahead->ended))
		pthread_cond_wait(&helper.changed, &helper.mutex);
	pg_atomic_write_u32(&ahead->waits, 0);
	pthread_mutex_unlock(&helper.mutex);
}

static void
work(SaJsonAhead *ahead)
{
	for (;;)
	{
		uint32		number = pg_atomic_read_u32(&ahead->claimed);

		if (number >= ahead->nchunks || pg_atomic_read_u32(&ahead->ended))
			return;
		if (!scan_next(ahead, &ahead->theirs) && !is_in_window(ahead, number))
			wait_for_window(ahead, number);
	}
}

static void *
thread_main(void *arg)
{
	pthread_mutex_lock(&helper.mutex);
	for (;;)
	{
		SaJsonAhead *job;

		while (helper.job == NULL)
			pthread_cond_wait(&helper.changed, &helper.mutex);
		job = helper.job;
		helper.job = NULL;
		helper.working = true;
		pthread_mutex_unlock(&helper.mutex);
		work(job);
		pthread_mutex_lock(&helper.mutex);
		helper.working = false;
		pthread_cond_broadcast(&helper.changed);
	}
	return NULL;
}

/* ------------------------------------------------------------------------
 * On the main thread
 * ------------------------------------------------------------------------
 */

static SaJsonAhead *current_ahead = NULL;

static void
end_at_exit(int code, Datum arg)
{
	if (current_ahead != NULL)
		sa_json_ahead_end(current_ahead);
}

/* Signals are for the main thread. */
static bool
start_thread(void)
{
	pthread_t	thread;
	sigset_t	all;
	sigset_t	before;
	int			rc;

	if (helper.started)
		return true;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&thread, NULL, thread_main, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		return false;
	pthread_detach(thread);
	on_proc_exit(end_at_exit, (Datum) 0);
	helper.started = true;
	return true;
}

SaJsonAhead *
sa_json_ahead_begin(SaJsonReader theirs, SaJsonReader ours,
					const SaMessage *messages, int nmessages)
{
	SaJsonAhead *ahead;
	size_t		chunk_bytes;

	/* one at a time: a batch within a batch does without */
	if (current_ahead != NULL || !start_thread())
		return NULL;
	ahead = palloc0(sizeof(SaJsonAhead));
	ahead->theirs = theirs;
	ahead->ours = ours;
	ahead->nfields = ours.root->end - ours.root;
	ahead->messages = messages;
	ahead->nmessages = nmessages;
	ahead->nchunks = (nmessages + CHUNK_MESSAGES - 1) / CHUNK_MESSAGES;
	chunk_bytes = sizeof(SaJsonValue) * ahead->nfields * CHUNK_MESSAGES;
	for (int i = 0; i < WINDOW_CHUNKS; i++)
	{
		pg_atomic_init_u32(&ahead->chunks[i].ready, 0);
		ahead->chunks[i].values = palloc(chunk_bytes);
	}
	pg_atomic_init_u32(&ahead->claimed, 0);
	pg_atomic_init_u32(&ahead->position, 0);
	pg_atomic_init_u32(&ahead->ended, 0);
	pg_atomic_init_u32(&ahead->waits, 0);
	ahead->current = PG_UINT32_MAX;

	current_ahead = ahead;
	pthread_mutex_lock(&helper.mutex);
	helper.job = ahead;
	pthread_cond_broadcast(&helper.changed);
	pthread_mutex_unlock(&helper.mutex);
	return ahead;
}

static void
wake_thread(void)
{
	pthread_mutex_lock(&helper.mutex);
	pthread_cond_broadcast(&helper.changed);
	pthread_mutex_unlock(&helper.mutex);
}

/*
 * Moves on to a chunk, and sees to it that somebody has scanned it: while the
 * thread does, the main thread scans what comes after it.
 */
static void
enter_chunk(SaJsonAhead *ahead, uint32 number)
{
	Chunk	   *chunk = &ahead->chunks[number % WINDOW_CHUNKS];
	int			spins = 0;

	ahead->current = number;
	pg_atomic_write_u32(&ahead->position, number);
	pg_memory_barrier();
	if (pg_atomic_read_u32(&ahead->waits))
		wake_thread();
	while (pg_atomic_read_u32(&chunk->ready) != number + 1)
	{
		if (scan_next(ahead, &ahead->ours))
			continue;
		if (spins++ < MAX_SPINS)
			SPIN_DELAY();
		else
			sched_yield();
	}
	pg_read_barrier();
}

const SaJsonValue *
sa_json_ahead_values(SaJsonAhead *ahead, const SaMessage *message)
{
	int			index = message - ahead->messages;
	uint32		number = index / CHUNK_MESSAGES;
	Chunk	   *chunk = &ahead->chunks[number % WINDOW_CHUNKS];

	if (number != ahead->current)
	{
		/* a chunk that was left out may not even have been claimed */
		if (number != ahead->current + 1)
			return NULL;
		enter_chunk(ahead, number);
	}
	index %= CHUNK_MESSAGES;
	if (!chunk->valid[index])
		return NULL;
	return chunk->values + (size_t) index * ahead->nfields;
}

void
sa_json_ahead_end(SaJsonAhead *ahead)
{
	if (current_ahead != ahead)
		return;
	pg_atomic_write_u32(&ahead->ended, 1);
	pthread_mutex_lock(&helper.mutex);
	helper.job = NULL;
	pthread_cond_broadcast(&helper.changed);
	while (helper.working)
		pthread_cond_wait(&helper.changed, &helper.mutex);
	pthread_mutex_unlock(&helper.mutex);
	current_ahead = NULL;
}
