-- FILTER, HAVING, CASE, expressions over aggregates and keys, the same aggregate
-- twice, empty groups, empty input.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA aggregate_expressions;
SET search_path = aggregate_expressions, public;
SET TimeZone = 'UTC';
CREATE SERVER aggregate_expressions FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (g int, v int, f float8, t text, at timestamptz) SERVER aggregate_expressions
	OPTIONS (event_time 'at');
CREATE TABLE s_rows (LIKE s);
CREATE TABLE weights (g int, w int);
INSERT INTO weights VALUES (0, 10), (0, 20), (1, 30);

CREATE MATERIALIZED VIEW filters WITH (stream_agg.continuous) AS
	SELECT g, count(*) FILTER (WHERE v > 20), sum(v) FILTER (WHERE t IN ('t1', 't2')), sum(v) AS all_,
		min(v) FILTER (WHERE false) AS never, count(*) FILTER (WHERE g = 0) AS by_key
	FROM s GROUP BY g;
CREATE MATERIALIZED VIEW expressions WITH (stream_agg.continuous) AS
	SELECT g * 2 AS twice, round(avg(v), 2) AS a, sum(v) + count(*) AS both, sum(v + 1) AS inside, -max(v) AS negative,
		coalesce(sum(v) FILTER (WHERE v > 1000), 0) AS none, count(v)::text || '/' || count(*) AS text,
		CASE g WHEN 0 THEN sum(v) ELSE max(v) END AS by_case, ARRAY[min(v), max(v)] AS ends, 1 AS one,
		now() IS NOT NULL AS stable, sum(v) = sum(v) AS same
	FROM s GROUP BY g;
CREATE MATERIALIZED VIEW havings WITH (stream_agg.continuous) AS
	SELECT g, t FROM s GROUP BY g, t HAVING sum(v) > 50 AND count(*) < 100 AND g IS NOT NULL;
CREATE MATERIALIZED VIEW having_only WITH (stream_agg.continuous) AS SELECT 1 AS one FROM s HAVING count(*) > 3;
CREATE MATERIALIZED VIEW having_window WITH (stream_agg.continuous, stream_agg.emit = 'final') AS
	SELECT window_end, max(v) FROM s, tumble(at, '1 hour') WHERE v > 3 GROUP BY window_start, window_end HAVING min(v) < 30;
CREATE MATERIALIZED VIEW window_expressions WITH (stream_agg.continuous) AS
	SELECT to_char(window_start, 'HH24:MI') || '-' || to_char(window_end, 'HH24:MI') AS span,
		count(*) / extract(epoch FROM window_end - window_start) AS rate, window_start, extract(hour FROM at) AS hour
	FROM s, tumble(at, '1 hour') GROUP BY window_start, window_end, extract(hour FROM at);
CREATE MATERIALIZED VIEW joined WITH (stream_agg.continuous) AS
	SELECT s.g, sum(v * w), count(*), bool_and(w > 10) FROM s LEFT JOIN weights USING (g) GROUP BY s.g;
CREATE MATERIALIZED VIEW nothing WITH (stream_agg.continuous) AS
	SELECT count(*), sum(v), avg(v), max(t), bool_and(v > 0), stddev(f), regr_slope(f, v) FROM s WHERE v > 100000;
CREATE MATERIALIZED VIEW names WITH (stream_agg.continuous) AS
	SELECT g AS revision, count(*) AS state, sum(v) AS sum_state, avg(v) AS sum, max(v) AS "Größe", min(v) AS window_start
	FROM s GROUP BY g;
CREATE MATERIALIZED VIEW duplicates WITH (stream_agg.continuous) AS
	SELECT count(*) AS a, count(*) AS b, sum(v) AS c, sum(v) + 1 AS d, g FROM s GROUP BY g, g;

INSERT INTO s_rows SELECT nullif(i % 4, 3), i, i / 4.0, 't' || i % 5, '2024-01-01'::timestamptz + i * '5 min'::interval
	FROM generate_series(1, 50) i;
INSERT INTO s SELECT * FROM s_rows ORDER BY at LIMIT 3;
INSERT INTO s SELECT * FROM s_rows WHERE false;
INSERT INTO s SELECT * FROM s_rows ORDER BY at OFFSET 3;
SELECT view, d FROM stream_agg.continuous_view, pg_temp.check_view(view) d
WHERE emit = 'changes' ORDER BY view::text;
TABLE nothing;
SELECT * FROM having_window ORDER BY 1;
SELECT a.attname FROM pg_attribute a
WHERE attrelid = stream_agg.data_table('names') AND attnum > 0 ORDER BY attnum;

SET client_min_messages = warning;
DROP SCHEMA aggregate_expressions CASCADE;
DROP SERVER aggregate_expressions;
SELECT * FROM pg_temp.leftovers();
