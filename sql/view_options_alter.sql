-- ALTER … SET and RESET of a view's options: those that say what becomes of rows
-- that were late or are old can be changed, those that decide how rows are kept
-- can't.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA view_options_alter;
SET search_path = view_options_alter, public;
CREATE SERVER view_options_alter FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text, t timestamptz) SERVER view_options_alter OPTIONS (event_time 't');
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, k, count(*) AS n FROM s, tumble(t, '1 minute') GROUP BY window_start, k;
CREATE MATERIALIZED VIEW l WITH (stream_agg.continuous) AS SELECT * FROM s;
CREATE TABLE seen (k text);
CREATE FUNCTION note_late(view regclass, late_row jsonb, window_start timestamptz,
	window_end timestamptz, watermark timestamptz) RETURNS void
LANGUAGE sql AS $$ INSERT INTO view_options_alter.seen VALUES (late_row ->> 'k') $$;
CREATE FUNCTION options(v regclass) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', late, late_function, retention_us) FROM stream_agg.continuous_view WHERE view = v
$$;
INSERT INTO s VALUES ('a', '2024-01-01 00:00:10Z'), ('a', '2024-01-01 00:10:00Z'), ('first', '2024-01-01 00:00:10Z');

-- from the next batch on
ALTER MATERIALIZED VIEW v SET (stream_agg.late = 'drop', stream_agg.late_function = 'view_options_alter.note_late');
SELECT options('v');
INSERT INTO s VALUES ('second', '2024-01-01 00:00:10Z');
SELECT row_data ->> 'k' AS recorded FROM stream_agg.late_rows WHERE view = 'v'::regclass;
SELECT * FROM seen;
SELECT rows_late FROM stream_agg.views WHERE view = 'v'::regclass;
-- the function is depended on, and no longer when another takes its place
DROP FUNCTION note_late;
ALTER VIEW v RESET (stream_agg.late, stream_agg.late_function);
SELECT options('v');
DROP FUNCTION note_late;
INSERT INTO s VALUES ('third', '2024-01-01 00:00:10Z');
SELECT row_data ->> 'k' AS recorded FROM stream_agg.late_rows WHERE view = 'v'::regclass ORDER BY "offset";

-- retention makes its index, once
SELECT window_start FROM v ORDER BY 1;
ALTER MATERIALIZED VIEW v SET (stream_agg.retention = '5 minutes');
ALTER MATERIALIZED VIEW v SET (stream_agg.retention = '4 minutes');
SELECT indexdef FROM pg_indexes WHERE schemaname = 'stream_agg_data' AND tablename = 'v' ORDER BY 1;
INSERT INTO s VALUES ('a', '2024-01-01 00:11:00Z');
SELECT window_start FROM v ORDER BY 1;
-- with options that are the relation's own
ALTER MATERIALIZED VIEW v SET (security_barrier = true, stream_agg.late = 'drop');
SELECT options('v'), (SELECT reloptions FROM pg_class WHERE oid = 'v'::regclass);
BEGIN;
ALTER VIEW v RESET (stream_agg.retention);
SELECT options('v');
ROLLBACK;
SELECT options('v');

-- what can't be changed, and what is wrong
ALTER MATERIALIZED VIEW v SET (stream_agg.allowed_lateness = '1 minute');
ALTER MATERIALIZED VIEW v SET (stream_agg.emit = 'final');
ALTER MATERIALIZED VIEW v RESET (stream_agg.continuous);
ALTER MATERIALIZED VIEW v SET (stream_agg.retension = '1 day');
ALTER MATERIALIZED VIEW v SET (stream_agg.retention = 'soon');
ALTER MATERIALIZED VIEW v SET (stream_agg.late = 'maybe');
ALTER MATERIALIZED VIEW v SET (stream_agg.late_function = 'nonesuch');
ALTER MATERIALIZED VIEW l SET (stream_agg.retention = '1 day');
CREATE ROLE view_options_alter_other;
GRANT USAGE ON SCHEMA view_options_alter TO view_options_alter_other;
SET ROLE view_options_alter_other;
ALTER MATERIALIZED VIEW v SET (stream_agg.late = 'record');
RESET ROLE;
SELECT options('v');

SET client_min_messages = warning;
DROP SCHEMA view_options_alter CASCADE;
DROP SERVER view_options_alter;
DROP ROLE view_options_alter_other;
SELECT * FROM pg_temp.leftovers();
