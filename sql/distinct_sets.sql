-- How sets of distinct values are filled: several from one reading of the batch,
-- in pieces that fit the memory, and by SQL where a user has altered their table.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA distinct_sets;
SET search_path = distinct_sets, public;
SET TimeZone = 'UTC';
CREATE SERVER distinct_sets FOREIGN DATA WRAPPER stream_agg;
CREATE TYPE size AS ENUM ('m', 'xl');
-- a label whose place is not in the order of its number
ALTER TYPE size ADD VALUE 's' BEFORE 'm';
ALTER TYPE size ADD VALUE 'l' BEFORE 'xl';
CREATE FOREIGN TABLE s (k text, a int, b text, z size, t timestamptz) SERVER distinct_sets OPTIONS (event_time 't');
CREATE TABLE s_rows AS
SELECT CASE WHEN n % 7 > 0 THEN 'k' || n % 7 END AS k, CASE WHEN n % 13 > 0 THEN n * 7919 % 1009 - 20 END AS a,
	repeat(md5((n % 501)::text), 3) AS b, (ARRAY['xl', 's', NULL, 'm', 'l'])[1 + n % 5]::size AS z,
	timestamptz '2024-01-01' + n * interval '1 s' AS t
FROM generate_series(1, 6000) n;

-- FILTERs with the same argument share a plan; it computes the argument only for rows that pass one of them
CREATE MATERIALIZED VIEW filtered WITH (stream_agg.continuous) AS
SELECT k, count(DISTINCT 1000 / a) FILTER (WHERE a > 0) AS above, count(DISTINCT 1000 / a) FILTER (WHERE a < 0) AS below,
	sum(DISTINCT 1000 / a) FILTER (WHERE a > 100) AS sum_, avg(DISTINCT a) AS all_, count(DISTINCT a) FILTER (WHERE b > 'c') AS some,
	string_agg(DISTINCT b, ',') FILTER (WHERE a = 7) AS text_, count(DISTINCT b) FILTER (WHERE a = 7) AS texts, count(DISTINCT b) FILTER (WHERE NULL) AS none
FROM s GROUP BY k;
CREATE MATERIALIZED VIEW ungrouped WITH (stream_agg.continuous) AS
SELECT count(DISTINCT z), count(DISTINCT z) FILTER (WHERE a > 0) AS above, count(DISTINCT (z, b)) AS pairs, count(DISTINCT 1) AS one,
	count(DISTINCT 1) FILTER (WHERE a > 100000) AS never FROM s;
CREATE MATERIALIZED VIEW windows WITH (stream_agg.continuous) AS
SELECT window_start, k, count(DISTINCT b), count(DISTINCT b) FILTER (WHERE a > 500) AS above, max(DISTINCT z) FROM s, tumble(t, '10 min') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW slices WITH (stream_agg.continuous) AS
SELECT window_start, count(DISTINCT b), count(DISTINCT b) FILTER (WHERE a > 500) AS above FROM s, hop(t, '10 min', '30 min') GROUP BY 1;
-- names of a plan's own
CREATE MATERIALIZED VIEW names WITH (stream_agg.continuous) AS
SELECT k AS is_new_0, z AS is_new_1, count(DISTINCT a) AS fresh, count(DISTINCT a) FILTER (WHERE a > 0) AS source FROM s GROUP BY 1, 2;

-- what is a user's: a trigger, a column with a default, no unique index as it was made
CREATE MATERIALIZED VIEW altered WITH (stream_agg.continuous) AS
SELECT k, count(DISTINCT a), count(DISTINCT a) FILTER (WHERE a > 0) AS above, count(DISTINCT a) FILTER (WHERE a < 500) AS below,
	count(DISTINCT a) FILTER (WHERE a % 2 = 0) AS even FROM s GROUP BY k;
INSERT INTO s SELECT * FROM s_rows LIMIT 1000;
CREATE TABLE seen (new text, values bigint);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO distinct_sets.seen SELECT TG_TABLE_NAME, count(*) FROM new_rows;
	RETURN NULL;
END
$$;
CREATE TRIGGER see AFTER INSERT ON stream_agg_data.altered_kept_2 REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION see();
ALTER TABLE stream_agg_data.altered_kept_3 ADD COLUMN at_ timestamptz NOT NULL DEFAULT '2024-01-01';
SELECT indexrelid::regclass AS index FROM pg_index WHERE indrelid = 'stream_agg_data.altered_kept_4'::regclass \gset
DROP INDEX :index;
CREATE UNIQUE INDEX ON stream_agg_data.altered_kept_4 (k, argument_1, key_hash) NULLS NOT DISTINCT;
SET work_mem = '64kB';
INSERT INTO s SELECT * FROM s_rows OFFSET 1000 LIMIT 4000;
RESET work_mem;
INSERT INTO s SELECT * FROM s_rows OFFSET 5000;
INSERT INTO s SELECT * FROM s_rows OFFSET 5900;
INSERT INTO s_rows SELECT * FROM s_rows OFFSET 5900;
SELECT view, d FROM stream_agg.continuous_view, pg_temp.check_view(view) d ORDER BY view::text;
SELECT new, sum(values) > 100 AS many, bool_or(values = 0) AS also_none FROM seen GROUP BY 1;
SELECT count(*), count(DISTINCT (k, argument_1)) = count(*) AS each_once, min(at_) FROM stream_agg_data.altered_kept_3;
SELECT count(*) FROM stream_agg.dead_letters;

-- a batch that is rolled back leaves nothing in the sets
BEGIN;
INSERT INTO s VALUES ('new', 1, 'new', 'l', '2024-01-02');
ROLLBACK;
INSERT INTO s VALUES ('new', 1, 'new', 'l', '2024-01-02'), ('new', 1, 'new', 'l', '2024-01-02');
SELECT k, count, above FROM windows WHERE k = 'new';

SET client_min_messages = warning;
DROP SCHEMA distinct_sets CASCADE;
DROP SERVER distinct_sets;
SELECT * FROM pg_temp.leftovers();
