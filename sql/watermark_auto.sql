-- max_out_of_orderness 'auto': a delay that follows how late rows come.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA watermark_auto;
SET search_path = watermark_auto, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
CREATE SERVER watermark_auto FOREIGN DATA WRAPPER stream_agg;
CREATE PROCEDURE make(name text, options text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format($f$CREATE FOREIGN TABLE %1$s (t timestamptz, p int OPTIONS (metadata 'partition'))
		SERVER watermark_auto OPTIONS (event_time 't', partitions '2', idle_timeout '1 day', %2$s)$f$, name, options);
	EXECUTE format($f$CREATE MATERIALIZED VIEW %1$s_v WITH (stream_agg.continuous) AS
		SELECT window_start, count(*) FROM %1$s, tumble(t, '10 s') GROUP BY 1$f$, name);
END
$$;
-- ten rows a second; every tenth comes "late" seconds too late if the phase says so
CREATE FUNCTION rows(from_n int, to_n int, late interval, every int DEFAULT 10) RETURNS TABLE (t timestamptz, p int) LANGUAGE sql AS $$
	SELECT '2024-01-01'::timestamptz + i * '0.1 s'::interval - CASE WHEN i % every = 5 THEN late ELSE '0' END, 0
	FROM generate_series(from_n, to_n - 1) i
$$;
CREATE VIEW delays AS
	SELECT r.stream, p.partition, p.next_offset, p.delay_us * '1 us'::interval AS delay,
		(SELECT sum(n) FROM unnest(p.period) n) AS counted
	FROM stream_agg.position p JOIN stream_agg.reader r USING (reader);

-- It begins with the shorter bound; ten in a hundred rows are 6.9 s late.
CALL make('s', $$max_out_of_orderness 'auto 1 s to 20 s'$$);
INSERT INTO s SELECT * FROM rows(0, 500, '7 s');
SELECT * FROM delays WHERE stream = 's'::regclass AND partition = 0;
SELECT stream_agg.watermark('s_v');
-- not before event time comes into another minute: 00:00:59.9, 00:01:00
INSERT INTO s SELECT * FROM rows(500, 600, '7 s');
SELECT * FROM delays WHERE stream = 's'::regclass AND partition = 0;
INSERT INTO s SELECT * FROM rows(600, 601, '7 s');
-- 98 in a hundred are within 8 s, the bound of the bucket of 6.9 s
SELECT * FROM delays WHERE stream = 's'::regclass AND partition = 0;
-- the watermark waits, and does not go back
SELECT stream_agg.watermark('s_v');
INSERT INTO s SELECT * FROM rows(601, 660, '7 s');
SELECT stream_agg.watermark('s_v');
INSERT INTO s SELECT * FROM rows(660, 700, '7 s');
SELECT stream_agg.watermark('s_v');
SELECT count(*) AS late_rows FROM stream_agg.late_rows WHERE stream = 's'::regclass;
-- from then on nothing is late
INSERT INTO s SELECT * FROM rows(700, 2000, '7 s');
SELECT count(*) AS late_rows FROM stream_agg.late_rows WHERE stream = 's'::regclass;
SELECT * FROM delays WHERE stream = 's'::regclass AND partition = 0;
-- longer than the bound it does not get; the minute from 03:20 on is mixed
INSERT INTO s SELECT * FROM rows(2000, 3000, '1 min');
SELECT * FROM delays WHERE stream = 's'::regclass AND partition = 0;
-- Two in a hundred are between the shares that change it.
INSERT INTO s SELECT * FROM rows(3000, 4200, '1 min', 50);
SELECT * FROM delays WHERE stream = 's'::regclass AND partition = 0;
-- Rows in order: shorter, by half a time, until the bound.
INSERT INTO s SELECT * FROM rows(4200, 4801, '0');
SELECT * FROM delays WHERE stream = 's'::regclass AND partition = 0;
INSERT INTO s SELECT * FROM rows(4801, 5401, '0');
SELECT * FROM delays WHERE stream = 's'::regclass AND partition = 0;
INSERT INTO s SELECT * FROM rows(5401, 9000, '0');
SELECT * FROM delays WHERE stream = 's'::regclass AND partition = 0;
SELECT stream_agg.watermark('s_v');
-- each partition by itself: the other one has had no row yet
SELECT * FROM delays WHERE stream = 's'::regclass AND partition = 1;
INSERT INTO s SELECT t, 1 FROM rows(8900, 9010, '0');
SELECT * FROM delays WHERE stream = 's'::regclass ORDER BY partition;
-- other bounds hold from the next row on
ALTER FOREIGN TABLE s OPTIONS (SET max_out_of_orderness 'auto 30 s to 2 min');
INSERT INTO s SELECT * FROM rows(9010, 9011, '0');
SELECT * FROM delays WHERE stream = 's'::regclass ORDER BY partition;
-- and a fixed delay forgets it
ALTER FOREIGN TABLE s OPTIONS (SET max_out_of_orderness '1 s');
INSERT INTO s SELECT * FROM rows(9011, 9012, '0');
SELECT delay, counted FROM delays WHERE stream = 's'::regclass AND partition = 0;
SELECT stream_agg.watermark('s_v');

-- Without bounds: from nothing to an hour.
CALL make('wide', $$max_out_of_orderness 'auto'$$);
INSERT INTO wide SELECT * FROM rows(0, 601, '0');
SELECT * FROM delays WHERE stream = 'wide'::regclass AND partition = 0;
INSERT INTO wide SELECT * FROM rows(601, 1300, '3 hours');
SELECT * FROM delays WHERE stream = 'wide'::regclass AND partition = 0;

-- The same rows in batches of any size, and in statements of any size, give the
-- same: what is late for whom follows from the order of rows alone.
CREATE TABLE input AS SELECT i AS n, (i / 3) % 2 AS p,
	'2024-01-01'::timestamptz + i * '0.3 s'::interval
		- (CASE WHEN i % 7 = 0 THEN (i * 7919) % (CASE WHEN i BETWEEN 400 AND 1600 THEN 90 ELSE 9 END) ELSE 0 END) * '1 s'::interval AS t
FROM generate_series(1, 3000) i;
CALL make('whole', $$max_out_of_orderness 'auto 1 s to 40 s'$$);
CALL make('one', $$max_out_of_orderness 'auto 1 s to 40 s', batch_rows '1'$$);
CALL make('seven', $$max_out_of_orderness 'auto 1 s to 40 s', batch_rows '7'$$);
CALL make('pieces', $$max_out_of_orderness 'auto 1 s to 40 s', batch_rows '100'$$);
INSERT INTO whole SELECT t, p FROM input ORDER BY n;
INSERT INTO one SELECT t, p FROM input ORDER BY n;
INSERT INTO seven SELECT t, p FROM input ORDER BY n;
DO $$
BEGIN
	FOR i IN 0 .. 10 LOOP
		INSERT INTO pieces SELECT t, p FROM input WHERE n / 500 = i ORDER BY n;
	END LOOP;
END
$$;
CREATE FUNCTION late(name text) RETURNS text LANGUAGE sql AS $$
	SELECT 'SELECT partition, "offset", event_time, window_end, watermark FROM stream_agg.late_rows WHERE stream = '
		|| quote_literal(name) || '::regclass'
$$;
SELECT name, (SELECT string_agg(d, '; ') FROM pg_temp.differences('SELECT * FROM whole_v', format('SELECT * FROM %s_v', name)) d) AS view,
	(SELECT string_agg(d, '; ') FROM pg_temp.differences(late('whole'), late(name)) d) AS late_rows,
	(SELECT string_agg(d, '; ') FROM pg_temp.differences($q$SELECT partition, delay, counted FROM delays WHERE stream = 'whole'::regclass$q$,
		format($q$SELECT partition, delay, counted FROM delays WHERE stream = '%s'::regclass$q$, name)) d) AS delays
FROM unnest('{one,seven,pieces}'::text[]) name;
SELECT rows_in, rows_late, watermark FROM stream_agg.views WHERE view = 'one_v'::regclass;
SELECT partition, delay, counted FROM delays WHERE stream = 'one'::regclass ORDER BY 1;
-- a view's own failures do not change it: rows are halved, watermarks are not
CREATE MATERIALIZED VIEW throws WITH (stream_agg.continuous) AS
	SELECT window_start, sum(1 / (extract(second FROM t)::int % 10)) FROM whole, tumble(t, '10 s') GROUP BY 1;
INSERT INTO whole SELECT t + '20 min'::interval, p FROM input WHERE n < 1000 ORDER BY n;
INSERT INTO one SELECT t + '20 min'::interval, p FROM input WHERE n < 1000 ORDER BY n;
SELECT rows_dead > 0 AS dead FROM stream_agg.views WHERE view = 'throws'::regclass;
SELECT * FROM pg_temp.differences('SELECT * FROM whole_v', 'SELECT * FROM one_v');

-- What is refused.
CREATE FOREIGN TABLE x (t timestamptz) SERVER watermark_auto OPTIONS (max_out_of_orderness 'automatic');
CREATE FOREIGN TABLE x (t timestamptz) SERVER watermark_auto OPTIONS (max_out_of_orderness 'auto 1 s');
CREATE FOREIGN TABLE x (t timestamptz) SERVER watermark_auto OPTIONS (max_out_of_orderness 'auto to 1 s');
CREATE FOREIGN TABLE x (t timestamptz) SERVER watermark_auto OPTIONS (max_out_of_orderness 'auto 10 s to 1 s');
CREATE FOREIGN TABLE x (t timestamptz) SERVER watermark_auto OPTIONS (max_out_of_orderness 'auto 10 s to 1 month');
CREATE FOREIGN TABLE x (t timestamptz) SERVER watermark_auto OPTIONS (max_out_of_orderness 'auto soon to later');
CREATE FOREIGN TABLE x (t timestamptz) SERVER watermark_auto OPTIONS (max_out_of_orderness 'auto 1 s to ');

SET client_min_messages = warning;
DROP SCHEMA watermark_auto CASCADE;
DROP SERVER watermark_auto CASCADE;
SELECT * FROM pg_temp.leftovers();
