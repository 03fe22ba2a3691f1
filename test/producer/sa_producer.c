/*-------------------------------------------------------------------------
 *
 * sa_producer.c
 *	  Fills a topic with known events, and writes down what it then holds.
 *
 * Usage: sa_producer -b BOOTSTRAP -t TOPIC [OPTION]...	(see usage below)
 *
 * NOTES
 *	  The producer is idempotent, so that a retry leaves no duplicate behind:
 *	  what the manifest says is exactly what the topic holds.  The opaque value
 *	  of a message is its number plus one, from which the delivery report
 *	  builds the event again; memory doesn't grow with the number of events.
 *
 *	  With --transactions the messages of an aborted transaction are in the
 *	  topic and not in the manifest: no reader of committed data may see them.
 *
 *	  Everything runs on the main thread; delivery reports arrive as events.
 *
 *-------------------------------------------------------------------------
 */
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "test_client.h"
#include "test_event.h"
#include "test_manifest.h"

#define POLL_EVERY 1024			/* messages between looks at the reports */
#define TRANSACTION_TIMEOUT_MS 30000
#define US_PER_S INT64_C(1000000)

typedef struct Producer
{
	/* what was asked for */
	EventSpec	spec;
	const char *topic_name;
	int64_t		count;			/* 0: until a signal comes */
	int64_t		first;			/* number of the first event */
	int64_t		rate;			/* messages per second; 0: no limit */
	int64_t		transaction;	/* messages per transaction; 0: none */
	int64_t		abort_every;	/* every n-th transaction is aborted */
	bool		raw;			/* lines of stdin instead of events */

	/* state */
	rd_kafka_t *rk;
	rd_kafka_topic_t *topic;
	rd_kafka_queue_t *reports;
	FILE	   *manifest;		/* or NULL */
	int64_t		produced;
	int64_t		delivered;
} Producer;

static volatile sig_atomic_t stop_requested = 0;

static void
request_stop(int signo)
{
	(void) signo;
	stop_requested = 1;
}

static int64_t
monotonic_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

/* True if the message is in a transaction that is to be aborted. */
static bool
is_aborted(const Producer *producer, int64_t number)
{
	return producer->transaction > 0 && producer->abort_every > 0 &&
		(number / producer->transaction) % producer->abort_every ==
		producer->abort_every - 1;
}

/* Takes down one delivered message. */
static void
record_delivery(Producer *producer, const rd_kafka_message_t *message)
{
	int64_t		number = (intptr_t) message->_private - 1;

	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
		test_die("message %lld was not delivered: %s", (long long) number,
				 rd_kafka_err2str(message->err));
	producer->delivered++;
	if (producer->manifest == NULL ||
		is_aborted(producer, number - producer->first))
		return;
	if (producer->raw)
		test_manifest_line(producer->manifest, message->partition,
						   message->offset, number);
	else
	{
		Event		event;

		test_event_make(&producer->spec, number, &event);
		test_manifest_event(producer->manifest, &producer->spec, &event,
							message->offset);
	}
}

/* Takes in delivery reports, waiting for the first one so long. */
static void
serve_reports(Producer *producer, int timeout_ms)
{
	rd_kafka_event_t *event;

	while ((event = rd_kafka_queue_poll(producer->reports, timeout_ms)) != NULL)
	{
		const rd_kafka_message_t *message;

		if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
		{
			if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__FATAL)
				test_die("%s", rd_kafka_event_error_string(event));
		}
		while ((message = rd_kafka_event_message_next(event)) != NULL)
			record_delivery(producer, message);
		rd_kafka_event_destroy(event);
		timeout_ms = 0;
	}
}

static void
await_deliveries(Producer *producer)
{
	while (producer->delivered < producer->produced)
		serve_reports(producer, 100);
}

/* Dies if a transaction call has failed. */
static void
check_transaction(const char *what, rd_kafka_error_t *error)
{
	if (error != NULL)
		test_die("could not %s the transaction: %s", what, rd_kafka_error_string(error));
}

/*
 * Ends the transaction before message number "next" and begins another, if
 * one is full.  Aborted messages are delivered first: they shall be in the log.
 */
static void
turn_transaction(Producer *producer, int64_t next, bool last)
{
	bool		full = next % producer->transaction == 0;

	if (next > 0 && (full || last))
	{
		await_deliveries(producer);
		if (is_aborted(producer, next - 1))
			check_transaction("abort", rd_kafka_abort_transaction(producer->rk,
																  TRANSACTION_TIMEOUT_MS));
		else
			check_transaction("commit", rd_kafka_commit_transaction(producer->rk,
																	TRANSACTION_TIMEOUT_MS));
	}
	if (full && !last)
		check_transaction("begin", rd_kafka_begin_transaction(producer->rk));
}

/* Hands over one message; makes room for it when the queue is full. */
static void
produce(Producer *producer, int64_t number, int partition,
		const void *key, size_t key_length, const void *value,
		size_t value_length, int64_t timestamp_ms)
{
	for (;;)
	{
		rd_kafka_resp_err_t err;

		err = rd_kafka_producev(producer->rk,
								RD_KAFKA_V_RKT(producer->topic),
								RD_KAFKA_V_PARTITION(partition),
								RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
								RD_KAFKA_V_KEY(key, key_length),
								RD_KAFKA_V_VALUE((void *) value, value_length),
								RD_KAFKA_V_TIMESTAMP(timestamp_ms),
								RD_KAFKA_V_OPAQUE((void *) (intptr_t) (number + 1)),
								RD_KAFKA_V_END);
		if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
			break;
		if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			test_die("could not produce message %lld: %s", (long long) number,
					 rd_kafka_err2str(err));
		serve_reports(producer, 50);
	}
	producer->produced++;
}

/* Sleeps until it is time for message "index". */
static void
keep_rate(const Producer *producer, int64_t began_us, int64_t index)
{
	int64_t		due_us = began_us + index * US_PER_S / producer->rate;
	int64_t		now_us = monotonic_us();

	if (due_us > now_us + 1000)
		usleep(due_us - now_us);
}

static void
produce_events(Producer *producer)
{
	static char value[TEST_EVENT_MAX_BYTES];
	char		key[32];
	int64_t		began_us = monotonic_us();
	int64_t		i;

	for (i = 0; producer->count == 0 || i < producer->count; i++)
	{
		Event		event;
		int			key_length;
		int			value_length;

		if (stop_requested)
			break;
		if (producer->transaction > 0)
			turn_transaction(producer, i, false);
		if (producer->rate > 0)
			keep_rate(producer, began_us, i);
		test_event_make(&producer->spec, producer->first + i, &event);
		key_length = test_event_key(&event, key, sizeof(key));
		value_length = test_event_value(&producer->spec, &event, value);
		produce(producer, event.seq, event.partition, key, key_length, value,
				value_length, 0);
		if (i % POLL_EVERY == 0 || producer->rate > 0)
			serve_reports(producer, 0);
	}
	if (producer->transaction > 0 && i > 0)
		turn_transaction(producer, i, true);
}

/*
 * Undoes COPY's escapes in place, \xHH included; returns the length, or -1 for
 * \N, which is NULL.
 */
static int
unescape(char *text)
{
	char	   *in = text;
	char	   *out = text;

	if (strcmp(text, "\\N") == 0)
		return -1;
	while (*in != '\0')
	{
		char		hex[3] = {0};

		if (*in != '\\' || in[1] == '\0')
		{
			*out++ = *in++;
			continue;
		}
		in++;
		switch (*in)
		{
			case 'n':
				*out++ = '\n';
				break;
			case 't':
				*out++ = '\t';
				break;
			case 'r':
				*out++ = '\r';
				break;
			case 'x':
				if (in[1] == '\0' || in[2] == '\0')
					test_die("\\x needs two digits");
				memcpy(hex, in + 1, 2);
				*out++ = (char) strtol(hex, NULL, 16);
				in += 2;
				break;
			default:
				*out++ = *in;
				break;
		}
		in++;
	}
	return out - text;
}

/* Lines "partition<TAB>key<TAB>value[<TAB>timestamp in ms]" of stdin. */
static void
produce_lines(Producer *producer)
{
	char	   *line = NULL;
	size_t		size = 0;
	ssize_t		length;
	int64_t		number = producer->first;

	while ((length = getline(&line, &size, stdin)) > 0)
	{
		char	   *rest = line;
		const char *partition;
		char	   *key;
		char	   *value;
		const char *timestamp;
		int			key_length;
		int			value_length;

		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		partition = strsep(&rest, "\t");
		key = strsep(&rest, "\t");
		value = strsep(&rest, "\t");
		timestamp = strsep(&rest, "\t");
		if (value == NULL)
			test_die("line %lld: expected partition, key and value with tabs between",
					 (long long) number);
		key_length = unescape(key);
		value_length = unescape(value);
		produce(producer, number++,
				test_parse_int("partition", partition, 0, 100000),
				key_length < 0 ? NULL : key, key_length < 0 ? 0 : key_length,
				value_length < 0 ? NULL : value, value_length < 0 ? 0 : value_length,
				timestamp == NULL ? 0 :
				test_parse_int("timestamp", timestamp, INT64_MIN, INT64_MAX));
		if (number % POLL_EVERY == 0)
			serve_reports(producer, 0);
	}
	free(line);
}

static void
usage(void)
{
	puts("usage: sa_producer -b BOOTSTRAP -t TOPIC [OPTION]...\n"
		 "  -n COUNT             events to produce; 0: until interrupted (default 1000)\n"
		 "  -m FILE              write the manifest here\n"
		 "  -X name=value        a property of librdkafka\n"
		 "  --raw                produce the lines of standard input instead:\n"
		 "                       partition, key, value [, timestamp], as in COPY\n"
		 "  --rate N             messages per second (default: as fast as can be)\n"
		 "  --seed N             (default 1)\n"
		 "  --producer N         the field p (default 1)\n"
		 "  --first N            number of the first event (default 0)\n"
		 "  --keys N             number of users (default 1000)\n"
		 "  --pages N            number of pages (default 20)\n"
		 "  --by-key             a user's events all in one partition\n"
		 "  --start SECONDS|now  event time of event 0 (default 2026-01-01)\n"
		 "  --step-us N          event time between events (default: 1000, or as --rate)\n"
		 "  --disorder SECONDS   how far times may go back (default 0)\n"
		 "  --late-every N       every n-th event an hour too late\n"
		 "  --poison-every N     every n-th message malformed\n"
		 "  --size BYTES         pad values to this size (default 150)\n"
		 "  --transactions N     N messages to a transaction\n"
		 "  --abort-every N      every n-th transaction aborted\n"
		 "  --timing             print messages and messages per second");
}

enum
{
	OPT_RAW = 256, OPT_RATE, OPT_SEED, OPT_PRODUCER, OPT_FIRST, OPT_KEYS,
	OPT_PAGES, OPT_BY_KEY, OPT_START, OPT_STEP, OPT_DISORDER, OPT_LATE,
	OPT_POISON, OPT_SIZE, OPT_TRANSACTIONS, OPT_ABORT, OPT_TIMING, OPT_HELP
};

static const struct option long_options[] = {
	{"raw", no_argument, NULL, OPT_RAW},
	{"rate", required_argument, NULL, OPT_RATE},
	{"seed", required_argument, NULL, OPT_SEED},
	{"producer", required_argument, NULL, OPT_PRODUCER},
	{"first", required_argument, NULL, OPT_FIRST},
	{"keys", required_argument, NULL, OPT_KEYS},
	{"pages", required_argument, NULL, OPT_PAGES},
	{"by-key", no_argument, NULL, OPT_BY_KEY},
	{"start", required_argument, NULL, OPT_START},
	{"step-us", required_argument, NULL, OPT_STEP},
	{"disorder", required_argument, NULL, OPT_DISORDER},
	{"late-every", required_argument, NULL, OPT_LATE},
	{"poison-every", required_argument, NULL, OPT_POISON},
	{"size", required_argument, NULL, OPT_SIZE},
	{"transactions", required_argument, NULL, OPT_TRANSACTIONS},
	{"abort-every", required_argument, NULL, OPT_ABORT},
	{"timing", no_argument, NULL, OPT_TIMING},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0}
};

/* A whole number from the command line. */
static int64_t
number_option(int64_t min, int64_t max)
{
	return test_parse_int("an option's value", optarg, min, max);
}

static int64_t
start_option(void)
{
	if (strcmp(optarg, "now") == 0)
		return (int64_t) time(NULL) * US_PER_S;
	return number_option(0, INT64_C(253402300799)) * US_PER_S;
}

/* Fills in what the options say; returns whether --timing was given. */
static bool
parse_options(Producer *producer, rd_kafka_conf_t *conf, int argc, char **argv)
{
	EventSpec  *spec = &producer->spec;
	bool		timing = false;
	int			option;

	while ((option = getopt_long(argc, argv, "b:t:n:m:X:", long_options, NULL)) != -1)
	{
		switch (option)
		{
			case 'b': test_conf_set(conf, "bootstrap.servers", optarg); break;
			case 't': producer->topic_name = optarg; break;
			case 'n': producer->count = number_option(0, INT64_MAX); break;
			case 'm': producer->manifest = test_manifest_open(optarg); break;
			case 'X': test_conf_set_pair(conf, optarg); break;
			case OPT_RAW: producer->raw = true; break;
			case OPT_RATE: producer->rate = number_option(0, 100000000); break;
			case OPT_SEED: spec->seed = number_option(0, INT64_MAX); break;
			case OPT_PRODUCER: spec->producer = number_option(0, INT64_MAX); break;
			case OPT_FIRST: producer->first = number_option(0, INT64_MAX - 1); break;
			case OPT_KEYS: spec->keys = number_option(1, INT64_MAX); break;
			case OPT_PAGES: spec->pages = number_option(1, INT64_MAX); break;
			case OPT_BY_KEY: spec->by_key = true; break;
			case OPT_START: spec->start_us = start_option(); break;
			case OPT_STEP: spec->step_us = number_option(0, INT64_MAX); break;
			case OPT_DISORDER: spec->disorder_us = number_option(0, 1000000000) * US_PER_S; break;
			case OPT_LATE: spec->late_every = number_option(1, INT64_MAX); break;
			case OPT_POISON: spec->poison_every = number_option(1, INT64_MAX); break;
			case OPT_SIZE: spec->size_bytes = number_option(0, TEST_EVENT_MAX_BYTES); break;
			case OPT_TRANSACTIONS: producer->transaction = number_option(1, INT64_MAX); break;
			case OPT_ABORT: producer->abort_every = number_option(1, INT64_MAX); break;
			case OPT_TIMING: timing = true; break;
			case OPT_HELP: usage(); exit(0);
			default: usage(); exit(1);
		}
	}
	if (producer->topic_name == NULL || optind != argc)
	{
		usage();
		exit(1);
	}
	if (producer->raw && producer->transaction > 0)
		test_die("--raw knows no transactions");
	if (spec->step_us < 0)
		spec->step_us = producer->rate > 0 ? US_PER_S / producer->rate : 1000;
	return timing;
}

/* Connects, and finds out how many partitions there are. */
static void
open_producer(Producer *producer, rd_kafka_conf_t *conf)
{
	if (producer->transaction > 0)
	{
		char		id[64];

		snprintf(id, sizeof(id), "sa_producer-%lld", (long long) producer->spec.producer);
		test_conf_set(conf, "transactional.id", id);
	}
	rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
	producer->rk = test_client_new(RD_KAFKA_PRODUCER, conf);
	producer->reports = rd_kafka_queue_get_main(producer->rk);
	producer->spec.partitions = test_partition_count(producer->rk, producer->topic_name);
	producer->topic = rd_kafka_topic_new(producer->rk, producer->topic_name, NULL);
	if (producer->transaction > 0)
		check_transaction("set up", rd_kafka_init_transactions(producer->rk,
															   TRANSACTION_TIMEOUT_MS));
}

int
main(int argc, char **argv)
{
	Producer	producer = {
		.spec = {
			.seed = 1, .producer = 1, .keys = 1000, .pages = 20,
			.start_us = 1767225600 * US_PER_S, .step_us = -1,
			.size_bytes = 150,
		},
		.count = 1000,
	};
	rd_kafka_conf_t *conf = test_conf_new("sa_producer");
	int64_t		began_us;
	bool		timing;

	test_conf_set(conf, "log_level", "3");
	test_conf_set(conf, "enable.idempotence", "true");
	test_conf_set(conf, "linger.ms", "5");
	test_conf_set(conf, "queue.buffering.max.messages", "500000");
	test_conf_set(conf, "batch.num.messages", "10000");
	timing = parse_options(&producer, conf, argc, argv);
	signal(SIGINT, request_stop);
	signal(SIGTERM, request_stop);
	open_producer(&producer, conf);

	began_us = monotonic_us();
	if (producer.raw)
		produce_lines(&producer);
	else
		produce_events(&producer);
	await_deliveries(&producer);
	if (timing)
		printf("%lld messages, %.0f messages/s\n", (long long) producer.delivered,
			   producer.delivered * 1e6 / (monotonic_us() - began_us + 1));

	if (producer.manifest != NULL)
		test_manifest_close(producer.manifest);
	rd_kafka_topic_destroy(producer.topic);
	rd_kafka_queue_destroy(producer.reports);
	rd_kafka_destroy(producer.rk);
	return 0;
}
