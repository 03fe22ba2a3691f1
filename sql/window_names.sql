-- Window functions in continuous views: arguments by position and by name,
-- event time of both types, origins, time zones.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA window_names;
SET search_path = window_names, public;
SET TimeZone = 'Asia/Tokyo';
SET DateStyle = 'ISO, YMD';
CREATE SERVER window_names FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text, t timestamptz) SERVER window_names
	OPTIONS (event_time 't', max_out_of_orderness '5000 days');
CREATE TABLE s_rows (LIKE s);
CREATE FOREIGN TABLE z (k text, t timestamp) SERVER window_names
	OPTIONS (event_time 't', max_out_of_orderness '5000 days');
CREATE TABLE z_rows (LIKE z);

DO $$
DECLARE
	call text;
	n int := 0;
BEGIN
	FOREACH call IN ARRAY ARRAY[
		$c$tumble(t, '1 hour')$c$,
		$c$tumble(t, size => '1 day')$c$,
		$c$tumble(ts => t, size => '1 day')$c$,
		$c$tumble(size => '1 day', ts => t)$c$,
		$c$tumble(t, '1 day', timezone => 'Europe/Berlin')$c$,
		$c$tumble(t, '1 month', timezone => 'America/New_York')$c$,
		$c$tumble(t, '7 days', '2024-01-03')$c$,
		$c$tumble(t, '7 days', origin => '2024-01-03')$c$,
		$c$tumble(t, '3 days', timezone => 'Asia/Kathmandu', origin => '2024-01-01')$c$,
		$c$tumble(t, '3 days', '2024-01-01', 'Asia/Kathmandu')$c$,
		$c$tumble(t, interval '30' minute + '30 minutes')$c$,
		$c$tumble(t, '1 year')$c$,
		$c$tumble(t, '7 days')$c$]
	LOOP
		n := n + 1;
		EXECUTE format('CREATE MATERIALIZED VIEW s%s WITH (stream_agg.continuous) AS
			SELECT window_start, window_end, k, count(*) FROM s, %s GROUP BY 1, 2, 3', n, call);
		EXECUTE format('CREATE MATERIALIZED VIEW z%s WITH (stream_agg.continuous) AS
			SELECT window_start, window_end, k, count(*) FROM z, %s GROUP BY 1, 2, 3', n, call);
	END LOOP;
END
$$;
INSERT INTO s_rows SELECT 'k' || i % 2, '2023-12-25 22:30+00'::timestamptz + i * '7 hours 13 minutes'::interval
	FROM generate_series(1, 400) i;
INSERT INTO s TABLE s_rows;
INSERT INTO z_rows SELECT k, t FROM s_rows;
INSERT INTO z TABLE z_rows;
SELECT view, d FROM stream_agg.continuous_view, pg_temp.check_view(view) d
	ORDER BY length(view::text), view::text COLLATE "C";
-- a day of 23 hours
SELECT window_start, window_end, window_end - window_start AS length, count FROM s5
WHERE window_start = '2024-03-31 00:00+01' AND k = 'k0';
SELECT * FROM z5 WHERE window_start = '2024-03-30 23:00' AND k = 'k0';

SET client_min_messages = warning;
DROP SCHEMA window_names CASCADE;
DROP SERVER window_names;
SELECT * FROM pg_temp.leftovers();
