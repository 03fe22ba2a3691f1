-- What cannot be maintained is refused by CREATE: one reason, its place, and
-- what to do instead.
CREATE SCHEMA view_errors;
SET search_path = view_errors, public;
CREATE SERVER view_errors FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text, v int, j json, t timestamptz, other timestamptz)
	SERVER view_errors OPTIONS (event_time 't');
CREATE FOREIGN TABLE s2 (k text, t timestamptz) SERVER view_errors OPTIONS (event_time 't');
CREATE FOREIGN TABLE timeless (k text, t timestamptz) SERVER view_errors;
CREATE TABLE plain (k text, v int, t timestamptz);

-- the stream
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT k, count(*) FROM plain GROUP BY k;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT 1;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT s.k FROM s JOIN s2 USING (k);
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT a.k FROM s a, s b;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	WITH c AS (SELECT k FROM s) SELECT a.k FROM c a JOIN c b USING (k);
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT k FROM plain WHERE EXISTS (SELECT FROM s WHERE s.k = plain.k);
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT k FROM plain WHERE k IN (SELECT k FROM s);
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT k, (SELECT max(k) FROM s2) FROM s;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT s.k FROM plain LEFT JOIN s USING (k);
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT s.k FROM s RIGHT JOIN plain USING (k);
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT s.k FROM s FULL JOIN plain USING (k);
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT k FROM s TABLESAMPLE system (10);
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT k FROM s FOR UPDATE;

-- clauses
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT k, row_number() OVER () FROM s;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT k, sum(count(*)) OVER () FROM s GROUP BY k;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT k FROM s UNION ALL SELECT k FROM plain;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT k FROM s EXCEPT SELECT k FROM plain;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT k FROM s LIMIT 10;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT k FROM s OFFSET 10;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT k FROM s FETCH FIRST 1 ROW ONLY;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT k, count(*) FROM s GROUP BY k ORDER BY k;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT DISTINCT k FROM s;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT DISTINCT ON (k) k, v FROM s;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT k, v, count(*) FROM s GROUP BY ROLLUP (k, v);
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT k, v, count(*) FROM s GROUP BY GROUPING SETS ((k), (v));
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT k, generate_series(1, v) FROM s;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	WITH RECURSIVE r AS (SELECT k FROM s UNION ALL SELECT k FROM r) SELECT k FROM r;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	WITH i AS (INSERT INTO plain VALUES ('x') RETURNING k) SELECT k FROM s JOIN i USING (k);
-- the same inside of a subquery that the stream passes
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT k FROM (SELECT k FROM s LIMIT 10) q;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT max(n) FROM (SELECT k, count(*) AS n FROM s GROUP BY k) q;

-- grouping
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT random() AS r, count(*) FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT r, count(*) FROM (SELECT random() AS r FROM s) q GROUP BY r;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT point(v, v), count(*) FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT v::text::xid, count(*) FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT (k, v), count(*) FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT k, v, count(*) FROM s GROUP BY k;

-- windows
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT k, count(*) FROM s, tumble(t, '1 hour') GROUP BY k;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM s, tumble(other, '1 hour') GROUP BY window_start;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM s, tumble(t + '1 hour', '1 hour') GROUP BY window_start;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM timeless, tumble(t, '1 hour') GROUP BY window_start;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM s, tumble(t, '0') GROUP BY window_start;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM s, tumble(t, '1 month 1 hour') GROUP BY window_start;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM s, tumble(t, v * interval '1 hour') GROUP BY window_start;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM s, tumble(t, NULL) GROUP BY window_start;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM s, tumble(t, '1 day', timezone => 'Mars/Olympus') GROUP BY window_start;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT a.window_start, count(*) FROM s, tumble(t, '1 hour') a, tumble(t, '1 day') b GROUP BY a.window_start;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start AS is_final, count(*) FROM s, tumble(t, '1 hour') GROUP BY window_start;
CREATE MATERIALIZED VIEW v (a, is_final) WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM s, tumble(t, '1 hour') GROUP BY window_start;

-- options
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous, stream_agg.emmit = 'final') AS SELECT k FROM s;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous, stream_agg.colour = 'red') AS SELECT k FROM s;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous, fillfactor = 70) AS SELECT k FROM s;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous, stream_agg.emit = 'never') AS SELECT k FROM s;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous, stream_agg.emit = 'final') AS SELECT k FROM s;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous, stream_agg.late = 'keep') AS SELECT k FROM s;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous, stream_agg.into = 'plain') AS
	SELECT k, count(*) AS v FROM s GROUP BY k;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous, stream_agg.into = 'nowhere') AS SELECT k FROM s;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous, stream_agg.into = 's2') AS SELECT k FROM s;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous, stream_agg.into = 'plain') AS SELECT k AS key FROM s;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous, stream_agg.into = 'plain') AS SELECT k AS v FROM s;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous = maybe) AS SELECT k FROM s;
CREATE MATERIALIZED VIEW v USING heap WITH (stream_agg.continuous) AS SELECT k FROM s;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) TABLESPACE pg_default AS SELECT k FROM s;
-- without the option, it is PostgreSQL's own
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous = false) AS SELECT k FROM s;
CREATE MATERIALIZED VIEW v WITH (stream_agg.emit = 'final') AS SELECT k FROM s;
CREATE MATERIALIZED VIEW v AS SELECT k FROM s;
CREATE TABLE v WITH (stream_agg.continuous) AS SELECT k FROM s;
REFRESH MATERIALIZED VIEW v;

-- Nothing of all this is left.
SELECT count(*) FROM stream_agg.continuous_view;
SELECT relname FROM pg_class WHERE relnamespace = 'stream_agg_data'::regnamespace;
SET client_min_messages = warning;
DROP SCHEMA view_errors CASCADE;
DROP SERVER view_errors;
