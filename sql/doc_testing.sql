-- Made by tools/doc_examples from doc/testing.md; change that instead.
SET client_min_messages = warning;
DROP SERVER IF EXISTS oracle CASCADE;
DROP SCHEMA IF EXISTS doc_testing CASCADE;
CREATE SCHEMA doc_testing;
SET search_path = doc_testing, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET IntervalStyle = 'postgres';
RESET client_min_messages;

CREATE SERVER oracle FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE trips (rider text, km numeric, at timestamptz)
SERVER oracle OPTIONS (event_time 'at', max_out_of_orderness '1 hour');
CREATE MATERIALIZED VIEW trips_raw WITH (stream_agg.continuous) AS SELECT * FROM trips;
CREATE MATERIALIZED VIEW trips_per_hour WITH (stream_agg.continuous) AS
SELECT window_start, rider, count(*) AS n, sum(km) AS km
FROM trips, tumble(at, '1 hour') GROUP BY window_start, rider;

INSERT INTO trips
SELECT 'rider ' || i % 7, i % 13, '2026-03-01 00:00Z'::timestamptz + i * interval '7 minutes'
FROM generate_series(1, 1000) i;

WITH batch AS (
    SELECT window_start, rider, count(*) AS n, sum(km) AS km
    FROM trips_raw, tumble(at, '1 hour') GROUP BY window_start, rider
), streamed AS (
    SELECT window_start, rider, n, km FROM trips_per_hour
)
SELECT (SELECT count(*) FROM streamed) AS groups,
       (SELECT count(*) FROM (TABLE batch EXCEPT TABLE streamed) d) AS missing,
       (SELECT count(*) FROM (TABLE streamed EXCEPT TABLE batch) d) AS wrong;

INSERT INTO trips VALUES ('end of test', 0, '2026-03-10 00:00Z');
SELECT count(*) FILTER (WHERE is_final) AS final, count(*) FILTER (WHERE NOT is_final) AS open FROM trips_per_hour;

BEGIN;
INSERT INTO trips VALUES ('late', 1, '2026-03-01 00:00Z');
SELECT row_data ->> 'rider' AS rider, lateness FROM stream_agg.late_rows WHERE stream = 'trips'::regclass;
ROLLBACK;
SELECT count(*) FROM stream_agg.late_rows WHERE stream = 'trips'::regclass;

-- the end of doc/testing.md
RESET ROLE;
SET client_min_messages = warning;
DROP SERVER IF EXISTS oracle CASCADE;
DROP SCHEMA IF EXISTS doc_testing CASCADE;
