-- What a reader of a view sees while windows are open, when they are final, and
-- with emit 'final'; late = 'drop'.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA view_emit;
SET search_path = view_emit, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
CREATE SERVER view_emit FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text, v int, t timestamptz) SERVER view_emit OPTIONS (event_time 't');
CREATE MATERIALIZED VIEW changes WITH (stream_agg.continuous, stream_agg.emit = 'changes') AS
	SELECT window_start, k, sum(v), avg(v) FROM s, tumble(t, '1 hour') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW finals WITH (stream_agg.continuous, stream_agg.emit = 'final', stream_agg.late = 'drop') AS
	SELECT window_start, k, sum(v), avg(v) FROM s, tumble(t, '1 hour') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW haves WITH (stream_agg.continuous, stream_agg.emit = 'final') AS
	SELECT k FROM s, tumble(t, '1 hour') GROUP BY window_end, k HAVING sum(v) > 2;

INSERT INTO s VALUES ('a', 1, '2024-01-01 10:00'), ('b', 2, '2024-01-01 10:59:59.999999'), ('a', 2, '2024-01-01 10:30');
SELECT * FROM changes ORDER BY 1, 2;
SELECT * FROM finals ORDER BY 1, 2;
SELECT * FROM haves ORDER BY 1;
-- the very end of a window is the start of the next
INSERT INTO s VALUES ('a', 4, '2024-01-01 11:00');
SELECT * FROM changes ORDER BY 1, 2;
SELECT * FROM finals ORDER BY 1, 2;
SELECT * FROM haves ORDER BY 1;
-- late rows: recorded for those that record, counted for all
INSERT INTO s VALUES ('a', 8, '2024-01-01 10:59'), ('c', 8, '2024-01-01 10:59');
SELECT * FROM finals ORDER BY 1, 2;
SELECT view, "offset" FROM stream_agg.late_rows ORDER BY view::text, "offset";
SELECT view, rows_in, rows_late, rows_dead, open_windows, state FROM stream_agg.views ORDER BY view::text;
-- a row that a join multiplies is one late row, one that a join removes is none
CREATE TABLE twice (k text, n int);
INSERT INTO twice VALUES ('a', 1), ('a', 2);
CREATE MATERIALIZED VIEW joined WITH (stream_agg.continuous) AS
	SELECT window_start, n, count(*) FROM s JOIN twice USING (k), tumble(t, '1 hour') GROUP BY 1, 2;
INSERT INTO s VALUES ('a', 1, '2024-01-01 11:10'), ('a', 1, '2024-01-01 10:00'), ('b', 1, '2024-01-01 10:00'),
	('a', 1, '2024-01-01 11:05');
SELECT * FROM joined ORDER BY 1, 2;
SELECT "offset" FROM stream_agg.late_rows WHERE view = 'joined'::regclass;
SELECT rows_late FROM stream_agg.views WHERE view = 'joined'::regclass;
-- settled rows keep no state
SELECT window_start, k, avg_state IS NULL AS settled, is_final, revision
FROM stream_agg_data.changes ORDER BY 1, 2;
-- many windows end at once
INSERT INTO s SELECT 'd', i, '2024-01-01 12:00'::timestamptz + i * interval '30 min' FROM generate_series(1, 9) i;
INSERT INTO s VALUES ('e', 1, '2024-01-02');
SELECT * FROM finals WHERE k = 'd' ORDER BY 1;
SELECT count(*) FILTER (WHERE is_final), count(*) FILTER (WHERE NOT is_final) FROM changes;

SET client_min_messages = warning;
DROP SCHEMA view_emit CASCADE;
DROP SERVER view_emit;
SELECT * FROM pg_temp.leftovers();
