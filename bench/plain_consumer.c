/*-------------------------------------------------------------------------
 *
 * plain_consumer.c
 *	  Reads a topic to its end as librdkafka's documentation shows it, and does
 *	  nothing else: what a consumer costs that nobody has tuned.
 *
 * Usage: plain_consumer BOOTSTRAP TOPIC
 *
 * NOTES
 *	  One message at a time from rd_kafka_consumer_poll(), with librdkafka's
 *	  defaults; of its properties only those are set that a program needs which
 *	  reads a topic from its first offset to its last.  bare_consumer.c is the
 *	  fastest that we know.
 *
 *	  Prints one line: messages, seconds from the assignment to the last message,
 *	  CPU seconds of all threads.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include <librdkafka/rdkafka.h>

#define TIMEOUT_MS 10000

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "plain_consumer: %s: %s\n", what, why);
	exit(1);
}

static rd_kafka_t *
open_consumer(const char *bootstrap)
{
	static const char *const properties[][2] = {
		{"group.id", "plain_consumer"},
		{"enable.auto.commit", "false"},
	};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;
	char		error[512];

	if (rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, error,
						  sizeof(error)) != RD_KAFKA_CONF_OK)
		die("bootstrap.servers", error);
	for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++)
	{
		if (rd_kafka_conf_set(conf, properties[i][0], properties[i][1], error,
							  sizeof(error)) != RD_KAFKA_CONF_OK)
			die(properties[i][0], error);
	}
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error));
	if (rk == NULL)
		die("could not set up a Kafka client", error);
	rd_kafka_poll_set_consumer(rk);
	return rk;
}

/* All partitions, from their beginning; returns the number of their messages. */
static long long
assign_all(rd_kafka_t *rk, const char *name)
{
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
	rd_kafka_topic_partition_list_t *list;
	const struct rd_kafka_metadata *metadata;
	long long	messages = 0;
	int			npartitions;

	if (rd_kafka_metadata(rk, 0, topic, &metadata, TIMEOUT_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
		die(name, "could not get the metadata");
	npartitions = metadata->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(metadata);
	rd_kafka_topic_destroy(topic);
	if (npartitions == 0)
		die(name, "the topic has no partitions");

	list = rd_kafka_topic_partition_list_new(npartitions);
	for (int i = 0; i < npartitions; i++)
	{
		int64_t		low;
		int64_t		high;

		if (rd_kafka_query_watermark_offsets(rk, name, i, &low, &high, TIMEOUT_MS) !=
			RD_KAFKA_RESP_ERR_NO_ERROR)
			die(name, "could not get the offsets");
		messages += high - low;
		rd_kafka_topic_partition_list_add(list, name, i)->offset = low;
	}
	if (rd_kafka_assign(rk, list) != RD_KAFKA_RESP_ERR_NO_ERROR)
		die(name, "could not assign its partitions");
	rd_kafka_topic_partition_list_destroy(list);
	return messages;
}

static void
read_all(rd_kafka_t *rk, long long messages)
{
	while (messages > 0)
	{
		rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, TIMEOUT_MS);

		if (message == NULL)
			die("could not read", "no message for 10 seconds");
		if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
			die("could not read", rd_kafka_message_errstr(message));
		messages--;
		rd_kafka_message_destroy(message);
	}
}

static double
seconds(const struct timespec *time)
{
	return time->tv_sec + time->tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
	struct timespec began;
	struct timespec ended;
	struct rusage usage;
	rd_kafka_t *rk;
	long long	messages;

	if (argc != 3)
		die("usage", "plain_consumer BOOTSTRAP TOPIC");
	rk = open_consumer(argv[1]);
	messages = assign_all(rk, argv[2]);
	clock_gettime(CLOCK_MONOTONIC, &began);
	read_all(rk, messages);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	getrusage(RUSAGE_SELF, &usage);
	printf("%lld %.3f %.2f\n", messages, seconds(&ended) - seconds(&began),
		   usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
		   (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
	return 0;
}
