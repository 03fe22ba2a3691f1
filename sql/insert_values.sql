-- Rows that are not what they seem: other column orders, dropped columns, large
-- values stored elsewhere, whole rows; prepared transactions; foreign keys.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA insert_values;
SET search_path = insert_values, public;
CREATE SERVER insert_values FOREIGN DATA WRAPPER stream_agg;

-- A partition whose columns stand otherwise than its parent's.
CREATE TABLE parent (gone int, k text, b int, v int) PARTITION BY LIST (k);
ALTER TABLE parent DROP COLUMN gone;
CREATE FOREIGN TABLE s (v int, gone int, k text, b int) SERVER insert_values;
ALTER FOREIGN TABLE s DROP COLUMN gone;
ALTER TABLE parent ATTACH PARTITION s DEFAULT;
CREATE MATERIALIZED VIEW sums WITH (stream_agg.continuous) AS
	SELECT k, sum(v) AS v, sum(b) AS b, count(*) FROM s GROUP BY k;
INSERT INTO parent VALUES ('a', 1, 10), ('b', 2, 20);
COPY parent FROM stdin;
a	5	50
\.
SELECT * FROM sums ORDER BY k;

-- Prepared transactions.
BEGIN;
INSERT INTO s (k, v) VALUES ('a', 100);
CREATE MATERIALIZED VIEW later WITH (stream_agg.continuous) AS SELECT k, v FROM s;
INSERT INTO s (k, v) VALUES ('a', 200);
PREPARE TRANSACTION 'insert_values';
SELECT v FROM sums WHERE k = 'a';
COMMIT PREPARED 'insert_values';
SELECT v FROM sums WHERE k = 'a';
TABLE later;
BEGIN;
INSERT INTO s (k, v) VALUES ('a', 1000);
DROP MATERIALIZED VIEW later;
PREPARE TRANSACTION 'insert_values';
ROLLBACK PREPARED 'insert_values';
INSERT INTO s (k, v) VALUES ('a', 2000);
SELECT v FROM sums WHERE k = 'a';
TABLE later;

-- Whole rows, which are rows of the stream's type.
CREATE MATERIALIZED VIEW whole WITH (stream_agg.continuous) AS SELECT s, row_to_json(s) AS json, (s).k FROM s;
CREATE MATERIALIZED VIEW by_whole WITH (stream_agg.continuous) AS SELECT s, count(*) FROM s GROUP BY s;
INSERT INTO s (k, v) VALUES ('w', 3), ('w', 3);
TABLE whole;
TABLE by_whole;
-- a row of a stream has no place
CREATE MATERIALIZED VIEW refused WITH (stream_agg.continuous) AS SELECT ctid AS place FROM s;
CREATE MATERIALIZED VIEW refused WITH (stream_agg.continuous) AS SELECT count(*) FROM s WHERE xmin::text > '0';
CREATE MATERIALIZED VIEW of_table WITH (stream_agg.continuous) AS SELECT tableoid::regclass AS t, count(*) FROM s GROUP BY 1;

INSERT INTO s (k) VALUES ('t');
TABLE of_table;

-- Large values, stored outside of their rows in a table that goes away.
CREATE FOREIGN TABLE large (k text, j jsonb, a int[]) SERVER insert_values;
CREATE TABLE large_rows (LIKE large);
ALTER TABLE large_rows ALTER k SET STORAGE external, ALTER j SET STORAGE external, ALTER a SET STORAGE external;
CREATE MATERIALIZED VIEW large_load WITH (stream_agg.continuous) AS SELECT * FROM large;
CREATE MATERIALIZED VIEW large_max WITH (stream_agg.continuous) AS SELECT max(k), max(a) AS a, count(*) FROM large;
INSERT INTO large_rows SELECT repeat(chr(64 + i), 100000), jsonb_build_object('k', repeat('x', 10000 + i)),
	array_agg(x ORDER BY x) FROM generate_series(1, 3) i, generate_series(1, 10000) x GROUP BY i;
INSERT INTO large TABLE large_rows;
INSERT INTO large SELECT * FROM large_rows WHERE k LIKE 'A%';
DO $$
DECLARE
	a int[] := array_agg(x) FROM generate_series(1, 10000) x;
BEGIN
	a[5] := 7;
	INSERT INTO large VALUES (repeat('D', 100000), NULL, a);
END
$$;
TRUNCATE large_rows;
SELECT left(k, 1) AS k, length(k), length(j ->> 'k') AS j, cardinality(a), a[5] FROM large_load ORDER BY 1, 2;
SELECT left(max, 1), length(max), count FROM large_max;

-- Foreign and unique keys of a table that a load fills.
CREATE TABLE ref (k text PRIMARY KEY);
INSERT INTO ref VALUES ('known');
CREATE TABLE keyed (k text REFERENCES ref, UNIQUE (k));
CREATE MATERIALIZED VIEW into_keyed WITH (stream_agg.continuous, stream_agg.into = 'keyed') AS SELECT k FROM s;
INSERT INTO s (k) VALUES ('known'), ('unknown'), ('known');
TABLE into_keyed;
SELECT view, sqlstate, reason FROM stream_agg.dead_letters ORDER BY "offset";
-- what is deferred would happen when the inserter commits
CREATE TABLE deferred (k text REFERENCES ref DEFERRABLE INITIALLY DEFERRED);
CREATE MATERIALIZED VIEW into_deferred WITH (stream_agg.continuous, stream_agg.into = 'deferred') AS SELECT k FROM s;
ALTER TABLE deferred ALTER CONSTRAINT deferred_k_fkey DEFERRABLE INITIALLY IMMEDIATE;
CREATE MATERIALIZED VIEW into_deferred WITH (stream_agg.continuous, stream_agg.into = 'deferred') AS SELECT k FROM s;
INSERT INTO s (k) VALUES ('known'), ('unknown');
TABLE into_deferred;
-- also by the inserter's own wish
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO s (k) VALUES ('known'), ('unknown');
ROLLBACK;
-- a table of this session alone is no place for rows that others insert
CREATE TEMP TABLE mine (k text);
CREATE MATERIALIZED VIEW into_mine WITH (stream_agg.continuous, stream_agg.into = 'mine') AS SELECT k FROM s;
CREATE MATERIALIZED VIEW reads_mine WITH (stream_agg.continuous) AS SELECT k FROM s JOIN mine USING (k);

SET client_min_messages = warning;
DROP SCHEMA insert_values CASCADE;
DROP SERVER insert_values;
SELECT * FROM pg_temp.leftovers();
