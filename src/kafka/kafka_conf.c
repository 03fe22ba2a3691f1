/*-------------------------------------------------------------------------
 *
 * kafka_conf.c
 *	  The configuration of a client, from the options of server and mapping.
 *
 * NOTES
 *	  Three layers, applied in this order: our defaults, which a user may
 *	  change within the bounds of properties.c; the options; and what is forced,
 *	  because exactly-once processing or the life inside a server process hangs
 *	  on it.
 *
 *	  librdkafka's own defaults would skip to the end of a partition when an
 *	  offset is gone, deliver what fails its checksum, and commit offsets to
 *	  Kafka; the forced values say no to all of that.
 *
 *	  Everything that may raise an error is done before the configuration
 *	  exists or after it is destroyed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "commands/defrem.h"

#include "kafka/kafka_conf.h"

typedef struct Setting
{
	const char *name;			/* librdkafka's */
	const char *value;
} Setting;

#define MAX_TOPIC_LEN	249		/* Kafka's limit */

/*
 * Messages of all partitions of a consumer share one queue, and the two limits
 * of the queue hold for all of them together (librdkafka's documentation says
 * "per partition", which is only so without a common queue).  They are
 * as large as a few chunks of a batch, so that those are fetched while others are
 * worked on.
 *
 * A response of a broker, fetch.max.bytes of all its partitions together, stays
 * in the processor's cache from the kernel to the queue if it is not larger than
 * that.  Fetched by 1 MB instead of 4 the same messages cost librdkafka half of
 * the time (measured with bench/bare_consumer).
 */
static const Setting consumer_defaults[] = {
	{"queued.min.messages", "50000"},
	{"queued.max.messages.kbytes", "32768"},
	{"fetch.wait.max.ms", "100"},
	{"fetch.message.max.bytes", "1048576"},
	{"fetch.max.bytes", "1048576"},
};

static const Setting producer_defaults[] = {
	{"linger.ms", "5"},
	{"message.timeout.ms", "60000"},
	{"queue.buffering.max.kbytes", "32768"},
};

static const Setting common_defaults[] = {
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
};

static const Setting consumer_forced[] = {
	{"enable.auto.commit", "false"},
	{"enable.auto.offset.store", "false"},
	{"auto.offset.reset", "error"},
	{"enable.partition.eof", "true"},
	{"check.crcs", "true"},
	{"isolation.level", "read_committed"},
	{"allow.auto.create.topics", "false"},
};

static const Setting producer_forced[] = {
	{"enable.idempotence", "true"},
	{"acks", "all"},
};

static const Setting common_forced[] = {
	{"log.queue", "true"},
	{"log.connection.close", "false"},
	{"statistics.interval.ms", "0"},
};

static List *used_options(List *options, SaKafkaRole role);
static void check_credentials(List *options);
static bool set_all(rd_kafka_conf_t *conf, const Setting *settings, int count,
					const Setting **failed, char *errbuf, size_t errlen);
static void refuse_option(const char *option, const char *reason);
static int64 conf_get_int(const rd_kafka_conf_t *conf, const char *name);

#define SET_ALL(settings) \
	set_all(conf, settings, lengthof(settings), &failed, errbuf, sizeof(errbuf))

rd_kafka_conf_t *
sa_kafka_conf_create(List *options, SaKafkaRole role, const char *client_id)
{
	List	   *used = used_options(options, role);
	int			nused = list_length(used);
	Setting    *chosen = palloc(sizeof(Setting) * (nused + 1));
	const char **option_names = palloc(sizeof(char *) * (nused + 1));
	const Setting *failed = NULL;
	const Setting identity = {"client.id", client_id};
	rd_kafka_conf_t *conf;
	bool		consumer = (role == SA_KAFKA_CONSUMER);
	char		errbuf[512];
	bool		ok;

	check_credentials(options);
	for (int i = 0; i < nused; i++)
	{
		DefElem    *def = list_nth_node(DefElem, used, i);

		option_names[i] = def->defname;
		chosen[i].name = sa_kafka_property_name(def->defname);
		chosen[i].value = defGetString(def);
	}

	/* no error may be raised from here on */
	conf = rd_kafka_conf_new();
	ok = SET_ALL(common_defaults) &&
		(consumer ? SET_ALL(consumer_defaults) : SET_ALL(producer_defaults)) &&
		set_all(conf, chosen, nused, &failed, errbuf, sizeof(errbuf)) &&
		SET_ALL(common_forced) &&
		(consumer ? SET_ALL(consumer_forced) : SET_ALL(producer_forced)) &&
		set_all(conf, &identity, 1, &failed, errbuf, sizeof(errbuf));
	if (ok)
	{
		rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG |
								 (consumer ? 0 : RD_KAFKA_EVENT_DR));
		return conf;
	}
	rd_kafka_conf_destroy(conf);

	if (failed >= chosen && failed < chosen + nused)
		refuse_option(option_names[failed - chosen], errbuf);
	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("librdkafka refused a setting of the Kafka client: %s",
					errbuf)));
	return NULL;				/* keep compiler quiet */
}

void
sa_kafka_conf_queue_limits(const rd_kafka_conf_t *conf,
						   SaKafkaQueueLimits *limits)
{
	limits->messages = conf_get_int(conf, "queued.min.messages");
	limits->bytes = conf_get_int(conf, "queued.max.messages.kbytes") * 1024;
}

List *
sa_kafka_conf_secrets(List *options)
{
	List	   *secrets = NIL;
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (sa_kafka_property_is_secret(def->defname))
			secrets = lappend(secrets, pstrdup(defGetString(def)));
	}
	return secrets;
}

void
sa_kafka_topic_check(const char *topic)
{
	size_t		len = 0;

	while (isalnum((unsigned char) topic[len]) || topic[len] == '.' ||
		   topic[len] == '_' || topic[len] == '-')
		len++;
	if (len == 0 || len > MAX_TOPIC_LEN || topic[len] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid topic name \"%s\"", topic),
				 errdetail("It must have between 1 and %d letters, digits, "
						   "\".\", \"_\" and \"-\".", MAX_TOPIC_LEN)));
}

/* The options that a client of this role has a use for; all are checked. */
static List *
used_options(List *options, SaKafkaRole role)
{
	List	   *used = NIL;
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (sa_kafka_property_is_used(def->defname, defGetString(def), role))
			used = lappend(used, def);
	}
	return used;
}

/*
 * Only here are the options of server and user mapping together: raise an error
 * if the one asks for credentials that the other does not give.
 */
static void
check_credentials(List *options)
{
	bool		brokers = false;
	bool		sasl = false;
	bool		username = false;
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, "bootstrap_servers") == 0)
			brokers = true;
		else if (strcmp(def->defname, "security_protocol") == 0)
			sasl = strncmp(defGetString(def), "sasl_", 5) == 0;
		else if (strcmp(def->defname, "sasl_username") == 0)
			username = true;
	}
	if (!brokers)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("server has no option \"%s\"", "bootstrap_servers")));
	if (sasl && !username)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("no user name and password for Kafka"),
				 errhint("Use CREATE USER MAPPING to set \"%s\" and \"%s\".",
						 "sasl_username", "sasl_password")));
}

/* On failure *failed is the setting that was refused. */
static bool
set_all(rd_kafka_conf_t *conf, const Setting *settings, int count,
		const Setting **failed, char *errbuf, size_t errlen)
{
	for (int i = 0; i < count; i++)
	{
		if (rd_kafka_conf_set(conf, settings[i].name, settings[i].value,
							  errbuf, errlen) != RD_KAFKA_CONF_OK)
		{
			*failed = &settings[i];
			return false;
		}
	}
	return true;
}

/* librdkafka's reason repeats the value, so a secret's is kept back. */
static void
refuse_option(const char *option, const char *reason)
{
	bool		secret = sa_kafka_property_is_secret(option);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"%s\"", option),
			 secret ? 0 : errdetail("librdkafka says: %s", reason)));
}

static int64
conf_get_int(const rd_kafka_conf_t *conf, const char *name)
{
	char		value[32];
	size_t		size = sizeof(value);

	if (rd_kafka_conf_get(conf, name, value, &size) != RD_KAFKA_CONF_OK)
		return 0;
	return strtoll(value, NULL, 10);
}
