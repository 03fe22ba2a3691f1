-- cumulate() in continuous views: after every batch the view is what its query gives
-- over the rows that were not late, and is_final is exact.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\set late_oracle :abs_srcdir '/test/regress/late_oracle.sql'
\set late_input :abs_srcdir '/test/regress/late_input.sql'
\i :oracle
\i :late_oracle
\i :late_input
CREATE SCHEMA cumulate;
SET search_path = cumulate, public;
SET TimeZone = 'UTC';
CREATE SERVER cumulate FOREIGN DATA WRAPPER stream_agg;

--
-- timestamptz, in two partitions, around 1970
--
CALL pg_temp.make_input_of_hours('cumulate');

-- steps and sizes, one step, an origin
CALL pg_temp.make_view('plain', $$SELECT k, window_start, window_end, count(*), count(v) AS known, sum(v), avg(v), min(v), max(t)
	FROM {rows}, cumulate(t, '5 min', '30 min') WHERE {in_time} GROUP BY 1, 2, 3$$);
CALL pg_temp.make_view('one_step', $$SELECT k, window_start, window_end, count(*), sum(v), avg(v)
	FROM {rows}, cumulate(t, '5 min', '5 min') WHERE {in_time} GROUP BY 1, 2, 3$$);
CALL pg_temp.make_view('many_steps', $$SELECT window_start, window_end, count(*), max(v)
	FROM {rows}, cumulate(t, '1 min', '3 h') WHERE {in_time} GROUP BY 1, 2$$);
CALL pg_temp.make_view('origin', $$SELECT window_end, window_start, count(*), sum(v)
	FROM {rows}, cumulate(t, '7.5 min', '22.5 min', origin => '2030-01-01 00:01:30') WHERE {in_time} GROUP BY 1, 2$$);

-- several keys; a key that is an expression
CALL pg_temp.make_view('keys', $$SELECT window_end, g, coalesce(k, '?') || g AS kg, k IS NULL AS missing, window_start, count(*), sum(v)
	FROM {rows}, cumulate(t, '5 min', '20 min') WHERE {in_time} GROUP BY 1, 2, 3, 4, 5$$);

-- joins, HAVING, expressions, FILTER
CALL pg_temp.make_view('joined', $$SELECT name, window_start, window_end, count(*), sum(v * weight), count(DISTINCT v) AS different
	FROM {rows} JOIN shop USING (k), cumulate(t, '5 min', '15 min') WHERE {in_time} GROUP BY 1, 2, 3$$);
CALL pg_temp.make_view('left_joined', $$SELECT shop.k AS shop_k, window_start, window_end, count(*), count(name) AS names, array_agg(DISTINCT name)
	FROM {rows} LEFT JOIN shop ON shop.k IS NOT DISTINCT FROM s.k AND v > 3, cumulate(t, '5 min', '15 min') WHERE {in_time} GROUP BY 1, 2, 3$$);
CALL pg_temp.make_view('having_', $$SELECT k, window_start, window_end, sum(v) FROM {rows}, cumulate(t, '5 min', '15 min')
	WHERE {in_time} GROUP BY 1, 2, 3 HAVING count(*) > 3 AND count(DISTINCT v) > 2 AND window_end < '1970-01-01 00:30'$$);
CALL pg_temp.make_view('expressions', $$SELECT k || '!' AS k, window_start, window_end, window_end - window_start AS length,
	CASE WHEN sum(v) > 20 THEN 'much' ELSE 'little ' || count(*) END AS verdict,
	sum(v) FILTER (WHERE g = 1) * 100 / nullif(sum(v), 0) AS share, count(*) FILTER (WHERE v > 5), max(v) - min(v) AS spread
	FROM {rows}, cumulate(t, '5 min', '15 min') WHERE {in_time} GROUP BY s.k, 2, 3$$);

-- aggregates from sets and kept arguments
CALL pg_temp.make_view('kept', $$SELECT k, window_start, window_end, count(*), count(DISTINCT v) AS different, sum(DISTINCT v) FILTER (WHERE g = 1),
	avg(DISTINCT v), percentile_cont(0.5) WITHIN GROUP (ORDER BY v), percentile_disc(ARRAY[0.1, 0.9]) WITHIN GROUP (ORDER BY t),
	mode() WITHIN GROUP (ORDER BY g), string_agg(DISTINCT v::text, ','), array_agg(v ORDER BY t, v), rank(5) WITHIN GROUP (ORDER BY v)
	FROM {rows}, cumulate(t, '5 min', '20 min') WHERE {in_time} GROUP BY 1, 2, 3$$);
CALL pg_temp.make_view('kept_alone', $$SELECT window_start, window_end, count(DISTINCT k)
	FROM {rows}, cumulate(t, '10 min', '1 h') WHERE {in_time} GROUP BY 1, 2$$);

-- options
CALL pg_temp.make_view('final', $$SELECT k, window_start, window_end, count(*), avg(v), count(DISTINCT v) AS different
	FROM {rows}, cumulate(t, '5 min', '15 min') WHERE {in_time} GROUP BY 1, 2, 3$$, emit_final => true);
CALL pg_temp.make_view('lenient', $$SELECT k, window_start, window_end, count(*), sum(v), avg(v), count(DISTINCT v) AS different, array_agg(v ORDER BY v, t)
	FROM {rows}, cumulate(t, '5 min', '20 min') WHERE {in_time} GROUP BY 1, 2, 3$$, lateness => '7 min');
CALL pg_temp.make_view('very_lenient', $$SELECT window_start, window_end, count(*), sum(DISTINCT v)
	FROM {rows}, cumulate(t, '10 min', '40 min') WHERE {in_time} GROUP BY 1, 2$$, lateness => '1 hour');
CALL pg_temp.make_view('lenient_final', $$SELECT window_start, window_end, count(*), max(v)
	FROM {rows}, cumulate(t, '5 min', '10 min') WHERE {in_time} GROUP BY 1, 2$$, lateness => '3.5 min', emit_final => true);

-- bounds that are needed row by row are refused, and so are groups by one bound
SELECT pg_temp.make_error($$SELECT window_start, window_end, count(*) FROM s, cumulate(t, '5 min', '15 min') WHERE t < window_start + interval '5 min' GROUP BY 1, 2$$);
SELECT pg_temp.make_error($$SELECT window_start, window_end, max(t - window_start) FROM s, cumulate(t, '5 min', '15 min') GROUP BY 1, 2$$);
SELECT pg_temp.make_error($$SELECT window_start, window_end, count(*) FILTER (WHERE t > window_end - interval '1 min') FROM s, cumulate(t, '5 min', '15 min') GROUP BY 1, 2$$);
SELECT pg_temp.make_error($$SELECT window_start, window_end, t > window_start, count(*) FROM s, cumulate(t, '5 min', '15 min') GROUP BY 1, 2, 3$$);
SELECT pg_temp.make_error($$SELECT window_start, count(*) FROM s, cumulate(t, '5 min', '15 min') GROUP BY 1$$);
SELECT pg_temp.make_error($$SELECT window_end, count(*) FROM s, cumulate(t, '5 min', '15 min') GROUP BY 1$$);
SELECT pg_temp.make_error($$SELECT window_start, window_end, count(*) FROM s, cumulate(t, '4 min', '15 min') GROUP BY 1, 2$$);

-- batches of 2, 1, 1, 1, 37 and so on
SELECT * FROM unnest('{2,1,1,1,37,1,60,90,1,1,200}'::int[]) size, pg_temp.insert_and_check(size);
-- a row too few would be noticed
BEGIN;
UPDATE pg_temp.arrived SET n = n - 1;
SELECT count(DISTINCT view) > 5 AS noticed FROM pg_temp.insert_and_check(0);
ROLLBACK;
-- it was a hard case
SELECT count(*) FILTER (WHERE late = 0) AS in_time, count(*) FILTER (WHERE late > 0 AND late < windows) AS late_for_some,
	count(*) FILTER (WHERE late = windows) AS late_for_all
FROM (SELECT n, count(*) AS windows, count(*) FILTER (WHERE row_watermark >= window_end) AS late
	FROM input, cumulate(t, '5 min', '30 min') GROUP BY n) x;
SELECT min(window_start) < '1970-01-01' AS before, max(window_end) > '1970-01-01' AS after, count(*) > 100 AS many FROM plain;
-- late rows are those that were late for all of their windows
SELECT view, (SELECT count(*) FROM stream_agg.late_rows l WHERE l.view = c.view) AS late, rows_late
FROM stream_agg.continuous_view c JOIN stream_agg.progress USING (view)
WHERE view IN ('plain'::regclass, 'many_steps', 'lenient', 'joined') ORDER BY view::text;
SELECT 'plain' AS view, count(*) FROM input WHERE row_watermark >= ALL (SELECT window_end FROM cumulate(t, '5 min', '30 min'))
UNION ALL SELECT 'many_steps', count(*) FROM input
WHERE row_watermark >= ALL (SELECT window_end FROM cumulate(t, '1 min', '3 h'))
UNION ALL SELECT 'lenient', count(*) FROM input WHERE row_watermark >= ALL (SELECT window_end + interval '7 min' FROM cumulate(t, '5 min', '20 min'))
ORDER BY 1;
-- with the latest of their windows
SELECT count(*) FROM stream_agg.late_rows l, LATERAL (SELECT max(window_end) AS latest FROM cumulate(event_time, '5 min', '30 min')) w
WHERE view = 'plain'::regclass AND window_end <> latest;

-- conditions on a view
SELECT 'key' AS condition, d FROM pg_temp.differences($$SELECT * FROM plain WHERE k = 'k1'$$,
	(SELECT format('SELECT * FROM (%s) e WHERE k = ''k1''', pg_temp.expected(v)) FROM pg_temp.checked_view v WHERE name = 'plain')) d
UNION ALL SELECT 'window', d FROM pg_temp.differences($$SELECT * FROM kept WHERE window_start = '1970-01-01 00:00+00' AND k IS NULL$$,
	(SELECT format($$SELECT * FROM (%s) e WHERE window_start = '1970-01-01 00:00+00' AND k IS NULL$$, pg_temp.expected(v)) FROM pg_temp.checked_view v WHERE name = 'kept')) d
UNION ALL SELECT 'final', d FROM pg_temp.differences($$SELECT * FROM lenient WHERE is_final$$,
	(SELECT format($$SELECT * FROM (%s) e WHERE window_end <= (SELECT max(w) FROM pg_temp.watermark)$$, pg_temp.expected(v)) FROM pg_temp.checked_view v WHERE name = 'lenient')) d
UNION ALL SELECT 'value', d FROM pg_temp.differences($$SELECT count(*) FROM expressions WHERE verdict = 'much' OR NOT is_final$$,
	(SELECT format($$SELECT count(*) FROM (%s) e WHERE verdict = 'much' OR window_end > (SELECT max(w) FROM pg_temp.watermark)$$, pg_temp.expected(v)) FROM pg_temp.checked_view v WHERE name = 'expressions')) d;

-- settled windows are in the data table, with the rows that came after their end
SELECT pg_temp.differences($$SELECT k, window_start, window_end, count, is_final, revision FROM stream_agg_data.lenient$$,
	$$SELECT k, window_start, window_end, count(*), true, count(*) FILTER (WHERE row_watermark >= window_end) FROM input, cumulate(t, '5 min', '20 min')
	WHERE coalesce(row_watermark < window_end + interval '7 min', true) AND window_end + interval '7 min' <= (SELECT max(w) FROM pg_temp.watermark)
	GROUP BY 1, 2, 3$$);
SELECT count(*) > 0 AS settled, sum(revision) > 0 AS revised FROM stream_agg_data.lenient;
SELECT sum(revision) FROM stream_agg_data.plain;
SELECT count(*), count(*) FILTER (WHERE rows > 0) AS not_empty FROM pg_temp.side_tables();

-- once windows are settled, what they were computed from goes
INSERT INTO input SELECT 300 + n, n % 2, 'end', 1, 1, '1970-01-03' FROM generate_series(1, 4) n;
DROP TABLE pg_temp.watermark;
CALL pg_temp.set_row_watermarks('4 min');
SELECT * FROM pg_temp.insert_and_check(2);
SELECT * FROM pg_temp.insert_and_check(2);
SELECT * FROM pg_temp.side_tables() WHERE earliest < '1970-01-02';

--
-- timestamp, civil days and months
--
CALL pg_temp.make_input_of_months('cumulate');
CALL pg_temp.make_view('days', $$SELECT window_start, window_end, count(*), sum(v), count(DISTINCT v) AS different
	FROM {rows}, cumulate(t, '1 day', '7 days') WHERE {in_time} GROUP BY 1, 2$$);
CALL pg_temp.make_view('civil_days', $$SELECT window_start, window_end, count(*), sum(v), count(DISTINCT v) AS different
	FROM {rows}, cumulate(t, '1 day', '3 days', timezone => 'Europe/Berlin') WHERE {in_time} GROUP BY 1, 2$$);
CALL pg_temp.make_view('weeks', $$SELECT window_start, window_end, count(*), avg(v)
	FROM {rows}, cumulate(t, '7 days', '28 days', timezone => 'America/New_York') WHERE {in_time} GROUP BY 1, 2$$, lateness => '1 day');
CALL pg_temp.make_view('months', $$SELECT window_start, window_end, count(*), sum(v), count(DISTINCT v) AS different
	FROM {rows}, cumulate(t, '1 month', '1 year') WHERE {in_time} GROUP BY 1, 2$$);
CALL pg_temp.make_view('civil_months', $$SELECT window_start, window_end, count(*), sum(v), mode() WITHIN GROUP (ORDER BY v)
	FROM {rows}, cumulate(t, '1 month', '3 months', timezone => 'Asia/Kolkata') WHERE {in_time} GROUP BY 1, 2$$, lateness => '40 h');
CALL pg_temp.make_view('month_origin', $$SELECT window_start, window_end, count(*), max(v)
	FROM {rows}, cumulate(t, '1 month', '2 months', origin => '1990-01-15 06:00') WHERE {in_time} GROUP BY 1, 2$$);
CALL pg_temp.make_view('hours_in_zone', $$SELECT window_start, window_end, count(*), max(v)
	FROM {rows}, cumulate(t, '4 h', '12 h', timezone => 'Europe/Berlin') WHERE {in_time} GROUP BY 1, 2$$);
SET TimeZone = 'Asia/Tokyo';
SELECT * FROM unnest('{2,1,1,70,1,60,130,1,1,200}'::int[]) size, pg_temp.insert_and_check(size);
RESET TimeZone;
SELECT count(*) FILTER (WHERE late = 0) AS in_time, count(*) FILTER (WHERE late > 0 AND late < windows) AS late_for_some,
	count(*) FILTER (WHERE late = windows) AS late_for_all
FROM (SELECT n, count(*) AS windows, count(*) FILTER (WHERE row_watermark >= window_end) AS late
	FROM input, cumulate(t, '1 day', '3 days', timezone => 'Europe/Berlin') GROUP BY n) x;
SELECT window_end - window_start AS length, count(*) FROM civil_days GROUP BY 1 ORDER BY 1;
INSERT INTO input SELECT 350 + n, n % 2, 1, '2005-01-01' FROM generate_series(1, 4) n;
DROP TABLE pg_temp.watermark;
CALL pg_temp.set_row_watermarks('12 h');
SELECT * FROM pg_temp.insert_and_check(2);
SELECT * FROM pg_temp.insert_and_check(2);
SELECT * FROM pg_temp.side_tables() WHERE earliest < '2002-01-01';

SET client_min_messages = warning;
DROP SCHEMA cumulate CASCADE;
DROP SERVER cumulate;
SELECT * FROM pg_temp.leftovers();
