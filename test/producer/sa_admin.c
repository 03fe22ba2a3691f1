/*-------------------------------------------------------------------------
 *
 * sa_admin.c
 *	  Administration of a test broker: topics, partitions, offsets.
 *
 * Usage: sa_admin -b BOOTSTRAP [-X name=value]... COMMAND
 *
 *	  wait SECONDS						until the broker answers
 *	  create TOPIC PARTITIONS [name=value]...
 *	  add-partitions TOPIC TOTAL		the new number of partitions
 *	  configure TOPIC name=value...		topic settings, all others default
 *	  delete TOPIC
 *	  delete-records TOPIC PARTITION OFFSET		all before OFFSET
 *	  offsets TOPIC						prints partition, first, end
 *
 * NOTES
 *	  Kafka's own scripts start a JVM for each call, which costs a test more
 *	  than everything else it does.  Creation, new partitions and deletion are
 *	  awaited until the metadata shows them.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test_client.h"

#define REQUEST_TIMEOUT_MS 15000
#define POLL_INTERVAL_US 20000

typedef struct Command
{
	const char *name;
	int			min_args;
	void		(*run) (rd_kafka_t *rk, int argc, char **argv);
} Command;

/* Dies if the call failed for the one topic or partition it was about. */
static void
check_topic_result(const rd_kafka_topic_result_t **results, size_t count)
{
	size_t		i;

	for (i = 0; i < count; i++)
	{
		if (rd_kafka_topic_result_error(results[i]) != RD_KAFKA_RESP_ERR_NO_ERROR)
			test_die("topic \"%s\": %s", rd_kafka_topic_result_name(results[i]),
					 rd_kafka_topic_result_error_string(results[i]));
	}
}

/* Waits for the answer to an admin request; the caller destroys the event. */
static rd_kafka_event_t *
await_answer(rd_kafka_queue_t *queue)
{
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, REQUEST_TIMEOUT_MS);

	if (event == NULL)
		test_die("no answer from the broker");
	if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
		test_die("%s", rd_kafka_event_error_string(event));
	return event;
}

/* The partitions that the metadata shows now; 0 for a topic not there. */
static int
visible_partitions(rd_kafka_t *rk, const char *topic)
{
	const rd_kafka_metadata_t *metadata;
	int			count = 0;
	int			i;

	/*
	 * All topics are asked for, since a request for one makes the client keep
	 * an entry for it that outlives the topic.
	 */
	if (rd_kafka_metadata(rk, 1, NULL, &metadata, 2000) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return -1;
	for (i = 0; i < metadata->topic_cnt; i++)
	{
		const rd_kafka_metadata_topic_t *found = &metadata->topics[i];
		int			j;

		if (strcmp(found->topic, topic) != 0)
			continue;
		for (j = 0; j < found->partition_cnt; j++)
		{
			if (found->partitions[j].leader >= 0)
				count++;
		}
	}
	rd_kafka_metadata_destroy(metadata);
	return count;
}

static void
await_partitions(rd_kafka_t *rk, const char *topic, int expected)
{
	int			tries = REQUEST_TIMEOUT_MS * 1000 / POLL_INTERVAL_US;

	while (visible_partitions(rk, topic) != expected)
	{
		if (--tries == 0)
			test_die("topic \"%s\" did not get %d partitions", topic, expected);
		usleep(POLL_INTERVAL_US);
	}
}

/* Each try is short, since the client's own back-off is what takes time. */
static void
run_wait(rd_kafka_t *rk, int argc, char **argv)
{
	int			tries = test_parse_int("SECONDS", argv[0], 1, 3600) * 10;
	const rd_kafka_metadata_t *metadata;

	(void) argc;
	while (rd_kafka_metadata(rk, 0, NULL, &metadata, 100) != RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		if (--tries == 0)
			test_die("the broker does not answer");
	}
	rd_kafka_metadata_destroy(metadata);
}

static void
run_create(rd_kafka_t *rk, int argc, char **argv)
{
	int			partitions = test_parse_int("PARTITIONS", argv[1], 1, 10000);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_NewTopic_t *topic;
	rd_kafka_event_t *event;
	const rd_kafka_topic_result_t **results;
	size_t		count;
	char		error[256];
	int			i;

	topic = rd_kafka_NewTopic_new(argv[0], partitions, 1, error, sizeof(error));
	if (topic == NULL)
		test_die("%s", error);
	for (i = 2; i < argc; i++)
	{
		char	   *equals = strchr(argv[i], '=');

		if (equals == NULL)
			test_die("a setting is given as name=value, not \"%s\"", argv[i]);
		*equals = '\0';
		rd_kafka_NewTopic_set_config(topic, argv[i], equals + 1);
	}
	rd_kafka_CreateTopics(rk, &topic, 1, NULL, queue);
	event = await_answer(queue);
	results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event),
												  &count);
	check_topic_result(results, count);
	rd_kafka_event_destroy(event);
	rd_kafka_NewTopic_destroy(topic);
	rd_kafka_queue_destroy(queue);
	await_partitions(rk, argv[0], partitions);
}

static void
run_add_partitions(rd_kafka_t *rk, int argc, char **argv)
{
	int			total = test_parse_int("TOTAL", argv[1], 1, 10000);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_NewPartitions_t *partitions;
	rd_kafka_event_t *event;
	const rd_kafka_topic_result_t **results;
	size_t		count;
	char		error[256];

	(void) argc;
	partitions = rd_kafka_NewPartitions_new(argv[0], total, error, sizeof(error));
	if (partitions == NULL)
		test_die("%s", error);
	rd_kafka_CreatePartitions(rk, &partitions, 1, NULL, queue);
	event = await_answer(queue);
	results = rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event),
													  &count);
	check_topic_result(results, count);
	rd_kafka_event_destroy(event);
	rd_kafka_NewPartitions_destroy(partitions);
	rd_kafka_queue_destroy(queue);
	await_partitions(rk, argv[0], total);
}

static void
run_configure(rd_kafka_t *rk, int argc, char **argv)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_ConfigResource_t *resource;
	const rd_kafka_ConfigResource_t **results;
	rd_kafka_event_t *event;
	size_t		count;
	int			i;

	resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, argv[0]);
	for (i = 1; i < argc; i++)
	{
		char	   *equals = strchr(argv[i], '=');

		if (equals == NULL)
			test_die("a setting is given as name=value, not \"%s\"", argv[i]);
		*equals = '\0';
		rd_kafka_ConfigResource_set_config(resource, argv[i], equals + 1);
	}
	rd_kafka_AlterConfigs(rk, &resource, 1, NULL, queue);
	event = await_answer(queue);
	results = rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(event),
													 &count);
	if (count != 1 || rd_kafka_ConfigResource_error(results[0]) != RD_KAFKA_RESP_ERR_NO_ERROR)
		test_die("topic \"%s\": %s", argv[0],
				 count == 1 ? rd_kafka_ConfigResource_error_string(results[0]) : "no result");
	rd_kafka_event_destroy(event);
	rd_kafka_ConfigResource_destroy(resource);
	rd_kafka_queue_destroy(queue);
}

static void
run_delete(rd_kafka_t *rk, int argc, char **argv)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(argv[0]);
	const rd_kafka_topic_result_t **results;
	rd_kafka_event_t *event;
	size_t		count;

	(void) argc;
	rd_kafka_DeleteTopics(rk, &topic, 1, NULL, queue);
	event = await_answer(queue);
	results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event),
												  &count);
	check_topic_result(results, count);
	rd_kafka_event_destroy(event);
	rd_kafka_DeleteTopic_destroy(topic);
	rd_kafka_queue_destroy(queue);
	await_partitions(rk, argv[0], 0);
}

static void
run_delete_records(rd_kafka_t *rk, int argc, char **argv)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(1);
	const rd_kafka_topic_partition_list_t *results;
	rd_kafka_DeleteRecords_t *request;
	rd_kafka_event_t *event;

	(void) argc;
	rd_kafka_topic_partition_list_add(offsets, argv[0],
									  test_parse_int("PARTITION", argv[1], 0, 100000))->offset =
		test_parse_int("OFFSET", argv[2], 0, INT64_MAX);
	request = rd_kafka_DeleteRecords_new(offsets);
	rd_kafka_DeleteRecords(rk, &request, 1, NULL, queue);
	event = await_answer(queue);
	results = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
	if (results->elems[0].err != RD_KAFKA_RESP_ERR_NO_ERROR)
		test_die("topic \"%s\": %s", argv[0], rd_kafka_err2str(results->elems[0].err));
	rd_kafka_event_destroy(event);
	rd_kafka_DeleteRecords_destroy(request);
	rd_kafka_topic_partition_list_destroy(offsets);
	rd_kafka_queue_destroy(queue);
}

static void
run_offsets(rd_kafka_t *rk, int argc, char **argv)
{
	int			partitions = test_partition_count(rk, argv[0]);
	int			p;

	(void) argc;
	for (p = 0; p < partitions; p++)
	{
		int64_t		first;
		int64_t		end;
		rd_kafka_resp_err_t err;

		err = rd_kafka_query_watermark_offsets(rk, argv[0], p, &first, &end,
											   REQUEST_TIMEOUT_MS);
		if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
			test_die("partition %d: %s", p, rd_kafka_err2str(err));
		printf("%d\t%lld\t%lld\n", p, (long long) first, (long long) end);
	}
}

static const Command commands[] = {
	{"wait", 1, run_wait},
	{"create", 2, run_create},
	{"add-partitions", 2, run_add_partitions},
	{"configure", 2, run_configure},
	{"delete", 1, run_delete},
	{"delete-records", 3, run_delete_records},
	{"offsets", 1, run_offsets},
};

int
main(int argc, char **argv)
{
	rd_kafka_conf_t *conf = test_conf_new("sa_admin");
	rd_kafka_t *rk;
	size_t		i;
	int			option;

	/* A leading "+" stops at the command, whose arguments are its own. */
	while ((option = getopt(argc, argv, "+b:X:")) != -1)
	{
		switch (option)
		{
			case 'b':
				test_conf_set(conf, "bootstrap.servers", optarg);
				break;
			case 'X':
				test_conf_set_pair(conf, optarg);
				break;
			default:
				test_die("usage: sa_admin -b BOOTSTRAP [-X name=value]... COMMAND");
		}
	}
	argc -= optind;
	argv += optind;
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
	{
		if (argc == 0 || strcmp(commands[i].name, argv[0]) != 0)
			continue;
		if (argc - 1 < commands[i].min_args)
			test_die("%s: too few arguments", argv[0]);

		/* "Connection refused" is what "wait" is there for: no log. */
		test_conf_set(conf, "log_level", strcmp(argv[0], "wait") == 0 ? "0" : "4");
		rk = test_client_new(RD_KAFKA_PRODUCER, conf);
		commands[i].run(rk, argc - 1, argv + 1);
		rd_kafka_destroy(rk);
		return 0;
	}
	test_die("unknown command: %s", argc > 0 ? argv[0] : "(none)");
}
