--
-- bench/soak.d/sample.sql
--	  Takes a sample at the end of a minute.
--
-- NOTES
--	  psql's variables: minute, hz.  Latency is that of bench/measure.sh, over
--	  the rows behind the last one that the sample before has seen: a load
--	  appends, but for a row now and then that finds room in an older block.
--	  Rows are counted by transaction and Kafka timestamp first, so that few
--	  have to be sorted.
--
SET work_mem = '64MB';
SELECT stream_agg.data_table('load_rows') AS load,
	coalesce((SELECT max(last_row) FROM sample), '(0,0)') AS last_row \gset

INSERT INTO sample
WITH arrived AS MATERIALIZED (
	SELECT xmin AS writer, produced_at, count(*) AS n, max(ctid) AS last_row
	FROM :load WHERE ctid > :'last_row' GROUP BY xmin, produced_at
), ordered AS (
	SELECT ms, sum(n) OVER (ORDER BY ms) AS upto, sum(n) OVER () AS total
	FROM (SELECT n, extract(epoch FROM pg_xact_commit_timestamp(writer) - produced_at)::float8
			* 1000 AS ms FROM arrived) AS a
), latency AS (
	SELECT min(ms) FILTER (WHERE upto >= 0.5 * total) AS p50,
		min(ms) FILTER (WHERE upto >= 0.99 * total) AS p99, max(ms) AS greatest
	FROM ordered
), reader AS (
	SELECT min(pid) AS pid FROM stream_agg.workers WHERE kind = 'reader'
)
SELECT :minute, statement_timestamp(), r.pid,
	(SELECT sum(next_offset) FROM stream_agg.partitions WHERE stream = 'events'::regclass),
	cpu_seconds(r.pid::text, :hz), private_kb(r.pid), pg_current_wal_insert_lsn(),
	(SELECT checkpoints_timed + checkpoints_req FROM pg_stat_bgwriter),
	(SELECT sum(autovacuum_count) FROM pg_stat_all_tables),
	(SELECT sum(n) FROM arrived), l.p50, l.p99, l.greatest,
	coalesce((SELECT max(last_row) FROM arrived), :'last_row')
FROM reader AS r, latency AS l;

INSERT INTO table_sample
SELECT :minute, v.view, pg_total_relation_size(t.relid), t.n_dead_tup, t.n_tup_upd,
	t.n_tup_hot_upd
FROM stream_agg.continuous_view AS v JOIN pg_stat_all_tables AS t ON t.relid = v.data;

UPDATE sample SET own_cpu = cpu_seconds('self', :hz) WHERE minute = :minute;
