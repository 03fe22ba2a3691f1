-- ALTER and COMMENT in both spellings; a view that was renamed, moved or given
-- away goes on.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA view_alter;
CREATE SCHEMA view_alter_2;
SET search_path = view_alter, public;
CREATE SERVER view_alter FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text, v int, t timestamptz) SERVER view_alter OPTIONS (event_time 't');
CREATE MATERIALIZED VIEW a WITH (stream_agg.continuous) AS
	SELECT window_start, k, sum(v) FROM s, tumble(t, '1 hour') GROUP BY window_start, k;
CREATE MATERIALIZED VIEW b WITH (stream_agg.continuous) AS SELECT k, v FROM s;
CREATE ROLE view_alter_user;
CREATE ROLE view_alter_other;
GRANT USAGE, CREATE ON SCHEMA view_alter, view_alter_2 TO view_alter_user, view_alter_other;
GRANT SELECT, INSERT ON s TO view_alter_user, view_alter_other;
INSERT INTO s VALUES ('x', 1, '2024-01-01 10:00');

ALTER MATERIALIZED VIEW a RENAME TO a1;
INSERT INTO s VALUES ('x', 2, '2024-01-01 10:00');
ALTER VIEW a1 RENAME TO a2;
INSERT INTO s VALUES ('x', 3, '2024-01-01 10:00');
ALTER TABLE a2 RENAME TO a3;
ALTER MATERIALIZED VIEW a3 SET SCHEMA view_alter_2;
INSERT INTO s VALUES ('x', 4, '2024-01-01 10:00');
ALTER VIEW view_alter_2.a3 SET SCHEMA view_alter;
INSERT INTO s VALUES ('x', 5, '2024-01-01 10:00');
ALTER MATERIALIZED VIEW a3 RENAME COLUMN sum TO total;
ALTER VIEW a3 RENAME COLUMN k TO key;
INSERT INTO s VALUES ('x', 6, '2024-01-01 10:00');
SELECT key, total FROM a3;

-- names in the stream
ALTER FOREIGN TABLE s RENAME TO s1;
ALTER FOREIGN TABLE s1 RENAME COLUMN v TO value;
ALTER FOREIGN TABLE s1 RENAME COLUMN k TO "The Key";
ALTER FOREIGN TABLE s1 SET SCHEMA view_alter_2;
INSERT INTO view_alter_2.s1 VALUES ('x', 7, '2024-01-01 10:00');
SELECT key, total FROM a3;
SELECT * FROM b ORDER BY v;
ALTER FOREIGN TABLE view_alter_2.s1 SET SCHEMA view_alter;
ALTER FOREIGN TABLE s1 RENAME TO s;
ALTER FOREIGN TABLE s ADD COLUMN more int;
INSERT INTO s VALUES ('x', 8, '2024-01-01 10:00', 1);
SELECT key, total FROM a3;
-- the event-time column is named in an option
BEGIN;
ALTER FOREIGN TABLE s RENAME COLUMN t TO time;
INSERT INTO s VALUES ('x', 9, '2024-01-01 10:00', 1);
ROLLBACK;
ALTER FOREIGN TABLE s OPTIONS (ADD max_out_of_orderness '1 day');

-- the table behind it
ALTER TABLE stream_agg_data.a RENAME TO data_of_a;
ALTER TABLE stream_agg_data.data_of_a RENAME COLUMN sum TO summe;
CREATE INDEX ON stream_agg_data.data_of_a (summe);
INSERT INTO s VALUES ('x', 9, '2024-01-01 10:00', 1);
SELECT key, total FROM a3;
SELECT stream_agg.data_table('a3');

-- The parts follow the view to its new owner, in each spelling.
CREATE VIEW owners AS SELECT c.relname, pg_get_userbyid(c.relowner) AS owner FROM stream_agg.continuous_view v
	JOIN pg_class c ON c.oid IN (v.view, v.definition, v.data) ORDER BY 1;
ALTER MATERIALIZED VIEW a3 OWNER TO view_alter_user;
ALTER VIEW b OWNER TO view_alter_user;
TABLE owners;
INSERT INTO s VALUES ('x', 10, '2024-01-01 10:00', 1);
ALTER TABLE a3 OWNER TO view_alter_other;
TABLE owners;
INSERT INTO s VALUES ('x', 11, '2024-01-01 10:00', 1);
REASSIGN OWNED BY view_alter_other TO view_alter_user;
TABLE owners;
INSERT INTO s VALUES ('x', 12, '2024-01-01 10:00', 1);
SELECT key, total FROM a3;
SET ROLE view_alter_user;
SELECT key, total FROM a3;
RESET ROLE;

-- COMMENT, and what a view has no use for.
COMMENT ON MATERIALIZED VIEW a3 IS 'one';
COMMENT ON VIEW b IS 'two';
COMMENT ON COLUMN a3.total IS 'three';
SELECT obj_description('a3'::regclass), obj_description('b'::regclass);
ALTER VIEW a3 ALTER COLUMN total SET DEFAULT 1;
ALTER MATERIALIZED VIEW a3 SET (security_barrier = true);
SELECT reloptions FROM pg_class WHERE oid = 'a3'::regclass;
ALTER MATERIALIZED VIEW a3 SET (fillfactor = 10);
ALTER MATERIALIZED VIEW IF EXISTS nonesuch RENAME TO x;
REFRESH MATERIALIZED VIEW a3;
-- ordinary materialized views are left alone
CREATE MATERIALIZED VIEW plain AS SELECT 1 AS one;
ALTER MATERIALIZED VIEW plain RENAME TO plain2;
COMMENT ON MATERIALIZED VIEW plain2 IS 'plain';
REFRESH MATERIALIZED VIEW plain2;
ALTER VIEW plain2 RENAME TO plain3;

SET client_min_messages = warning;
DROP SCHEMA view_alter, view_alter_2 CASCADE;
DROP SERVER view_alter;
DROP ROLE view_alter_user, view_alter_other;
SELECT * FROM pg_temp.leftovers();
