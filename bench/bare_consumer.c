/*-------------------------------------------------------------------------
 *
 * bare_consumer.c
 *	  Reads a topic to its end with librdkafka and does nothing else: the
 *	  upper limit for anything that consumes with librdkafka.
 *
 * Usage: bare_consumer [-n OFFSETS] BOOTSTRAP TOPIC [PROPERTY=VALUE]...
 *
 *	  -n OFFSETS	stops when so many have been passed, of all partitions
 *					together, and prints the number passed as a sixth figure
 *
 * NOTES
 *	  Consumes as src/kafka/ does: the same properties (kafka_conf.c), the
 *	  simple consumer, one queue for all partitions, batches of pointers taken
 *	  from it without a copy, and seeks that wake librdkafka's threads after
 *	  the queue may have been full (consumer.c says why).  Every message is
 *	  touched, no more: its lengths are added up.
 *
 *	  The clock runs from the start of consuming, when the metadata is there,
 *	  to the last message.  Prints one line: messages, bytes of keys and values,
 *	  seconds, CPU seconds of all threads in the meantime, greatest resident
 *	  memory in kB.
 *
 *-------------------------------------------------------------------------
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <librdkafka/rdkafka.h>

#define CHUNK_SIZE 1024			/* messages taken from the queue at once */
#define TIMEOUT_MS 10000
#define QUEUE_MESSAGES "50000"
#define QUEUE_KBYTES "32768"

typedef struct Reader
{
	rd_kafka_t *rk;
	rd_kafka_topic_t *topic;
	rd_kafka_queue_t *queue;
	int			npartitions;
	int			nended;			/* partitions read to their end */
	int64_t    *next_offset;	/* by partition */
	int64_t		messages;
	int64_t		bytes;
	int64_t		passed;			/* offsets, also such without a message */
	int64_t		limit;			/* 0: none */
	int64_t		taken_messages; /* since the queue was last empty */
	int64_t		taken_bytes;
} Reader;

/* As in src/kafka/kafka_conf.c. */
static const char *const properties[][2] = {
	{"receive.message.max.bytes", "67108864"},
	{"socket.timeout.ms", "10000"},
	{"socket.connection.setup.timeout.ms", "5000"},
	{"socket.keepalive.enable", "true"},
	{"socket.nagle.disable", "true"},
	{"reconnect.backoff.ms", "100"},
	{"reconnect.backoff.max.ms", "2000"},
	{"topic.metadata.refresh.interval.ms", "30000"},
	{"topic.metadata.propagation.max.ms", "0"},
	{"connections.max.idle.ms", "0"},
	{"queued.min.messages", QUEUE_MESSAGES},
	{"queued.max.messages.kbytes", QUEUE_KBYTES},
	{"fetch.wait.max.ms", "100"},
	{"fetch.message.max.bytes", "1048576"},
	{"fetch.max.bytes", "1048576"},
	{"enable.auto.commit", "false"},
	{"enable.auto.offset.store", "false"},
	{"auto.offset.reset", "error"},
	{"enable.partition.eof", "true"},
	{"check.crcs", "true"},
	{"isolation.level", "read_committed"},
	{"allow.auto.create.topics", "false"},
	{"statistics.interval.ms", "0"},
	{"client.id", "bare_consumer"},
};

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "bare_consumer: %s: %s\n", what, why);
	exit(1);
}

static void
set_property(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char		error[512];

	if (rd_kafka_conf_set(conf, name, value, error,
						  sizeof(error)) != RD_KAFKA_CONF_OK)
		die(name, error);
}

static double
seconds_since(const struct timespec *began)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - began->tv_sec) +
		(now.tv_nsec - began->tv_nsec) / 1e9;
}

static double
cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
		(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/*
 * Reading begins at what Kafka still has, and ends where the topic ends now: the
 * broker takes its time to say so of a partition.
 */
static void
find_bounds(Reader *reader, const char *topic)
{
	bool		limited = reader->limit > 0;

	reader->next_offset = calloc(reader->npartitions, sizeof(int64_t));
	if (reader->next_offset == NULL)
		die("could not set up the reader", "out of memory");
	for (int i = 0; i < reader->npartitions; i++)
	{
		int64_t		end;
		rd_kafka_resp_err_t err;

		err = rd_kafka_query_watermark_offsets(reader->rk, topic, i,
											   &reader->next_offset[i], &end,
											   TIMEOUT_MS);
		if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
			die("could not get the offsets", rd_kafka_err2str(err));
		if (!limited)
			reader->limit += end - reader->next_offset[i];
	}
}

static void
open_reader(Reader *reader, int argc, char **argv)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t err;
	char		error[512];

	set_property(conf, "bootstrap.servers", argv[1]);
	for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++)
		set_property(conf, properties[i][0], properties[i][1]);
	for (int i = 3; i < argc; i++)
	{
		char	   *value = strchr(argv[i], '=');

		if (value == NULL)
			die(argv[i], "expected PROPERTY=VALUE");
		*value++ = '\0';
		set_property(conf, argv[i], value);
	}

	reader->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error));
	if (reader->rk == NULL)
		die("could not set up a Kafka client", error);
	reader->topic = rd_kafka_topic_new(reader->rk, argv[2], NULL);
	reader->queue = rd_kafka_queue_new(reader->rk);

	err = rd_kafka_metadata(reader->rk, 0, reader->topic, &metadata, TIMEOUT_MS);
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		die("could not get the metadata", rd_kafka_err2str(err));
	reader->npartitions = metadata->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(metadata);
	if (reader->npartitions == 0)
		die(argv[2], "the topic has no partitions");
	find_bounds(reader, argv[2]);
}

static void
start_reading(Reader *reader)
{
	for (int i = 0; i < reader->npartitions; i++)
	{
		if (rd_kafka_consume_start_queue(reader->topic, i,
										 reader->next_offset[i],
										 reader->queue) != 0)
			die("could not start to read",
				rd_kafka_err2str(rd_kafka_last_error()));
	}
}

/* Moves a partition's position; a seek may deliver again what was on its way. */
static bool
advance(Reader *reader, int partition, int64_t next_offset)
{
	int64_t    *position = &reader->next_offset[partition];

	if (next_offset <= *position)
		return false;
	reader->passed += next_offset - *position;
	*position = next_offset;
	return true;
}

/* Takes in what the queue has handed out. */
static void
count_chunk(Reader *reader, rd_kafka_message_t **chunk, int count)
{
	for (int i = 0; i < count; i++)
	{
		rd_kafka_message_t *message = chunk[i];

		if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
		{
			int64_t		bytes = message->len + message->key_len;

			if (advance(reader, message->partition, message->offset + 1))
			{
				reader->messages++;
				reader->bytes += bytes;
			}
			reader->taken_bytes += bytes;
		}
		else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
		{
			(void) advance(reader, message->partition, message->offset);
			reader->nended++;
		}
		else
			die("could not read", rd_kafka_message_errstr(message));
		rd_kafka_message_destroy(message);
	}
	reader->taken_messages += count;
}

/* The queue is empty: have it filled again at once if it was full. */
static void
wake_fetchers(Reader *reader)
{
	if (reader->taken_messages >= atoi(QUEUE_MESSAGES) / 2 ||
		reader->taken_bytes >= atoll(QUEUE_KBYTES) * 1024 / 2)
	{
		for (int i = 0; i < reader->npartitions; i++)
			(void) rd_kafka_seek(reader->topic, i, reader->next_offset[i], 0);

		/* A partition that was at its end says so once more. */
		reader->nended = 0;
	}
	reader->taken_messages = 0;
	reader->taken_bytes = 0;
}

static void
read_to_end(Reader *reader)
{
	rd_kafka_message_t *chunk[CHUNK_SIZE];

	while (reader->nended < reader->npartitions &&
		   reader->passed < reader->limit)
	{
		ssize_t		count;

		count = rd_kafka_consume_batch_queue(reader->queue, 0, chunk, CHUNK_SIZE);
		if (count == 0)
		{
			wake_fetchers(reader);
			count = rd_kafka_consume_batch_queue(reader->queue, TIMEOUT_MS,
												 chunk, 1);
			if (count == 0)
				die("could not read", "no message for 10 seconds");
		}
		if (count < 0)
			die("could not read", rd_kafka_err2str(rd_kafka_last_error()));
		count_chunk(reader, chunk, count);
	}
}

int
main(int argc, char **argv)
{
	Reader		reader = {0};
	struct timespec began;
	struct rusage usage;
	double		cpu_before;
	double		seconds;
	bool		limited = false;

	if (argc > 2 && strcmp(argv[1], "-n") == 0)
	{
		reader.limit = atoll(argv[2]);
		limited = true;
		argc -= 2;
		argv += 2;
	}
	if (argc < 3)
		die("usage", "bare_consumer [-n OFFSETS] BOOTSTRAP TOPIC [PROPERTY=VALUE]...");
	open_reader(&reader, argc, argv);

	cpu_before = cpu_seconds();
	clock_gettime(CLOCK_MONOTONIC, &began);
	start_reading(&reader);
	read_to_end(&reader);
	seconds = seconds_since(&began);

	getrusage(RUSAGE_SELF, &usage);
	printf("%lld %lld %.3f %.2f %ld", (long long) reader.messages,
		   (long long) reader.bytes, seconds, cpu_seconds() - cpu_before,
		   usage.ru_maxrss);
	if (limited)
		printf(" %lld", (long long) reader.passed);
	putchar('\n');

	for (int i = 0; i < reader.npartitions; i++)
		(void) rd_kafka_consume_stop(reader.topic, i);
	rd_kafka_queue_destroy(reader.queue);
	rd_kafka_topic_destroy(reader.topic);
	rd_kafka_destroy(reader.rk);
	free(reader.next_offset);
	return 0;
}
