-- retention: settled windows go when the watermark is past their end by so long,
-- and by the allowed lateness; a few with each batch.
CREATE SCHEMA retention;
SET search_path = retention, public;
SET TimeZone = 'UTC';
\set VERBOSITY terse
CREATE SERVER retention FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text, t timestamptz) SERVER retention OPTIONS (event_time 't');
CREATE FOREIGN TABLE local (k text, t timestamp) SERVER retention OPTIONS (event_time 't');
CREATE MATERIALIZED VIEW m WITH (stream_agg.continuous, stream_agg.retention = '10 min') AS
SELECT window_start, k, count(*) AS n, avg(1.5) AS mean FROM s, tumble(t, '1 min') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW lenient WITH (stream_agg.continuous, stream_agg.retention = '10 min', stream_agg.allowed_lateness = '2 min') AS
SELECT window_start, count(*) AS n FROM s, tumble(t, '1 min') GROUP BY 1;
CREATE MATERIALIZED VIEW at_once WITH (stream_agg.continuous, stream_agg.retention = '0') AS
SELECT window_start, count(*) AS n FROM s, tumble(t, '1 min') GROUP BY 1;
CREATE MATERIALIZED VIEW l WITH (stream_agg.continuous, stream_agg.retention = '10 min') AS
SELECT window_start, count(*) AS n FROM local, tumble(t, '1 min') GROUP BY 1;
CREATE VIEW minutes AS
SELECT (SELECT string_agg(to_char(window_start, 'HH24:MI'), ' ' ORDER BY window_start) FROM stream_agg_data.m) AS m,
       (SELECT string_agg(to_char(window_start, 'HH24:MI'), ' ' ORDER BY window_start) FROM stream_agg_data.lenient) AS lenient,
       (SELECT string_agg(to_char(window_start, 'HH24:MI'), ' ' ORDER BY window_start) FROM stream_agg_data.at_once) AS at_once;
SELECT view, retention_us FROM stream_agg.continuous_view WHERE stream = 's'::regclass ORDER BY view::text;

INSERT INTO s SELECT 'a', '2024-01-01 00:00'::timestamptz + i * interval '1 min' FROM generate_series(0, 5) i;
TABLE minutes;
-- the first window ends at 00:01; just before 00:11, and then
INSERT INTO s VALUES ('a', '2024-01-01 00:10:59.999999');
TABLE minutes;
INSERT INTO s VALUES ('a', '2024-01-01 00:11');
TABLE minutes;
INSERT INTO s VALUES ('a', '2024-01-01 00:13');
TABLE minutes;
-- a window that is gone does not come again
INSERT INTO s VALUES ('b', '2024-01-01 00:00:30');
TABLE minutes;
SELECT view, count(*) FROM stream_agg.late_rows WHERE stream = 's'::regclass GROUP BY 1 ORDER BY view::text;
-- all are due
INSERT INTO s VALUES ('a', '2024-01-01 02:00');
TABLE minutes;
INSERT INTO local SELECT 'a', '2024-01-01 00:00'::timestamp + i * interval '1 min' FROM generate_series(0, 20) i;
SELECT min(window_start), count(*) FROM l;

-- many are due at once: a thousand go with each batch
INSERT INTO s SELECT i::text, '2024-01-02 00:00:00' FROM generate_series(1, 2500) i;
INSERT INTO s VALUES ('a', '2024-01-03');
SELECT count(*) FROM m;
INSERT INTO s VALUES ('a', '2024-01-03');
SELECT count(*) FROM m;
INSERT INTO s VALUES ('a', '2024-01-03');
SELECT count(*) FROM m;
-- a batch with more rows may take as many
INSERT INTO s SELECT i::text, '2024-01-04 00:00:00' FROM generate_series(1, 2500) i;
INSERT INTO s SELECT 'a', '2024-01-05' FROM generate_series(1, 3000);
SELECT count(*) FROM m;

-- not for others
CREATE MATERIALIZED VIEW refused WITH (stream_agg.continuous, stream_agg.retention = '1 day') AS SELECT k, count(*) FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW refused WITH (stream_agg.continuous, stream_agg.retention = '1 day') AS SELECT * FROM s;
CREATE MATERIALIZED VIEW refused WITH (stream_agg.continuous, stream_agg.retention = '1 month') AS
SELECT window_start, count(*) FROM s, tumble(t, '1 min') GROUP BY 1;
DROP SCHEMA retention CASCADE;
DROP SERVER retention;
