/*-------------------------------------------------------------------------
 *
 * kafka_call.c
 *	  Blocking functions of librdkafka, called so that the caller can be
 *	  interrupted.
 *
 * NOTES
 *	  A call has two holders, the thread that runs it and the main thread; the
 *	  last one to let go frees it.  All of it is malloc'd: the thread may outlive
 *	  every memory context.
 *
 *	  The threads block all signals, so that PostgreSQL's handlers run on the
 *	  main thread only, and call nothing of PostgreSQL's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "kafka/kafka_call.h"

/* A thread may need this much longer than the time it was given. */
#define GRACE_MS	500

/*
 * The longest time that librdkafka is given at once.  Less than what the end of
 * a client may take, which has to wait for calls that were left behind.
 */
#define SLICE_MS	2000

struct SaKafkaGate
{
	pthread_mutex_t lock;
	pthread_cond_t idle;
	int			running;		/* protected by lock */
};

struct SaKafkaCall
{
	SaKafkaGate *gate;
	int			notify_fd;

	pthread_mutex_t lock;
	int			holders;		/* protected by lock, and so is the rest */
	bool		done;
	bool		abandoned;		/* nobody wants the answer any more */
	SaKafkaRequest request;
};

static void *call_main(void *argument);
static void run_in_slices(SaKafkaCall *call, SaKafkaRequest *request);
static void drop_holder(SaKafkaCall *call);
static bool wait_for_call(SaKafkaCall *call, SaKafkaRequest *request, int fd);

SaKafkaGate *
sa_kafka_gate_create(void)
{
	SaKafkaGate *gate = calloc(1, sizeof(SaKafkaGate));

	if (gate == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	pthread_mutex_init(&gate->lock, NULL);
	pthread_cond_init(&gate->idle, NULL);
	return gate;
}

void
sa_kafka_gate_close(SaKafkaGate *gate)
{
	pthread_mutex_lock(&gate->lock);
	while (gate->running > 0)
		pthread_cond_wait(&gate->idle, &gate->lock);
	pthread_mutex_unlock(&gate->lock);

	pthread_cond_destroy(&gate->idle);
	pthread_mutex_destroy(&gate->lock);
	free(gate);
}

SaKafkaCall *
sa_kafka_call_begin(SaKafkaGate *gate, const SaKafkaRequest *request,
					int notify_fd)
{
	SaKafkaCall *call = calloc(1, sizeof(SaKafkaCall));
	pthread_t	thread;

	if (call == NULL)
		return NULL;
	call->gate = gate;
	call->notify_fd = notify_fd;
	call->holders = 2;
	call->request = *request;
	pthread_mutex_init(&call->lock, NULL);

	pthread_mutex_lock(&gate->lock);
	gate->running++;
	pthread_mutex_unlock(&gate->lock);

	if (!sa_kafka_thread_create(&thread, call_main, call))
	{
		pthread_mutex_lock(&gate->lock);
		gate->running--;
		pthread_mutex_unlock(&gate->lock);
		pthread_mutex_destroy(&call->lock);
		free(call);
		return NULL;
	}
	pthread_detach(thread);
	return call;
}

bool
sa_kafka_call_done(SaKafkaCall *call, SaKafkaRequest *request)
{
	bool		done;

	pthread_mutex_lock(&call->lock);
	done = call->done;
	if (done)
		*request = call->request;
	pthread_mutex_unlock(&call->lock);
	return done;
}

void
sa_kafka_call_release(SaKafkaCall *call)
{
	/* the descriptor may be closed from now on */
	pthread_mutex_lock(&call->lock);
	call->notify_fd = -1;
	call->abandoned = true;
	pthread_mutex_unlock(&call->lock);
	drop_holder(call);
}

bool
sa_kafka_call_and_wait(SaKafkaGate *gate, SaKafkaRequest *request)
{
	volatile bool answered = false;
	SaKafkaCall *call;
	int			fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create an event descriptor: %m")));
	call = sa_kafka_call_begin(gate, request, fd);
	if (call == NULL)
	{
		close(fd);
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not start a thread for the Kafka client")));
	}

	PG_TRY();
	{
		answered = wait_for_call(call, request, fd);
	}
	PG_FINALLY();
	{
		sa_kafka_call_release(call);
		close(fd);
	}
	PG_END_TRY();
	return answered;
}

bool
sa_kafka_thread_create(pthread_t *thread, void *(*main) (void *),
					   void *argument)
{
	sigset_t	all;
	sigset_t	before;
	int			error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(thread, NULL, main, argument);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error == 0;
}

static void *
call_main(void *argument)
{
	SaKafkaCall *call = argument;
	SaKafkaGate *gate = call->gate;
	SaKafkaRequest request = call->request;

	run_in_slices(call, &request);

	pthread_mutex_lock(&call->lock);
	call->request = request;
	call->done = true;
	if (call->notify_fd >= 0)
	{
		uint64		one = 1;

		/* it can only fail when the descriptor is readable already */
		while (write(call->notify_fd, &one, sizeof(one)) < 0 && errno == EINTR)
			;
	}
	pthread_mutex_unlock(&call->lock);
	drop_holder(call);

	/* last: the client may be destroyed after this */
	pthread_mutex_lock(&gate->lock);
	if (--gate->running == 0)
		pthread_cond_signal(&gate->idle);
	pthread_mutex_unlock(&gate->lock);
	return NULL;
}

/* Ask again while there is no answer, until time is over or interest is lost. */
static void
run_in_slices(SaKafkaCall *call, SaKafkaRequest *request)
{
	int			left_ms = request->timeout_ms;
	bool		again;

	do
	{
		request->timeout_ms = Min(left_ms, SLICE_MS);
		left_ms -= request->timeout_ms;
		request->error = request->run(request);

		pthread_mutex_lock(&call->lock);
		again = left_ms > 0 && !call->abandoned;
		pthread_mutex_unlock(&call->lock);
	} while (again &&
			 (request->error == RD_KAFKA_RESP_ERR__TIMED_OUT ||
			  request->error == RD_KAFKA_RESP_ERR__TRANSPORT));
}

static void
drop_holder(SaKafkaCall *call)
{
	bool		last;

	pthread_mutex_lock(&call->lock);
	last = (--call->holders == 0);
	pthread_mutex_unlock(&call->lock);
	if (last)
	{
		pthread_mutex_destroy(&call->lock);
		free(call);
	}
}

static bool
wait_for_call(SaKafkaCall *call, SaKafkaRequest *request, int fd)
{
	TimestampTz deadline =
	TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
								(int64) request->timeout_ms + GRACE_MS);

	while (!sa_kafka_call_done(call, request))
	{
		long		left_ms =
		TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);

		if (left_ms <= 0)
			return false;
		(void) WaitLatchOrSocket(MyLatch,
								 WL_LATCH_SET | WL_SOCKET_READABLE |
								 WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
								 fd, left_ms, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	return true;
}
