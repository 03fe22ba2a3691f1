-- The watermark of a partition: the greatest event time less the delay; in the
-- order of offsets; never back; row by row.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA watermark;
SET search_path = watermark, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
CREATE SERVER watermark FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text, t timestamptz) SERVER watermark
	OPTIONS (event_time 't', max_out_of_orderness '10 min');
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, count(*), min(k), max(k) FROM s, tumble(t, '1 hour') WHERE k <> 'skip' GROUP BY 1;
SELECT stream_agg.watermark('v');

-- less the delay; equal times, and older ones, do not move it
INSERT INTO s VALUES ('a', '2024-01-01 10:30');
SELECT stream_agg.watermark('v');
INSERT INTO s VALUES ('b', '2024-01-01 10:30'), ('c', '2024-01-01 10:05');
SELECT stream_agg.watermark('v');
-- one microsecond short of the end; then a row that WHERE removes ends the window
INSERT INTO s VALUES ('d', '2024-01-01 11:09:59.999999');
SELECT *, stream_agg.watermark('v') FROM v ORDER BY 1;
INSERT INTO s VALUES ('skip', '2024-01-01 11:10');
SELECT *, stream_agg.watermark('v') FROM v ORDER BY 1;
-- a row whose time equals the watermark is not late; the one just before is,
-- and so is one that WHERE keeps, while one that it removes is not recorded
INSERT INTO s VALUES ('e', '2024-01-01 11:00'), ('f', '2024-01-01 10:59:59.999999'),
	('skip', '2024-01-01 10:00');
SELECT * FROM v ORDER BY 1;
SELECT "offset", event_time, window_start, window_end, watermark, lateness, row_data ->> 'k' AS k
FROM stream_agg.late_rows ORDER BY "offset";
-- within one statement the order of rows is what counts
INSERT INTO s VALUES ('g', '2024-01-01 11:59'), ('h', '2024-01-01 12:10'), ('i', '2024-01-01 11:59'),
	('j', '2024-01-01 12:09:59'), ('k', '2024-01-01 11:58');
SELECT * FROM v ORDER BY 1;
SELECT "offset", row_data ->> 'k' AS k, watermark FROM stream_agg.late_rows ORDER BY "offset";
-- infinity, NULL and the far future never move it
INSERT INTO s VALUES ('x', 'infinity'), ('x', NULL), ('x', now() + '2 hours'), ('x', '-infinity');
SELECT stream_agg.watermark('v'), rows_in, rows_late, rows_dead FROM stream_agg.views;
SELECT "offset", sqlstate, reason FROM stream_agg.dead_letters ORDER BY "offset";
-- before the epoch; the first times there are
CREATE FOREIGN TABLE old (t timestamptz) SERVER watermark OPTIONS (event_time 't', max_out_of_orderness '1000 days');
CREATE MATERIALIZED VIEW o WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, count(*) FROM old, tumble(t, '100 days') GROUP BY 1, 2;
INSERT INTO old VALUES ('4713-01-01 00:00 BC'), ('0001-01-01 BC'), ('1969-12-31');
SELECT *, stream_agg.watermark('o') FROM o ORDER BY 1;
-- whose window would begin before that has none
SELECT "offset", sqlstate, reason FROM stream_agg.dead_letters WHERE view = 'o'::regclass;

-- timestamp without time zone is taken as UTC, whatever the session says
SET TimeZone = 'Asia/Tokyo';
CREATE FOREIGN TABLE plain (k text, t timestamp) SERVER watermark OPTIONS (event_time 't');
CREATE MATERIALIZED VIEW p WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM plain, tumble(t, '1 hour') GROUP BY 1;
INSERT INTO plain VALUES ('a', '2024-01-01 10:30'), ('b', '2024-01-01 11:00'), ('c', '2024-01-01 10:59');
SELECT *, stream_agg.watermark('p') AT TIME ZONE 'UTC' AS watermark FROM p ORDER BY 1;
SELECT event_time AT TIME ZONE 'UTC' AS event_time, window_end AT TIME ZONE 'UTC' AS window_end
FROM stream_agg.late_rows WHERE view = 'p'::regclass;
SET TimeZone = 'UTC';

-- ingestion time, processing time: given by the stream where no value is given
CREATE FOREIGN TABLE ingest (k text, at timestamptz OPTIONS (metadata 'timestamp')) SERVER watermark;
CREATE MATERIALIZED VIEW i WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM ingest, tumble(at, '1 hour') GROUP BY 1;
CREATE FOREIGN TABLE process (k text, at timestamptz OPTIONS (metadata 'processed_at')) SERVER watermark
	OPTIONS (event_time 'at');
CREATE MATERIALIZED VIEW pr WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM process, tumble(at, '1 hour') GROUP BY 1;
INSERT INTO ingest VALUES ('a', '2024-01-01 10:30');
SELECT *, stream_agg.watermark('i') FROM i;
BEGIN;
INSERT INTO ingest (k) VALUES ('b');
INSERT INTO process (k) VALUES ('b');
SELECT stream_agg.watermark('i') BETWEEN now() AND clock_timestamp(),
	stream_agg.watermark('pr') BETWEEN now() AND clock_timestamp();
SELECT sum(count) FROM i;
SELECT sum(count) FROM pr;
COMMIT;

-- a stream without an event-time column has no watermark, and loads work
CREATE FOREIGN TABLE timeless (k text) SERVER watermark;
CREATE MATERIALIZED VIEW tl WITH (stream_agg.continuous) AS SELECT k, count(*) FROM timeless GROUP BY k;
INSERT INTO timeless VALUES ('a'), (NULL);
SELECT * FROM tl ORDER BY k;

SET client_min_messages = warning;
DROP SCHEMA watermark CASCADE;
DROP SERVER watermark;
SELECT * FROM pg_temp.leftovers();
