/*-------------------------------------------------------------------------
 *
 * sa_mockbroker.c
 *	  librdkafka's mock cluster as a program, steered through its input.
 *
 * Usage: sa_mockbroker [BROKERS]			(default 1)
 *
 *	  Prints the bootstrap address, then reads commands, one a line, and
 *	  answers each with "ok" or "error: …":
 *
 *		topic NAME PARTITIONS
 *		down BROKER | up BROKER				brokers count from 1
 *		rtt BROKER MILLISECONDS				delay of every answer
 *		leader NAME PARTITION BROKER		-1: no leader
 *		errors API CODE [COUNT]				the next COUNT requests of this
 *											kind fail with this Kafka error
 *		topic-error NAME CODE				0: no longer
 *
 *	  End of input ends the cluster.
 *
 * NOTES
 *	  For faults that a real broker can't be made to have at a given moment; for
 *	  everything else there is tools/kafka.  The mock lives in a program of its
 *	  own because its thread blocks no signals: in a server process it would run
 *	  the server's handlers.
 *
 *	  It keeps 5 MB per partition, knows no transactions, no timestamps look-up
 *	  and no deletion of topics, and forgets everything when it ends.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "test_client.h"

#define MAX_ARGS 4
#define MAX_ERRORS 1000

typedef struct Command
{
	const char *name;
	int			min_args;
	rd_kafka_resp_err_t (*run) (rd_kafka_mock_cluster_t *cluster, int argc,
								char **argv);
} Command;

static int
number(const char *text)
{
	return (int) test_parse_int("an argument", text, -1, INT32_MAX);
}

static rd_kafka_resp_err_t
run_topic(rd_kafka_mock_cluster_t *cluster, int argc, char **argv)
{
	(void) argc;
	return rd_kafka_mock_topic_create(cluster, argv[0], number(argv[1]), 1);
}

static rd_kafka_resp_err_t
run_down(rd_kafka_mock_cluster_t *cluster, int argc, char **argv)
{
	(void) argc;
	return rd_kafka_mock_broker_set_down(cluster, number(argv[0]));
}

static rd_kafka_resp_err_t
run_up(rd_kafka_mock_cluster_t *cluster, int argc, char **argv)
{
	(void) argc;
	return rd_kafka_mock_broker_set_up(cluster, number(argv[0]));
}

static rd_kafka_resp_err_t
run_rtt(rd_kafka_mock_cluster_t *cluster, int argc, char **argv)
{
	(void) argc;
	return rd_kafka_mock_broker_set_rtt(cluster, number(argv[0]), number(argv[1]));
}

static rd_kafka_resp_err_t
run_leader(rd_kafka_mock_cluster_t *cluster, int argc, char **argv)
{
	(void) argc;
	return rd_kafka_mock_partition_set_leader(cluster, argv[0], number(argv[1]),
											  number(argv[2]));
}

static rd_kafka_resp_err_t
run_errors(rd_kafka_mock_cluster_t *cluster, int argc, char **argv)
{
	rd_kafka_resp_err_t errors[MAX_ERRORS];
	int			count = argc > 2 ? number(argv[2]) : 1;
	int			i;

	if (count < 1 || count > MAX_ERRORS)
		return RD_KAFKA_RESP_ERR__INVALID_ARG;
	for (i = 0; i < count; i++)
		errors[i] = (rd_kafka_resp_err_t) number(argv[1]);
	rd_kafka_mock_push_request_errors_array(cluster, (int16_t) number(argv[0]),
											count, errors);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t
run_topic_error(rd_kafka_mock_cluster_t *cluster, int argc, char **argv)
{
	(void) argc;
	rd_kafka_mock_topic_set_error(cluster, argv[0],
								  (rd_kafka_resp_err_t) number(argv[1]));
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static const Command commands[] = {
	{"topic", 2, run_topic},
	{"down", 1, run_down},
	{"up", 1, run_up},
	{"rtt", 2, run_rtt},
	{"leader", 3, run_leader},
	{"errors", 2, run_errors},
	{"topic-error", 2, run_topic_error},
};

/* Does what a line says; returns the error, as text, or NULL. */
static const char *
run_line(rd_kafka_mock_cluster_t *cluster, char *line)
{
	char	   *words[MAX_ARGS + 1];
	char	   *save;
	char	   *word;
	int			count = 0;
	size_t		i;

	for (word = strtok_r(line, " \n", &save); word != NULL;
		 word = strtok_r(NULL, " \n", &save))
	{
		if (count > MAX_ARGS)
			return "too many arguments";
		words[count++] = word;
	}
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
	{
		rd_kafka_resp_err_t err;

		if (count == 0 || strcmp(words[0], commands[i].name) != 0)
			continue;
		if (count - 1 < commands[i].min_args)
			return "too few arguments";
		err = commands[i].run(cluster, count - 1, words + 1);
		return err == RD_KAFKA_RESP_ERR_NO_ERROR ? NULL : rd_kafka_err2str(err);
	}
	return "unknown command";
}

int
main(int argc, char **argv)
{
	int			brokers = argc > 1 ? number(argv[1]) : 1;
	rd_kafka_conf_t *conf = test_conf_new("sa_mockbroker");
	rd_kafka_t *rk;
	rd_kafka_mock_cluster_t *cluster;
	char	   *line = NULL;
	size_t		size = 0;

	test_conf_set(conf, "log_level", "3");
	rk = test_client_new(RD_KAFKA_PRODUCER, conf);
	cluster = rd_kafka_mock_cluster_new(rk, brokers);
	if (cluster == NULL)
		test_die("could not start the mock cluster");
	printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
	fflush(stdout);

	while (getline(&line, &size, stdin) > 0)
	{
		const char *error = run_line(cluster, line);

		if (error != NULL)
			printf("error: %s\n", error);
		else
			puts("ok");
		fflush(stdout);
	}
	free(line);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(rk);
	return 0;
}
