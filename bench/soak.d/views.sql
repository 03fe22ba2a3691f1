--
-- bench/soak.d/views.sql
--	  The stream and the views of the soak, and where its samples are kept.
--
-- NOTES
--	  psql's variables: topic, with_index.  Of 20,000 users and 1,000 pages each
--	  row has one by chance: 10,000 rows a second touch nearly 8,000 users.
--
CREATE FOREIGN TABLE events (user_id text, page text, amount float8, event_time timestamptz,
	s bigint, produced_at timestamptz OPTIONS (metadata 'timestamp'))
SERVER kafka OPTIONS (topic :'topic', event_time 'event_time', max_out_of_orderness '5 s');

CREATE MATERIALIZED VIEW load_rows WITH (stream_agg.continuous) AS
SELECT * FROM events;

CREATE MATERIALIZED VIEW page_minutes WITH (stream_agg.continuous) AS
SELECT window_start, window_end, page, count(*) AS n, avg(amount) AS average,
	max(amount) AS greatest
FROM events, tumble(event_time, '1 minute') GROUP BY window_start, window_end, page;

CREATE MATERIALIZED VIEW user_minutes
WITH (stream_agg.continuous, stream_agg.retention = '10 minutes') AS
SELECT window_start, window_end, user_id, count(*) AS n, avg(amount) AS average,
	max(amount) AS greatest
FROM events, tumble(event_time, '1 minute') GROUP BY window_start, window_end, user_id;

CREATE MATERIALIZED VIEW user_totals WITH (stream_agg.continuous) AS
SELECT user_id, count(*) AS n, avg(amount) AS average, max(amount) AS greatest
FROM events GROUP BY user_id;

SELECT stream_agg.data_table('load_rows') AS load, :'with_index' = 'yes' AS with_index \gset
\if :with_index
CREATE INDEX ON :load (user_id, event_time);
\endif

-- Figures since the start, as they stood at the end of a minute; latencies are
-- of the rows that arrived in it.
CREATE UNLOGGED TABLE sample (
	minute int PRIMARY KEY, at timestamptz, pid int, rows bigint, cpu float8,
	private_kb bigint, wal pg_lsn, checkpoints bigint, vacuums bigint,
	arrived bigint, p50 float8, p99 float8, greatest float8, last_row tid, own_cpu float8);
CREATE UNLOGGED TABLE table_sample (
	minute int, view regclass, bytes bigint, dead bigint, updates bigint, hot bigint,
	PRIMARY KEY (minute, view));

-- CPU seconds of a process, all threads; 'self' is the one that asks.
CREATE FUNCTION cpu_seconds(process text, hz int) RETURNS float8 LANGUAGE sql AS $$
SELECT (field[12]::float8 + field[13]::float8) / hz
FROM string_to_array(regexp_replace(pg_read_file('/proc/' || process || '/stat'),
	'.*\) ', ''), ' ') AS field
$$;

CREATE FUNCTION private_kb(process int) RETURNS bigint LANGUAGE sql AS $$
SELECT substring(status FROM 'VmRSS:\s+(\d+)')::bigint
	- substring(status FROM 'RssShmem:\s+(\d+)')::bigint
FROM pg_read_file('/proc/' || process || '/status') AS status
$$;

-- What was between two samples.
CREATE VIEW minutes AS
SELECT s.minute, (s.rows - b.rows) / extract(epoch FROM s.at - b.at)::float8 AS rate,
	s.rows - b.rows AS rows, (s.cpu - b.cpu) / nullif(s.rows - b.rows, 0) * 1e6 AS cpu,
	s.private_kb / 1024 AS private_mb, s.p50, s.p99, s.greatest,
	(s.wal - b.wal) / 1048576.0 / nullif(s.rows - b.rows, 0) * 1e6 AS wal,
	s.checkpoints, s.vacuums, s.arrived,
	(SELECT (sum(t.hot) - sum(c.hot)) / nullif(sum(t.updates) - sum(c.updates), 0) * 100
		FROM table_sample AS t JOIN table_sample AS c USING (view)
		WHERE t.minute = s.minute AND c.minute = b.minute) AS hot
FROM sample AS s JOIN sample AS b ON b.minute = s.minute - 1;
