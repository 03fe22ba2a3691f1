-- A view means the same whoever runs a batch: settings are those of the session
-- that created it, those of the session that inserts do not matter.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA view_settings;
CREATE SCHEMA view_settings_other;
SET search_path = view_settings, public;
CREATE SERVER view_settings FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text, f float8, i interval, t timestamptz, note text CHECK (note <> 'bad'))
	SERVER view_settings OPTIONS (event_time 't');
-- what a name means depends on search_path, also within a function
CREATE FUNCTION view_settings.name() RETURNS text LANGUAGE sql AS $$ SELECT 'definer''s' $$;
CREATE FUNCTION view_settings_other.name() RETURNS text LANGUAGE sql AS $$ SELECT 'inserter''s' $$;
CREATE FUNCTION public.indirect() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN name(); END $$;
-- the same definition under two sets of settings
CREATE PROCEDURE define(v text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE MATERIALIZED VIEW view_settings.%I WITH (stream_agg.continuous) AS
		SELECT t::text AS t, date_trunc(''day'', t) = t AS midnight, ''01/02/2024''::text::date::text AS d,
			i::text AS i, f::text AS f, name() AS direct, indirect() AS indirect
		FROM view_settings.s', v || '_load');
	EXECUTE format('CREATE MATERIALIZED VIEW view_settings.%I WITH (stream_agg.continuous) AS
		SELECT window_start::text, to_char(t, ''HH24:MI TZ'') AS at,
			count(*), min(t::text), sum(f)::text AS f
		FROM view_settings.s, tumble(t, ''1 day'') GROUP BY window_start, 2', v || '_agg');
END
$$;
SET TimeZone = 'Asia/Kolkata';
SET DateStyle = 'SQL, DMY';
SET IntervalStyle = 'iso_8601';
SET extra_float_digits = 0;
CALL define('india');
SET TimeZone = 'America/New_York';
SET DateStyle = 'Postgres, MDY';
SET IntervalStyle = 'postgres_verbose';
SET extra_float_digits = 1;
CALL define('ny');

CREATE PROCEDURE view_settings.fill() LANGUAGE sql AS $$
	INSERT INTO view_settings.s VALUES ('a', 1.0 / 3, '1 day 02:03', '2024-01-01 05:00+00', NULL),
		('a', 0.1, '1 mon', '2024-01-01 18:30+00', NULL), ('b', 1, '1 s', '2023-12-30 00:00+00', NULL),
		('c', 1.0 / 3, '1 s', '2024-01-01 00:00+00', 'bad')
$$;
SET TimeZone = 'Asia/Tokyo';
SET DateStyle = 'German';
SET IntervalStyle = 'sql_standard';
SET extra_float_digits = -3;
SET search_path = view_settings_other, public;
CALL view_settings.fill();
SHOW TimeZone;
SHOW DateStyle;
SHOW search_path;
SHOW extra_float_digits;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET IntervalStyle = 'postgres';
SET extra_float_digits = 1;
SET search_path = view_settings_other;
CALL view_settings.fill();

-- every row twice, alike
SET search_path = view_settings, public;
SELECT count(*), v.* FROM india_load v GROUP BY 2, 3, 4, 5, 6, 7, 8 ORDER BY 2;
SELECT count(*), v.* FROM ny_load v GROUP BY 2, 3, 4, 5, 6, 7, 8 ORDER BY 2;
SELECT window_start, at, min, f FROM ny_agg ORDER BY 1, 2;
-- the same for what is rejected
SELECT count(*), convert_from(value, 'UTF8') FROM stream_agg.dead_letters GROUP BY 2;
SELECT count(*), row_data FROM stream_agg.late_rows GROUP BY 2;
-- the view that the user reads is a view: computed with the reader's settings
SELECT window_start, f FROM india_agg ORDER BY 1, 2;

SET client_min_messages = warning;
DROP SCHEMA view_settings, view_settings_other CASCADE;
DROP FUNCTION public.indirect();
DROP SERVER view_settings;
SELECT * FROM pg_temp.leftovers();
