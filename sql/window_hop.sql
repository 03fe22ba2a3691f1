-- hop() in plain SQL: a row lies in every window that holds it.
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';

SELECT w.* FROM hop('2024-01-01 00:07', '5 minutes', '15 minutes') AS w;
-- A bound belongs to the window that it begins.
SELECT w.* FROM hop('2024-01-01 00:05', '5 minutes', '10 minutes') AS w;
SELECT w.* FROM hop('2024-01-01 00:04:59.999999', '5 minutes', '10 minutes') AS w;

-- The size need not be a multiple of the slide: two or three windows.
SELECT ts::time, array_agg(window_start::time ORDER BY window_start) AS starts,
	min(window_end)::time AS first_end
FROM generate_series(timestamptz '2024-01-01 00:10', '2024-01-01 00:15', '1 minute') AS ts,
	hop(ts, '5 minutes', '12 minutes')
GROUP BY ts ORDER BY ts;

-- A slide greater than the size leaves gaps, whose rows are in no window.
SELECT ts::time, window_start::time, window_end::time
FROM generate_series(timestamptz '2024-01-01 00:00', '2024-01-01 00:12', '1 minute') AS ts
	LEFT JOIN LATERAL hop(ts, '5 minutes', '2 minutes') ON true
ORDER BY ts;

-- With slide = size it is tumble.
SELECT count(*)
FROM generate_series(timestamptz '1969-12-20', '1970-01-20', '11 hours') AS ts,
	unnest('{13 minutes,1 day,5 days,7 days,1 month}'::interval[]) AS size,
	unnest('{NULL,America/New_York}'::text[]) AS zone
WHERE (SELECT row(w.*) FROM tumble(ts, size, timezone => zone) AS w)
	<> (SELECT row(w.*) FROM hop(ts, size, size, timezone => zone) AS w);

-- It is the slide that is aligned: whole weeks on Monday, others on the epoch.
SELECT slide, size, window_start, to_char(window_start, 'Dy') AS day, window_end
FROM (VALUES (1, interval '7 days', interval '10 days'), (2, '3 days', '7 days'),
	(3, '14 days', '7 days')) AS v (n, slide, size),
	hop('1970-01-10 01:00', slide, size)
ORDER BY n, window_start;

-- Origin, times before it, timestamp, zones, months.
SELECT w.* FROM hop('1969-12-31 23:58', '5 minutes', '10 minutes', '2024-01-01 00:01') AS w;
SELECT w.*, pg_typeof(window_start)
FROM hop(timestamp '2024-01-01 00:07', '5 minutes', '10 minutes',
	timestamp '2024-01-01 00:01') AS w;
SELECT w.* FROM hop('2024-03-31 12:00', '1 day', '2 days', timezone => 'Europe/Berlin') AS w;
SELECT w.*
FROM hop(timestamp '2024-03-31 12:00', '1 day', '2 days', timezone => 'Europe/Berlin') AS w;
SELECT w.* FROM hop('2024-03-31 12:00', '1 month', '1 year') AS w LIMIT 3;
SELECT w.* FROM hop('2024-03-31 12:00', '1 month', '3 months', '2024-01-31') AS w;

-- NULL and infinite times lie in no window: NULL bounds, as from tumble.
SELECT ts, w.*
FROM unnest('{NULL,infinity,-infinity}'::timestamptz[]) AS ts,
	hop(ts, '5 minutes', '10 minutes') AS w;

-- A row may lie in very many.
SELECT count(*) FROM hop('2024-01-01', '1 second', '1 day');

-- What is refused.
SELECT * FROM hop('2024-01-01', '0 minutes', '10 minutes');
SELECT * FROM hop('2024-01-01', '5 minutes', '-10 minutes');
SELECT * FROM hop('2024-01-01', '1 day', '1 month');
SELECT * FROM hop('2024-01-01', '1 month', '30 days');
SELECT * FROM hop('2024-01-01', '1 hour', '1 day', timezone => 'Europe/Berlin');
SELECT * FROM hop('2024-01-01', NULL, '1 day');
SELECT * FROM hop('2024-01-01', '1 day', NULL);
SELECT * FROM hop('2024-01-01', '1 day', '2 days', '-infinity');
SELECT * FROM hop('2024-01-01', '1 day', '2 days', timezone => 'nowhere');
SELECT * FROM hop('294276-12-31 12:00', '12 hours', '1 day');
SELECT * FROM hop('4714-11-24 BC', '12 hours', '1 day');
