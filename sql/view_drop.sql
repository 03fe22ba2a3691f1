-- However a continuous view goes, everything that belongs to it goes with it.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA view_drop;
SET search_path = view_drop, public;
CREATE SERVER view_drop FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text, v int, t timestamptz) SERVER view_drop OPTIONS (event_time 't');
-- three views, one of them paused, with a dead letter and a late row each
CREATE PROCEDURE fill() LANGUAGE plpgsql AS $$
BEGIN
	CREATE MATERIALIZED VIEW raw WITH (stream_agg.continuous) AS SELECT k, 1 / v AS v FROM s;
	CREATE MATERIALIZED VIEW agg WITH (stream_agg.continuous) AS
		SELECT window_start, k, count(*) FROM s, tumble(t, '1 hour') GROUP BY 1, 2;
	CREATE MATERIALIZED VIEW sums WITH (stream_agg.continuous) AS SELECT k, sum(v) FROM s GROUP BY k;
	PERFORM stream_agg.pause('sums');
	INSERT INTO s VALUES ('a', 0, '2024-01-01 10:00'), ('a', 1, '2024-01-01 05:00'), ('a', 1, NULL);
END
$$;

-- Both spellings, several at once, mixed with others, and rolled back.
CALL fill();
SELECT * FROM pg_temp.leftovers();
CREATE MATERIALIZED VIEW plain AS SELECT 1 AS one;
BEGIN;
DROP MATERIALIZED VIEW raw, plain, agg;
DROP VIEW sums;
SELECT * FROM pg_temp.leftovers();
ROLLBACK;
SELECT count(*) FROM raw;
INSERT INTO s VALUES ('b', 1, '2024-01-01 11:00');
SELECT k, count FROM agg ORDER BY window_start, k;
DROP VIEW raw, agg;
DROP MATERIALIZED VIEW IF EXISTS sums, plain, nonesuch;
DROP MATERIALIZED VIEW raw;
DROP VIEW IF EXISTS raw;
-- a stream goes on counting offsets
SELECT * FROM pg_temp.leftovers();
SELECT partition, next_offset FROM stream_agg.position;

-- CREATE rolled back leaves no trace, in the session neither.
BEGIN;
CALL fill();
SAVEPOINT a;
CREATE MATERIALIZED VIEW more WITH (stream_agg.continuous) AS SELECT k FROM s;
INSERT INTO s VALUES ('c', 1, '2024-01-01 11:00');
ROLLBACK TO a;
INSERT INTO s VALUES ('d', 1, '2024-01-01 11:00');
SELECT k, v FROM raw ORDER BY k;
ROLLBACK;
SELECT * FROM pg_temp.leftovers();

-- Dependents: RESTRICT refuses, CASCADE takes them along.
CALL fill();
CREATE VIEW over_raw AS SELECT * FROM raw;
DROP MATERIALIZED VIEW raw;
DROP MATERIALIZED VIEW raw RESTRICT;
DROP MATERIALIZED VIEW raw CASCADE;
CREATE VIEW over_data AS SELECT k FROM stream_agg_data.agg;
DROP MATERIALIZED VIEW agg;
DROP MATERIALIZED VIEW agg CASCADE;
DROP MATERIALIZED VIEW sums;
SELECT relname FROM pg_class WHERE relname IN ('over_raw', 'over_data');

-- The stream: not under its views without CASCADE; nor a column of it.
CALL fill();
DROP FOREIGN TABLE s;
ALTER FOREIGN TABLE s DROP COLUMN v;
BEGIN;
ALTER FOREIGN TABLE s DROP COLUMN v CASCADE;
SELECT * FROM pg_temp.leftovers();
INSERT INTO s VALUES ('e', '2024-01-01 11:00');
SELECT k, count FROM agg ORDER BY window_start, k;
ROLLBACK;
ALTER FOREIGN TABLE s ALTER COLUMN v TYPE bigint;
BEGIN;
DROP FOREIGN TABLE s CASCADE;
SELECT * FROM pg_temp.leftovers();
ROLLBACK;
BEGIN;
DROP SERVER view_drop CASCADE;
SELECT * FROM pg_temp.leftovers();
ROLLBACK;

-- The parts: not one by one.
DROP TABLE stream_agg_data.agg;
DROP VIEW stream_agg_data.agg_definition;
DROP TABLE stream_agg_data.raw RESTRICT;
BEGIN;
DROP TABLE stream_agg_data.agg CASCADE;
DROP VIEW stream_agg_data.raw_definition CASCADE;
SELECT * FROM pg_temp.leftovers();
ROLLBACK;
DROP SCHEMA stream_agg_data CASCADE;

-- Whole schemas, roles and the extension.
CREATE SCHEMA view_drop_2;
CREATE MATERIALIZED VIEW view_drop_2.raw WITH (stream_agg.continuous) AS SELECT k FROM s;
DROP SCHEMA view_drop_2;
DROP SCHEMA view_drop_2 CASCADE;
CREATE ROLE view_drop_user;
GRANT USAGE, CREATE ON SCHEMA view_drop TO view_drop_user;
GRANT SELECT ON s TO view_drop_user;
SET ROLE view_drop_user;
CREATE MATERIALIZED VIEW theirs WITH (stream_agg.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
RESET ROLE;
DROP ROLE view_drop_user;
DROP OWNED BY view_drop_user;
DROP ROLE view_drop_user;
SELECT to_regclass('theirs'), to_regclass('stream_agg_data.theirs');
SET client_min_messages = warning;
BEGIN;
DROP SCHEMA view_drop CASCADE;
SELECT * FROM pg_temp.leftovers();
ROLLBACK;
\set VERBOSITY terse
DROP EXTENSION stream_agg;
\set VERBOSITY default
DROP EXTENSION stream_agg CASCADE;
SELECT nspname FROM pg_namespace WHERE nspname LIKE 'stream_agg%';
\d
-- and again in the same session
CREATE EXTENSION stream_agg SCHEMA public;
CREATE SERVER view_drop FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text, v int, t timestamptz) SERVER view_drop OPTIONS (event_time 't');
CALL fill();
INSERT INTO s VALUES ('b', 1, '2024-01-01 11:00');
SELECT k, count FROM agg ORDER BY window_start, k;
DROP SCHEMA view_drop CASCADE;
DROP SERVER view_drop;
SELECT * FROM pg_temp.leftovers();
