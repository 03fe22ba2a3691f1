/*-------------------------------------------------------------------------
 *
 * kafka_client.c
 *	  Life and death of a librdkafka client inside a server process.
 *
 * NOTES
 *	  A client has threads.  Three rules follow.
 *
 *	  Threads are made with all signals blocked, or PostgreSQL's handlers would
 *	  run on them.  librdkafka does so itself; it is done here once more, so as
 *	  not to depend on it.
 *
 *	  exit() must not be reached while they run: the exit handler of OpenSSL
 *	  frees what they are using, the process dies of SIGSEGV in a few per cent of
 *	  all exits, and the postmaster then restarts the whole server.  So a callback
 *	  of on_proc_exit ends the clients that are alive and leaves through _exit(),
 *	  which runs no exit handler.  Exit status and the postmaster's book-keeping
 *	  are as usual, since all of PostgreSQL's own clean-up that matters comes
 *	  before these callbacks.  A process that has no client left when it exits
 *	  does so in the ordinary way.
 *
 *	  rd_kafka_destroy() joins the threads, and these may be busy, for instance
 *	  waiting for a name server.  So it is called on a thread, and waited for
 *	  only so long; then the client is left behind.  All that this thread touches
 *	  is librdkafka's or malloc'd.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/memutils.h"

#include "kafka/consumer.h"
#include "kafka/kafka_client.h"

#define CLOSE_TIMEOUT_MS	3000
#define EXIT_TIMEOUT_MS		1500

/* glibc gives each thread an arena, and arenas don't give memory back */
#define MALLOC_ARENAS		2

/* what the thread that ends a client needs; malloc'd */
typedef struct Closer
{
	pthread_t	thread;
	bool		started;
	rd_kafka_t *rk;
	rd_kafka_queue_t *main_queue;
	rd_kafka_queue_t *message_queue;
	rd_kafka_topic_t *topic;
	SaKafkaGate *gate;
	struct Closer *next;
} Closer;

static dlist_head live_clients = DLIST_STATIC_INIT(live_clients);
static int	abandoned_clients = 0;	/* their threads may be running still */
static int	exit_guard_pid = 0; /* process that has installed the guard */
static bool malloc_is_tuned = false;

static rd_kafka_t *create_handle(SaKafkaClient *client, SaKafkaRole role,
								 rd_kafka_conf_t *conf, char *errbuf,
								 size_t errlen);
static void attach_queues(SaKafkaClient *client, SaKafkaRole role,
						  const char *topic);
static rd_kafka_topic_t *create_topic(rd_kafka_t *rk, SaKafkaRole role,
									  const char *topic);
static bool begin_close(SaKafkaClient *client, Closer *closer);
static bool wait_closed(Closer *closer, const struct timespec *deadline);
static void *closer_main(void *argument);
static void deadline_in(struct timespec *deadline, int ms);
static void exit_guard(int code, Datum arg);

void
sa_kafka_install_exit_guard(void)
{
	if (exit_guard_pid == MyProcPid)
		return;
	on_proc_exit(exit_guard, (Datum) 0);
	exit_guard_pid = MyProcPid;
}

SaKafkaClient *
sa_kafka_client_open(MemoryContext context, SaKafkaRole role, List *options,
					 const char *topic, const char *client_id)
{
	MemoryContext before = MemoryContextSwitchTo(context);
	SaKafkaClient *client = palloc0(sizeof(SaKafkaClient));
	rd_kafka_conf_t *conf;
	char		errbuf[512];

	client->context = context;
	client->secrets = sa_kafka_conf_secrets(options);
	sa_kafka_topic_check(topic);
	sa_kafka_install_exit_guard();
	if (!malloc_is_tuned)
	{
		mallopt(M_ARENA_MAX, MALLOC_ARENAS);
		malloc_is_tuned = true;
	}

	client->gate = sa_kafka_gate_create();
	client->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (client->fd < 0)
	{
		sa_kafka_gate_close(client->gate);
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create an event descriptor: %m")));
	}

	PG_TRY();
	{
		conf = sa_kafka_conf_create(options, role, client_id);
		if (role == SA_KAFKA_CONSUMER)
			sa_kafka_conf_queue_limits(conf, &client->limits);
		client->rk = create_handle(client, role, conf, errbuf, sizeof(errbuf));
		if (client->rk == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
					 errmsg("could not set up a Kafka client: %s", errbuf)));
	}
	PG_CATCH();
	{
		close(client->fd);
		sa_kafka_gate_close(client->gate);
		PG_RE_THROW();
	}
	PG_END_TRY();

	dlist_push_tail(&live_clients, &client->node);
	attach_queues(client, role, topic);
	MemoryContextSwitchTo(before);
	return client;
}

void
sa_kafka_client_close(SaKafkaClient *client)
{
	Closer	   *closer = calloc(1, sizeof(Closer));
	struct timespec deadline;

	if (client->let_go)
		client->let_go(client->owner);
	deadline_in(&deadline, CLOSE_TIMEOUT_MS);
	if (closer != NULL && begin_close(client, closer) &&
		wait_closed(closer, &deadline))
	{
		close(client->fd);
		free(closer);
	}
	else
	{
		/* its threads may still write to the descriptor: that stays open */
		abandoned_clients++;
		ereport(WARNING,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("the Kafka client did not end within %d seconds and is left behind",
						CLOSE_TIMEOUT_MS / 1000)));
	}
	dlist_delete(&client->node);
	MemoryContextDelete(client->context);
}

void
sa_kafka_client_clear_fd(SaKafkaClient *client)
{
	uint64		count;

	/* nothing to read is as good */
	if (read(client->fd, &count, sizeof(count)) < 0)
		Assert(errno == EAGAIN || errno == EINTR);
}

void
sa_kafka_client_raise_fd(SaKafkaClient *client)
{
	uint64		one = 1;

	/* it can only fail when the descriptor is readable already */
	if (write(client->fd, &one, sizeof(one)) < 0)
		Assert(errno == EAGAIN || errno == EINTR);
}

void
sa_kafka_client_hide_secrets(SaKafkaClient *client, char *text)
{
	ListCell   *lc;

	foreach(lc, client->secrets)
	{
		const char *secret = lfirst(lc);
		size_t		len = strlen(secret);
		char	   *found = text;

		while (len > 0 && (found = strstr(found, secret)) != NULL)
		{
			memset(found, '*', len);
			found += len;
		}
	}
}

void
sa_kafka_client_copy_text(SaKafkaClient *client, char *to, size_t size,
						  const char *from)
{
	char		whole[4096];

	/* hide first, cut then: a secret cut in two would not be found */
	strlcpy(whole, from ? from : "", sizeof(whole));
	sa_kafka_client_hide_secrets(client, whole);
	whole[pg_mbcliplen(whole, strlen(whole), size - 1)] = '\0';
	strlcpy(to, whole, size);
}

/* rd_kafka_new(), or NULL with the reason in errbuf; takes over conf. */
static rd_kafka_t *
create_handle(SaKafkaClient *client, SaKafkaRole role, rd_kafka_conf_t *conf,
			  char *errbuf, size_t errlen)
{
	rd_kafka_t *rk;
	sigset_t	all;
	sigset_t	before;
	char		reason[512];

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rk = rd_kafka_new(role == SA_KAFKA_CONSUMER ?
					  RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER,
					  conf, reason, sizeof(reason));
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rk == NULL)
	{
		rd_kafka_conf_destroy(conf);
		sa_kafka_client_copy_text(client, errbuf, errlen, reason);
	}
	return rk;
}

/* Route log lines and errors to the main queue, and wake-ups to client->fd. */
static void
attach_queues(SaKafkaClient *client, SaKafkaRole role, const char *topic)
{
	/* librdkafka keeps a copy of these bytes and writes it to the descriptor */
	const uint64 one = 1;

	rd_kafka_set_log_queue(client->rk, NULL);
	client->main_queue = rd_kafka_queue_get_main(client->rk);
	rd_kafka_queue_io_event_enable(client->main_queue, client->fd,
								   &one, sizeof(one));
	if (role == SA_KAFKA_CONSUMER)
	{
		client->message_queue = rd_kafka_queue_new(client->rk);
		rd_kafka_queue_io_event_enable(client->message_queue, client->fd,
									   &one, sizeof(one));
	}
	client->topic = create_topic(client->rk, role, topic);

	/* what came before the wake-up was enabled */
	sa_kafka_client_raise_fd(client);
}

static rd_kafka_topic_t *
create_topic(rd_kafka_t *rk, SaKafkaRole role, const char *topic)
{
	rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(rk);

	/*
	 * The simple consumer's own switch for commits to Kafka.  librdkafka
	 * complains about it in the log if it is set for the client.
	 */
	if (role == SA_KAFKA_CONSUMER)
		(void) rd_kafka_topic_conf_set(conf, "auto.commit.enable", "false",
									   NULL, 0);
	return rd_kafka_topic_new(rk, topic, conf);
}

/* Hand the client over to a thread that ends it. */
static bool
begin_close(SaKafkaClient *client, Closer *closer)
{
	closer->rk = client->rk;
	closer->main_queue = client->main_queue;
	closer->message_queue = client->message_queue;
	closer->topic = client->topic;
	closer->gate = client->gate;
	closer->started = sa_kafka_thread_create(&closer->thread, closer_main,
											 closer);
	return closer->started;
}

/* Returns false, and forgets the thread, if it is not done by the deadline. */
static bool
wait_closed(Closer *closer, const struct timespec *deadline)
{
	if (!closer->started)
		return false;
	if (pthread_timedjoin_np(closer->thread, NULL, deadline) == 0)
		return true;
	pthread_detach(closer->thread);
	return false;
}

static void *
closer_main(void *argument)
{
	Closer	   *closer = argument;

	sa_kafka_gate_close(closer->gate);
	rd_kafka_queue_io_event_enable(closer->main_queue, -1, NULL, 0);
	rd_kafka_queue_destroy(closer->main_queue);
	if (closer->message_queue)
	{
		rd_kafka_queue_io_event_enable(closer->message_queue, -1, NULL, 0);
		rd_kafka_queue_destroy(closer->message_queue);
	}
	if (closer->topic)
		rd_kafka_topic_destroy(closer->topic);
	rd_kafka_destroy_flags(closer->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	return NULL;
}

/* pthread_timedjoin_np() wants the wall clock */
static void
deadline_in(struct timespec *deadline, int ms)
{
	clock_gettime(CLOCK_REALTIME, deadline);
	deadline->tv_sec += ms / 1000;
	deadline->tv_nsec += (ms % 1000) * 1000000L;
	if (deadline->tv_nsec >= 1000000000L)
	{
		deadline->tv_sec++;
		deadline->tv_nsec -= 1000000000L;
	}
}

/*
 * on_proc_exit callback: end all clients at once, wait for them together, and
 * leave without exit handlers.
 */
static void
exit_guard(int code, Datum arg)
{
	struct timespec deadline;
	dlist_iter	iter;
	Closer	   *closers = NULL;

	/* a forked child has no threads, and no business with the parent's */
	if (MyProcPid != getpid() || exit_guard_pid != MyProcPid)
		return;
	if (dlist_is_empty(&live_clients) && abandoned_clients == 0)
		return;

	/* nothing here may raise an error, so nothing is palloc'd */
	deadline_in(&deadline, EXIT_TIMEOUT_MS);
	dlist_foreach(iter, &live_clients)
	{
		SaKafkaClient *client = dlist_container(SaKafkaClient, node, iter.cur);
		Closer	   *closer = calloc(1, sizeof(Closer));

		if (closer == NULL)
			break;
		if (client->let_go)
			client->let_go(client->owner);
		(void) begin_close(client, closer);
		closer->next = closers;
		closers = closer;
	}
	for (Closer *closer = closers; closer != NULL; closer = closer->next)
		(void) wait_closed(closer, &deadline);
	_exit(code);
}
