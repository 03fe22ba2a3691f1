/*-------------------------------------------------------------------------
 *
 * kafka_event.c
 *	  What librdkafka reports about a client as a whole.
 *
 * NOTES
 *	  No callback of librdkafka is used, since those run on its threads or in the
 *	  midst of its functions.  Errors and log lines come as events on the main
 *	  queue and are copied, so that nothing of librdkafka's is held when the
 *	  caller reports them.
 *
 *	  A broken connection is reported twice by librdkafka, as an error and as a
 *	  log line.  The error is only kept as the reason for the time when no broker
 *	  is left.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <syslog.h>

#include "kafka/kafka_event.h"

static bool translate_error(SaKafkaClient *client, rd_kafka_event_t *event,
							SaConsumerEvent *result);
static bool translate_log(SaKafkaClient *client, rd_kafka_event_t *event,
						  SaConsumerEvent *result);
static int	elog_level(int syslog_level);

bool
sa_kafka_event_translate(SaKafkaClient *client, rd_kafka_event_t *event,
						 SaConsumerEvent *result)
{
	switch (rd_kafka_event_type(event))
	{
		case RD_KAFKA_EVENT_ERROR:
			return translate_error(client, event, result);
		case RD_KAFKA_EVENT_LOG:
			return translate_log(client, event, result);
		default:
			return false;
	}
}

void
sa_kafka_event_init(SaConsumerEvent *event, SaConsumerEventKind kind)
{
	event->kind = kind;
	event->partition = -1;
	event->offset = -1;
	event->level = LOG;
	event->text[0] = '\0';
}

SaConsumerEventKind
sa_kafka_partition_error_kind(rd_kafka_resp_err_t error)
{
	switch (error)
	{
		case RD_KAFKA_RESP_ERR__PARTITION_EOF:
			return SA_EVENT_END_OF_PARTITION;

		case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
		case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
			return SA_EVENT_OFFSET_OUT_OF_RANGE;

			/*
			 * What can't be read now can't be read later either.  An unknown
			 * format (_NOT_IMPLEMENTED) must not be passed over as transient:
			 * librdkafka would skip the record without a further word.
			 */
		case RD_KAFKA_RESP_ERR__BAD_MSG:
		case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
		case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
		case RD_KAFKA_RESP_ERR__UNDERFLOW:
		case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
			return SA_EVENT_PARTITION_CORRUPT;

		case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
			return SA_EVENT_AUTHENTICATION;

		default:
			return SA_EVENT_PARTITION_ERROR;
	}
}

static bool
translate_error(SaKafkaClient *client, rd_kafka_event_t *event,
				SaConsumerEvent *result)
{
	const char *text = rd_kafka_event_error_string(event);

	switch (rd_kafka_event_error(event))
	{
		case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
			if (client->disconnected)
				return false;
			client->disconnected = true;
			sa_kafka_event_init(result, SA_EVENT_DISCONNECTED);
			if (client->last_failure[0] != '\0')
				strlcpy(result->text, client->last_failure,
						sizeof(result->text));
			else
				sa_kafka_client_copy_text(client, result->text,
										  sizeof(result->text), text);
			return true;

		case RD_KAFKA_RESP_ERR__TRANSPORT:
		case RD_KAFKA_RESP_ERR__RESOLVE:
		case RD_KAFKA_RESP_ERR__TIMED_OUT:
			sa_kafka_client_copy_text(client, client->last_failure,
									  sizeof(client->last_failure), text);
			return false;

		case RD_KAFKA_RESP_ERR__AUTHENTICATION:
		case RD_KAFKA_RESP_ERR__SSL:
		case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
		case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
		case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
		case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
		case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
			sa_kafka_event_init(result, SA_EVENT_AUTHENTICATION);
			break;

		default:
			sa_kafka_event_init(result, SA_EVENT_LOG);
			break;
	}
	sa_kafka_client_copy_text(client, result->text, sizeof(result->text), text);
	return true;
}

static bool
translate_log(SaKafkaClient *client, rd_kafka_event_t *event,
			  SaConsumerEvent *result)
{
	const char *facility;
	const char *text;
	int			level;

	if (rd_kafka_event_log(event, &facility, &text, &level) != 0)
		return false;
	sa_kafka_event_init(result, SA_EVENT_LOG);
	result->level = elog_level(level);
	sa_kafka_client_copy_text(client, result->text, sizeof(result->text), text);
	return true;
}

/* Trouble with a broker is for the server's log, never an error of ours. */
static int
elog_level(int syslog_level)
{
	if (syslog_level <= LOG_WARNING)
		return LOG;
	if (syslog_level <= LOG_INFO)
		return DEBUG1;
	return DEBUG2;
}
