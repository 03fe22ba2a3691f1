-- Late rows: recorded or dropped, counted always, once for each row and view.
CREATE SCHEMA late_rows;
SET search_path = late_rows, public;
SET TimeZone = 'UTC';
\set VERBOSITY terse
CREATE SERVER late_rows FOREIGN DATA WRAPPER stream_agg;
CREATE TYPE pair AS (a int, b text);
CREATE FOREIGN TABLE s (
    t timestamptz,
    k text,
    n numeric,
    f float8,
    b boolean,
    j jsonb,
    a int[],
    p pair,
    d date
) SERVER late_rows OPTIONS (event_time 't');
CREATE TABLE names (k text, name text);
INSERT INTO names VALUES ('a', 'one'), ('a', 'two'), ('b', 'three');
CREATE MATERIALIZED VIEW recorded WITH (stream_agg.continuous) AS
SELECT window_start, k, count(*) AS rows FROM s, tumble(t, '1 min') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW dropped WITH (stream_agg.continuous, stream_agg.late = 'drop') AS
SELECT window_start, k, count(*) AS rows FROM s, tumble(t, '1 min') GROUP BY 1, 2;
-- a join multiplies rows and removes others; so does WHERE
CREATE MATERIALIZED VIEW joined WITH (stream_agg.continuous) AS
SELECT window_start, name, count(*) AS rows FROM s JOIN names USING (k), tumble(t, '1 min') WHERE n > 1 GROUP BY 1, 2;
CREATE VIEW counters AS
SELECT view, rows_in, rows_late, rows_dead FROM stream_agg.views WHERE stream = 's'::regclass ORDER BY view::text;

-- no row is late, one is, and several are in one statement
INSERT INTO s (t, k, n) VALUES ('2024-01-01 00:05:00', 'a', 2);
SELECT count(*) FROM stream_agg.late_rows;
TABLE counters;
INSERT INTO s VALUES ('2024-01-01 00:01:30', 'a', 1.50, 'NaN', true, '{"x": [1, null]}', '{1,NULL}', (1, 'q"'), '2024-01-02');
INSERT INTO s (t, k, n) VALUES ('2024-01-01 00:02:00', 'b', 0.5), ('2024-01-01 00:06:00', 'b', 5),
    ('2024-01-01 00:03:00', 'c', 7), ('2024-01-01 00:04:00', 'b', 8);
SELECT view, "offset", window_start, window_end, watermark, lateness, row_data ->> 'k' AS k
FROM stream_agg.late_rows ORDER BY view::text, "offset";
SELECT row_data FROM stream_agg.late_rows WHERE view = 'recorded'::regclass AND "offset" = 1;
TABLE counters;
SELECT to_char(window_start, 'MI') AS minute, k, rows FROM recorded ORDER BY 1, 2;

-- more than fit a chunk, of every tenth row
TRUNCATE names;
INSERT INTO s (t, k, n)
SELECT CASE WHEN i % 10 = 0 THEN '2024-01-01'::timestamptz ELSE '2024-01-01 01:00'::timestamptz + i * interval '1 ms' END, 'x', i
FROM generate_series(1, 23450) i;
SELECT view, count(*), count(DISTINCT "offset"), min("offset"), max("offset"), sum((row_data ->> 'n')::int)
FROM stream_agg.late_rows WHERE row_data ->> 'k' = 'x' GROUP BY view;
TABLE counters;
SELECT sum(rows) FROM recorded WHERE k = 'x';

-- a row whose JSON can't be made is a dead letter, and leaves no late row
CREATE FOREIGN TABLE x (t timestamptz, v json) SERVER late_rows OPTIONS (event_time 't');
CREATE MATERIALIZED VIEW xv WITH (stream_agg.continuous) AS
SELECT window_start, count(*) AS rows FROM x, tumble(t, '1 min') GROUP BY 1;
INSERT INTO x VALUES ('2024-01-01 00:05', '1');
INSERT INTO x VALUES ('2024-01-01 00:01', '2'), ('2024-01-01 00:01', '"\u0000"'), ('2024-01-01 00:06', '4');
SELECT "offset", row_data FROM stream_agg.late_rows WHERE view = 'xv'::regclass;
SELECT "offset", sqlstate, reason FROM stream_agg.dead_letters WHERE view = 'xv'::regclass;
SELECT rows_in, rows_late, rows_dead FROM stream_agg.views WHERE view = 'xv'::regclass;

-- they go with their view
DROP MATERIALIZED VIEW recorded;
SELECT view, count(*) FROM stream_agg.late_rows GROUP BY view ORDER BY view::text;
DROP SCHEMA late_rows CASCADE;
DROP SERVER late_rows;
