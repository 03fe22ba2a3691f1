/*-------------------------------------------------------------------------
 *
 * test_client.c
 *	  What the test programs share: options, configuration, fatal errors.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test_client.h"

#define METADATA_TIMEOUT_MS 10000

void
test_die(const char *fmt,...)
{
	va_list		args;

	fflush(stdout);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);

	/* librdkafka's threads may still run: no exit handlers. */
	fflush(stderr);
	_Exit(1);
}

int64_t
test_parse_int(const char *what, const char *text, int64_t min, int64_t max)
{
	char	   *end;
	long long	value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value < min || value > max)
		test_die("%s must be a whole number from %lld to %lld, not \"%s\"",
				 what, (long long) min, (long long) max, text);
	return value;
}

rd_kafka_conf_t *
test_conf_new(const char *client_id)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	test_conf_set(conf, "client.id", client_id);
	test_conf_set(conf, "reconnect.backoff.ms", "50");
	test_conf_set(conf, "reconnect.backoff.max.ms", "500");
	return conf;
}

void
test_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char		error[256];

	if (rd_kafka_conf_set(conf, name, value, error, sizeof(error)) != RD_KAFKA_CONF_OK)
		test_die("%s", error);
}

void
test_conf_set_pair(rd_kafka_conf_t *conf, const char *pair)
{
	const char *equals = strchr(pair, '=');
	char	   *name;

	if (equals == NULL)
		test_die("a property is given as name=value, not \"%s\"", pair);
	name = strndup(pair, equals - pair);
	test_conf_set(conf, name, equals + 1);
	free(name);
}

rd_kafka_t *
test_client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
	char		error[256];
	rd_kafka_t *rk = rd_kafka_new(type, conf, error, sizeof(error));

	if (rk == NULL)
		test_die("%s", error);
	return rk;
}

int
test_partition_count(rd_kafka_t *rk, const char *topic)
{
	rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, topic, NULL);
	const rd_kafka_metadata_t *metadata;
	rd_kafka_resp_err_t err;
	int			count;

	err = rd_kafka_metadata(rk, 0, handle, &metadata, METADATA_TIMEOUT_MS);
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		test_die("could not get metadata: %s", rd_kafka_err2str(err));
	err = metadata->topics[0].err;
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		test_die("topic \"%s\": %s", topic, rd_kafka_err2str(err));
	count = metadata->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(metadata);
	rd_kafka_topic_destroy(handle);
	return count;
}
