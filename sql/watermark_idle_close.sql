-- idle_close: with no row at all for so long, the watermark goes on with the clock.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA watermark_idle_close;
SET search_path = watermark_idle_close, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
CREATE SERVER watermark_idle_close FOREIGN DATA WRAPPER stream_agg;
-- No test waits: the time of the last row is set back instead.
CREATE FUNCTION silence(of regclass, length interval) RETURNS void LANGUAGE sql AS $$
	UPDATE stream_agg.position SET last_message_at = last_message_at - length
	WHERE reader IN (SELECT reader FROM stream_agg.reader WHERE stream = of)
$$;
-- how far the watermark is behind the clock, to half a minute
CREATE FUNCTION behind(v regclass) RETURNS int LANGUAGE sql AS $$
	SELECT floor(extract(epoch FROM clock_timestamp() - stream_agg.watermark(v)))::int / 30 * 30
$$;
CREATE FOREIGN TABLE s (k text, t timestamptz, p int OPTIONS (metadata 'partition'))
	SERVER watermark_idle_close OPTIONS (event_time 't', partitions '2', max_out_of_orderness '10 min',
		idle_timeout '1 hour', idle_close '20 min');
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM s, tumble(t, '1 day') GROUP BY 1;
-- before the first row there is nothing to close
SELECT stream_agg.wait('v');
SELECT stream_agg.watermark('v');
INSERT INTO s VALUES ('a', '2024-01-01 10:30', 0), ('b', '2024-01-01 12:00', 1);
SELECT *, stream_agg.watermark('v') FROM v;
-- not silent long enough; the partitions are not idle either
SELECT silence('s', '19 min');
SELECT stream_agg.wait('v');
SELECT *, stream_agg.watermark('v') FROM v;
-- now it is: half an hour behind the clock, and the window is closed
SELECT silence('s', '2 min');
SELECT stream_agg.wait('v');
SELECT window_start, count, is_final, behind('v') AS seconds_behind FROM v;
SELECT stream_agg.watermark('v') AS first \gset
-- it goes on, never back
SELECT stream_agg.wait('v');
SELECT stream_agg.watermark('v') > :'first';
-- rows that come afterwards with older times are late by the stream's watermark
INSERT INTO s VALUES ('c', '2024-01-01 12:00', 0), ('d', now(), 1);
SELECT partition, "offset", row_data ->> 'k' AS k, event_time < watermark AS behind FROM stream_agg.late_rows ORDER BY 1, 2;
SELECT sum(count) FROM v;
SELECT stream_agg.watermark('v') >= :'first';
-- with rows in one partition there is no silence
SELECT silence('s', '19 min');
INSERT INTO s VALUES ('f', now() - '5 min'::interval, 0);
SELECT silence('s', '2 min');
SELECT stream_agg.watermark('v') AS second \gset
SELECT stream_agg.wait('v');
SELECT stream_agg.watermark('v') = :'second';
-- a longer one, and rows end it: what it has closed before them stays closed
SELECT silence('s', '25 min');
ALTER FOREIGN TABLE s OPTIONS (SET max_out_of_orderness '0');
ALTER FOREIGN TABLE s OPTIONS (SET idle_close '5 min');
INSERT INTO s VALUES ('g', '2024-02-01 10:30', 0);
SELECT behind('v') AS seconds_behind;
SELECT partition, "offset", row_data ->> 'k' AS k FROM stream_agg.late_rows ORDER BY 1, 2;
-- it can be switched off, which is the default
ALTER FOREIGN TABLE s OPTIONS (SET idle_close 'off');
SELECT stream_agg.watermark('v') AS third \gset
SELECT silence('s', '1 day');
SELECT stream_agg.wait('v');
SELECT stream_agg.watermark('v') = greatest(:'third', (SELECT max(w) FROM stream_agg.progress, unnest(partition_watermarks) w));
-- a view that has no watermark has nothing that could be closed
ALTER FOREIGN TABLE s OPTIONS (SET idle_close '5 min');
CREATE MATERIALIZED VIEW later WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM s, tumble(t, '1 day') GROUP BY 1;
SELECT stream_agg.wait('s');
SELECT stream_agg.watermark('later');
SELECT silence('s', '1 day');
INSERT INTO s VALUES ('h', '2024-02-02 10:30', 0);
SELECT * FROM later;

-- '0': silent as soon as it is looked at.  Where a statement is cut into batches
-- makes no difference: between them there is no silence.
CREATE FOREIGN TABLE z (t timestamptz) SERVER watermark_idle_close
	OPTIONS (event_time 't', idle_close '0', batch_rows '1');
CREATE MATERIALIZED VIEW zv WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM z, tumble(t, '1 hour') GROUP BY 1;
INSERT INTO z VALUES ('2024-01-01 10:30'), ('2024-01-01 10:31'), ('2024-01-01 11:31');
SELECT *, stream_agg.watermark('zv') FROM zv ORDER BY 1;
SELECT stream_agg.wait('zv');
SELECT *, behind('zv') FROM zv ORDER BY 1;
-- A session that ended in the silence before a row is not joined by it.
CREATE FOREIGN TABLE se (k text, t timestamptz) SERVER watermark_idle_close
	OPTIONS (event_time 't', idle_close '10 min');
CREATE MATERIALIZED VIEW sev WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, count(*), min(k), max(k) FROM se, session(t, '1 hour') GROUP BY 1, 2;
INSERT INTO se VALUES ('a', now() - '100 min'::interval);
SELECT silence('se', '20 min');
INSERT INTO se VALUES ('b', now() - '50 min'::interval);
SELECT count, min, max, is_final FROM sev ORDER BY window_start;
SELECT row_data ->> 'k' AS k FROM stream_agg.late_rows WHERE stream = 'se'::regclass;
-- the greatest delay of the partitions is what counts with 'auto', none with a function
CREATE FOREIGN TABLE au (t timestamptz) SERVER watermark_idle_close
	OPTIONS (event_time 't', idle_close '0', max_out_of_orderness 'auto 5 min to 10 min');
CREATE MATERIALIZED VIEW auv WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM au, tumble(t, '1 hour') GROUP BY 1;
INSERT INTO au VALUES ('2024-01-01 10:30');
CREATE FUNCTION half_hour(timestamptz, timestamptz) RETURNS timestamptz LANGUAGE sql AS $$ SELECT $1 - '30 min'::interval $$;
CREATE FOREIGN TABLE fu (t timestamptz) SERVER watermark_idle_close
	OPTIONS (event_time 't', idle_close '1 min', watermark_function 'watermark_idle_close.half_hour');
CREATE MATERIALIZED VIEW fuv WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM fu, tumble(t, '1 hour') GROUP BY 1;
INSERT INTO fu VALUES ('2024-01-01 10:30');
SELECT silence('fu', '1 hour');
SELECT stream_agg.wait('au'), stream_agg.wait('fu');
SELECT behind('auv') AS auto, behind('fuv') AS function;

-- What is refused.
CREATE FOREIGN TABLE x (t timestamptz) SERVER watermark_idle_close OPTIONS (idle_close '-1 s');
CREATE FOREIGN TABLE x (t timestamptz) SERVER watermark_idle_close OPTIONS (idle_close '1 month');
CREATE FOREIGN TABLE x (t timestamptz) SERVER watermark_idle_close OPTIONS (idle_close 'never');

SET client_min_messages = warning;
DROP SCHEMA watermark_idle_close CASCADE;
DROP SERVER watermark_idle_close;
SELECT * FROM pg_temp.leftovers();
