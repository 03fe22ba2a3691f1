-- Allowed lateness: a row that comes after its window's end, but within the
-- allowed lateness, revises the final window; later it is late.
CREATE SCHEMA allowed_lateness;
SET search_path = allowed_lateness, public;
SET TimeZone = 'UTC';
\set VERBOSITY terse
CREATE SERVER allowed_lateness FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text, v numeric, t timestamptz)
    SERVER allowed_lateness OPTIONS (event_time 't');
CREATE MATERIALIZED VIEW m WITH (stream_agg.continuous, stream_agg.allowed_lateness = '2 min') AS
SELECT window_start, k, count(*) AS n, avg(v) AS mean FROM s, tumble(t, '1 min') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW f WITH (stream_agg.continuous, stream_agg.allowed_lateness = '2 min', stream_agg.emit = 'final') AS
SELECT window_start, count(*) AS n FROM s, tumble(t, '1 min') GROUP BY 1;
CREATE FUNCTION state() RETURNS TABLE (minute text, k text, n bigint, mean numeric, is_final boolean, revision bigint, has_state boolean)
LANGUAGE sql AS $$
    SELECT to_char(window_start, 'MI'), k, n, round(mean, 2), is_final, revision, mean_state IS NOT NULL
    FROM stream_agg_data.m ORDER BY 1, 2
$$;

INSERT INTO s VALUES ('a', 1, '2024-01-01 00:00:10'), ('a', 2, '2024-01-01 00:01:10');
SELECT * FROM state();
-- for a final window: its row, and a group that it did not have
INSERT INTO s VALUES ('a', 3, '2024-01-01 00:00:20');
INSERT INTO s VALUES ('b', 4, '2024-01-01 00:00:30'), ('b', 5, '2024-01-01 00:00:40');
SELECT * FROM state();
TABLE f;
-- just before the window is settled, and exactly then
INSERT INTO s VALUES ('a', 6, '2024-01-01 00:02:59.999999');
INSERT INTO s VALUES ('a', 7, '2024-01-01 00:00:50');
INSERT INTO s VALUES ('a', 8, '2024-01-01 00:03:00');
INSERT INTO s VALUES ('a', 9, '2024-01-01 00:00:50');
SELECT * FROM state();
SELECT view, to_char(window_start, 'MI') AS minute, to_char(watermark, 'MI:SS') AS watermark, row_data ->> 'v' AS v
FROM stream_agg.late_rows ORDER BY view::text, "offset";
-- within one statement it is the order of the rows that counts
INSERT INTO s VALUES ('c', 1, '2024-01-01 00:10:00'), ('c', 2, '2024-01-01 00:07:30'),
    ('c', 3, '2024-01-01 00:08:30'), ('c', 4, '2024-01-01 00:12:00');
SELECT * FROM state() WHERE k = 'c';
SELECT to_char(window_start, 'MI') AS minute, n FROM f ORDER BY 1;

CREATE MATERIALIZED VIEW refused WITH (stream_agg.continuous, stream_agg.allowed_lateness = '1 min') AS SELECT count(*) FROM s;
CREATE MATERIALIZED VIEW refused WITH (stream_agg.continuous, stream_agg.allowed_lateness = '-1 min') AS
SELECT window_start, count(*) FROM s, tumble(t, '1 min') GROUP BY 1;
DROP SCHEMA allowed_lateness CASCADE;
DROP SERVER allowed_lateness;
