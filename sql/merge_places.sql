-- Where the rows of groups are is remembered from batch to batch: that must help, and
-- must not matter, whatever becomes of the rows meanwhile.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA merge_places;
SET search_path = merge_places, public;
SET client_min_messages = warning;
CREATE SERVER merge_places FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text, v int) SERVER merge_places OPTIONS (batch_rows '400');
CREATE TABLE s_rows (k text, v int);
CREATE MATERIALIZED VIEW by_key WITH (stream_agg.continuous) AS SELECT k, count(*), sum(v) FROM s GROUP BY k;
ALTER TABLE stream_agg_data.by_key SET (autovacuum_enabled = off);

-- A batch of 400 groups out of those from "first" on, as rows of the model, too; returns how
-- often the key index was searched.
CREATE FUNCTION batch(first int DEFAULT 1, length int DEFAULT 1) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	index regclass := (SELECT indexrelid FROM pg_index WHERE indrelid = 'stream_agg_data.by_key'::regclass AND indisunique);
	before bigint := pg_stat_get_xact_numscans(index);
BEGIN
	CREATE TEMP TABLE input ON COMMIT DROP AS
		SELECT CASE WHEN i % 400 <> 7 THEN repeat('k', length) || i END AS k, i % 10 AS v
		FROM generate_series(first, first + 399) i;
	INSERT INTO merge_places.s_rows TABLE input;
	INSERT INTO merge_places.s TABLE input;
	DROP TABLE input;
	RETURN pg_stat_get_xact_numscans(index) - before;
END
$$;
CREATE FUNCTION right_ones() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT 'key ' || d FROM pg_temp.differences('SELECT k, count, sum FROM merge_places.by_key',
		'SELECT k, count(*), sum(v) FROM merge_places.s_rows GROUP BY k') d$$;

-- ---- it helps ----

-- the first batch searches, those after it don't
SELECT batch() AS first, batch() AS second, batch() AS third;
SELECT * FROM pg_temp.check_view('by_key');
-- rows that another process has written are searched once
\c
SET search_path = merge_places, public;
SET client_min_messages = warning;
\i :oracle
SELECT batch() AS first, batch() AS second, batch() AS third;
-- so are rows that have been moved within their blocks
VACUUM stream_agg_data.by_key;
SELECT batch() AS first, batch() AS second, batch() AS third;
VACUUM FULL stream_agg_data.by_key;
SELECT batch() AS first, batch() AS second, batch() AS third;
SELECT * FROM right_ones();

-- ---- it does not matter ----

-- Rolled back: as a whole, and to a savepoint; other groups are put where those were.
BEGIN;
SELECT batch(1001) IS NOT NULL;
ROLLBACK;
SELECT batch(2001) IS NOT NULL;
BEGIN;
SAVEPOINT a;
SELECT batch(3001) IS NOT NULL;
ROLLBACK TO a;
SELECT batch(4001) IS NOT NULL, batch(3001) IS NOT NULL;
COMMIT;
SELECT batch(1001) IS NOT NULL;
SELECT * FROM right_ones();

-- Removed by hand, and the end of the table cut off.
CREATE TABLE had AS SELECT pg_relation_size('stream_agg_data.by_key') AS size;
DELETE FROM stream_agg_data.by_key WHERE ctid >= '(1,1)';
DELETE FROM s_rows WHERE k NOT IN (SELECT k FROM by_key WHERE k IS NOT NULL) OR k IS NULL AND NOT EXISTS (SELECT FROM by_key WHERE k IS NULL);
VACUUM stream_agg_data.by_key;
SELECT pg_relation_size('stream_agg_data.by_key') < size AS smaller FROM had;
SELECT batch(3001) IS NOT NULL, batch(2001) IS NOT NULL, batch() IS NOT NULL;
SELECT * FROM right_ones();
BEGIN;
TRUNCATE stream_agg_data.by_key, s_rows;
SELECT batch() IS NOT NULL, batch(4001) IS NOT NULL;
COMMIT;
SELECT batch() IS NOT NULL, batch(3801) IS NOT NULL;
SELECT * FROM right_ones();

-- Removed by hand, and other groups put into the same places.
DELETE FROM stream_agg_data.by_key WHERE k > 'k2';
DELETE FROM s_rows WHERE k > 'k2';
VACUUM (TRUNCATE off) stream_agg_data.by_key;
SELECT batch(5001) IS NOT NULL, batch() IS NOT NULL;
SELECT * FROM right_ones();

-- Keys that change hands: what was one group's row is another's.
UPDATE stream_agg_data.by_key SET k = 'other' WHERE k = 'k11';
UPDATE stream_agg_data.by_key SET k = 'k11' WHERE k = 'k12';
UPDATE stream_agg_data.by_key SET k = 'k12' WHERE k = 'other';
UPDATE s_rows SET k = CASE k WHEN 'k11' THEN 'k12' ELSE 'k11' END WHERE k IN ('k11', 'k12');
SELECT batch() IS NOT NULL;
SELECT * FROM right_ones();

-- An index of the user's, by which no version is where the last one was; another key index.
CREATE INDEX ON stream_agg_data.by_key (count);
SELECT batch() IS NOT NULL, batch() IS NOT NULL;
DROP INDEX stream_agg_data.by_key_k_idx;
SELECT batch();
CREATE UNIQUE INDEX ON stream_agg_data.by_key (k DESC NULLS LAST) NULLS NOT DISTINCT;
SELECT batch() IS NOT NULL, batch() IS NOT NULL;
CLUSTER stream_agg_data.by_key USING by_key_k_idx;
SELECT batch() IS NOT NULL;
SELECT * FROM right_ones();

-- Keys with one hash, by which places are remembered: each takes it from the other.
CREATE TABLE one_hash AS SELECT k FROM (SELECT k, count(*) OVER (PARTITION BY hashtext(k)) AS n
	FROM (SELECT 'k' || i AS k FROM generate_series(1, 300000) i) keys) x WHERE n > 1;
SELECT count(*) > 1 FROM one_hash;
INSERT INTO s_rows SELECT k, n FROM one_hash, generate_series(1, 3) n;
INSERT INTO s SELECT k, 1 FROM one_hash;
INSERT INTO s SELECT k, 2 FROM one_hash;
INSERT INTO s SELECT k, 3 FROM one_hash;
SELECT * FROM right_ones();

-- Keys as wide as an index allows, and wider.
SELECT batch(1, 600) IS NOT NULL, batch(1, 600) IS NOT NULL;
SELECT * FROM right_ones();
INSERT INTO s SELECT string_agg(md5(i::text), ''), 1 FROM generate_series(1, 300) i UNION ALL SELECT 'k1', 0;
INSERT INTO s_rows VALUES ('k1', 0);
SELECT * FROM right_ones();
SELECT view, sqlstate FROM stream_agg.dead_letters ORDER BY view::text;

-- ---- keys that are equal and look different ----

CREATE TYPE pair AS (a numeric, b text);
CREATE FOREIGN TABLE twins (n numeric, f float8, a numeric[], p pair, v int) SERVER merge_places OPTIONS (batch_rows '5');
CREATE MATERIALIZED VIEW by_numeric WITH (stream_agg.continuous) AS SELECT n, count(*), sum(v) FROM twins GROUP BY n;
CREATE MATERIALIZED VIEW by_float WITH (stream_agg.continuous) AS SELECT f, count(*), sum(v) FROM twins GROUP BY f;
CREATE MATERIALIZED VIEW by_array WITH (stream_agg.continuous) AS SELECT a, count(*), sum(v) FROM twins GROUP BY a;
CREATE MATERIALIZED VIEW by_pair WITH (stream_agg.continuous) AS SELECT p, n, count(*), sum(v) FROM twins GROUP BY p, n;
CREATE TABLE twins_rows AS SELECT round((i % 5)::numeric, i % 4) AS n,
	(CASE i % 4 WHEN 0 THEN '0' WHEN 1 THEN '-0' WHEN 2 THEN 'NaN' END)::float8 AS f,
	ARRAY[round(1, i % 3), CASE WHEN i % 7 > 0 THEN round((i % 2)::numeric, i % 5) END] AS a,
	CASE WHEN i % 6 > 0 THEN ROW(round(1, i % 4), CASE WHEN i % 3 > 0 THEN 'b' END)::pair END AS p, i AS v
	FROM generate_series(1, 200) i;
INSERT INTO twins TABLE twins_rows;
-- which of the looks a group keeps is nobody's business
SELECT v, d FROM (VALUES ('n::float8', 'by_numeric', 'n'), ('f + 0', 'by_float', 'f'), ('a::float8[]', 'by_array', 'a'),
	('(p).a::float8, (p).b, n::float8', 'by_pair', 'p, n')) x(o, v, k),
	pg_temp.differences(format('SELECT %s, count, sum FROM %s', o, v), format('SELECT %s, count(*), sum(v) FROM twins_rows GROUP BY %s', o, k)) d;

-- ---- panes, and windows that end ----

CREATE FOREIGN TABLE w (k text, v int, t timestamptz) SERVER merge_places OPTIONS (event_time 't', max_out_of_orderness '2 h', batch_rows '150');
CREATE MATERIALIZED VIEW by_pane WITH (stream_agg.continuous) AS
	SELECT window_start, k, count(*), sum(v) FROM w, hop(t, '20 min', '1 h') GROUP BY 1, 2;
CREATE TABLE w_rows AS SELECT CASE WHEN i % 13 > 0 THEN 'k' || i % 13 END AS k, i % 10 AS v,
	'2024-01-01'::timestamptz + (i * 10 + (i * 7919) % 7000) * '1 s'::interval AS t FROM generate_series(1, 4000) i;
SELECT panes FROM stream_agg.continuous_view WHERE view = 'by_pane'::regclass \gset
INSERT INTO w TABLE w_rows LIMIT 2000;
VACUUM :panes;
INSERT INTO w TABLE w_rows LIMIT 500 OFFSET 2000;
VACUUM :panes;
INSERT INTO w TABLE w_rows LIMIT 500 OFFSET 2500;
VACUUM FULL :panes;
INSERT INTO w TABLE w_rows OFFSET 3000;
SELECT count(*) > 0 AS settled FROM by_pane WHERE is_final;
SELECT rows_late FROM stream_agg.progress WHERE view = 'by_pane'::regclass;
SELECT * FROM pg_temp.check_view('by_pane');

DROP SCHEMA merge_places CASCADE;
DROP SERVER merge_places;
SELECT * FROM pg_temp.leftovers();
