/*
 * WindowsOfUsers.java
 *	  Counts, averages and greatest amounts by user and five minutes, from a
 *	  topic into PostgreSQL by way of Spark Structured Streaming.
 *
 * Usage: WindowsOfUsers BOOTSTRAP TOPIC ROWS JDBC_URL INTERVAL_MS
 *
 * NOTES
 *	  The micro-batch engine, in update mode: after each batch it gives the
 *	  windows that have changed, which replace those in PostgreSQL with INSERT
 *	  … ON CONFLICT in one transaction.  After a crash a batch may come again.
 *
 *	  With ROWS other than 0 it reads what is there and ends (trigger
 *	  AvailableNow), otherwise a batch follows the other: at once, if INTERVAL is 0.
 *
 *	  Four partitions for the shuffle, as the topic has, and not Spark's 200,
 *	  each of which would be a task in every batch.
 */
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.util.List;

import org.apache.spark.api.java.function.VoidFunction2;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.DataStreamWriter;
import org.apache.spark.sql.streaming.Trigger;

import static org.apache.spark.sql.functions.avg;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.from_json;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.max;
import static org.apache.spark.sql.functions.window;

public final class WindowsOfUsers
{
	private static final String UPSERT =
		"INSERT INTO result SELECT to_timestamp(s), to_timestamp(e), u, n, a, g"
		+ " FROM unnest(?::bigint[], ?::bigint[], ?::text[], ?::bigint[], ?::float8[], ?::float8[])"
		+ " AS w(s, e, u, n, a, g) ON CONFLICT (window_start, user_id) DO UPDATE"
		+ " SET n = excluded.n, average = excluded.average, greatest = excluded.greatest";
	private static final String[] TYPES = {"int8", "int8", "text", "int8", "float8", "float8"};

	/* Writes the windows that a batch has changed. */
	private static void write(Dataset<Row> batch, String url) throws Exception
	{
		List<Row> rows = batch.collectAsList();
		Object[][] columns = new Object[TYPES.length][rows.size()];

		for (int i = 0; i < rows.size(); i++)
			for (int c = 0; c < TYPES.length; c++)
				columns[c][i] = rows.get(i).get(c);
		try (Connection connection = DriverManager.getConnection(url + "&password="
				+ System.getenv("PGPASSWORD"));
			PreparedStatement upsert = connection.prepareStatement(UPSERT))
		{
			for (int c = 0; c < TYPES.length; c++)
				upsert.setArray(c + 1, connection.createArrayOf(TYPES[c], columns[c]));
			upsert.executeUpdate();
		}
	}

	private static Dataset<Row> windows(SparkSession spark, String bootstrap, String topic)
	{
		return spark.readStream().format("kafka")
			.option("kafka.bootstrap.servers", bootstrap)
			.option("subscribe", topic)
			.option("startingOffsets", "earliest")
			.load()
			.select(from_json(col("value").cast("string"),
				org.apache.spark.sql.types.StructType.fromDDL(
					"user_id STRING, amount DOUBLE, event_time TIMESTAMP")).as("r"))
			.select("r.*")
			.withWatermark("event_time", "5 seconds")
			.groupBy(window(col("event_time"), "5 minutes"), col("user_id"))
			.agg(count(lit(1)).as("n"), avg("amount").as("average"), max("amount").as("greatest"))
			.select(col("window.start").cast("long"), col("window.end").cast("long"),
				col("user_id"), col("n"), col("average"), col("greatest"));
	}

	public static void main(String[] args) throws Exception
	{
		SparkSession spark = SparkSession.builder().master("local[2]")
			.config("spark.driver.host", "127.0.0.1")
			.config("spark.driver.bindAddress", "127.0.0.1")
			.config("spark.ui.enabled", "false")
			.config("spark.local.dir", "local")
			.config("spark.sql.session.timeZone", "UTC")
			.config("spark.sql.shuffle.partitions", "4")
			.getOrCreate();
		DataStreamWriter<Row> writer = windows(spark, args[0], args[1]).writeStream()
			.outputMode("update")
			.option("checkpointLocation", "checkpoint")
			.foreachBatch((VoidFunction2<Dataset<Row>, Long>) (batch, id) -> write(batch, args[3]));

		writer.trigger(args[2].equals("0") ? Trigger.ProcessingTime(Long.parseLong(args[4]))
			: Trigger.AvailableNow()).start().awaitTermination();
		spark.stop();
	}

	private WindowsOfUsers()
	{
	}
}
