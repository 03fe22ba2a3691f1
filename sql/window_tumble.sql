-- tumble() in plain SQL: one window per row, inlined by the planner.
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
CREATE TEMP TABLE times (ts timestamptz);
INSERT INTO times VALUES ('2024-01-01 00:00'), ('2024-01-01 00:04:59.999999'),
	('2024-01-01 00:05'), ('2024-07-01 12:34:56.789');

SELECT ts, w.* FROM times, tumble(ts, '5 minutes') AS w ORDER BY ts;
SELECT window_start, window_end, count(*)
FROM times, tumble(ts, '1 hour')
GROUP BY window_start, window_end ORDER BY window_start;

-- No function scan, no join: the window is computed where the row is read.
EXPLAIN (COSTS OFF) SELECT * FROM times, tumble(ts, '5 minutes');
EXPLAIN (COSTS OFF)
SELECT * FROM times LEFT JOIN LATERAL tumble(ts, '5 minutes') ON true;
EXPLAIN (COSTS OFF)
SELECT * FROM times, tumble(ts, '1 day', timezone => 'Europe/Berlin');

-- Alignment: the Unix epoch; whole weeks begin on Monday; odd sizes too.
SELECT size, w.*, to_char(window_start, 'Dy') AS day
FROM unnest('{1 microsecond,7 minutes,24 hours,1 day,3 days,7 days,168 hours,14 days,
	1 day 6 hours}'::interval[]) WITH ORDINALITY AS s (size, n),
	tumble('1970-01-09 12:34:56.5', size) AS w
ORDER BY n;

-- Times before the epoch and before the origin: floor division.
SELECT ts, w.*
FROM unnest('{1969-12-31 23:59:59.999999+00,1969-12-31 23:55+00,1969-12-31 23:54:59+00,
	1900-01-01 00:00+00,0044-03-15 12:00+00 BC}'::timestamptz[]) AS ts,
	tumble(ts, '5 minutes') AS w;
SELECT w.* FROM tumble('1969-12-28 12:00', '7 days') AS w;

-- An origin is a start, wherever it lies.
SELECT origin, w.*
FROM unnest('{2024-01-01 00:02+00,2024-01-02 00:02+00,1800-01-01 00:01+00,
	4713-01-01 00:00 BC,294276-12-31 23:57+00}'::timestamptz[]) AS origin,
	tumble('2024-01-01 12:00', '5 minutes', origin) AS w;
SELECT w.* FROM tumble('2024-01-04', '7 days', origin => '2023-01-01') AS w;

-- timestamp: taken as UTC.
SELECT w.*, pg_typeof(window_start)
FROM tumble(timestamp '2024-01-01 00:07', '5 minutes') AS w;
SELECT w.*
FROM tumble(timestamp '2024-01-01 00:07', '5 minutes', timestamp '2023-12-31 00:01') AS w;
SELECT w.*
FROM tumble(timestamp '2024-07-01 22:30', '1 day', timezone => 'Europe/Berlin') AS w;
SELECT pg_typeof(window_start) FROM tumble('2024-01-01', '1 day');

-- A zone without DST; hours stay absolute in any zone.
SELECT w.* FROM tumble('2024-01-01 20:00', '1 day', timezone => 'Asia/Kathmandu') AS w;
SELECT w.* FROM tumble('2024-01-01 20:00', '2 days', timezone => 'Etc/GMT-14') AS w;
SELECT w.* FROM tumble('2024-01-01 20:00', '24 hours', timezone => 'Asia/Kathmandu') AS w;
SELECT w.* FROM tumble('2024-01-01 20:40', '1 hour', timezone => 'Asia/Kathmandu') AS w;

-- NULL and infinite times lie in no window.
SELECT ts, w.*
FROM unnest('{NULL,infinity,-infinity}'::timestamptz[]) AS ts,
	tumble(ts, '5 minutes') AS w;
SELECT w.* FROM tumble(NULL::timestamp, '5 minutes') AS w;

-- Arguments that change from row to row.
SELECT ts, size, zone, w.*
FROM (VALUES
	(1, timestamptz '2024-07-01 23:30', interval '1 day', NULL),
	(2, '2024-07-01 23:30', '1 day', 'Europe/Berlin'),
	(3, '2024-07-01 23:30', '1 day', 'America/New_York'),
	(4, '2024-07-01 23:30', '24 hours', 'America/New_York'),
	(5, '2024-07-01 23:30', '24 hours', NULL),
	(6, '2024-07-01 23:31', '1 hour', NULL)) AS v (n, ts, size, zone),
	tumble(ts, size, timezone => zone) AS w
ORDER BY n;

-- Nothing depends on the session's TimeZone.
CREATE TEMP TABLE answers AS
SELECT size, zone, w.*
FROM generate_series(timestamptz '2024-03-30', '2024-04-02', '37 minutes') AS ts,
	unnest('{1 hour,1 day,7 days,1 month}'::interval[]) AS size,
	unnest('{NULL,Europe/Berlin,America/New_York}'::text[]) AS zone,
	tumble(ts, size, timezone => zone) AS w;
SET TimeZone = 'America/New_York';
SELECT count(*) FROM (
	SELECT size, zone, w.*
	FROM generate_series(timestamptz '2024-03-30 00:00+00', '2024-04-02 00:00+00',
		'37 minutes') AS ts,
		unnest('{1 hour,1 day,7 days,1 month}'::interval[]) AS size,
		unnest('{NULL,Europe/Berlin,America/New_York}'::text[]) AS zone,
		tumble(ts, size, timezone => zone) AS w
	EXCEPT ALL SELECT * FROM answers) AS different;
SET TimeZone = 'Asia/Kathmandu';
SELECT count(*) FROM (
	SELECT * FROM answers EXCEPT ALL
	SELECT size, zone, w.*
	FROM generate_series(timestamptz '2024-03-30 00:00+00', '2024-04-02 00:00+00',
		'37 minutes') AS ts,
		unnest('{1 hour,1 day,7 days,1 month}'::interval[]) AS size,
		unnest('{NULL,Europe/Berlin,America/New_York}'::text[]) AS zone,
		tumble(ts, size, timezone => zone) AS w) AS different;
SET TimeZone = 'UTC';

-- What is refused.
SELECT * FROM tumble('2024-01-01', '0 seconds');
SELECT * FROM tumble('2024-01-01', '-5 minutes');
SELECT * FROM tumble('2024-01-01', '1 day -24 hours');
SELECT * FROM tumble('2024-01-01', '-1 month');
SELECT * FROM tumble('2024-01-01', '1 month 1 day');
SELECT * FROM tumble('2024-01-01', '1 year 1 microsecond');
SELECT * FROM tumble('2024-01-01', '1 day 1 hour', timezone => 'UTC');
SELECT * FROM tumble('2024-01-01', '1 day', 'infinity');
SELECT * FROM tumble('2024-01-01', NULL);
SELECT * FROM tumble('2024-01-01', '1 day', timezone => 'Europe/Nowhere');
SELECT * FROM tumble('2024-01-01', '1 day', timezone => '+02');
SELECT * FROM tumble('2024-01-01', '1 day', timezone => '');
SELECT * FROM tumble('2024-01-01', make_interval(days => 2147483647));

-- The ends of time: a window must have both bounds.
SELECT w.* FROM tumble('294276-12-30 23:59', '1 day') AS w;
SELECT * FROM tumble('294276-12-31 23:59', '1 day');
SELECT w.* FROM tumble('4714-11-24 00:00 BC', '1 day') AS w;
SELECT * FROM tumble('4714-11-24 00:00 BC', '7 days');
SELECT * FROM tumble('4714-11-24 00:00 BC', '1 month');
SELECT * FROM tumble('4714-11-24 00:00 BC', '290000 years', '294276-12-31');
SELECT * FROM tumble('4714-11-24 00:00 BC', '2562047788:00:54', '294276-12-31');
SELECT * FROM tumble('294276-12-31 23:59', '1 month', timezone => 'Europe/Berlin');
DROP TABLE times, answers;
