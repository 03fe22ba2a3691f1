/*
 * WindowsOfUsers.java
 *	  Counts, averages and greatest amounts by user and five minutes, from a
 *	  topic into PostgreSQL by way of Kafka Streams.
 *
 * Usage: WindowsOfUsers BOOTSTRAP TOPIC JDBC_URL COMMIT_INTERVAL_MS
 *
 * NOTES
 *	  Kafka Streams has no sink but a topic.  So the windows go to a topic of
 *	  their own, exactly once, and a consumer in this process brings them to
 *	  PostgreSQL with INSERT … ON CONFLICT: it reads committed windows, writes a
 *	  batch, then commits its offsets.  After a crash it may write windows again,
 *	  each of which replaces what was there.  A processor that wrote to
 *	  PostgreSQL by itself would lose what it has buffered when the transaction
 *	  of Kafka is committed before its own.
 *
 *	  Users are spread over the partitions, so they are repartitioned first.
 *	  The threads that do this read their partitions at their own speeds, and
 *	  what comes together again is out of order by far more than the topic is:
 *	  with a grace of the topic's five seconds, rows may be dropped when there is
 *	  a backlog.  Hence a grace of a day.
 */
import java.nio.ByteBuffer;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.kstream.WindowedSerdes;
import org.apache.kafka.streams.state.WindowStore;

public final class WindowsOfUsers
{
	private static final Duration SIZE = Duration.ofMinutes(5);
	private static final Duration GRACE = Duration.ofDays(1);
	private static final int PARTITIONS = 4;
	private static final int THREADS = 2;

	private static final String UPSERT =
		"INSERT INTO result SELECT to_timestamp(s / 1000.0), to_timestamp(e / 1000.0), u, n, a, g"
		+ " FROM unnest(?::bigint[], ?::bigint[], ?::text[], ?::bigint[], ?::float8[], ?::float8[])"
		+ " AS w(s, e, u, n, a, g) ON CONFLICT (window_start, user_id) DO UPDATE"
		+ " SET n = excluded.n, average = excluded.average, greatest = excluded.greatest";

	/* A row of the topic. */
	record Row(String user, double amount, long timeMs)
	{
		private static final JsonFactory JSON = new JsonFactory();

		static Row parse(String topic, byte[] data)
		{
			String user = null;
			double amount = 0;
			long timeMs = 0;

			try (JsonParser parser = JSON.createParser(data))
			{
				while (parser.nextToken() != null)
				{
					if (parser.currentToken() != JsonToken.FIELD_NAME)
						continue;
					String field = parser.currentName();
					parser.nextToken();
					switch (field)
					{
						case "user_id" -> user = parser.getText();
						case "amount" -> amount = parser.getDoubleValue();
						case "event_time" -> timeMs = Instant.parse(parser.getText()).toEpochMilli();
						default -> parser.skipChildren();
					}
				}
			}
			catch (Exception e)
			{
				throw new IllegalArgumentException(e);
			}
			return new Row(user, amount, timeMs);
		}
	}

	/* What is kept of a window. */
	record Group(long n, double total, double greatest)
	{
		static final Group NONE = new Group(0, 0, Double.NEGATIVE_INFINITY);

		Group with(double amount)
		{
			return new Group(n + 1, total + amount, Math.max(greatest, amount));
		}

		static byte[] write(String topic, Group group)
		{
			return ByteBuffer.allocate(24).putLong(group.n).putDouble(group.total)
				.putDouble(group.greatest).array();
		}

		static Group read(String topic, byte[] data)
		{
			ByteBuffer in = ByteBuffer.wrap(data);

			return new Group(in.getLong(), in.getDouble(), in.getDouble());
		}
	}

	private static final Serde<Group> GROUPS = nullable(Group::write, Group::read);
	private static final Serde<Windowed<String>> KEYS =
		WindowedSerdes.timeWindowedSerdeFrom(String.class, SIZE.toMillis());

	/* Kafka Streams also asks for nothing to be written and read. */
	private static <T> Serde<T> nullable(Serializer<T> write, Deserializer<T> read)
	{
		return Serdes.serdeFrom(
			(topic, value) -> value == null ? null : write.serialize(topic, value),
			(topic, data) -> data == null ? null : read.deserialize(topic, data));
	}

	private static StreamsBuilder topology(String topic, String output)
	{
		StreamsBuilder builder = new StreamsBuilder();
		Serde<Row> rows = nullable((t, row) -> { throw new IllegalStateException(); }, Row::parse);

		builder.stream(topic, Consumed.with(Serdes.ByteArray(), rows)
				.withTimestampExtractor((record, time) -> ((Row) record.value()).timeMs()))
			.map((key, row) -> KeyValue.pair(row.user(), row.amount()))
			.groupByKey(Grouped.with(Serdes.String(), Serdes.Double()))
			.windowedBy(TimeWindows.ofSizeAndGrace(SIZE, GRACE))
			.aggregate(() -> Group.NONE, (user, amount, group) -> group.with(amount),
				Materialized.<String, Group, WindowStore<Bytes, byte[]>>as("windows")
					.withKeySerde(Serdes.String()).withValueSerde(GROUPS))
			.toStream()
			.to(output, Produced.with(KEYS, GROUPS));
		return builder;
	}

	private static KafkaStreams start(String bootstrap, String name, String interval,
		StreamsBuilder builder)
	{
		Properties properties = new Properties();

		properties.put(StreamsConfig.APPLICATION_ID_CONFIG, name);
		properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
		properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
		properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, interval);
		properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, THREADS);
		properties.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
		properties.put(StreamsConfig.STATE_DIR_CONFIG, "state");
		properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");

		KafkaStreams streams = new KafkaStreams(builder.build(), properties);
		streams.setUncaughtExceptionHandler(e -> {
			e.printStackTrace();
			Runtime.getRuntime().halt(1);
			return null;
		});
		streams.start();
		return streams;
	}

	/* Brings the windows of the output topic to PostgreSQL, for ever. */
	private static void sink(String bootstrap, String output, String url) throws Exception
	{
		Map<String, Object> properties = Map.of(
			ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap,
			ConsumerConfig.GROUP_ID_CONFIG, output,
			ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed",
			ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false",
			ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest",
			ConsumerConfig.MAX_POLL_RECORDS_CONFIG, "10000");

		try (Connection connection = DriverManager.getConnection(url + "&password="
				+ System.getenv("PGPASSWORD"));
			PreparedStatement upsert = connection.prepareStatement(UPSERT);
			KafkaConsumer<Windowed<String>, Group> consumer =
				new KafkaConsumer<>(properties, KEYS.deserializer(), GROUPS.deserializer()))
		{
			consumer.subscribe(List.of(output));
			for (;;)
			{
				ConsumerRecords<Windowed<String>, Group> records =
					consumer.poll(Duration.ofSeconds(1));

				if (records.isEmpty())
					continue;
				write(connection, upsert, records);
				consumer.commitSync();
			}
		}
	}

	/* One statement; of a window that is there more than once, the last counts. */
	private static void write(Connection connection, PreparedStatement upsert,
		Iterable<ConsumerRecord<Windowed<String>, Group>> records) throws Exception
	{
		Map<Windowed<String>, Group> last = new LinkedHashMap<>();

		for (ConsumerRecord<Windowed<String>, Group> record : records)
			last.put(record.key(), record.value());

		Object[][] columns = new Object[6][last.size()];
		int i = 0;
		for (Map.Entry<Windowed<String>, Group> entry : last.entrySet())
		{
			Group group = entry.getValue();

			columns[0][i] = entry.getKey().window().start();
			columns[1][i] = entry.getKey().window().end();
			columns[2][i] = entry.getKey().key();
			columns[3][i] = group.n();
			columns[4][i] = group.total() / group.n();
			columns[5][i++] = group.greatest();
		}
		String[] types = {"int8", "int8", "text", "int8", "float8", "float8"};
		for (int c = 0; c < types.length; c++)
			upsert.setArray(c + 1, connection.createArrayOf(types[c], columns[c]));
		upsert.executeUpdate();
	}

	public static void main(String[] args) throws Exception
	{
		String name = "windows-" + ProcessHandle.current().pid();

		try (Admin admin = Admin.create(Map.of("bootstrap.servers", (Object) args[0])))
		{
			admin.createTopics(List.of(new NewTopic(name + "-out", PARTITIONS, (short) 1)))
				.all().get();
		}
		start(args[0], name, args[3], topology(args[1], name + "-out"));
		sink(args[0], name + "-out", args[2]);
	}

	private WindowsOfUsers()
	{
	}
}
