-- Loads write many rows at a time where the table is plain, and by an INSERT where it
-- is not: either way the table must hold what an INSERT would have put there.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
\set VERBOSITY terse
CREATE SCHEMA load_bulk;
SET search_path = load_bulk, public;
SET client_min_messages = warning;
CREATE SERVER load_bulk FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text, v int, x text) SERVER load_bulk;
CREATE VIEW letters AS SELECT "offset", view, sqlstate, reason
	FROM stream_agg.dead_letters WHERE stream = 's'::regclass ORDER BY 1, 2::text;

-- ---- a plain table with all that is dealt with here ----

-- Dropped columns, another order, defaults, domains, storage, a column that was added with a
-- value; constraints of each kind; indexes of each kind.
CREATE DOMAIN small AS int CHECK (value < 1000);
CREATE SEQUENCE numbers;
CREATE TABLE target (gone_1 int, v bigint, gone_2 text, x text, id int GENERATED ALWAYS AS IDENTITY,
	n bigint DEFAULT nextval('numbers'), d small DEFAULT 1, k text NOT NULL, gone_3 numeric, empty name,
	CHECK (length(x) < 300000), CHECK (tableoid = 'load_bulk.target'::regclass),
	EXCLUDE USING btree (k WITH =, v WITH =));
ALTER TABLE target DROP gone_1, DROP gone_2, DROP gone_3, ADD added int NOT NULL DEFAULT 77;
ALTER TABLE target ALTER k SET STORAGE plain, ALTER x SET STORAGE external;
CREATE UNIQUE INDEX target_part ON target ((v % 100000)) WHERE v > 0;
CREATE INDEX ON target USING hash (k);
CREATE INDEX ON target USING gin (string_to_array(x, ' ')) WHERE length(x) < 100;
CREATE MATERIALIZED VIEW loaded WITH (stream_agg.continuous, stream_agg.into = 'target') AS SELECT x, v, k FROM s;
CREATE MATERIALIZED VIEW whole WITH (stream_agg.continuous) AS SELECT * FROM s;
CREATE MATERIALIZED VIEW no_columns WITH (stream_agg.continuous) AS SELECT FROM s;

-- more than are written at once; rows of one byte, of a page, of many pages
CREATE TABLE s_rows AS SELECT 'k' || i % 7 AS k, i AS v,
	repeat('ab ', CASE WHEN i % 500 = 0 THEN 90000 WHEN i % 50 = 0 THEN 3000 ELSE i % 30 END) AS x
	FROM generate_series(1, 2500) i;
INSERT INTO s TABLE s_rows;
SELECT * FROM pg_temp.differences('SELECT k, v, x FROM target', 'SELECT k, v::bigint, x FROM s_rows');
SELECT * FROM pg_temp.check_view('whole');
SELECT count(*) FROM no_columns;
-- defaults are computed once for each row, in the order of rows
SELECT count(DISTINCT id), count(DISTINCT n), min(n), max(n), bool_and(id = n AND id = v), min(d), max(added), count(empty) FROM target;
-- the indexes have every row
SET enable_seqscan = off;
SELECT count(*), (SELECT count(*) FROM s_rows WHERE k = 'k3') FROM target WHERE k = 'k3';
SELECT count(*) FROM target WHERE v % 100000 = 1999 AND v > 0;
SELECT count(*), (SELECT count(*) FROM s_rows WHERE x LIKE 'ab %' AND length(x) < 100) FROM target
WHERE string_to_array(x, ' ') @> '{ab}' AND length(x) < 100;
RESET enable_seqscan;

-- Bad rows among good ones: each alone is left out, and blamed.
INSERT INTO s SELECT 'good', 10000 + i, 'x' FROM generate_series(1, 700) i
UNION ALL VALUES (NULL, 20001, 'null'), ('k', 20002, 'first'), ('k', 20002, 'excluded'), ('k', 120002, 'not unique'),
	('k', 20003, repeat('x', 300000)), (repeat('wide', 3000), 20004, 'no room')
UNION ALL SELECT 'good', 11000 + i, 'x' FROM generate_series(1, 700) i;
SELECT k, count(*), min(v), max(v) FROM target WHERE v > 10000 GROUP BY k ORDER BY k;
TABLE letters;
SELECT view, rows_in, rows_dead FROM stream_agg.progress WHERE view IN ('loaded'::regclass, 'whole'::regclass) ORDER BY view::text;
-- a conflict of two rows of a batch, and nothing else that makes it fail
INSERT INTO s SELECT 'pair', 30000 + i % 999, 'x' FROM generate_series(1, 1000) i;
INSERT INTO s VALUES ('pair', -30000, 'excluded'), ('pair', -30000, 'excluded');
SELECT k, count(*), count(DISTINCT v) FROM target WHERE k = 'pair' GROUP BY k;
SELECT "offset", sqlstate FROM letters OFFSET 5;

-- ---- what makes a table one that is written by INSERT, and back ----

CREATE TABLE log (what text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO load_bulk.log VALUES (tg_when || ' ' || tg_level); RETURN new; END$$;
CREATE TRIGGER per_statement AFTER INSERT ON target EXECUTE FUNCTION note();
INSERT INTO s VALUES ('t', 40001), ('t', 40002);
DROP TRIGGER per_statement ON target;
CREATE TRIGGER per_row BEFORE INSERT ON target FOR EACH ROW EXECUTE FUNCTION note();
INSERT INTO s VALUES ('t', 40003), ('t', 40004);
DROP TRIGGER per_row ON target;
INSERT INTO s VALUES ('t', 40005), ('t', 40006);
SELECT what, count(*) FROM log GROUP BY 1 ORDER BY 1;
ALTER TABLE target ADD twice bigint GENERATED ALWAYS AS (v * 2) STORED;
INSERT INTO s VALUES ('t', 40007), ('t', 40008);
SELECT v, twice FROM target WHERE v > 40006 ORDER BY v;
ALTER TABLE target DROP twice;
CREATE TABLE keys (k text PRIMARY KEY);
INSERT INTO keys VALUES ('t');
ALTER TABLE target ADD CONSTRAINT known FOREIGN KEY (k) REFERENCES keys NOT VALID;
INSERT INTO s VALUES ('t', 40009), ('unknown', 40010);
ALTER TABLE target DROP CONSTRAINT known;
ALTER TABLE target ADD CONSTRAINT once UNIQUE (n) DEFERRABLE INITIALLY DEFERRED;
INSERT INTO s VALUES ('t', 40011);
ALTER TABLE target DROP CONSTRAINT once;
CREATE RULE refused AS ON INSERT TO target DO INSTEAD NOTHING;
INSERT INTO s VALUES ('t', 40012);
DROP RULE refused ON target;
ALTER TABLE target SET UNLOGGED;
CREATE TABLE child () INHERITS (target);
INSERT INTO s VALUES ('t', 40013);
SELECT v, k, tableoid::regclass FROM target WHERE v > 40008 ORDER BY v;
SELECT * FROM letters OFFSET 7;

-- ---- functions that look at the table see the rows before theirs ----

CREATE TABLE seen (n bigint, k text, before bigint);
CREATE FUNCTION seen_before(text) RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT count(*) FROM load_bulk.seen WHERE k = $1';
CREATE FUNCTION next_number() RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT coalesce(max(n), 0) + 1 FROM load_bulk.seen';
CREATE MATERIALIZED VIEW in_query WITH (stream_agg.continuous, stream_agg.into = 'seen') AS SELECT k, seen_before(k) AS before FROM s;
INSERT INTO s VALUES ('c'), ('c'), ('c'), ('d'), ('d');
TABLE seen;
DROP MATERIALIZED VIEW in_query;
ALTER TABLE seen ALTER n SET DEFAULT next_number();
CREATE MATERIALIZED VIEW in_default WITH (stream_agg.continuous, stream_agg.into = 'seen') AS SELECT k FROM s;
INSERT INTO s VALUES ('e'), ('e'), ('e');
SELECT * FROM seen WHERE k = 'e';
ALTER TABLE seen ALTER n DROP DEFAULT, ADD CHECK (k <> 'f' OR seen_before('f') < 2);
INSERT INTO s VALUES ('f'), ('f'), ('f');
SELECT * FROM seen WHERE k = 'f';

-- ---- rights are those of the view's owner, when it is written ----

DROP TABLE target CASCADE;
DROP TABLE seen CASCADE;
CREATE ROLE load_bulk_owner;
GRANT ALL ON SCHEMA load_bulk TO load_bulk_owner;
GRANT SELECT ON s TO load_bulk_owner;
CREATE TABLE target (k text, v int CHECK (v < 1000));
GRANT SELECT, INSERT ON target TO load_bulk_owner;
SET ROLE load_bulk_owner;
CREATE MATERIALIZED VIEW theirs WITH (stream_agg.continuous, stream_agg.into = 'target') AS SELECT k, v FROM s;
RESET ROLE;
INSERT INTO s VALUES ('granted', 1);
REVOKE INSERT ON target FROM load_bulk_owner;
INSERT INTO s VALUES ('revoked', 2);
GRANT INSERT (k, v) ON target TO load_bulk_owner;
INSERT INTO s VALUES ('granted', 3);
ALTER TABLE target ENABLE ROW LEVEL SECURITY;
CREATE POLICY writes ON target FOR INSERT WITH CHECK (k <> 'forbidden');
INSERT INTO s VALUES ('allowed', 4);
INSERT INTO s VALUES ('forbidden', 5);
ALTER TABLE target DISABLE ROW LEVEL SECURITY;
ALTER FOREIGN TABLE s OPTIONS (on_error 'stop');
INSERT INTO s VALUES ('before the bad row', 6), ('bad', 1000), ('behind it', 8);
INSERT INTO s VALUES ('good', 9);
SELECT * FROM target ORDER BY v;

DROP SCHEMA load_bulk CASCADE;
DROP SERVER load_bulk;
DROP ROLE load_bulk_owner;
SELECT * FROM pg_temp.leftovers();
