/*-------------------------------------------------------------------------
 *
 * properties.c
 *	  Which properties of librdkafka may be set from SQL, where and by whom.
 *
 * NOTES
 *	  An allow-list, since librdkafka has properties that load a library, run a
 *	  shell command or write a file, some of them already while they are set.
 *	  So a name is looked up here before librdkafka ever sees it, and there are
 *	  three tiers: what anyone who may use the wrapper can set; what is left to
 *	  superusers, because it reads files of the server, weakens TLS or takes
 *	  memory; and everything else, which can't be set at all.
 *
 *	  Secrets go into user mappings, which PostgreSQL hides from other users;
 *	  servers are there for all to read.  Nothing here puts the value of a
 *	  secret into a message.
 *
 *	  A property that has no effect in this extension is not in the table: no
 *	  option is accepted and ignored.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>
#include <librdkafka/rdkafka.h>

#include "commands/defrem.h"
#include "utils/builtins.h"

#include "base/nearest.h"
#include "kafka/broker_list.h"
#include "kafka/properties.h"

typedef enum PropertyKind
{
	KIND_STRING,
	KIND_WORD,					/* one of "words" */
	KIND_INTEGER,				/* from "min" to "max" */
	KIND_BROKERS,
	KIND_LABEL					/* letters, digits, '.', '_', '-' */
} PropertyKind;

#define IN_SERVER		(1 << SA_PROPERTY_IN_SERVER)
#define IN_USER_MAPPING (1 << SA_PROPERTY_IN_USER_MAPPING)

#define FOR_CONSUMER	(1 << SA_KAFKA_CONSUMER)
#define FOR_PRODUCER	(1 << SA_KAFKA_PRODUCER)
#define FOR_BOTH		(FOR_CONSUMER | FOR_PRODUCER)

typedef struct Property
{
	const char *name;
	PropertyKind kind;
	int			places;
	int			roles;
	bool		superuser_only;
	bool		secret;
	const char *words;			/* KIND_WORD: separated by ", " */
	int64		min;			/* KIND_INTEGER */
	int64		max;
} Property;

#define MAX_LABEL_LEN	64
#define MAX_STRING_LEN	65536	/* room for a chain of certificates */
#define MEGABYTE		(1024 * 1024)

#define INTEGER(property_name, for_roles, least, greatest) \
	{.name = property_name, .kind = KIND_INTEGER, .places = IN_SERVER, \
	 .roles = for_roles, .min = least, .max = greatest}

#define SUPERUSER_STRING(property_name, in_places) \
	{.name = property_name, .kind = KIND_STRING, .places = in_places, \
	 .roles = FOR_BOTH, .superuser_only = true}

#define SECRET(property_name) \
	{.name = property_name, .kind = KIND_STRING, .places = IN_USER_MAPPING, \
	 .roles = FOR_BOTH, .secret = true}

static const Property properties[] = {
	/* where Kafka is and how it is spoken to */
	{.name = "bootstrap_servers", .kind = KIND_BROKERS,
	 .places = IN_SERVER, .roles = FOR_BOTH},
	{.name = "security_protocol", .kind = KIND_WORD,
	 .places = IN_SERVER, .roles = FOR_BOTH,
	 .words = "plaintext, ssl, sasl_plaintext, sasl_ssl"},
	{.name = "sasl_mechanism", .kind = KIND_WORD,
	 .places = IN_SERVER, .roles = FOR_BOTH,
	 .words = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"},
	{.name = "broker_address_family", .kind = KIND_WORD,
	 .places = IN_SERVER, .roles = FOR_BOTH, .words = "any, v4, v6"},
	{.name = "client_rack", .kind = KIND_LABEL,
	 .places = IN_SERVER, .roles = FOR_CONSUMER},

	/* who we are */
	{.name = "sasl_username", .kind = KIND_STRING,
	 .places = IN_USER_MAPPING, .roles = FOR_BOTH},
	SECRET("sasl_password"),
	SECRET("ssl_key_pem"),
	SECRET("ssl_key_password"),
	{.name = "ssl_certificate_pem", .kind = KIND_STRING,
	 .places = IN_USER_MAPPING, .roles = FOR_BOTH},
	{.name = "ssl_ca_pem", .kind = KIND_STRING,
	 .places = IN_SERVER | IN_USER_MAPPING, .roles = FOR_BOTH},

	/* connections */
	INTEGER("socket_timeout_ms", FOR_BOTH, 1000, 60000),
	INTEGER("socket_connection_setup_timeout_ms", FOR_BOTH, 1000, 60000),
	INTEGER("reconnect_backoff_ms", FOR_BOTH, 50, 10000),
	INTEGER("reconnect_backoff_max_ms", FOR_BOTH, 500, 60000),
	INTEGER("connections_max_idle_ms", FOR_BOTH, 0, PG_INT32_MAX),
	INTEGER("topic_metadata_refresh_interval_ms", FOR_BOTH, 5000, 3600000),
	INTEGER("metadata_max_age_ms", FOR_BOTH, 5000, 86400000),
	{.name = "socket_keepalive_enable", .kind = KIND_WORD,
	 .places = IN_SERVER, .roles = FOR_BOTH, .words = "true, false"},

	/* reading */
	INTEGER("fetch_min_bytes", FOR_CONSUMER, 1, MEGABYTE),
	INTEGER("fetch_wait_max_ms", FOR_CONSUMER, 0, 1000),
	/* librdkafka refuses less than message.max.bytes, which is not for consumers */
	INTEGER("fetch_max_bytes", FOR_CONSUMER, 1000000, 64 * MEGABYTE),
	INTEGER("fetch_message_max_bytes", FOR_CONSUMER, 1024, 64 * MEGABYTE),
	INTEGER("queued_min_messages", FOR_CONSUMER, 1000, 1000000),
	INTEGER("queued_max_messages_kbytes", FOR_CONSUMER, 1024, 256 * 1024),
	INTEGER("receive_message_max_bytes", FOR_BOTH, MEGABYTE, 256 * MEGABYTE),

	/* writing */
	{.name = "compression_type", .kind = KIND_WORD,
	 .places = IN_SERVER, .roles = FOR_PRODUCER,
	 .words = "none, gzip, snappy, lz4, zstd"},
	INTEGER("linger_ms", FOR_PRODUCER, 0, 1000),
	INTEGER("message_timeout_ms", FOR_PRODUCER, 1000, 3600000),

	/* superusers only: files of the server */
	SUPERUSER_STRING("ssl_ca_location", IN_SERVER),
	SUPERUSER_STRING("ssl_crl_location", IN_SERVER),
	SUPERUSER_STRING("ssl_certificate_location", IN_SERVER | IN_USER_MAPPING),
	SUPERUSER_STRING("ssl_key_location", IN_SERVER | IN_USER_MAPPING),
	SUPERUSER_STRING("ssl_keystore_location", IN_SERVER | IN_USER_MAPPING),
	{.name = "ssl_keystore_password", .kind = KIND_STRING,
	 .places = IN_USER_MAPPING, .roles = FOR_BOTH,
	 .superuser_only = true, .secret = true},

	/* superusers only: how far a broker is trusted */
	SUPERUSER_STRING("ssl_cipher_suites", IN_SERVER),
	SUPERUSER_STRING("ssl_curves_list", IN_SERVER),
	SUPERUSER_STRING("ssl_sigalgs_list", IN_SERVER),
	{.name = "enable_ssl_certificate_verification", .kind = KIND_WORD,
	 .places = IN_SERVER, .roles = FOR_BOTH, .superuser_only = true,
	 .words = "true, false"},
	{.name = "ssl_endpoint_identification_algorithm", .kind = KIND_WORD,
	 .places = IN_SERVER, .roles = FOR_BOTH, .superuser_only = true,
	 .words = "none, https"},

	/* superusers only: memory, and floods of log lines */
	{.name = "message_max_bytes", .kind = KIND_INTEGER,
	 .places = IN_SERVER, .roles = FOR_PRODUCER, .superuser_only = true,
	 .min = 1000, .max = 256 * MEGABYTE},
	{.name = "socket_send_buffer_bytes", .kind = KIND_INTEGER,
	 .places = IN_SERVER, .roles = FOR_BOTH, .superuser_only = true,
	 .min = 0, .max = 64 * MEGABYTE},
	{.name = "socket_receive_buffer_bytes", .kind = KIND_INTEGER,
	 .places = IN_SERVER, .roles = FOR_BOTH, .superuser_only = true,
	 .min = 0, .max = 64 * MEGABYTE},
	SUPERUSER_STRING("debug", IN_SERVER),
};

/* value of stream_agg.allowed_brokers; guc.c registers it */
char	   *sa_allowed_brokers = NULL;

static const Property *find_property(const char *option);
static const char *place_name(SaPropertyPlace place);
static void refuse_unknown(const char *option, SaPropertyPlace place);
static void refuse_place(const Property *property, SaPropertyPlace place);
static bool is_librdkafka_property(const char *option);
static bool begins_a_line(const char *text, const char *word);
static void check_value(const Property *property, const char *value);
static void check_integer(const Property *property, const char *value);
static void check_word(const Property *property, const char *value);
static void check_label(const Property *property, const char *value);
static void check_brokers(const char *value);
static void check_brokers_allowed(const char *value);
static const char *find_value(List *options, const char *option);
static void require_with(List *options, const char *option, const char *other);

void
sa_kafka_property_check(const char *option, const char *value,
						SaPropertyPlace place, bool superuser)
{
	const Property *property = find_property(option);

	if (property == NULL)
		refuse_unknown(option, place);
	if ((property->places & (1 << place)) == 0)
		refuse_place(property, place);
	if (property->superuser_only && !superuser)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to set option \"%s\"", option),
				 errdetail("Only superusers may set this option.")));
	check_value(property, value);
	if (property->kind == KIND_BROKERS && !superuser)
		check_brokers_allowed(value);
}

void
sa_kafka_properties_check_together(List *options, SaPropertyPlace place)
{
	const char *protocol;

	switch (place)
	{
		case SA_PROPERTY_IN_SERVER:
			protocol = find_value(options, "security_protocol");
			if (protocol != NULL && strncmp(protocol, "sasl_", 5) == 0)
				require_with(options, "security_protocol", "sasl_mechanism");
			break;
		case SA_PROPERTY_IN_USER_MAPPING:
			require_with(options, "sasl_username", "sasl_password");
			require_with(options, "sasl_password", "sasl_username");
			require_with(options, "ssl_certificate_pem", "ssl_key_pem");
			require_with(options, "ssl_key_pem", "ssl_certificate_pem");
			break;
	}
}

bool
sa_kafka_property_is_secret(const char *option)
{
	const Property *property = find_property(option);

	return property != NULL && property->secret;
}

bool
sa_kafka_property_is_used(const char *option, const char *value,
						  SaKafkaRole role)
{
	const Property *property = find_property(option);

	if (property == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
				 errmsg("option \"%s\" cannot be set from SQL", option)));
	check_value(property, value);
	return (property->roles & (1 << role)) != 0;
}

char *
sa_kafka_property_name(const char *option)
{
	char	   *name = pstrdup(option);

	for (char *c = name; *c; c++)
	{
		if (*c == '_')
			*c = '.';
	}
	return name;
}

static const Property *
find_property(const char *option)
{
	for (int i = 0; i < lengthof(properties); i++)
	{
		if (strcmp(properties[i].name, option) == 0)
			return &properties[i];
	}
	return NULL;
}

static const char *
place_name(SaPropertyPlace place)
{
	switch (place)
	{
		case SA_PROPERTY_IN_SERVER:
			return "server";
		case SA_PROPERTY_IN_USER_MAPPING:
			return "user mapping";
	}
	pg_unreachable();
}

/* Raise the error for an option that is not in the table. */
static void
refuse_unknown(const char *option, SaPropertyPlace place)
{
	SaNearest	nearest;
	const char *found;

	if (is_librdkafka_property(option))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
				 errmsg("option \"%s\" cannot be set from SQL", option),
				 errdetail("It is a property of librdkafka that is unsafe "
						   "in a server, would break exactly-once "
						   "processing, or has no effect here.")));

	sa_nearest_init(&nearest, option);
	for (int i = 0; i < lengthof(properties); i++)
	{
		if (properties[i].places & (1 << place))
			sa_nearest_offer(&nearest, properties[i].name);
	}
	found = sa_nearest_found(&nearest);
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("invalid option \"%s\"", option),
			 found ?
			 errhint("Perhaps you meant the option \"%s\".", found) : 0));
}

/* Raise the error for an option that belongs into the other kind of object. */
static void
refuse_place(const Property *property, SaPropertyPlace place)
{
	const char *hint = NULL;

	switch (place)
	{
		case SA_PROPERTY_IN_SERVER:
			hint = "Use CREATE USER MAPPING to set it.";
			break;
		case SA_PROPERTY_IN_USER_MAPPING:
			hint = "Use CREATE SERVER or ALTER SERVER to set it.";
			break;
	}
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("option \"%s\" cannot be set in a %s",
					property->name, place_name(place)),
			 property->secret ?
			 errdetail("The options of a server can be read by all users.") : 0,
			 errhint("%s", hint)));
}

/*
 * Whether librdkafka has a property of that name.  Looks it up in the table of
 * all properties that librdkafka can print: there is no other way to ask that
 * would not have to set it.
 */
static bool
is_librdkafka_property(const char *option)
{
	char	   *name = sa_kafka_property_name(option);
	char	   *table = NULL;
	size_t		size = 0;
	FILE	   *stream = open_memstream(&table, &size);
	bool		known;

	if (stream == NULL)
		return false;
	rd_kafka_conf_properties_show(stream);
	if (fclose(stream) != 0 || table == NULL)
		return false;

	/* some names have a '_' of their own */
	known = begins_a_line(table, name) || begins_a_line(table, option);
	free(table);
	return known;
}

/* Whether a line of the text begins with the word. */
static bool
begins_a_line(const char *text, const char *word)
{
	size_t		len = strlen(word);

	while (text != NULL)
	{
		if (strncmp(text, word, len) == 0 && text[len] == ' ')
			return len > 0;
		text = strchr(text, '\n');
		if (text != NULL)
			text++;
	}
	return false;
}

/* Raise an error if the value is out of range. */
static void
check_value(const Property *property, const char *value)
{
	switch (property->kind)
	{
		case KIND_STRING:
			if (value[0] == '\0' || strlen(value) > MAX_STRING_LEN)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("value of option \"%s\" must have between 1 and %d bytes",
								property->name, MAX_STRING_LEN)));
			break;
		case KIND_WORD:
			check_word(property, value);
			break;
		case KIND_INTEGER:
			check_integer(property, value);
			break;
		case KIND_BROKERS:
			check_brokers(value);
			break;
		case KIND_LABEL:
			check_label(property, value);
			break;
	}
}

static void
check_integer(const Property *property, const char *value)
{
	char	   *end;
	int64		number;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (end == value || *end != '\0' || errno != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value \"%s\" for option \"%s\"",
						value, property->name),
				 errdetail("An integer was expected.")));
	if (number < property->min || number > property->max)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("value %s is out of range for option \"%s\"",
						value, property->name),
				 errdetail("It must be between %lld and %lld.",
						   (long long) property->min,
						   (long long) property->max)));
}

static void
check_word(const Property *property, const char *value)
{
	size_t		len = strlen(value);
	const char *word = property->words;

	while (*word)
	{
		size_t		word_len = strcspn(word, ",");

		if (word_len == len && strncmp(word, value, len) == 0)
			return;
		word += word_len;
		word += strspn(word, ", ");
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value \"%s\" for option \"%s\"",
					value, property->name),
			 errhint("Use one of: %s.", property->words)));
}

static void
check_label(const Property *property, const char *value)
{
	size_t		len = 0;

	while (isalnum((unsigned char) value[len]) || value[len] == '.' ||
		   value[len] == '_' || value[len] == '-')
		len++;
	if (len == 0 || len > MAX_LABEL_LEN || value[len] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value \"%s\" for option \"%s\"",
						value, property->name),
				 errdetail("It must have between 1 and %d letters, digits, "
						   "\".\", \"_\" and \"-\".", MAX_LABEL_LEN)));
}

static void
check_brokers(const char *value)
{
	char	   *entry = sa_broker_list_invalid_entry(value);

	if (entry != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid broker \"%s\" in option \"%s\"",
						entry, "bootstrap_servers"),
				 errhint("Use host:port, with commas between several brokers.")));
}

static void
check_brokers_allowed(const char *value)
{
	char	   *entry = sa_broker_list_forbidden_entry(value,
													   sa_allowed_brokers ?
													   sa_allowed_brokers : "");

	if (entry != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to connect to broker \"%s\"", entry),
				 errhint("Ask a superuser to add it to \"%s\".",
						 "stream_agg.allowed_brokers")));
}

static const char *
find_value(List *options, const char *option)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, option) == 0)
			return defGetString(def);
	}
	return NULL;
}

/* Raise an error if "option" is set and "other" is not. */
static void
require_with(List *options, const char *option, const char *other)
{
	if (find_value(options, option) != NULL &&
		find_value(options, other) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("option \"%s\" needs option \"%s\"", option, other)));
}
