-- cumulate() in plain SQL: windows that begin together and grow by steps.
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';

SELECT w.* FROM cumulate('2024-01-01 00:07', '5 minutes', '20 minutes') AS w;
-- A bound ends a window: the row at it is in the later ones.
SELECT w.* FROM cumulate('2024-01-01 00:10', '5 minutes', '20 minutes') AS w;
SELECT w.* FROM cumulate('2024-01-01 00:19:59.999999', '5 minutes', '20 minutes') AS w;
-- With step = size it is tumble.
SELECT w.* FROM cumulate('2024-01-01 00:07', '20 minutes', '20 minutes') AS w;

-- A running total of the day, by six hours.
SELECT window_end, count(*), sum(x)
FROM (VALUES (timestamptz '2024-01-01 01:00', 1), ('2024-01-01 07:00', 10),
	('2024-01-01 23:00', 100), ('2024-01-02 00:00', 1000)) AS v (ts, x),
	cumulate(ts, '6 hours', '1 day')
GROUP BY window_start, window_end ORDER BY window_end;

-- The size is aligned: whole weeks on Monday; origin; times before the epoch.
SELECT w.* FROM cumulate('1970-01-08 01:00', '3 days 12 hours', '7 days') AS w;
SELECT w.* FROM cumulate('2024-01-01 00:07', '5 minutes', '20 minutes', '2023-01-01 00:03') AS w;
SELECT w.* FROM cumulate('1969-12-31 23:47', '5 minutes', '20 minutes') AS w;
SELECT w.*, pg_typeof(window_end)
FROM cumulate(timestamp '2024-01-01 00:13', '5 minutes', '20 minutes',
	timestamp '2024-01-01 00:02') AS w;

-- Civil days in weeks, months in years.
SELECT w.* FROM cumulate('2024-03-29 12:00', '1 day', '7 days', timezone => 'Europe/Berlin') AS w;
SELECT w.* FROM cumulate('2024-05-15', '3 months', '1 year') AS w;
SELECT w.*
FROM cumulate('2024-10-15', '1 month', '3 months', timezone => 'America/New_York') AS w;

-- NULL and infinite times lie in no window: NULL bounds, as from tumble.
SELECT ts, w.*
FROM unnest('{NULL,infinity,-infinity}'::timestamptz[]) AS ts,
	cumulate(ts, '5 minutes', '10 minutes') AS w;

-- What is refused.
SELECT * FROM cumulate('2024-01-01', '7 minutes', '20 minutes');
SELECT * FROM cumulate('2024-01-01', '20 minutes', '5 minutes');
SELECT * FROM cumulate('2024-01-01', '5 months', '1 year');
SELECT * FROM cumulate('2024-01-01', '1 day', '1 month');
SELECT * FROM cumulate('2024-01-01', '1 hour', '1 day', timezone => 'Europe/Berlin');
SELECT * FROM cumulate('2024-01-01', '0 hours', '1 day');
SELECT * FROM cumulate('2024-01-01', NULL, '1 day');
SELECT * FROM cumulate('2024-01-01', '1 hour', NULL);
SELECT * FROM cumulate('294276-12-31 12:00', '6 hours', '1 day');
