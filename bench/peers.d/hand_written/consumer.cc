/*-------------------------------------------------------------------------
 *
 * consumer.cc
 *	  Counts, averages and greatest amounts by user and five minutes, from a
 *	  Kafka topic into PostgreSQL: what a good engineer would write by hand.
 *
 * Usage: consumer BOOTSTRAP TOPIC CONNINFO INTERVAL_MS
 *
 * NOTES
 *	  librdkafka fetches, simdjson parses, a hash table takes up the groups of a
 *	  batch.  Every INTERVAL_MS the batch is written in one transaction: COPY
 *	  into a temporary table, INSERT … ON CONFLICT DO UPDATE from there, and the
 *	  offsets.  At the start the offsets are read back, so every message counts
 *	  once, whatever crashes.
 *
 *	  There is no watermark: a row that comes late is added to its window,
 *	  however late it is, and no window is ever said to be final.  A message
 *	  that can't be parsed is counted, and gone.  One process, one topic, one
 *	  query, which is compiled in.
 *
 *	  Ends with SIGTERM, after it has written what it has read.
 *
 *-------------------------------------------------------------------------
 */
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <libpq-fe.h>
#include <librdkafka/rdkafka.h>
#include <simdjson.h>

using Clock = std::chrono::steady_clock;

static constexpr int64_t US_PER_S = 1000000;
static constexpr int64_t WINDOW_US = 300 * US_PER_S;
static constexpr int CHUNK_SIZE = 1024;	/* messages taken from the queue at once */

struct Group
{
	int64_t		n = 0;
	double		total = 0;
	double		greatest = 0;
};

/* Lets users be looked up without making a string of them. */
struct Hash
{
	using is_transparent = void;

	size_t operator()(std::string_view s) const
	{
		return std::hash<std::string_view>{}(s);
	}
};

using Users = std::unordered_map<std::string, Group, Hash, std::equal_to<>>;

static volatile sig_atomic_t stop_requested = 0;

[[noreturn]] static void
die(const char *what, const char *why)
{
	fprintf(stderr, "consumer: %s: %s\n", what, why);
	exit(1);
}

/* ------------------------------------------------------------------------
 * Rows
 * ------------------------------------------------------------------------
 */

/* The number that so many digits are, or -1. */
static int
digits(const char *s, int count)
{
	int			value = 0;

	for (int i = 0; i < count; i++)
	{
		if (s[i] < '0' || s[i] > '9')
			return -1;
		value = value * 10 + (s[i] - '0');
	}
	return value;
}

/* "2026-03-01T12:00:05.123Z" as microseconds since 1970; false if it isn't that. */
static bool
parse_time(std::string_view text, int64_t *time_us)
{
	using namespace std::chrono;
	int			part[6];
	static constexpr int at[6] = {0, 5, 8, 11, 14, 17};
	int64_t		fraction = 0;
	int64_t		scale = US_PER_S;

	if (text.size() < 20 || text.back() != 'Z')
		return false;
	for (int i = 0; i < 6; i++)
	{
		part[i] = digits(text.data() + at[i], i == 0 ? 4 : 2);
		if (part[i] < 0)
			return false;
	}
	for (size_t i = 20; text[19] == '.' && i + 1 < text.size() && scale > 1; i++)
	{
		scale /= 10;
		fraction += digits(&text[i], 1) * scale;
	}
	year_month_day date{year(part[0]), month(part[1]), day(part[2])};
	if (!date.ok())
		return false;
	*time_us = (sys_days(date).time_since_epoch().count() * INT64_C(86400) +
				part[3] * 3600 + part[4] * 60 + part[5]) * US_PER_S + fraction;
	return true;
}

/* The groups of the rows since the last write. */
class Batch
{
public:
	std::map<int64_t, Users> windows;	/* by start, in microseconds since 1970 */
	int64_t		rows = 0;
	int64_t		skipped = 0;

	void		add(const rd_kafka_message_t *message);
	void		clear();

private:
	simdjson::ondemand::parser parser;
	std::vector<char> padded;
	int64_t		last_start = INT64_MIN;
	Users	   *last_users = nullptr;

	Users	   &users_of(int64_t start);
};

/* Nearly always the window of the row before. */
Users &
Batch::users_of(int64_t start)
{
	if (last_users == nullptr || start != last_start)
	{
		last_users = &windows[start];
		last_start = start;
	}
	return *last_users;
}

void
Batch::add(const rd_kafka_message_t *message)
{
	std::string_view user;
	std::string_view time;
	double		amount;
	int64_t		time_us;

	if (padded.size() < message->len + simdjson::SIMDJSON_PADDING)
		padded.resize(2 * message->len + simdjson::SIMDJSON_PADDING);
	memcpy(padded.data(), message->payload, message->len);

	simdjson::ondemand::document document;
	if (parser.iterate(padded.data(), message->len, padded.size()).get(document) ||
		document["user_id"].get(user) || document["amount"].get(amount) ||
		document["event_time"].get(time) || !parse_time(time, &time_us))
	{
		skipped++;
		return;
	}

	Users	   &users = users_of(time_us - time_us % WINDOW_US);
	auto		found = users.find(user);

	if (found == users.end())
		found = users.emplace(user, Group{0, 0, amount}).first;
	found->second.n++;
	found->second.total += amount;
	found->second.greatest = std::max(found->second.greatest, amount);
	rows++;
}

void
Batch::clear()
{
	windows.clear();
	last_users = nullptr;
	rows = 0;
}

/* ------------------------------------------------------------------------
 * PostgreSQL
 * ------------------------------------------------------------------------
 */

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

class Database
{
public:
	explicit Database(const char *conninfo);
	std::map<int, int64_t> read_offsets(const std::string &topic);
	void		write(const Batch &batch, const std::string &topic,
					  const std::map<int, int64_t> &offsets);

private:
	PGconn	   *conn;

	Result		run(const char *sql, ExecStatusType expected);
	Result		run(const char *name, std::vector<const char *> values,
					ExecStatusType expected);
	Result		check(PGresult *result, ExecStatusType expected);
	void		copy(const Batch &batch);
};

Result
Database::check(PGresult *result, ExecStatusType expected)
{
	if (PQresultStatus(result) != expected)
		die("PostgreSQL", PQerrorMessage(conn));
	return Result(result, PQclear);
}

Result
Database::run(const char *sql, ExecStatusType expected)
{
	return check(PQexec(conn, sql), expected);
}

Result
Database::run(const char *name, std::vector<const char *> values, ExecStatusType expected)
{
	return check(PQexecPrepared(conn, name, values.size(), values.data(),
								nullptr, nullptr, 0), expected);
}

Database::Database(const char *conninfo)
{
	static const char *const statements[][2] = {
		{"read", "SELECT partition, next_offset FROM offsets WHERE topic = $1"},
		{"merge",
			"INSERT INTO windows AS w (window_start, user_id, n, total, greatest)"
			" SELECT to_timestamp(start), user_id, n, total, greatest FROM stage"
			" ON CONFLICT (window_start, user_id) DO UPDATE SET n = w.n + excluded.n,"
			" total = w.total + excluded.total,"
			" greatest = greatest(w.greatest, excluded.greatest)"},
		{"offset",
			"INSERT INTO offsets SELECT $1, p, o FROM unnest($2::int[], $3::bigint[]) AS u(p, o)"
			" ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset"},
	};

	conn = PQconnectdb(conninfo);
	if (PQstatus(conn) != CONNECTION_OK)
		die("PostgreSQL", PQerrorMessage(conn));
	run("CREATE TEMPORARY TABLE stage (start bigint, user_id text, n bigint,"
		" total float8, greatest float8) ON COMMIT DELETE ROWS", PGRES_COMMAND_OK);
	for (auto &statement : statements)
		check(PQprepare(conn, statement[0], statement[1], 0, nullptr), PGRES_COMMAND_OK);
}

std::map<int, int64_t>
Database::read_offsets(const std::string &topic)
{
	std::map<int, int64_t> offsets;
	Result		result = run("read", {topic.c_str()}, PGRES_TUPLES_OK);

	for (int i = 0; i < PQntuples(result.get()); i++)
		offsets[atoi(PQgetvalue(result.get(), i, 0))] =
			atoll(PQgetvalue(result.get(), i, 1));
	return offsets;
}

/* A value as COPY's text format has it. */
static void
append_escaped(std::string &out, std::string_view value)
{
	for (char c : value)
	{
		switch (c)
		{
			case '\\':
				out += "\\\\";
				break;
			case '\t':
				out += "\\t";
				break;
			case '\n':
				out += "\\n";
				break;
			case '\r':
				out += "\\r";
				break;
			default:
				out += c;
		}
	}
}

void
Database::copy(const Batch &batch)
{
	std::string lines;
	char		numbers[128];

	for (auto &[start, users] : batch.windows)
	{
		for (auto &[user, group] : users)
		{
			lines += std::to_string(start / US_PER_S) + '\t';
			append_escaped(lines, user);
			snprintf(numbers, sizeof(numbers), "\t%lld\t%.17g\t%.17g\n",
					 (long long) group.n, group.total, group.greatest);
			lines += numbers;
		}
	}
	run("COPY stage FROM STDIN", PGRES_COPY_IN);
	if (PQputCopyData(conn, lines.data(), lines.size()) != 1 ||
		PQputCopyEnd(conn, nullptr) != 1)
		die("PostgreSQL", PQerrorMessage(conn));
	while (PGresult *result = PQgetResult(conn))
		check(result, PGRES_COMMAND_OK);
}

void
Database::write(const Batch &batch, const std::string &topic,
				const std::map<int, int64_t> &offsets)
{
	std::string partitions = "{";
	std::string next = "{";

	for (auto &[partition, offset] : offsets)
	{
		partitions += (partitions.size() > 1 ? "," : "") + std::to_string(partition);
		next += (next.size() > 1 ? "," : "") + std::to_string(offset);
	}
	partitions += "}";
	next += "}";
	run("BEGIN", PGRES_COMMAND_OK);
	copy(batch);
	run("merge", {}, PGRES_COMMAND_OK);
	run("offset", {topic.c_str(), partitions.c_str(), next.c_str()}, PGRES_COMMAND_OK);
	run("COMMIT", PGRES_COMMAND_OK);
}

/* ------------------------------------------------------------------------
 * Kafka
 * ------------------------------------------------------------------------
 */

/* Queues for a second of rows, so that the fetching threads need not pause. */
static const char *const properties[][2] = {
	{"group.id", "hand_written"},
	{"enable.auto.commit", "false"},
	{"enable.auto.offset.store", "false"},
	{"auto.offset.reset", "earliest"},
	{"isolation.level", "read_committed"},
	{"queued.min.messages", "1000000"},
	{"queued.max.messages.kbytes", "262144"},
	{"fetch.wait.max.ms", "10"},
	{"check.crcs", "true"},
};

static rd_kafka_t *
connect_kafka(const char *bootstrap)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;
	char		error[512];

	if (rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, error,
						  sizeof(error)) != RD_KAFKA_CONF_OK)
		die("bootstrap.servers", error);
	for (auto &property : properties)
	{
		if (rd_kafka_conf_set(conf, property[0], property[1], error,
							  sizeof(error)) != RD_KAFKA_CONF_OK)
			die(property[0], error);
	}
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error));
	if (rk == nullptr)
		die("Kafka", error);
	rd_kafka_poll_set_consumer(rk);
	return rk;
}

/* All partitions of the topic, each from where it was left. */
static void
assign(rd_kafka_t *rk, const std::string &topic, const std::map<int, int64_t> &offsets)
{
	rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, topic.c_str(), nullptr);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(4);
	const rd_kafka_metadata_t *metadata;
	rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, handle, &metadata, 10000);

	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		die("Kafka", rd_kafka_err2str(err));
	for (int i = 0; i < metadata->topics[0].partition_cnt; i++)
	{
		int			id = metadata->topics[0].partitions[i].id;
		auto		found = offsets.find(id);

		rd_kafka_topic_partition_list_add(list, topic.c_str(), id)->offset =
			found == offsets.end() ? RD_KAFKA_OFFSET_BEGINNING : found->second;
	}
	err = rd_kafka_assign(rk, list);
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		die("Kafka", rd_kafka_err2str(err));
	rd_kafka_metadata_destroy(metadata);
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_topic_destroy(handle);
}

static int
milliseconds_until(Clock::time_point due)
{
	auto		left = std::chrono::ceil<std::chrono::milliseconds>(due - Clock::now());

	return left.count() > 0 ? left.count() : 0;
}

int
main(int argc, char **argv)
{
	if (argc != 5)
		die("usage", "consumer BOOTSTRAP TOPIC CONNINFO INTERVAL_MS");

	std::string topic = argv[2];
	Database	database(argv[3]);
	std::chrono::milliseconds interval(atoi(argv[4]));
	std::map<int, int64_t> offsets = database.read_offsets(topic);
	rd_kafka_t *rk = connect_kafka(argv[1]);
	rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
	rd_kafka_message_t *chunk[CHUNK_SIZE];
	Batch		batch;
	Clock::time_point due;

	signal(SIGTERM, [](int) { stop_requested = 1; });
	signal(SIGINT, [](int) { stop_requested = 1; });
	assign(rk, topic, offsets);
	while (!stop_requested)
	{
		bool		empty = batch.rows == 0;
		ssize_t		count;

		/* What is there without waiting, or the first message that comes. */
		count = rd_kafka_consume_batch_queue(queue, 0, chunk, CHUNK_SIZE);
		if (count == 0)
			count = rd_kafka_consume_batch_queue(queue, empty ? 100 : milliseconds_until(due),
												 chunk, 1);
		for (ssize_t i = 0; i < count; i++)
		{
			if (chunk[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR)
				die("Kafka", rd_kafka_message_errstr(chunk[i]));
			batch.add(chunk[i]);
			offsets[chunk[i]->partition] = chunk[i]->offset + 1;
			rd_kafka_message_destroy(chunk[i]);
		}
		if (empty && batch.rows > 0)
			due = Clock::now() + interval;
		if (batch.rows > 0 && Clock::now() >= due)
		{
			database.write(batch, topic, offsets);
			batch.clear();
		}
	}
	if (batch.rows > 0)
		database.write(batch, topic, offsets);
	if (batch.skipped > 0)
		fprintf(stderr, "consumer: %lld messages could not be parsed\n",
				(long long) batch.skipped);
	return 0;
}
