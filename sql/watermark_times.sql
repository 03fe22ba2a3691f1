-- Event time by another name: when Kafka got the row (ingestion time), when the
-- batch saw it (processing time).  Chosen by which column is event time.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA watermark_times;
SET search_path = watermark_times, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
CREATE SERVER watermark_times FOREIGN DATA WRAPPER stream_agg;

-- Ingestion time: no event_time option, or one that names the column.
CREATE FOREIGN TABLE ingest (k text, at timestamptz OPTIONS (metadata 'timestamp'), said timestamptz)
	SERVER watermark_times OPTIONS (idle_timeout '1 day');
CREATE FOREIGN TABLE named (k text, at timestamp OPTIONS (metadata 'timestamp'))
	SERVER watermark_times OPTIONS (event_time 'at');
CREATE MATERIALIZED VIEW iv WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, count(*), min(k), max(k) FROM ingest, tumble(at, '1 hour') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW nv WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM named, tumble(at, '1 hour') GROUP BY 1;
-- what a row says of its time is of no account
INSERT INTO ingest VALUES ('a', '2024-01-01 10:30', '1999-01-01'), ('b', '2024-01-01 11:30', '2999-01-01'), ('c', '2024-01-01 10:59', NULL);
SELECT *, stream_agg.watermark('iv') FROM iv ORDER BY 1;
SELECT row_data ->> 'k' AS k, event_time FROM stream_agg.late_rows;
INSERT INTO named VALUES ('a', '2024-01-01 10:30'), ('b', '2024-01-01 11:30');
SELECT *, stream_agg.watermark('nv') FROM nv ORDER BY 1;
-- where none is given it is that of the batch: nothing is ever late
BEGIN;
INSERT INTO ingest (k, said) VALUES ('d', '1999-01-01'), ('e', NULL);
SELECT count, min, max, is_final, window_start <= clock_timestamp() AND window_end > now() - '1 s'::interval AS this_hour,
	stream_agg.watermark('iv') BETWEEN now() AND clock_timestamp() AS now
FROM iv ORDER BY window_start DESC LIMIT 1;
COMMIT;
SELECT count(*) FROM stream_agg.late_rows;
-- the message's own timestamp is not what windows are made of where another is
CREATE MATERIALIZED VIEW wrong WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM ingest, tumble(said, '1 hour') GROUP BY 1;

-- Processing time.
CREATE FOREIGN TABLE process (k text, at timestamptz OPTIONS (metadata 'processed_at'), said timestamptz)
	SERVER watermark_times OPTIONS (event_time 'at', batch_rows '2');
CREATE MATERIALIZED VIEW pv WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, count(*), min(at) AS first, max(at) AS last FROM process, tumble(at, '1 hour') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW raw WITH (stream_agg.continuous) AS SELECT * FROM process;
INSERT INTO process (k, said) SELECT i::text, '2024-01-01'::timestamptz - i * '1 day'::interval FROM generate_series(1, 5) i;
-- one time per batch, not before the one before
SELECT count(*), count(DISTINCT at), bool_and(at BETWEEN now() - '1 min'::interval AND clock_timestamp()) FROM raw;
SELECT sum(count), max(last) = stream_agg.watermark('pv') AS watermark, min(first) = (SELECT min(at) FROM raw) AS first FROM pv;
SELECT count(*) FROM stream_agg.late_rows WHERE stream = 'process'::regclass;
SELECT count(*) FROM stream_agg.dead_letters WHERE stream IN ('process'::regclass, 'ingest'::regclass);
-- with no row after it a window ends by the clock
ALTER FOREIGN TABLE process OPTIONS (ADD idle_close '0');
CREATE MATERIALIZED VIEW micro WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, count(*) FROM process, tumble(at, '1 microsecond') GROUP BY 1, 2;
INSERT INTO process (k) VALUES ('x');
SELECT count, is_final FROM micro;
SELECT stream_agg.wait('micro');
SELECT count, is_final FROM micro;

-- What is refused.
CREATE FOREIGN TABLE x (at date OPTIONS (metadata 'processed_at')) SERVER watermark_times OPTIONS (event_time 'at');
CREATE MATERIALIZED VIEW xv WITH (stream_agg.continuous) AS SELECT * FROM x;
CREATE FOREIGN TABLE y (k text, at timestamptz OPTIONS (metadata 'processed_at')) SERVER watermark_times;
CREATE MATERIALIZED VIEW yv WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM y, tumble(at, '1 hour') GROUP BY 1;

SET client_min_messages = warning;
DROP SCHEMA watermark_times CASCADE;
DROP SERVER watermark_times;
SELECT * FROM pg_temp.leftovers();
