-- Aggregates over kept arguments that fail: for a row by itself, for rows that
-- don't go together, for a group.  The stream goes on, other views get all rows.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA kept_errors;
SET search_path = kept_errors, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
CREATE SERVER kept_errors FOREIGN DATA WRAPPER stream_agg;

-- Fails if there is one row; its states can't be combined.
CREATE FUNCTION spread_step(s float8[], v int) RETURNS float8[] LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF v < 0 THEN
		RAISE EXCEPTION 'negative' USING detail = 'It is less than zero.';
	END IF;
	RETURN s || v::float8;
END
$$;
CREATE FUNCTION spread_final(s float8[]) RETURNS float8 LANGUAGE sql IMMUTABLE AS
	'SELECT (s[cardinality(s)] - s[1]) / (cardinality(s) - 1)';
CREATE AGGREGATE spread(int) (sfunc = spread_step, stype = float8[], finalfunc = spread_final, initcond = '{}');
-- The same by a state that can be combined.
CREATE FUNCTION mean_step(s bigint[], v int) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS 'SELECT ARRAY[s[1] + 1, s[2] + v]';
CREATE FUNCTION mean_combine(a bigint[], b bigint[]) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS
	'SELECT ARRAY[a[1] + b[1], a[2] + b[2]]';
CREATE FUNCTION mean_final(s bigint[]) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT s[2] / (s[1] - 1)';
CREATE AGGREGATE mean(int) (sfunc = mean_step, stype = bigint[], finalfunc = mean_final, combinefunc = mean_combine,
	initcond = '{0,0}');

CREATE FOREIGN TABLE s (k text, v int, a int[], t timestamptz) SERVER kept_errors OPTIONS (event_time 't');
CREATE VIEW letters AS
	SELECT view, partition AS part, "offset", sqlstate, reason, detail,
		CASE WHEN partition < 0 THEN convert_from(value, 'UTF8') END AS value
	FROM stream_agg.dead_letters ORDER BY view::text, partition, "offset";

CREATE MATERIALIZED VIEW rows WITH (stream_agg.continuous) AS SELECT * FROM s;
CREATE MATERIALIZED VIEW counts WITH (stream_agg.continuous) AS
	SELECT window_start, count(*), count(DISTINCT k) AS keys FROM s, tumble(t, '1 min') GROUP BY 1;
CREATE MATERIALIZED VIEW objects WITH (stream_agg.continuous) AS
	SELECT window_start, count(*), jsonb_object_agg(k, v) AS j FROM s, tumble(t, '1 min') GROUP BY 1;
CREATE MATERIALIZED VIEW filtered WITH (stream_agg.continuous) AS
	SELECT window_start, count(*), jsonb_object_agg(k, v) FILTER (WHERE k IS NOT NULL) AS j FROM s, tumble(t, '1 min') GROUP BY 1;
CREATE MATERIALIZED VIEW tumbled WITH (stream_agg.continuous) AS
	SELECT window_start, k, count(*), array_agg(a) AS a, spread(v ORDER BY v), string_agg(v::text, ',' ORDER BY v) AS v
	FROM s, tumble(t, '1 min') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW allowed WITH (stream_agg.continuous, stream_agg.allowed_lateness = '1 min') AS
	SELECT window_start, k, count(*), array_agg(a) AS a, spread(v ORDER BY v), string_agg(v::text, ',' ORDER BY v) AS v
	FROM s, tumble(t, '1 min') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW hopped WITH (stream_agg.continuous) AS
	SELECT window_start, k, count(*), array_agg(a) AS a, mean(v), spread(v ORDER BY v), string_agg(v::text, ',' ORDER BY v) AS v
	FROM s, hop(t, '1 min', '2 min') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW sessions WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, k, count(*), array_agg(a) AS a, spread(v ORDER BY v), string_agg(v::text, ',' ORDER BY v) AS v
	FROM s, session(t, '1 min') GROUP BY 1, 2, 3;
CREATE MATERIALIZED VIEW running WITH (stream_agg.continuous) AS SELECT jsonb_object_agg(k, v) AS j FROM s;

-- a row that fails by itself, at once
INSERT INTO s VALUES ('a', 1, '{1}', '2024-01-01 00:00:01'), (NULL, 2, '{2}', '2024-01-01 00:00:02'),
	('a', -1, '{3}', '2024-01-01 00:00:03');
SELECT * FROM letters;
SELECT * FROM objects;
SELECT * FROM filtered;
SELECT * FROM running;
-- rows that don't go together, within a batch and over two; a group of one row.
-- Who reads it meanwhile gets the error.
INSERT INTO s VALUES ('b', 3, '{{1,2}}', '2024-01-01 00:00:04'), ('b', 4, '{3}', '2024-01-01 00:00:05');
INSERT INTO s VALUES ('c', 5, '{1,2}', '2024-01-01 00:00:06'), ('d', 6, '{1}', '2024-01-01 00:00:07'),
	('d', 9, '{2}', '2024-01-01 00:00:08');
INSERT INTO s VALUES ('c', 7, '{1}', '2024-01-01 00:00:09');
SELECT * FROM tumbled WHERE k = 'b';
SELECT * FROM tumbled WHERE k = 'd';
SELECT k, v FROM tumbled WHERE k = 'b';
SELECT spread FROM tumbled WHERE k = 'a';
SELECT * FROM hopped WHERE k = 'c';
SELECT * FROM sessions WHERE k = 'c';

-- windows end: once, and for the one with allowed lateness a minute later
INSERT INTO s VALUES ('e', 1, '{1}', '2024-01-01 00:01:10'), ('e', 2, '{2}', '2024-01-01 00:01:11');
SELECT view, sqlstate, reason, detail, value FROM letters WHERE part = -1 ORDER BY 1, 5;
SELECT * FROM tumbled ORDER BY window_start, k;
SELECT k, is_final FROM allowed ORDER BY k;
INSERT INTO s VALUES ('e', 3, '{3}', '2024-01-01 00:02:00'), ('e', 4, '{3}', '2024-01-01 00:02:30');
SELECT * FROM allowed ORDER BY window_start, k;
SELECT * FROM sessions ORDER BY window_start, k;
-- all at once, by a watermark that goes far
INSERT INTO s VALUES (NULL, 3, '{3}', '2024-01-01 00:03:00'), ('b', 3, '{3}', '2024-01-01 00:03:01'),
	('b', 4, '{{3}}', '2024-01-01 00:03:02'), ('z', 1, '{1}', '2024-01-02');
INSERT INTO s VALUES ('z', 2, '{2}', '2024-01-02');
SELECT * FROM hopped ORDER BY window_start, k;
SELECT * FROM sessions ORDER BY window_start, k;
SELECT view, sqlstate, reason, detail, value FROM letters WHERE part = -1 ORDER BY 1, 5;
SELECT (SELECT count(*) FROM rows) AS rows, (SELECT sum(count) FROM counts) AS counted;
SELECT view, rows_in, rows_late, rows_dead FROM stream_agg.views ORDER BY view::text;
-- what could be computed is what plain SQL computes
SELECT pg_temp.check_view('filtered', 'rows');
SELECT pg_temp.check_view('counts', 'rows');

-- Who may not read a view doesn't see its groups: they hold more than the stream.
CREATE ROLE regress_kept_errors;
GRANT USAGE ON SCHEMA kept_errors TO regress_kept_errors;
GRANT SELECT ON s, hopped TO regress_kept_errors;
SET ROLE regress_kept_errors;
SELECT view, partition < 0 AS is_group, count(*) FROM stream_agg.dead_letters
WHERE view IN ('hopped'::regclass, 'tumbled'::regclass) GROUP BY 1, 2 ORDER BY 1::text, 2;
RESET ROLE;

-- on_error: counted, or nothing goes on
CREATE FOREIGN TABLE skipping (v int, t timestamp) SERVER kept_errors OPTIONS (event_time 't', on_error 'skip');
CREATE MATERIALIZED VIEW skipped WITH (stream_agg.continuous) AS
	SELECT window_start, spread(v), count(*) FROM skipping, hop(t, '1 min', '1 min') GROUP BY 1;
INSERT INTO skipping VALUES (1, '2024-01-01 00:00:00'), (-2, '2024-01-01 00:00:01');
INSERT INTO skipping VALUES (1, '2024-01-01 00:01:00'), (2, '2024-01-01 00:02:00');
SELECT * FROM skipped WHERE is_final ORDER BY 1;
SELECT rows_in, rows_dead FROM stream_agg.views WHERE view = 'skipped'::regclass;
SELECT count(*) FROM letters WHERE view = 'skipped'::regclass;
CREATE FOREIGN TABLE stopping (v int, t timestamptz) SERVER kept_errors OPTIONS (event_time 't', on_error 'stop');
CREATE MATERIALIZED VIEW stopped WITH (stream_agg.continuous) AS
	SELECT window_start, spread(v), count(*) FROM stopping, tumble(t, '1 min') GROUP BY 1;
INSERT INTO stopping VALUES (1, '2024-01-01 00:00:00'), (-2, '2024-01-01 00:00:01');
INSERT INTO stopping VALUES (1, '2024-01-01 00:00:00');
INSERT INTO stopping VALUES (1, '2024-01-01 00:01:00');
ALTER FOREIGN TABLE stopping OPTIONS (SET on_error 'dead_letter');
INSERT INTO stopping VALUES (1, '2024-01-01 00:01:00');
SELECT view, "offset", reason, value FROM letters WHERE view = 'stopped'::regclass;
SELECT * FROM stopped WHERE is_final;

-- A session that goes on after it was final.
CREATE FOREIGN TABLE late (k text, a int[], t timestamptz) SERVER kept_errors OPTIONS (event_time 't');
CREATE MATERIALIZED VIEW late_sessions WITH (stream_agg.continuous, stream_agg.allowed_lateness = '5 min') AS
	SELECT window_start, window_end, k, array_agg(a), count(*) FROM late, session(t, '1 min') GROUP BY 1, 2, 3;
INSERT INTO late VALUES ('a', '{1}', '2024-01-01 00:00:00'), ('b', '{1}', '2024-01-01 00:00:00'), ('c', '{1}', '2024-01-01 00:03:00');
SELECT * FROM late_sessions ORDER BY k;
INSERT INTO late VALUES ('a', '{{1}}', '2024-01-01 00:00:30'), ('b', '{2}', '2024-01-01 00:00:30');
SELECT * FROM late_sessions WHERE k <> 'a' ORDER BY k;
INSERT INTO late VALUES ('c', '{1}', '2024-01-01 00:10:00');
SELECT * FROM late_sessions ORDER BY k, window_start;
SELECT "offset", reason, value FROM letters WHERE view = 'late_sessions'::regclass;
-- only what is open is kept
SELECT count(*) FROM stream_agg_data.late_sessions_kept_1;

-- Neither keys nor kept arguments: states alone, which were read from panes.
CREATE MATERIALIZED VIEW mean_of_all WITH (stream_agg.continuous) AS
	SELECT window_start, mean(cardinality(a)), count(*) FROM late, hop(t, '1 min', '3 min') GROUP BY 1;
INSERT INTO late VALUES ('c', '{1}', '2024-01-01 00:10:00'), ('c', '{1}', '2024-01-01 00:11:00'), ('c', '{1}', '2024-01-01 00:20:00');
SELECT * FROM mean_of_all WHERE is_final ORDER BY 1;
SELECT reason, value FROM letters WHERE view = 'mean_of_all'::regclass ORDER BY value;

-- What doesn't fit the index of a set, with DISTINCT; elsewhere it is no matter.
CREATE FOREIGN TABLE large (k text, t timestamptz) SERVER kept_errors OPTIONS (event_time 't');
CREATE MATERIALIZED VIEW large_rows WITH (stream_agg.continuous) AS SELECT k, t FROM large;
CREATE MATERIALIZED VIEW large_tumbled WITH (stream_agg.continuous) AS
	SELECT window_start, count(DISTINCT k) FROM large, tumble(t, '1 min') GROUP BY 1;
CREATE MATERIALIZED VIEW large_hopped WITH (stream_agg.continuous) AS
	SELECT window_start, count(DISTINCT k) FROM large, hop(t, '1 min', '2 min') GROUP BY 1;
CREATE MATERIALIZED VIEW large_sessions WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, count(DISTINCT k) FROM large, session(t, '1 min') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW large_ordered WITH (stream_agg.continuous) AS
	SELECT window_start, length(string_agg(k, ',' ORDER BY k)) FROM large, tumble(t, '1 min') GROUP BY 1;
INSERT INTO large SELECT string_agg(CASE WHEN n = 0 THEN '' ELSE md5((n * i)::text) END, ''), '2024-01-01'
FROM (VALUES (0), (1), (2)) AS v(n), generate_series(1, 80) AS i GROUP BY n ORDER BY n;
INSERT INTO large SELECT string_agg(md5(i::text), ''), '2024-01-01' FROM generate_series(1, 400) AS i;
SELECT length(k) FROM large_rows ORDER BY 1;
SELECT count FROM large_tumbled;
SELECT DISTINCT count FROM large_hopped;
SELECT count FROM large_sessions;
SELECT length FROM large_ordered;
SELECT view, "offset", sqlstate, regexp_replace(reason, '\d+', 'N', 'g') AS reason, detail FROM letters
WHERE view::text LIKE 'large%';

-- A constraint of the user's on the table: a dead letter for the row where rows are
-- written as they come, for the group where windows are written when they end.
CREATE FOREIGN TABLE checked (k text, v int, t timestamptz) SERVER kept_errors OPTIONS (event_time 't');
CREATE MATERIALIZED VIEW checked_rows WITH (stream_agg.continuous) AS SELECT k, v FROM checked;
CREATE MATERIALIZED VIEW checked_tumbled WITH (stream_agg.continuous) AS
	SELECT window_start, k, sum(v) AS total FROM checked, tumble(t, '5 min') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW checked_hopped WITH (stream_agg.continuous) AS
	SELECT window_start, k, sum(v) AS total FROM checked, hop(t, '5 min', '10 min') GROUP BY 1, 2;
ALTER TABLE stream_agg_data.checked_tumbled ADD CONSTRAINT small CHECK (total < 100);
ALTER TABLE stream_agg_data.checked_hopped ADD CONSTRAINT small CHECK (total < 100);
INSERT INTO checked VALUES ('x', 101, '2024-01-01 00:01Z'), ('y', 7, '2024-01-01 00:01Z');
INSERT INTO checked VALUES ('z', 1, '2024-01-02 00:01Z');
SELECT * FROM checked_rows ORDER BY k;
SELECT k, total FROM checked_tumbled WHERE is_final ORDER BY 1, 2;
SELECT k, total FROM checked_hopped WHERE is_final ORDER BY 1, 2;
SELECT view, sqlstate, reason, convert_from(value, 'UTF8')::jsonb ->> 'k' AS k FROM stream_agg.dead_letters
WHERE view::text LIKE 'checked%' ORDER BY view::text, "offset";

-- A time so early that a window of it would begin before all times.
INSERT INTO checked VALUES ('early', 1, '4714-11-24 BC');
INSERT INTO checked VALUES ('late', 1, '2024-01-03 00:01Z');
SELECT view, sqlstate, reason FROM stream_agg.dead_letters
WHERE view::text LIKE 'checked%' AND convert_from(value, 'UTF8') LIKE '%early%';
SELECT k, count(*) FROM checked_hopped GROUP BY 1 ORDER BY 1;

SET client_min_messages = warning;
DROP SCHEMA kept_errors CASCADE;
DROP SERVER kept_errors;
DROP ROLE regress_kept_errors;
SELECT * FROM pg_temp.leftovers();
