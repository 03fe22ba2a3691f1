-- The stream's watermark over several partitions: the least; without those that
-- never had a message or are idle; never back.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA watermark_partitions;
SET search_path = watermark_partitions, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
CREATE SERVER watermark_partitions FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text, t timestamptz, p int OPTIONS (metadata 'partition'),
	o bigint OPTIONS (metadata 'offset')) SERVER watermark_partitions
	OPTIONS (event_time 't', partitions '3', idle_timeout '1 day');
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM s, tumble(t, '1 hour') GROUP BY 1;
CREATE MATERIALIZED VIEW raw WITH (stream_agg.continuous) AS SELECT p, o, k FROM s;
-- a partition that never had a message does not hold it back
INSERT INTO s VALUES ('a', '2024-01-01 10:30', 0);
SELECT stream_agg.watermark('v');
INSERT INTO s VALUES ('b', '2024-01-01 12:30', 1);
SELECT stream_agg.watermark('v');
-- it does so from its first message on; and the watermark does not go back
INSERT INTO s VALUES ('c', '2024-01-01 13:30', 0);
SELECT *, stream_agg.watermark('v') FROM v ORDER BY 1;
INSERT INTO s VALUES ('d', '2024-01-01 10:31', 2), ('e', '2024-01-01 12:31', 2);
SELECT *, stream_agg.watermark('v') FROM v ORDER BY 1;
-- 'd' was the first of its partition, after the others had settled its window
SELECT partition, "offset", row_data ->> 'k' AS k, watermark FROM stream_agg.late_rows ORDER BY 1, 2;
-- a row is measured by its own partition: 12:45 is behind partition 0
INSERT INTO s VALUES ('f', '2024-01-01 12:45', 2), ('g', '2024-01-01 12:45', 0), ('h', '2024-01-01 12:45', 1);
SELECT *, stream_agg.watermark('v') FROM v ORDER BY 1;
SELECT partition, "offset", row_data ->> 'k' AS k, watermark FROM stream_agg.late_rows ORDER BY 1, 2;
-- the least of all ends windows
INSERT INTO s VALUES ('i', '2024-01-01 14:30', 1), ('j', '2024-01-01 14:00', 0);
SELECT *, stream_agg.watermark('v') FROM v ORDER BY 1;
INSERT INTO s VALUES ('k', '2024-01-01 15:00', 2);
SELECT *, stream_agg.watermark('v') FROM v ORDER BY 1;
-- idle, when looked at: then the greatest of all
ALTER FOREIGN TABLE s OPTIONS (SET idle_timeout '0');
SELECT stream_agg.wait('v');
SELECT *, stream_agg.watermark('v') FROM v ORDER BY 1;
INSERT INTO s VALUES ('l', '2024-01-01 16:10', 2);
SELECT *, stream_agg.watermark('v') FROM v ORDER BY 1;
-- a row of a partition that was idle, for a window that is settled
INSERT INTO s VALUES ('m', '2024-01-01 15:30', 0), ('n', '2024-01-01 16:05', 0);
SELECT partition, "offset", row_data ->> 'k' AS k, watermark FROM stream_agg.late_rows ORDER BY 1, 2;
SELECT *, stream_agg.watermark('v') FROM v ORDER BY 1;
ALTER FOREIGN TABLE s OPTIONS (SET idle_timeout '1 day');
INSERT INTO s VALUES ('o', '2024-01-01 16:06', 0);
SELECT stream_agg.watermark('v');

-- more partitions; offsets of each count by themselves
ALTER FOREIGN TABLE s OPTIONS (SET partitions '4');
INSERT INTO s VALUES ('p', '2024-01-01 17:00', 3), ('q', '2024-01-01 17:00', NULL), ('r', '2024-01-01 17:01', 3);
SELECT p, array_agg(o || k ORDER BY o) FROM raw GROUP BY p ORDER BY p;
INSERT INTO s VALUES ('x', '2024-01-01 17:00', 4);
INSERT INTO s VALUES ('x', '2024-01-01 17:00', -1);
SELECT partition, first_offset, next_offset, lag, watermark FROM stream_agg.partitions ORDER BY 1;
ALTER FOREIGN TABLE s OPTIONS (SET partitions '2');
INSERT INTO s VALUES ('x', '2024-01-01 17:00', 3);
INSERT INTO s VALUES ('s', '2024-01-01 17:30', 1);

-- A view's watermark begins where the view begins.
CREATE MATERIALIZED VIEW later WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM s, tumble(t, '1 hour') GROUP BY 1;
INSERT INTO s VALUES ('t', '2024-01-01 09:00', 0);
SELECT stream_agg.watermark('v'), stream_agg.watermark('later'), stream_agg.watermark('s');
SELECT * FROM later;

-- Partitions that are years apart: while one has rows left, nothing ends early,
-- though it is idle at once and whatever the order in which they come.
CREATE FOREIGN TABLE years (t timestamptz, p int OPTIONS (metadata 'partition')) SERVER watermark_partitions
	OPTIONS (event_time 't', partitions '2', idle_timeout '0', batch_rows '10');
CREATE MATERIALIZED VIEW y WITH (stream_agg.continuous) AS
	SELECT p, window_start, window_end, count(*) FROM years, tumble(t, '1 minute') GROUP BY 1, 2, 3;
CREATE TABLE years_rows AS
	SELECT '2020-01-01'::timestamptz + p * '6 years'::interval + i * '7 s'::interval AS t, p
	FROM generate_series(0, 1) p, generate_series(0, 299) i;
INSERT INTO years SELECT t, p FROM years_rows ORDER BY p DESC, t;
SELECT * FROM pg_temp.check_view('y');
SELECT max(revision) AS revision FROM stream_agg_data.y;
SELECT count(*) FROM stream_agg.late_rows WHERE stream = 'years'::regclass;
SELECT p, count(*), count(*) FILTER (WHERE is_final) AS final, max(window_end) FILTER (WHERE is_final) FROM y GROUP BY p ORDER BY p;
SELECT stream_agg.watermark('y');
-- over several statements it takes a timeout that has not passed
ALTER FOREIGN TABLE years OPTIONS (SET idle_timeout '1 day');
CREATE MATERIALIZED VIEW y2 WITH (stream_agg.continuous) AS
	SELECT p, window_start, window_end, count(*) FROM years, tumble(t, '1 minute') GROUP BY 1, 2, 3;
TRUNCATE years_rows;
INSERT INTO years_rows
	SELECT '2021-01-01'::timestamptz + p * '5 years'::interval + i * '7 s'::interval, p
	FROM generate_series(0, 1) p, generate_series(0, 299) i;
DO $$
BEGIN
	INSERT INTO years VALUES ('2021-01-01', 0);
	INSERT INTO years SELECT t, p FROM years_rows WHERE p = 1 ORDER BY t;
	FOR i IN 0 .. 5 LOOP
		INSERT INTO years SELECT t, p FROM years_rows
		WHERE p = 0 AND t > '2021-01-01' AND (t - '2021-01-01') >= i * '6 min'::interval AND (t - '2021-01-01') < (i + 1) * '6 min'::interval
		ORDER BY t;
	END LOOP;
END
$$;
SELECT * FROM pg_temp.check_view('y2');
SELECT max(revision) AS revision FROM stream_agg_data.y2;
SELECT p, count(*), count(*) FILTER (WHERE is_final) AS final FROM y2 GROUP BY p ORDER BY p;

SET client_min_messages = warning;
DROP SCHEMA watermark_partitions CASCADE;
DROP SERVER watermark_partitions;
SELECT * FROM pg_temp.leftovers();
