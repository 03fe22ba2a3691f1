-- Who may do what, and whose rights a batch has.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA view_permissions;
SET search_path = view_permissions, public;
CREATE ROLE vp_stream;
CREATE ROLE vp_view;
CREATE ROLE vp_insert;
CREATE ROLE vp_none;
CREATE ROLE vp_member NOINHERIT IN ROLE vp_view;
GRANT USAGE ON SCHEMA view_permissions TO PUBLIC;
GRANT CREATE ON SCHEMA view_permissions TO vp_stream;
CREATE SERVER view_permissions FOREIGN DATA WRAPPER stream_agg;
GRANT USAGE ON FOREIGN SERVER view_permissions TO vp_stream;
SET ROLE vp_stream;
CREATE FOREIGN TABLE s (k text, v int CHECK (v > 0), t timestamptz) SERVER view_permissions
	OPTIONS (event_time 't');
GRANT INSERT ON s TO vp_insert;
RESET ROLE;
CREATE TABLE target (k text, who text DEFAULT current_user);
CREATE TABLE lookup (k text, title text);
INSERT INTO lookup VALUES ('a', 'A');
-- says as whom it runs
CREATE FUNCTION who() RETURNS text LANGUAGE sql VOLATILE AS 'SELECT current_user::text';

-- CREATE needs SELECT on the stream, CREATE on the schema, INSERT on "into",
-- and whatever the query needs; by one column after the other.
SET ROLE vp_view;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT k FROM s;
RESET ROLE;
GRANT CREATE ON SCHEMA view_permissions TO vp_view;
SET ROLE vp_view;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT k FROM s;
RESET ROLE;
GRANT SELECT (k) ON s TO vp_view;
SET ROLE vp_view;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT k, v FROM s;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
DROP MATERIALIZED VIEW v;
RESET ROLE;
GRANT SELECT ON s TO vp_view;
SET ROLE vp_view;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous, stream_agg.into = 'target') AS SELECT k FROM s;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT title FROM s JOIN lookup USING (k);
RESET ROLE;
GRANT INSERT ON target TO vp_view;
GRANT SELECT ON lookup TO vp_view;
SET ROLE vp_view;
CREATE MATERIALIZED VIEW loaded WITH (stream_agg.continuous, stream_agg.into = 'target') AS SELECT k FROM s;
CREATE MATERIALIZED VIEW agg WITH (stream_agg.continuous) AS
	SELECT window_start, title, view_permissions.who(), sum(10 / (v - 1)) FROM s LEFT JOIN lookup USING (k), tumble(t, '1 hour')
	GROUP BY 1, 2, 3;
-- volatile, and so refused; called from a load instead
CREATE MATERIALIZED VIEW whom WITH (stream_agg.continuous) AS SELECT k, who() FROM s;
RESET ROLE;

-- The inserter needs INSERT on the stream, and nothing else; everything runs as
-- the view's owner.
SET ROLE vp_none;
INSERT INTO s VALUES ('a', 2, '2024-01-01 10:00');
SET ROLE vp_insert;
INSERT INTO s VALUES ('a', 2, '2024-01-01 10:00');
SELECT * FROM s;
SELECT * FROM whom;
RESET ROLE;
TABLE target;
TABLE whom;
SET ROLE vp_view;
-- the view's owner has no rights to insert
INSERT INTO s VALUES ('a', 2, '2024-01-01 10:00');
CREATE MATERIALIZED VIEW agg WITH (stream_agg.continuous) AS
	SELECT window_start, title, sum(10 / (v - 1)) FROM s LEFT JOIN lookup USING (k), tumble(t, '1 hour')
	GROUP BY 1, 2;
RESET ROLE;
SET ROLE vp_insert;
INSERT INTO s VALUES ('a', 2, '2024-01-01 11:00'), ('a', 1, '2024-01-01 11:00'),
	('a', 0, '2024-01-01 11:00'), ('a', 3, '2024-01-01 10:00');
SELECT current_user, session_user = current_user AS same;
RESET ROLE;

-- Nothing of a view is open to anyone else without a grant.
SET ROLE vp_insert;
SELECT count(*) FROM agg;
SELECT count(*) FROM stream_agg_data.agg;
DROP MATERIALIZED VIEW agg;
ALTER MATERIALIZED VIEW agg RENAME TO mine;
CREATE TABLE stream_agg_data.mine (a int);
CREATE TABLE stream_agg.mine (a int);
SELECT count(*) FROM stream_agg.continuous_view;
SELECT stream_agg.pause('agg');
SELECT stream_agg.resume('agg');
SELECT stream_agg.pause('s');
SELECT stream_agg.wait('s');
SELECT stream_agg.watermark('agg');
SELECT stream_agg.data_table('agg');
SELECT stream_agg.open_windows('stream_agg_data.agg');
SELECT view FROM stream_agg.views;
SELECT stream FROM stream_agg.streams;
SELECT stream FROM stream_agg.partitions;
SELECT stream FROM stream_agg.dead_letters;
SELECT stream FROM stream_agg.late_rows;
-- the owner of the stream sees the stream
SET ROLE vp_stream;
SELECT view FROM stream_agg.views;
SELECT stream, state FROM stream_agg.streams;
SELECT partition, next_offset FROM stream_agg.partitions;
SELECT view, "offset", reason, convert_from(value, 'UTF8') FROM stream_agg.dead_letters ORDER BY "offset", view;
SELECT view, "offset" FROM stream_agg.late_rows;
SELECT stream_agg.watermark('agg');
SELECT stream_agg.watermark('s');
-- the owner of the view sees the view, and what it may select the rejected rows
SET ROLE vp_view;
SELECT view, state, rows_in, rows_late, rows_dead, open_windows FROM stream_agg.views ORDER BY view::text;
SELECT stream FROM stream_agg.streams;
SELECT count(*) FROM stream_agg.dead_letters;
SELECT count(*) FROM stream_agg.late_rows;
SELECT stream_agg.pause('s');
-- and so does a member
SET ROLE vp_member;
SELECT view, open_windows FROM stream_agg.views ORDER BY view::text;
RESET ROLE;

-- Rights that were taken away: INSERT fails, since nothing is to be lost.
REVOKE SELECT ON lookup FROM vp_view;
SET ROLE vp_insert;
INSERT INTO s VALUES ('b', 2, '2024-01-01 12:00');
RESET ROLE;
GRANT SELECT ON lookup TO vp_view;
REVOKE INSERT ON target FROM vp_view;
SET ROLE vp_insert;
INSERT INTO s VALUES ('c', 2, '2024-01-01 12:00');
RESET ROLE;
GRANT INSERT ON target TO vp_view;
REVOKE SELECT ON s FROM vp_view;
SET ROLE vp_insert;
INSERT INTO s VALUES ('d', 2, '2024-01-01 12:00');
RESET ROLE;
GRANT SELECT ON s TO vp_view;
SET ROLE vp_insert;
INSERT INTO s VALUES ('e', 2, '2024-01-01 12:00');
RESET ROLE;
TABLE whom;

-- A view's owner can't use the inserter's session, nor its rights.
CREATE FUNCTION become() RETURNS text LANGUAGE plpgsql AS $$ BEGIN SET ROLE vp_insert; RETURN 'did'; END $$;
CREATE FUNCTION leave() RETURNS text LANGUAGE plpgsql AS $$ BEGIN CREATE TEMP TABLE left_behind (a int); RETURN 'did'; END $$;
SET ROLE vp_view;
CREATE MATERIALIZED VIEW evil WITH (stream_agg.continuous) AS SELECT become() FROM s;
CREATE MATERIALIZED VIEW evil2 WITH (stream_agg.continuous) AS SELECT leave() FROM s;
SET ROLE vp_insert;
INSERT INTO s VALUES ('f', 2, '2024-01-01 12:00');
RESET ROLE;
DROP MATERIALIZED VIEW evil;
SET ROLE vp_insert;
INSERT INTO s VALUES ('f', 2, '2024-01-01 12:00');
RESET ROLE;

SET client_min_messages = warning;
DROP SCHEMA view_permissions CASCADE;
DROP SERVER view_permissions;
DROP ROLE vp_stream, vp_view, vp_insert, vp_none, vp_member;
SELECT * FROM pg_temp.leftovers();
