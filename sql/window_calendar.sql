-- Civil days, weeks, months, quarters and years; the days on which clocks
-- change.
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';

-- What the clocks of a zone show at the bounds of the window of ts.
CREATE FUNCTION pg_temp.civil(ts timestamptz, size interval, zone text,
	origin timestamptz DEFAULT NULL,
	OUT window_start timestamptz, OUT local_start timestamp, OUT local_end timestamp,
	OUT length interval)
BEGIN ATOMIC
	SELECT window_start, window_start AT TIME ZONE zone, window_end AT TIME ZONE zone,
		window_end - window_start
	FROM tumble(ts, size, origin, zone);
END;

-- Days of 23 and 25 hours.
SELECT c.* FROM unnest('{2024-03-30 12:00+00,2024-03-31 12:00+00,2024-04-01 12:00+00,
	2024-10-26 12:00+00,2024-10-27 12:00+00,2024-10-28 12:00+00}'::timestamptz[]) AS ts,
	pg_temp.civil(ts, '1 day', 'Europe/Berlin') AS c;
SELECT c.* FROM unnest('{2024-03-10 12:00+00,2024-11-03 12:00+00}'::timestamptz[]) AS ts,
	pg_temp.civil(ts, '1 day', 'America/New_York') AS c;
-- Half an hour of daylight saving.
SELECT c.* FROM unnest('{2024-04-07 00:00+00,2024-10-06 00:00+00}'::timestamptz[]) AS ts,
	pg_temp.civil(ts, '1 day', 'Australia/Lord_Howe') AS c;
-- Hours are absolute: the hour that comes twice is two windows.
SELECT ts AT TIME ZONE 'Europe/Berlin' AS local, w.*
FROM unnest('{2024-10-27 00:30+00,2024-10-27 01:30+00}'::timestamptz[]) AS ts,
	tumble(ts, '1 hour', timezone => 'Europe/Berlin') AS w;

-- A midnight that was skipped: the day begins where the clocks jumped.
SELECT c.* FROM unnest('{2018-11-04 02:59:59.999999+00,2018-11-04 03:00+00,
	2018-11-05 01:59:59+00,2018-11-05 02:00+00}'::timestamptz[]) AS ts,
	pg_temp.civil(ts, '1 day', 'America/Sao_Paulo') AS c;
-- Clocks that were put back at midnight: 23:00 to 24:00 came twice.
SELECT c.* FROM unnest('{2018-02-18 01:30+00,2018-02-18 02:30+00,
	2018-02-18 03:00+00}'::timestamptz[]) AS ts,
	pg_temp.civil(ts, '1 day', 'America/Sao_Paulo') AS c;
-- A midnight that came twice: the day began the first time.
SELECT ts AT TIME ZONE 'America/St_Johns' AS local, c.*
FROM unnest('{2010-11-07 02:29:59+00,2010-11-07 02:30+00,2010-11-07 02:31+00,
	2010-11-07 03:29+00,2010-11-08 03:29:59+00,2010-11-08 03:30+00}'::timestamptz[]) AS ts,
	pg_temp.civil(ts, '1 day', 'America/St_Johns') AS c;
-- A day that was left out: Samoa had no 2011-12-30.
SELECT c.* FROM unnest('{2011-12-30 09:59:59+00,2011-12-30 10:00+00}'::timestamptz[]) AS ts,
	pg_temp.civil(ts, '1 day', 'Pacific/Apia') AS c;
SELECT w.* FROM hop('2011-12-30 10:00', '1 day', '3 days', timezone => 'Pacific/Apia') AS w;
SELECT w.* FROM cumulate('2011-12-29 00:00', '1 day', '7 days', timezone => 'Pacific/Apia') AS w;

-- Weeks begin on Monday, in the zone.
SELECT c.*, to_char(local_start, 'Dy') AS day
FROM unnest('{2024-03-31 21:59:59+00,2024-03-31 22:00+00,1969-12-31 12:00+00}'::timestamptz[])
	AS ts, pg_temp.civil(ts, '7 days', 'Europe/Berlin') AS c;

-- Months, quarters, years, in UTC and in a zone; in our era and before.
SELECT size, ts, w.*
FROM unnest('{1 month,3 months,1 year,5 months,10 years}'::interval[]) WITH ORDINALITY
	AS s (size, n),
	unnest('{2024-02-29 23:59:59+00,1969-11-30 00:00+00,0044-03-15 12:00+00 BC}'::timestamptz[])
	AS ts, tumble(ts, size) AS w
ORDER BY n, ts;
SELECT c.* FROM unnest('{2024-03-31 21:59:59+00,2024-03-31 22:00+00}'::timestamptz[]) AS ts,
	pg_temp.civil(ts, '1 month', 'Europe/Berlin') AS c;
SELECT c.local_start, c.local_end
FROM pg_temp.civil('2023-12-31 23:30', '3 months', 'Europe/Berlin') AS c;
SELECT c.local_start, c.local_end
FROM pg_temp.civil('2023-12-31 23:30', '1 year', 'Europe/Berlin') AS c;

-- An origin sets the local time, and the day of the month.
SELECT c.* FROM unnest('{2024-03-31 03:59+00,2024-03-31 04:00+00}'::timestamptz[]) AS ts,
	pg_temp.civil(ts, '1 day', 'Europe/Berlin', '2020-01-01 05:00+00') AS c;
SELECT c.* FROM unnest('{2024-03-31 00:59+00,2024-03-31 01:00+00,2024-10-27 00:30+00,
	2024-10-27 01:30+00}'::timestamptz[]) AS ts,
	pg_temp.civil(ts, '1 day', 'Europe/Berlin', '2020-01-01 01:30+00') AS c;
SELECT w.* FROM tumble('2024-07-01', '1 year', '2023-04-06') AS w;
SELECT w.*
FROM generate_series(timestamptz '2023-01-15', '2024-04-15', '1 month') AS ts,
	tumble(ts, '1 month', '2020-01-31') AS w;
SELECT w.*
FROM unnest('{2024-02-28 12:00+00,2024-02-29 12:00+00,2025-02-28 12:00+00}'::timestamptz[])
	AS ts, tumble(ts, '1 year', '2024-02-29') AS w;

-- Far ahead, the rules in force now go on.
SELECT c.* FROM pg_temp.civil('2499-07-01 12:00', '1 day', 'Europe/Berlin') AS c;
DROP FUNCTION pg_temp.civil;
