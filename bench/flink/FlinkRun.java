/*
 * FlinkRun.java
 *	  Runs a file of Flink SQL in a Flink cluster inside this process, and says
 *	  how long its jobs took.
 *
 * Usage: FlinkRun SQLFILE [KEY=VALUE]...
 *
 * NOTES
 *	  The clock runs from the submission of a job's graph to a cluster that is
 *	  up, to the job's end: the start of the JVM, planning and compiling the SQL,
 *	  and the start of the cluster are outside.  Deploying the tasks and
 *	  connecting to Kafka are inside, as is compiling by the JVM.  Jobs run one
 *	  after the other; their times are added up.
 *
 *	  Prints "seconds", "cpu" (seconds of all threads while jobs ran) and
 *	  "peak_kb" (greatest resident memory), each with its value on a line.
 */
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.DeploymentOptions;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

public final class FlinkRun
{
	private static final int DEFAULT_PARALLELISM = 2;
	private static final Pattern KEY = Pattern.compile("\\$\\{(\\w+)\\}");
	private static final Pattern SET =
		Pattern.compile("SET\\s+'([^']+)'\\s*=\\s*'([^']*)'", Pattern.CASE_INSENSITIVE);
	private static final Pattern JOB =
		Pattern.compile("(INSERT|EXECUTE)\\s.*", Pattern.CASE_INSENSITIVE | Pattern.DOTALL);

	/* What is neither of these is one character of a statement. */
	private static final Pattern TOKEN = Pattern.compile(
		"(?<comment>--[^\\n]*|/\\*.*?\\*/)|(?<quoted>'[^']*'|`[^`]*`)"
		+ "|(?<set>\\bSTATEMENT\\s+SET\\s+BEGIN\\b)|(?<end>\\bEND\\s*;)|.",
		Pattern.CASE_INSENSITIVE | Pattern.DOTALL);

	public static void main(String[] args)
	{
		int status = 1;

		try
		{
			run(args);
			status = 0;
		}
		catch (Exception e)
		{
			e.printStackTrace();
		}
		System.out.flush();
		/* Connectors leave threads behind that would keep the JVM alive. */
		System.exit(status);
	}

	private static void run(String[] args) throws Exception
	{
		if (args.length == 0)
			throw new IllegalArgumentException("usage: FlinkRun SQLFILE [KEY=VALUE]...");

		Configuration configuration = new Configuration();
		configuration.set(DeploymentOptions.TARGET, EmbeddedCluster.NAME);
		configuration.set(DeploymentOptions.ATTACHED, true);
		configuration.set(CoreOptions.DEFAULT_PARALLELISM, DEFAULT_PARALLELISM);

		EmbeddedCluster cluster = new EmbeddedCluster();
		StreamTableEnvironment tables = StreamTableEnvironment.create(
			new StreamExecutionEnvironment(cluster, configuration,
				FlinkRun.class.getClassLoader()));
		double seconds = 0;
		double cpu = 0;

		for (String statement : statements(replaceKeys(args)))
		{
			Matcher set = SET.matcher(statement);

			if (set.matches())
				tables.getConfig().set(set.group(1), set.group(2));
			else
			{
				TableResult result = tables.executeSql(statement);

				if (!JOB.matcher(statement).matches())
					continue;
				result.await();
				seconds += (System.nanoTime() - cluster.submittedAt()) / 1e9;
				cpu += (cpuNanos() - cluster.cpuWhenSubmitted()) / 1e9;
			}
		}
		System.out.printf("seconds %.3f%ncpu %.2f%npeak_kb %s%n", seconds, cpu, peakKb());
		cluster.close();
	}

	/* The text of the file, with the values of the other arguments in it. */
	private static String replaceKeys(String[] args) throws Exception
	{
		String text = Files.readString(Path.of(args[0]));

		for (int i = 1; i < args.length; i++)
		{
			String[] pair = args[i].split("=", 2);

			if (pair.length != 2)
				throw new IllegalArgumentException("expected KEY=VALUE: " + args[i]);
			text = text.replace("${" + pair[0] + "}", pair[1]);
		}
		Matcher missing = KEY.matcher(text);
		if (missing.find())
			throw new IllegalArgumentException("no value for " + missing.group());
		return text;
	}

	/* Cuts at semicolons, but for those in quotes and in a statement set. */
	private static List<String> statements(String text)
	{
		List<String> statements = new ArrayList<>();
		StringBuilder current = new StringBuilder();
		Matcher token = TOKEN.matcher(text);
		boolean inSet = false;

		while (token.find())
		{
			if (token.group("comment") != null)
				current.append(' ');
			else if (token.group("end") != null)
			{
				/* Of a statement set; or of a CASE, and so of its statement too. */
				statements.add(current.append("END").toString().strip());
				current.setLength(0);
				inSet = false;
			}
			else if (token.group().equals(";") && !inSet)
			{
				statements.add(current.toString().strip());
				current.setLength(0);
			}
			else
			{
				inSet |= token.group("set") != null;
				current.append(token.group());
			}
		}
		statements.add(current.toString().strip());
		statements.removeIf(String::isEmpty);
		return statements;
	}

	/* CPU time of this process, all threads. */
	static long cpuNanos()
	{
		return ((com.sun.management.OperatingSystemMXBean)
			ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
	}

	private static String peakKb() throws Exception
	{
		for (String line : Files.readAllLines(Path.of("/proc/self/status")))
			if (line.startsWith("VmHWM:"))
				return line.replaceAll("\\D", "");
		throw new IllegalStateException("no VmHWM in /proc/self/status");
	}

	private FlinkRun()
	{
	}
}
