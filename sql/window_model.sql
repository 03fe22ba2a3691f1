-- The window functions against a slow, obvious model, which walks along the
-- grid and along the clock.  Prints what differs, which should be nothing.
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET client_min_messages = warning;

-- The first instant at which the clocks of a zone show this time or more:
-- look at the clocks minute by minute.
CREATE FUNCTION pg_temp.first_instant(local timestamp, zone text)
RETURNS timestamptz LANGUAGE sql AS $$
	SELECT CASE WHEN zone IS NULL THEN local AT TIME ZONE 'UTC' ELSE
		(SELECT min(minute)
		 FROM generate_series(local AT TIME ZONE 'UTC' - interval '15 hours',
			local AT TIME ZONE 'UTC' + interval '13 hours', '1 minute') AS minute
		 WHERE minute AT TIME ZONE zone >= local) END
$$;

-- Local time from which the grid is counted.  Lengths in hours know no zone.
CREATE FUNCTION pg_temp.grid_anchor(grid interval, origin timestamptz, zone text)
RETURNS timestamp LANGUAGE sql AS $$
	SELECT CASE
		WHEN origin IS NOT NULL THEN origin AT TIME ZONE coalesce(zone, 'UTC')
		WHEN extract(month FROM grid) = 0 AND extract(year FROM grid) = 0
			AND extract(epoch FROM grid) % (7 * 86400) = 0 THEN '1970-01-05'
		ELSE timestamp '1970-01-01' END
$$;

-- About how many grid steps from the anchor; the model looks around it.
CREATE FUNCTION pg_temp.rough_step(ts timestamptz, anchor timestamp, grid interval)
RETURNS int LANGUAGE sql AS $$
	SELECT CASE
		WHEN grid >= '1 month' AND extract(day FROM grid) = 0 THEN
			div((extract(year FROM ts) - extract(year FROM anchor)) * 12
				+ extract(month FROM ts) - extract(month FROM anchor),
				extract(year FROM grid) * 12 + extract(month FROM grid))
		ELSE floor((extract(epoch FROM ts) - extract(epoch FROM anchor AT TIME ZONE 'UTC'))
			/ extract(epoch FROM grid)) END::int
$$;

-- Days and months go by the clocks of the zone, hours don't.
CREATE FUNCTION pg_temp.clock_of(length interval, zone text)
RETURNS text LANGUAGE sql AS $$
	SELECT zone WHERE extract(year FROM length) + extract(month FROM length)
		+ extract(day FROM length) > 0
$$;

-- Windows that start every "slide" and are "size" long, and of those the ones
-- that hold ts.  One that would begin together with the next is none.
CREATE FUNCTION pg_temp.model_hop(ts timestamptz, slide interval, size interval,
	origin timestamptz, zone text)
RETURNS TABLE (window_start timestamptz, window_end timestamptz) LANGUAGE plpgsql AS $$
DECLARE
	clock text := pg_temp.clock_of(slide, zone);
	anchor timestamp := pg_temp.grid_anchor(slide, origin, clock);
	step int := pg_temp.rough_step(ts, anchor, slide) + 3;
	next_start timestamptz;
BEGIN
	LOOP
		window_start := pg_temp.first_instant(anchor + slide * step, clock);
		IF window_start <= ts AND window_start IS DISTINCT FROM next_start THEN
			window_end := pg_temp.first_instant(anchor + (slide * step + size), clock);
			EXIT WHEN window_end <= ts;
			RETURN NEXT;
		END IF;
		next_start := window_start;
		step := step - 1;
	END LOOP;
END $$;

-- The window of full size, cut off after each step; a cut before or at ts is
-- too early, and two cuts at one instant are one.
CREATE FUNCTION pg_temp.model_cumulate(ts timestamptz, step interval, size interval,
	origin timestamptz, zone text)
RETURNS TABLE (window_start timestamptz, window_end timestamptz) LANGUAGE plpgsql AS $$
DECLARE
	clock text := pg_temp.clock_of(step, zone);
	anchor timestamp := pg_temp.grid_anchor(size, origin, clock);
	n int := pg_temp.rough_step(ts, anchor, size) + 3;
	length interval := step;
BEGIN
	LOOP
		window_start := pg_temp.first_instant(anchor + size * n, clock);
		EXIT WHEN window_start <= ts;
		n := n - 1;
	END LOOP;
	WHILE length <= size LOOP
		IF window_end IS DISTINCT FROM
			pg_temp.first_instant(anchor + (size * n + length), clock) THEN
			window_end := pg_temp.first_instant(anchor + (size * n + length), clock);
			IF window_end > ts THEN
				RETURN NEXT;
			END IF;
		END IF;
		length := length + step;
	END LOOP;
END $$;

CREATE TEMP TABLE zones (n int, zone text, changes timestamptz[]);
INSERT INTO zones VALUES
	(0, NULL, '{1969-12-31 23:59:59+00,1970-01-05 00:00+00,1850-02-28 12:00+00}'),
	(1, 'Europe/Berlin', '{2024-03-31 01:00+00,2024-10-27 01:00+00,1980-04-06 01:00+00}'),
	(2, 'America/New_York', '{2024-03-10 07:00+00,2024-11-03 06:00+00,1974-01-06 07:00+00}'),
	(3, 'America/Sao_Paulo', '{2018-11-04 03:00+00,2018-02-18 02:00+00,1985-11-02 03:00+00}'),
	(4, 'America/St_Johns', '{2010-11-07 02:31+00,2010-03-14 03:31+00,1988-04-03 03:31+00}'),
	(5, 'Australia/Lord_Howe', '{2024-04-06 15:00+00,2024-10-05 15:30+00,1981-02-28 14:00+00}'),
	(6, 'Pacific/Apia', '{2011-12-30 10:00+00,2011-09-24 14:00+00,2012-03-31 14:00+00}'),
	(7, 'Asia/Kathmandu', '{1985-12-31 18:30+00,2024-01-01 00:00+00,1969-12-31 18:30+00}'),
	(8, 'Africa/Casablanca', '{2024-03-10 02:00+00,2024-04-14 02:00+00,1978-08-04 00:00+00}'),
	(9, 'UTC', '{2024-02-29 00:00+00,1970-01-01 00:00+00,1582-10-15 00:00+00}');

-- (slide or step, size): hops of every sort, and steps that divide the size
CREATE TEMP TABLE lengths (n int, slide interval, size interval, origin_step interval);
INSERT INTO lengths VALUES
	(0, '1 day', '1 day', '1 hour'), (1, '1 day', '3 days', '30 minutes'),
	(2, '2 days', '6 days', '1 hour'), (3, '3 days', '7 days', '1 day'),
	(4, '7 days', '7 days', '1 day'), (5, '7 days', '2 days', '1 hour'),
	(6, '14 days', '28 days', '1 day'), (7, '1 month', '1 month', '1 day'),
	(8, '1 month', '3 months', '1 day'), (9, '2 months', '1 month', '31 days'),
	(10, '1 year', '1 year', '59 days'), (11, '5 months', '7 months', '30 days'),
	(12, '1 hour', '1 hour', '1 minute'), (13, '7 minutes', '13 minutes', '11 seconds'),
	(14, '15 minutes', '1 hour', '1 minute'), (15, '11 hours', '7 hours', '1 hour'),
	(16, '36:00:00.5', '72:00:01', '1 microsecond'),
	(17, '168 hours', '336 hours', '1 hour');

-- Each zone with each pair of lengths: times around a change of the clocks or
-- anywhere, with an origin near or far or none, in one session zone or another.
CREATE TEMP TABLE cases AS
SELECT z.zone, l.slide, l.size, ts, c.origin, c.session_zone
FROM zones AS z, lengths AS l, generate_series(0, 3) AS i,
	LATERAL (SELECT (z.n * 7919 + l.n * 104729 + i * 1299709) % 100003 AS r) AS random,
	LATERAL (SELECT
		CASE r % 4
			WHEN 0 THEN z.changes[i % 3 + 1] - interval '1 microsecond'
			WHEN 1 THEN z.changes[i % 3 + 1] + interval '1 minute' * (r % 360 - 180)
			WHEN 2 THEN z.changes[i % 3 + 1] + interval '1 second' * (r * 7 % 172800 - 86400)
			ELSE timestamptz '1972-01-01' + interval '1 hour' * (r * 31 % 560000)
		END AS ts) AS t,
	LATERAL (SELECT
		CASE r % 3
			WHEN 1 THEN z.changes[1] + l.origin_step * (r % 50 - 25)
			WHEN 2 THEN timestamptz '2000-01-01' + l.origin_step * (r % 60)
		END AS origin,
		(SELECT coalesce(s.zone, 'Asia/Tokyo') FROM zones AS s WHERE s.n = r % 10)
			AS session_zone) AS c;

CREATE FUNCTION pg_temp.check_cases()
RETURNS TABLE (what text, zone text, slide interval, size interval, ts timestamptz,
	origin timestamptz, expected text, got text) LANGUAGE plpgsql AS $$
DECLARE
	c record;
	utc constant text := 'UTC';
BEGIN
	FOR c IN SELECT * FROM cases LOOP
		PERFORM set_config('TimeZone', c.session_zone, true);
		SELECT c.zone, c.slide, c.size, c.ts, c.origin INTO zone, slide, size, ts, origin;

		what := 'hop';
		SELECT array_agg(w ORDER BY w.window_start)::text INTO expected
		FROM pg_temp.model_hop(c.ts, c.slide, c.size, c.origin, c.zone) AS w;
		SELECT array_agg(w ORDER BY w.window_start)::text INTO got
		FROM hop(c.ts, c.slide, c.size, c.origin, c.zone) AS w;
		IF expected IS DISTINCT FROM got THEN RETURN NEXT; END IF;

		what := 'hop of timestamp';
		SELECT array_agg(row(w.window_start AT TIME ZONE utc, w.window_end AT TIME ZONE utc)
			ORDER BY w.window_start)::text INTO got
		FROM hop(c.ts AT TIME ZONE utc, c.slide, c.size, c.origin AT TIME ZONE utc, c.zone) AS w;
		IF expected IS DISTINCT FROM got THEN RETURN NEXT; END IF;

		what := 'tumble';
		SELECT array_agg(w)::text INTO expected
		FROM pg_temp.model_hop(c.ts, c.size, c.size, c.origin, c.zone) AS w;
		SELECT array_agg(w)::text INTO got
		FROM tumble(c.ts, c.size, c.origin, c.zone) AS w;
		IF expected IS DISTINCT FROM got THEN RETURN NEXT; END IF;

		what := 'tumble of timestamp';
		SELECT array_agg(row(w.window_start AT TIME ZONE utc, w.window_end AT TIME ZONE utc))::text
			INTO got
		FROM tumble(c.ts AT TIME ZONE utc, c.size, c.origin AT TIME ZONE utc, c.zone) AS w;
		IF expected IS DISTINCT FROM got THEN RETURN NEXT; END IF;

		-- the rest needs a step that divides the size
		CONTINUE WHEN c.size IN ('2 days', '7 months', '13 minutes', '7 hours') OR
			c.slide IN ('3 days', '2 months');
		what := 'cumulate';
		SELECT array_agg(w ORDER BY w.window_end)::text INTO expected
		FROM pg_temp.model_cumulate(c.ts, c.slide, c.size, c.origin, c.zone) AS w;
		SELECT array_agg(w ORDER BY w.window_end)::text INTO got
		FROM cumulate(c.ts, c.slide, c.size, c.origin, c.zone) AS w;
		IF expected IS DISTINCT FROM got THEN RETURN NEXT; END IF;

		what := 'cumulate of timestamp';
		SELECT array_agg(row(w.window_start AT TIME ZONE utc, w.window_end AT TIME ZONE utc)
			ORDER BY w.window_end)::text INTO got
		FROM cumulate(c.ts AT TIME ZONE utc, c.slide, c.size, c.origin AT TIME ZONE utc, c.zone)
			AS w;
		IF expected IS DISTINCT FROM got THEN RETURN NEXT; END IF;
	END LOOP;
END $$;

SELECT count(*) AS cases, count(DISTINCT zone) AS zones, count(origin) > 0 AS origins
FROM cases;
SELECT * FROM pg_temp.check_cases() LIMIT 10;

-- A row lies within its windows, and days follow each other without overlap
-- or hole: every quarter of an hour around the changes of the clocks.
SELECT count(*) AS rows,
	count(*) FILTER (WHERE NOT (w.window_start <= ts AND ts < w.window_end)) AS outside,
	count(*) FILTER (WHERE next.window_start <> w.window_end) AS holes
FROM zones, unnest(changes) AS change,
	generate_series(change - interval '36 hours', change + interval '36 hours', '15 minutes')
		AS ts,
	unnest('{1 day,2 days,7 days,1 month}'::interval[]) AS size,
	tumble(ts, size, timezone => zone) AS w,
	tumble(w.window_end, size, timezone => zone) AS next;
SELECT count(*) AS rows,
	count(*) FILTER (WHERE NOT (window_start <= ts AND ts < window_end)) AS outside,
	count(*) = count(DISTINCT (zone, change, ts, window_start)) AS starts_tell
FROM zones, unnest(changes) AS change,
	generate_series(change - interval '36 hours', change + interval '36 hours', '1 hour') AS ts,
	hop(ts, '1 day', '3 days', timezone => zone);

SELECT count(*) AS rows,
	count(*) FILTER (WHERE NOT (window_start <= ts AND ts < window_end)) AS outside,
	count(*) = count(DISTINCT (zone, change, ts, window_end)) AS ends_tell
FROM zones, unnest(changes) AS change,
	generate_series(change - interval '36 hours', change + interval '36 hours', '1 hour') AS ts,
	cumulate(ts, '1 day', '7 days', timezone => zone);

-- No zone at all may put a row outside its day.
SELECT count(*) > 1000 AS many,
	count(*) FILTER (WHERE NOT (window_start <= ts AND ts < window_end)) AS outside
FROM pg_timezone_names,
	unnest('{0044-03-15 12:00+00 BC,1883-11-18 12:00+00,1911-03-11 00:00+00,1945-05-24 00:00+00,
		2024-10-27 01:30+00,2437-12-31 23:59+00,9999-12-31 23:59+00}'::timestamptz[]) AS ts,
	tumble(ts, '1 day', timezone => name)
WHERE name ~ '^[A-Za-z]+/';
