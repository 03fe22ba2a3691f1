-- session() in plain SQL: the row's own window, [ts, ts + gap).
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
CREATE TEMP TABLE times (ts timestamptz);
INSERT INTO times VALUES ('2024-01-01 00:00'), ('1969-12-31 23:59:59.999999'), (NULL),
	('infinity'), ('-infinity');

SELECT ts, w.* FROM times, session(ts, '5 minutes') AS w ORDER BY ts;
EXPLAIN (COSTS OFF) SELECT * FROM times, session(ts, '5 minutes');
SELECT w.*, pg_typeof(window_end) FROM session(timestamp '2024-01-01', '1.5 seconds') AS w;

-- A day is 24 hours, in every session.
SET TimeZone = 'Europe/Berlin';
SELECT w.*, window_end - window_start = '24 hours' AS absolute
FROM session('2024-03-30 18:00', '1 day') AS w;
SET TimeZone = 'UTC';

-- What is refused.
SELECT * FROM session('2024-01-01', '0 seconds');
SELECT * FROM session('2024-01-01', '-1 day');
SELECT * FROM session('2024-01-01', '1 month');
SELECT * FROM session('2024-01-01', '1 month 1 day');
SELECT * FROM session('2024-01-01', NULL);
SELECT * FROM session('294276-12-31 23:59', '1 minute');
DROP TABLE times;
