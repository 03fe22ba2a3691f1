-- A load into a table of the user's own: columns by name, partitions, triggers,
-- constraints.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA view_into;
SET search_path = view_into, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
CREATE SERVER view_into FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text, v int, t timestamptz) SERVER view_into;

-- Columns in another order, with defaults, generated, identity; further rows.
CREATE TABLE target (
	n int GENERATED ALWAYS AS IDENTITY, v bigint, twice bigint GENERATED ALWAYS AS (v * 2) STORED,
	note text DEFAULT 'from the stream', k text);
INSERT INTO target (v, k, note) VALUES (0, 'own', 'not from the stream');
CREATE MATERIALIZED VIEW into_target WITH (stream_agg.continuous, stream_agg.into = 'target') AS
	SELECT k, v FROM s;
\d into_target

-- A partitioned table with triggers; a partition that is missing.
CREATE TABLE parted (k text, t timestamptz NOT NULL, v int CHECK (v > 0)) PARTITION BY RANGE (t);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
CREATE TABLE log (what text);
CREATE FUNCTION log_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO view_into.log VALUES (format('%s %s %s %s', TG_WHEN, TG_OP, TG_TABLE_NAME, NEW.k));
	RETURN NEW;
END
$$;
CREATE FUNCTION log_statement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO view_into.log SELECT format('%s rows', count(*)) FROM new_rows;
	RETURN NULL;
END
$$;
CREATE FUNCTION upper_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.k := upper(NEW.k);
	RETURN CASE WHEN NEW.k = 'DROP' THEN NULL ELSE NEW END;
END
$$;
CREATE TRIGGER a_upper BEFORE INSERT ON parted FOR EACH ROW EXECUTE FUNCTION upper_key();
CREATE TRIGGER b_log AFTER INSERT ON parted FOR EACH ROW EXECUTE FUNCTION log_row();
CREATE TRIGGER c_log AFTER INSERT ON parted REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION log_statement();
CREATE MATERIALIZED VIEW into_parted WITH (stream_agg.continuous, stream_agg.into = 'view_into.parted') AS
	SELECT v, k, t FROM s;

INSERT INTO s VALUES ('a', 1, '2024-01-05'), ('b', 2, '2024-02-05'), ('drop', 3, '2024-01-06');
SELECT * FROM target ORDER BY n;
SELECT * FROM into_target ORDER BY v;
SELECT tableoid::regclass, * FROM parted ORDER BY t;
TABLE log;

-- Rows that the table does not take are dead letters of this view alone.
INSERT INTO s VALUES ('c', -3, '2024-01-07'), ('d', 4, '2025-01-07'), ('e', 5, NULL), ('f', 6, '2024-01-08');
SELECT * FROM into_target ORDER BY v;
SELECT * FROM into_parted ORDER BY v;
SELECT view, "offset", sqlstate, reason FROM stream_agg.dead_letters ORDER BY "offset", view;

-- Another view may write into the same table.
CREATE MATERIALIZED VIEW second WITH (stream_agg.continuous, stream_agg.into = 'target') AS
	SELECT upper(k) AS k FROM s;
INSERT INTO s VALUES ('g', 7, '2024-01-09');
SELECT v, k FROM target WHERE lower(k) = 'g' ORDER BY k;

-- The table is the user's: it stays when a view is dropped, and can't be
-- dropped under its views without CASCADE.
DROP MATERIALIZED VIEW second;
DROP TABLE target;
SELECT count(*) FROM target;
DROP TABLE target CASCADE;
INSERT INTO s VALUES ('h', 8, '2024-01-10');
SELECT * FROM into_parted WHERE v > 6 ORDER BY v;

SET client_min_messages = warning;
DROP SCHEMA view_into CASCADE;
DROP SERVER view_into;
SELECT * FROM pg_temp.leftovers();
