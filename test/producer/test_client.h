/*-------------------------------------------------------------------------
 *
 * test_client.h
 *	  What the test programs share: options, configuration, fatal errors.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TEST_CLIENT_H
#define TEST_CLIENT_H

#include <stdint.h>

#include <librdkafka/rdkafka.h>

/* Prints "program: message" to stderr and exits with 1. */
extern void test_die(const char *fmt,...)
			__attribute__((noreturn, format(printf, 1, 2)));

/* Reads a whole number in min..max, or dies naming what. */
extern int64_t test_parse_int(const char *what, const char *text,
							  int64_t min, int64_t max);

/* A configuration with the programs' defaults; the caller owns it. */
extern rd_kafka_conf_t *test_conf_new(const char *client_id);

/* Sets one property, or dies. */
extern void test_conf_set(rd_kafka_conf_t *conf, const char *name,
						  const char *value);

/* Sets a property given as "name=value", or dies. */
extern void test_conf_set_pair(rd_kafka_conf_t *conf, const char *pair);

/* Makes a client; takes the configuration. */
extern rd_kafka_t *test_client_new(rd_kafka_type_t type,
								   rd_kafka_conf_t *conf);

/* The number of partitions of a topic; dies if the topic isn't there. */
extern int	test_partition_count(rd_kafka_t *rk, const char *topic);

#endif							/* TEST_CLIENT_H */
