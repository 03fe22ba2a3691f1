/*-------------------------------------------------------------------------
 *
 * consumer_offsets.c
 *	  Questions of a consumer to the brokers: partitions and offsets.
 *
 * NOTES
 *	  They wait, at most as long as they are told and open to cancel, and have no
 *	  effect on what is being read.  Must not be asked while a transaction is
 *	  open, unless by a user's own statement.
 *
 *	  The functions named run_… run on a thread (kafka_call.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "kafka/consumer_private.h"

static bool ask(SaConsumer *consumer, SaKafkaRequest *request, int timeout_ms,
				char *errbuf, size_t errlen);
static rd_kafka_resp_err_t run_partition_count(SaKafkaRequest *request);
static rd_kafka_resp_err_t run_query_offsets(SaKafkaRequest *request);
static rd_kafka_resp_err_t run_offset_for_time(SaKafkaRequest *request);

int
sa_consumer_partition_count(SaConsumer *consumer, int timeout_ms,
							char *errbuf, size_t errlen)
{
	SaKafkaRequest request = {.run = run_partition_count};

	if (!ask(consumer, &request, timeout_ms, errbuf, errlen))
		return -1;
	return request.count;
}

bool
sa_consumer_query_offsets(SaConsumer *consumer, int32 partition,
						  int64 *low, int64 *high, int timeout_ms,
						  char *errbuf, size_t errlen)
{
	SaKafkaRequest request = {
		.run = run_query_offsets,
		.partition = partition
	};

	if (!ask(consumer, &request, timeout_ms, errbuf, errlen))
		return false;
	*low = request.low;
	*high = request.high;
	return true;
}

void
sa_consumer_known_offsets(SaConsumer *consumer, int32 partition,
						  int64 *low, int64 *high)
{
	if (rd_kafka_get_watermark_offsets(consumer->client->rk, consumer->topic,
									   partition, low, high) !=
		RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		*low = -1;
		*high = -1;
	}
	/* librdkafka's word for unknown is another negative number */
	*low = Max(*low, -1);
	*high = Max(*high, -1);
}

bool
sa_consumer_offset_for_time(SaConsumer *consumer, int32 partition,
							int64 timestamp_ms, int64 *offset, int timeout_ms,
							char *errbuf, size_t errlen)
{
	SaKafkaRequest request = {
		.run = run_offset_for_time,
		.partition = partition,
		.timestamp_ms = timestamp_ms
	};

	if (!ask(consumer, &request, timeout_ms, errbuf, errlen))
		return false;
	*offset = request.low;
	return true;
}

/* Returns false, with the reason in errbuf, if there is no good answer. */
static bool
ask(SaConsumer *consumer, SaKafkaRequest *request, int timeout_ms,
	char *errbuf, size_t errlen)
{
	SaKafkaClient *client = consumer->client;

	request->rk = client->rk;
	request->topic = client->topic;
	strlcpy(request->topic_name, consumer->topic, sizeof(request->topic_name));
	request->timeout_ms = timeout_ms;
	if (!sa_kafka_call_and_wait(client->gate, request))
		request->error = RD_KAFKA_RESP_ERR__TIMED_OUT;
	if (request->error == RD_KAFKA_RESP_ERR_NO_ERROR)
		return true;
	sa_kafka_client_copy_text(client, errbuf, errlen,
							  rd_kafka_err2str(request->error));
	return false;
}

static rd_kafka_resp_err_t
run_partition_count(SaKafkaRequest *request)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t error;

	error = rd_kafka_metadata(request->rk, 0, request->topic, &metadata,
							  request->timeout_ms);
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		return error;

	/* a topic that is not there is an answer, others are failures */
	if (metadata->topic_cnt != 1)
		error = RD_KAFKA_RESP_ERR__BAD_MSG;
	else if (metadata->topics[0].err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		request->count = 0;
	else if (metadata->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR)
		error = metadata->topics[0].err;
	else
		request->count = metadata->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(metadata);
	return error;
}

static rd_kafka_resp_err_t
run_query_offsets(SaKafkaRequest *request)
{
	return rd_kafka_query_watermark_offsets(request->rk, request->topic_name,
											request->partition, &request->low,
											&request->high,
											request->timeout_ms);
}

/*
 * Where no record is late enough Kafka answers with -1, which would mean "end"
 * to whoever starts there later.  The end is asked for first, so that a record
 * that comes in between is not skipped.
 */
static rd_kafka_resp_err_t
run_offset_for_time(SaKafkaRequest *request)
{
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_topic_partition_t *entry;
	rd_kafka_resp_err_t error = run_query_offsets(request);

	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		return error;
	list = rd_kafka_topic_partition_list_new(1);
	entry = rd_kafka_topic_partition_list_add(list, request->topic_name,
											  request->partition);
	entry->offset = request->timestamp_ms;
	error = rd_kafka_offsets_for_times(request->rk, list, request->timeout_ms);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		error = entry->err;
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		request->low = entry->offset >= 0 ? entry->offset : request->high;
	rd_kafka_topic_partition_list_destroy(list);
	return error;
}
