/*
 * EmbeddedCluster.java
 *	  A Flink cluster inside this process, which runs what a table environment
 *	  submits.
 *
 * NOTES
 *	  Flink's own local mode starts a cluster within the submission of each job.
 *	  Here it is started first, with as many slots as the job is wide and with
 *	  the job's configuration, so that the clock can begin when it is up.
 */
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

import org.apache.flink.api.dag.Pipeline;
import org.apache.flink.client.deployment.executors.PipelineExecutorUtils;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.PipelineExecutor;
import org.apache.flink.core.execution.PipelineExecutorFactory;
import org.apache.flink.core.execution.PipelineExecutorServiceLoader;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.runtime.minicluster.MiniClusterJobClient;

final class EmbeddedCluster
	implements PipelineExecutorServiceLoader, PipelineExecutorFactory, PipelineExecutor
{
	static final String NAME = "embedded";

	private MiniCluster cluster;
	private long submittedAt;
	private long cpuWhenSubmitted;

	/* Of the last job, in the terms of System.nanoTime(). */
	long submittedAt()
	{
		return submittedAt;
	}

	long cpuWhenSubmitted()
	{
		return cpuWhenSubmitted;
	}

	@Override
	public CompletableFuture<JobClient> execute(Pipeline pipeline, Configuration configuration,
		ClassLoader loader) throws Exception
	{
		JobGraph job = PipelineExecutorUtils.getJobGraph(pipeline, configuration, loader);

		close();
		start(configuration, job.getMaximumParallelism());
		cpuWhenSubmitted = FlinkRun.cpuNanos();
		submittedAt = System.nanoTime();
		return cluster.submitJob(job).thenApply(submission ->
			new MiniClusterJobClient(submission.getJobID(), cluster, loader,
				MiniClusterJobClient.JobFinalizationBehavior.NOTHING));
	}

	private void start(Configuration configuration, int slots) throws Exception
	{
		Configuration own = new Configuration(configuration);

		/* On this machine alone, and on any free port. */
		own.set(RestOptions.ADDRESS, "127.0.0.1");
		own.set(RestOptions.BIND_ADDRESS, "127.0.0.1");
		own.set(RestOptions.BIND_PORT, "0");
		cluster = new MiniCluster(new MiniClusterConfiguration.Builder()
			.setConfiguration(own)
			.setNumTaskManagers(1)
			.setNumSlotsPerTaskManager(slots)
			.build());
		cluster.start();
	}

	void close() throws Exception
	{
		if (cluster != null)
			cluster.close();
		cluster = null;
	}

	@Override
	public PipelineExecutorFactory getExecutorFactory(Configuration configuration)
	{
		return this;
	}

	@Override
	public Stream<String> getExecutorNames()
	{
		return Stream.of(NAME);
	}

	@Override
	public String getName()
	{
		return NAME;
	}

	@Override
	public boolean isCompatibleWith(Configuration configuration)
	{
		return true;
	}

	@Override
	public PipelineExecutor getExecutor(Configuration configuration)
	{
		return this;
	}
}
