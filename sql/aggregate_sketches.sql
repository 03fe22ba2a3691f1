-- Aggregates of other extensions by their own combine functions: hll and tdigest,
-- which Debian has packages of.  Without them there is nothing to test.
SELECT count(*) < 2 AS missing FROM pg_available_extensions WHERE name IN ('hll', 'tdigest') \gset
\if :missing
\echo extensions hll and tdigest are not available
\quit
\endif
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\set late_oracle :abs_srcdir '/test/regress/late_oracle.sql'
\i :oracle
\i :late_oracle
CREATE SCHEMA aggregate_sketches;
SET search_path = aggregate_sketches, public;
SET TimeZone = 'UTC';
CREATE EXTENSION hll;
CREATE EXTENSION tdigest;
CREATE SERVER aggregate_sketches FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (part int OPTIONS (metadata 'partition'), k text, visitor int, ms float8, t timestamptz)
	SERVER aggregate_sketches OPTIONS (event_time 't', partitions '2', max_out_of_orderness '2 min', idle_timeout '1 day');
CREATE TABLE input AS
SELECT n, n % 2 AS part, CASE WHEN n % 7 > 0 THEN 'k' || n % 3 END AS k, CASE WHEN n % 11 > 0 THEN n * 7919 % 1500 END AS visitor,
	CASE WHEN n % 13 > 0 THEN n * 104729 % 1000 / 8.0 END AS ms, timestamptz '2024-01-01' + n * interval '2 s' - CASE n % 9 WHEN 0 THEN n % 11 ELSE 0 END * interval '1 min' AS t,
	NULL::timestamptz AS row_watermark
FROM generate_series(1, 3000) n;
CALL pg_temp.set_row_watermarks('2 min');

-- hll: unions lose nothing, so the result is the same to the bit
CALL pg_temp.make_view('hll_total', $$SELECT hll_add_agg(hll_hash_integer(visitor)), hll_cardinality(hll_add_agg(hll_hash_integer(visitor, 5), 12, 5, 128)) AS coarse,
	hll_union_agg(hll_add(hll_empty(), hll_hash_text(k))) AS united, hll_add_agg(hll_hash_integer(visitor)) FILTER (WHERE visitor < 0) AS nothing FROM {rows}$$, NULL);
CALL pg_temp.make_view('hll_running', $$SELECT k, round(hll_cardinality(hll_add_agg(hll_hash_integer(visitor))))::int AS visitors,
	hll_add_agg(hll_hash_integer(visitor)) FILTER (WHERE ms > 50) AS slow FROM {rows} GROUP BY 1 HAVING hll_cardinality(hll_add_agg(hll_hash_integer(visitor))) > 3$$, NULL);
CALL pg_temp.make_view('hll_tumble', $$SELECT k, window_start, window_end, hll_cardinality(hll_add_agg(hll_hash_integer(visitor))) AS visitors, hll_add_agg(hll_hash_integer(visitor)) AS sketch
	FROM {rows}, tumble(t, '10 min') WHERE {in_time} GROUP BY 1, 2, 3$$, lateness => '1 min');
CALL pg_temp.make_view('hll_hop', $$SELECT window_start, window_end, hll_cardinality(hll_add_agg(hll_hash_integer(visitor))) AS visitors, hll_union_agg(hll_add(hll_empty(), hll_hash_text(k))) AS keys
	FROM {rows}, hop(t, '5 min', '12 min') WHERE {in_time} GROUP BY 1, 2$$);
SELECT * FROM unnest('{2,1,1,1,500,1,900,400,3000}'::int[]) size, pg_temp.insert_and_check(size);
BEGIN;
UPDATE pg_temp.arrived SET n = n - 100;
SELECT count(DISTINCT view) > 2 AS noticed FROM pg_temp.insert_and_check(0);
ROLLBACK;
-- it is a transition state that is stored, not the visitors
SELECT count(k) AS kept FROM stream_agg.continuous_view LEFT JOIN LATERAL unnest(kept) k ON true;
SELECT abs(hll_cardinality(hll_add_agg) / (SELECT count(DISTINCT visitor) FROM input) - 1) < 0.1 AS near FROM hll_total;
-- sketches of a view can be united further
SELECT abs(hll_cardinality(hll_union_agg(slow)) / (SELECT count(DISTINCT visitor) FROM input WHERE ms > 50) - 1) < 0.1 AS near FROM hll_running;

-- tdigest: nearly the same
DELETE FROM pg_temp.checked_view;
UPDATE pg_temp.arrived SET n = 0;
DROP MATERIALIZED VIEW hll_total, hll_running, hll_tumble, hll_hop;
CREATE FOREIGN TABLE d (k text, ms float8, t timestamptz) SERVER aggregate_sketches OPTIONS (event_time 't');
CREATE MATERIALIZED VIEW digest WITH (stream_agg.continuous) AS
SELECT k, tdigest(ms, 100), tdigest_percentile(ms, 100, 0.5) AS median, tdigest_percentile(ms, 100, ARRAY[0.1, 0.9]) AS tenths,
	tdigest_percentile_of(ms, 100, 60) AS below, count(*) FROM d GROUP BY 1;
CREATE MATERIALIZED VIEW digest_window WITH (stream_agg.continuous) AS
SELECT window_start, tdigest_percentile(ms, 100, 0.95) AS p95, tdigest(ms, 50) AS sketch, count(ms) FROM d, tumble(t, '20 min') GROUP BY 1;
CREATE MATERIALIZED VIEW digest_hop WITH (stream_agg.continuous) AS
SELECT window_start, tdigest_percentile(ms, 100, 0.95) AS p95, count(ms) FROM d, hop(t, '10 min', '20 min') GROUP BY 1;
SELECT format('INSERT INTO d SELECT k, ms, date_trunc(''minute'', t) FROM input WHERE n / 300 = %s ORDER BY t', i) FROM generate_series(0, 10) i \gexec
SELECT count(*) AS groups, bool_and(abs(median - exact) < 5 AND abs(tenths[2] - high) < 5 AND abs(tenths[1] - low) < 5 AND abs(below - share) < 0.05
	AND tdigest_count(tdigest) = known AND c.count = x.count) AS near
FROM digest c JOIN (SELECT k, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS exact, percentile_cont(0.9) WITHIN GROUP (ORDER BY ms) AS high,
	percentile_cont(0.1) WITHIN GROUP (ORDER BY ms) AS low, avg((ms < 60)::int) AS share, count(ms) AS known, count(*) FROM input GROUP BY k) x
ON c.k IS NOT DISTINCT FROM x.k;
SELECT count(*) > 3 AS many, bool_and(abs(p95 - exact) < 10 AND tdigest_count(sketch) = c.count) AS near
FROM digest_window c JOIN (SELECT window_start, percentile_cont(0.95) WITHIN GROUP (ORDER BY ms) AS exact FROM input, tumble(t, '20 min') GROUP BY 1) x USING (window_start)
WHERE window_start < '2024-01-01 01:20';
SELECT count(*) > 5 AS many, bool_and(abs(p95 - exact) < 10) AS near
FROM digest_hop c JOIN (SELECT window_start, percentile_cont(0.95) WITHIN GROUP (ORDER BY ms) AS exact FROM input, hop(t, '10 min', '20 min') GROUP BY 1) x USING (window_start)
WHERE window_start < '2024-01-01 01:20';

SET client_min_messages = warning;
DROP SCHEMA aggregate_sketches CASCADE;
DROP SERVER aggregate_sketches;
SELECT * FROM pg_temp.leftovers();
