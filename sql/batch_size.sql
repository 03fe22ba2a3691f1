-- The same rows give the same views and the same late rows, however they are
-- cut into batches and statements.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA batch_size;
SET search_path = batch_size, public;
SET client_min_messages = warning;
SET TimeZone = 'UTC';
CREATE SERVER batch_size FOREIGN DATA WRAPPER stream_agg;
-- three partitions, much out of order, NULLs, rows that some views can't use
CREATE TABLE input AS
SELECT i AS n, (i * 31 + i / 7) % 3 AS p, 'k' || (i * 7919) % 5 AS k, CASE WHEN i % 11 > 0 THEN (i * 104729) % 100 END AS v,
	'2024-01-01'::timestamptz + (i * 20 + (i * 7919) % 3000 - CASE WHEN i % 50 = 0 THEN 20000 ELSE 0 END) * '1 s'::interval AS t
FROM generate_series(1, 800) i;
INSERT INTO input SELECT 800 + n, p, NULL, v, CASE WHEN n % 3 > 0 THEN t + '12 hours' END FROM input WHERE n % 20 = 0;
CREATE PROCEDURE make(name text, batch_rows int, idle text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format($f$CREATE FOREIGN TABLE %1$s (p int OPTIONS (metadata 'partition'), k text, v int, t timestamptz)
		SERVER batch_size OPTIONS (event_time 't', partitions '3', max_out_of_orderness '5 min',
		batch_rows '%2$s', idle_timeout '%3$s')$f$, name, batch_rows, idle);
	EXECUTE format($f$CREATE MATERIALIZED VIEW %1$s_win WITH (stream_agg.continuous) AS
		SELECT window_start, k, count(*), sum(v), avg(v), min(t), max(v) FROM %1$s, tumble(t, '1 hour') GROUP BY 1, 2$f$, name);
	EXECUTE format($f$CREATE MATERIALIZED VIEW %1$s_minutes WITH (stream_agg.continuous) AS
		SELECT window_end, sum(1000 / v) AS throws, stddev(v::numeric) FROM %1$s, tumble(t, '7 minutes') WHERE k <> 'k3' GROUP BY 1$f$, name);
	EXECUTE format($f$CREATE MATERIALIZED VIEW %1$s_lateness WITH (stream_agg.continuous, stream_agg.allowed_lateness = '3 hours') AS
		SELECT window_start, k, count(*), avg(v) FROM %1$s, tumble(t, '1 hour') GROUP BY 1, 2$f$, name);
	EXECUTE format($f$CREATE MATERIALIZED VIEW %1$s_run WITH (stream_agg.continuous) AS
		SELECT k, count(*), sum(100 / (v - 50)) FROM %1$s GROUP BY k$f$, name);
	EXECUTE format($f$CREATE MATERIALIZED VIEW %1$s_raw WITH (stream_agg.continuous) AS SELECT * FROM %1$s$f$, name);
END
$$;
-- What can be compared: data tables, late rows, dead letters, watermarks.
CREATE FUNCTION outcome(name text) RETURNS TABLE (what text, hash text) LANGUAGE plpgsql AS $$
DECLARE
	v text;
BEGIN
	FOREACH v IN ARRAY ARRAY['win', 'minutes', 'lateness', 'run', 'raw'] LOOP
		what := v;
		EXECUTE format($f$SELECT md5(string_agg(r, ';' ORDER BY r COLLATE "C")) FROM (SELECT d::text AS r FROM stream_agg_data.%s_%s d) x$f$,
			name, v) INTO hash;
		RETURN NEXT;
	END LOOP;
	RETURN QUERY SELECT 'late', md5(string_agg(r, ';' ORDER BY r COLLATE "C")) FROM
		(SELECT concat_ws(' ', replace(view::text, name, ''), partition, "offset", event_time, window_start, window_end, watermark, row_data) AS r
		FROM stream_agg.late_rows WHERE stream = name::regclass) x;
	RETURN QUERY SELECT 'dead', md5(string_agg(r, ';' ORDER BY r COLLATE "C")) FROM
		(SELECT concat_ws(' ', replace(view::text, name, ''), partition, "offset", sqlstate, replace(reason, name, '')) AS r
		FROM stream_agg.dead_letters WHERE stream = name::regclass) x;
	RETURN QUERY SELECT 'progress', md5(string_agg(r, ';' ORDER BY r COLLATE "C")) FROM
		(SELECT concat_ws(' ', replace(view::text, name, ''), watermark, partition_watermarks, rows_in, rows_late, rows_dead) AS r
		FROM stream_agg.progress WHERE view::text LIKE name || '\_%') x;
END
$$;
CALL make('whole', 100000, '1 day');
CALL make('one', 1, '1 day');
CALL make('seven', 7, '1 day');
CALL make('thousand', 1000, '1 day');
CALL make('pieces', 64, '1 day');
CALL make('spilled', 100, '1 day');
INSERT INTO whole SELECT p, k, v, t FROM input ORDER BY n;
INSERT INTO one SELECT p, k, v, t FROM input ORDER BY n;
INSERT INTO seven SELECT p, k, v, t FROM input ORDER BY n;
INSERT INTO thousand SELECT p, k, v, t FROM input ORDER BY n;
-- one that does not fit into memory as long as the statement runs
SET work_mem = '64kB';
INSERT INTO spilled SELECT p, k, v, t FROM input ORDER BY n;
RESET work_mem;
DO $$
BEGIN
	FOR i IN 0 .. 16 LOOP
		INSERT INTO pieces SELECT p, k, v, t FROM input WHERE n / 100 = i ORDER BY n;
	END LOOP;
END
$$;
-- it is a hard case, not an easy one
SELECT count(*), count(*) FILTER (WHERE k IS NULL) FROM input;
SELECT replace(view::text, 'whole', '') AS view, rows_in, rows_late, rows_dead FROM stream_agg.progress
WHERE view::text LIKE 'whole%' ORDER BY 1;
SELECT what, bool_and(hash IS NOT NULL AND hash = (SELECT hash FROM outcome('whole') w WHERE w.what = o.what)) AS same
FROM unnest('{one,seven,thousand,spilled,pieces}'::text[]) name, outcome(name) o GROUP BY what ORDER BY what;

-- Other interleavings of partitions: the same rows count, with other offsets in
-- time but not in the partition.  A partition that comes first alone is behind
-- nobody, and one that has rows left holds the watermark back.
CALL make('sorted', 10, '1 day');
CALL make('entire', 100000, '1 day');
INSERT INTO sorted SELECT p, k, v, t FROM input ORDER BY p, n;
INSERT INTO entire SELECT p, k, v, t FROM input ORDER BY p, n;
SELECT what, bool_and(hash IS NOT NULL AND hash = (SELECT hash FROM outcome('whole') w WHERE w.what = o.what)) AS same
FROM unnest('{sorted,entire}'::text[]) name, outcome(name) o
GROUP BY what ORDER BY what;

-- The view is the query over the rows that are not late and not dead.
CREATE TABLE whole_rows AS SELECT p, k, v, t FROM input WHERE t IS NOT NULL;
SELECT * FROM pg_temp.check_view('whole_raw');
SELECT sum(count) AS counted, (SELECT rows_late FROM stream_agg.progress WHERE view = 'whole_win'::regclass) AS late,
	(SELECT count(*) FROM whole_rows) AS all_ FROM whole_win;

SET client_min_messages = warning;
DROP SCHEMA batch_size CASCADE;
DROP SERVER batch_size;
SELECT * FROM pg_temp.leftovers();
