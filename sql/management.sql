-- pause, resume, wait, watermark, data_table, and the monitoring views, on
-- in-database streams.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA management;
SET search_path = management, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
CREATE SERVER management FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text, t timestamptz) SERVER management OPTIONS (topic 'the-topic', event_time 't');
CREATE TABLE t (a int);
CREATE VIEW plain AS SELECT 1 AS one;
CREATE MATERIALIZED VIEW a WITH (stream_agg.continuous) AS SELECT count(*) FROM s;
SELECT stream, topic, state, error, watermark, lag FROM stream_agg.streams;
SELECT view, stream, kind, state, watermark, rows_in, open_windows, data FROM stream_agg.views;

-- One view is paused: it misses what comes, since the stream has no history;
-- whether it is the only one makes no difference.
SELECT stream_agg.pause('a');
SELECT stream_agg.pause('a');
INSERT INTO s VALUES ('missed', '2024-01-01 10:00');
SELECT view, state FROM stream_agg.views;
CREATE MATERIALIZED VIEW b WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM s, tumble(t, '1 hour') GROUP BY 1;
INSERT INTO s VALUES ('missed', '2024-01-01 10:10');
SELECT * FROM a;
SELECT * FROM b;
SELECT stream_agg.resume('a');
SELECT stream_agg.resume('a');
INSERT INTO s VALUES ('both', '2024-01-01 10:20');
SELECT * FROM a;
SELECT * FROM b;
SELECT view, state FROM stream_agg.views ORDER BY view::text;
SELECT count(*) FROM stream_agg.reader;

-- The stream is paused: INSERT is refused.  What was paused before goes on, too.
SELECT stream_agg.pause('a');
SELECT stream_agg.pause('s');
INSERT INTO s VALUES ('refused', '2024-01-01 10:30');
SELECT stream_agg.wait('s');
SELECT view, state FROM stream_agg.views ORDER BY view::text;
SELECT stream, state FROM stream_agg.streams;
CREATE MATERIALIZED VIEW c WITH (stream_agg.continuous) AS SELECT k FROM s;
SELECT stream_agg.resume('s');
INSERT INTO s VALUES ('all', '2024-01-01 11:00');
SELECT * FROM a;
SELECT * FROM b ORDER BY 1;
SELECT * FROM c;
SELECT view, state FROM stream_agg.views ORDER BY view::text;
SELECT stream, state FROM stream_agg.streams;
-- a paused view can be dropped, and leaves no reader behind
SELECT stream_agg.pause('c');
DROP MATERIALIZED VIEW c;
SELECT count(*) FROM stream_agg.reader;
-- pausing is transactional
BEGIN;
SELECT stream_agg.pause('s');
ROLLBACK;
INSERT INTO s VALUES ('again', '2024-01-01 11:10');

-- The others.
SELECT stream_agg.wait('a'), stream_agg.wait('s', '1 s');
SELECT stream_agg.watermark('a'), stream_agg.watermark('b'), stream_agg.watermark('s');
SELECT stream_agg.data_table('b');
SELECT * FROM stream_agg_data.b ORDER BY window_start;
SELECT stream, reader IS NOT NULL AS reader, partition, first_offset, next_offset, end_offset, lag, watermark, error
FROM stream_agg.partitions;
SELECT topic, state, watermark, lag FROM stream_agg.streams;
SELECT batch_time_p50 > '0' AND batch_time_p50 <= batch_time_p99 AS times, state_bytes > 0 AS bytes FROM stream_agg.views;
SELECT count(*) FROM stream_agg.gaps;

-- What is neither a stream nor a continuous view.
SELECT stream_agg.pause('t');
SELECT stream_agg.resume('plain');
SELECT stream_agg.wait('stream_agg_data.a');
SELECT stream_agg.watermark('t');
SELECT stream_agg.data_table('s');
SELECT stream_agg.data_table('nonesuch');
SELECT stream_agg.pause(0);
SELECT stream_agg.pause(NULL) IS NULL AS nothing;

SET client_min_messages = warning;
DROP SCHEMA management CASCADE;
DROP SERVER management;
SELECT * FROM pg_temp.leftovers();
