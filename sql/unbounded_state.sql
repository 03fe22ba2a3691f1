-- A notice where nothing bounds the number of groups.
CREATE SCHEMA unbounded_state;
SET search_path = unbounded_state, public;
CREATE SERVER unbounded_state FOREIGN DATA WRAPPER stream_agg;
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE DOMAIN feeling AS mood;
CREATE FOREIGN TABLE s (k text, v int, b boolean, m mood, f feeling, t timestamptz)
    SERVER unbounded_state OPTIONS (event_time 't');

-- nothing ends a group
CREATE MATERIALIZED VIEW by_column WITH (stream_agg.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW by_both WITH (stream_agg.continuous) AS SELECT b, k, count(*) FROM s GROUP BY 1, 2;
CREATE MATERIALIZED VIEW by_expression WITH (stream_agg.continuous) AS SELECT v % 10 AS digit, count(*) FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW by_case WITH (stream_agg.continuous) AS
SELECT CASE WHEN b THEN 'x' ELSE k END AS c, count(*) FROM s GROUP BY 1;
-- state_ttl or a window does
CREATE MATERIALIZED VIEW with_ttl WITH (stream_agg.continuous, stream_agg.state_ttl = '1 day') AS SELECT k, count(*) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW with_window WITH (stream_agg.continuous) AS
SELECT window_start, k, count(*) FROM s, tumble(t, '1 h') GROUP BY 1, 2;
-- there are few groups anyway
CREATE MATERIALIZED VIEW few_none WITH (stream_agg.continuous) AS SELECT count(*) FROM s;
CREATE MATERIALIZED VIEW few_columns WITH (stream_agg.continuous) AS SELECT b, m, f, count(*) FROM s GROUP BY 1, 2, 3;
CREATE MATERIALIZED VIEW few_tests WITH (stream_agg.continuous) AS SELECT v > 10 AS large, k IS NULL AS missing, count(*) FROM s GROUP BY 1, 2;
CREATE MATERIALIZED VIEW few_cases WITH (stream_agg.continuous) AS
SELECT CASE WHEN v < 10 THEN 'low' WHEN v < 100 THEN 'middle' ELSE CASE WHEN b THEN 'high' END END AS level, count(*) FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW few_below WITH (stream_agg.continuous) AS SELECT large, count(*) FROM (SELECT v > 10 AS large FROM s) x GROUP BY 1;
-- a load has no groups
CREATE MATERIALIZED VIEW load WITH (stream_agg.continuous) AS SELECT now() AS at, k FROM s;

-- the clock in a group key
CREATE MATERIALIZED VIEW clock_now WITH (stream_agg.continuous) AS SELECT date_trunc('day', now()) AS day, count(*) FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW clock_date WITH (stream_agg.continuous, stream_agg.state_ttl = '1 day') AS SELECT CURRENT_DATE AS day, count(*) FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW clock_window WITH (stream_agg.continuous) AS
SELECT window_start, age(t) AS age, count(*) FROM s, tumble(t, '1 h') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW clock_below WITH (stream_agg.continuous) AS SELECT day, count(*) FROM (SELECT LOCALTIMESTAMP AS day FROM s) x GROUP BY 1;
-- not a clock: it depends on a setting, which is the view's own
CREATE MATERIALIZED VIEW no_clock WITH (stream_agg.continuous) AS
SELECT window_start, date_trunc('day', t) AS day, count(*) FROM s, tumble(t, '1 h') GROUP BY 1, 2;
-- so many windows that reading and storing them will be felt
CREATE MATERIALIZED VIEW many WITH (stream_agg.continuous) AS
SELECT window_start, count(*) FROM s, hop(t, '1 ms', '1 h') GROUP BY 1;
CREATE MATERIALIZED VIEW not_many WITH (stream_agg.continuous) AS
SELECT window_start, window_end, count(*) FROM s, cumulate(t, '10 s', '1 day') GROUP BY 1, 2;
\set VERBOSITY terse
DROP SCHEMA unbounded_state CASCADE;
DROP SERVER unbounded_state;
