-- DISTINCT inside of aggregates: after every batch what the query gives over the
-- rows themselves.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\set late_oracle :abs_srcdir '/test/regress/late_oracle.sql'
\i :oracle
\i :late_oracle
CREATE SCHEMA aggregate_distinct;
SET search_path = aggregate_distinct, public;
SET TimeZone = 'UTC';
CREATE SERVER aggregate_distinct FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (part int OPTIONS (metadata 'partition'), auction int, bidder int, price int, channel text, note text,
	amount numeric, t timestamptz) SERVER aggregate_distinct
	OPTIONS (event_time 't', partitions '2', max_out_of_orderness '2 min', idle_timeout '1 day');
CREATE TABLE input AS
SELECT n, n % 2 AS part, n * 7919 % 23 AS auction, CASE WHEN n % 9 > 0 THEN n * 104729 % 17 END AS bidder,
	n * 7919 % 4001 * 600 AS price, CASE WHEN n % 4 > 0 THEN 'c' || n % 4 END AS channel, 'n' || n % 6 AS note,
	(n % 10)::numeric(8, 2) / 4 AS amount, timestamptz '2024-01-01' + n * interval '40 s' - CASE n % 5 WHEN 0 THEN n % 11 ELSE 0 END * interval '2 min' AS t,
	NULL::timestamptz AS row_watermark
FROM generate_series(1, 240) n;
CALL pg_temp.set_row_watermarks('2 min');

-- twelve at a time, as in query 15 of Nexmark: by day, running, without keys
CREATE FUNCTION pg_temp.q15(keys text, rows text, tail text) RETURNS text LANGUAGE sql AS $$
	SELECT format('SELECT %scount(*) AS total_bids, count(*) FILTER (WHERE price < 10000) AS rank1_bids,
	count(*) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_bids, count(*) FILTER (WHERE price >= 1000000) AS rank3_bids,
	count(DISTINCT bidder) AS total_bidders, count(DISTINCT bidder) FILTER (WHERE price < 10000) AS rank1_bidders,
	count(DISTINCT bidder) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_bidders,
	count(DISTINCT bidder) FILTER (WHERE price >= 1000000) AS rank3_bidders,
	count(DISTINCT auction) AS total_auctions, count(DISTINCT auction) FILTER (WHERE price < 10000) AS rank1_auctions,
	count(DISTINCT auction) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_auctions,
	count(DISTINCT auction) FILTER (WHERE price >= 1000000) AS rank3_auctions FROM {rows}%s %s', keys, rows, tail)
$$;
CALL pg_temp.make_view('q15', pg_temp.q15('to_char(t, ''YYYY-MM-DD'') AS day, ', '', 'GROUP BY 1'), NULL);
CALL pg_temp.make_view('q15_all', pg_temp.q15('', '', ''), NULL);
CALL pg_temp.make_view('q15_window', pg_temp.q15('channel, window_start, window_end, ', ', tumble(t, ''10 min'')', 'WHERE {in_time} GROUP BY 1, 2, 3'),
	lateness => '3 min');

-- sum, avg and others; NULLs; the same argument twice; no window, each kind of it
CALL pg_temp.make_view('running', $$SELECT channel, count(DISTINCT bidder), sum(DISTINCT price), avg(DISTINCT amount), max(DISTINCT price),
	stddev(DISTINCT amount), bool_or(DISTINCT bidder > 3), count(DISTINCT bidder) * 2 + count(*) AS both_ FROM {rows} GROUP BY 1$$, NULL);
CALL pg_temp.make_view('alone', $$SELECT count(DISTINCT bidder) FROM {rows}$$, NULL);
CALL pg_temp.make_view('nothing', $$SELECT count(DISTINCT bidder), sum(DISTINCT price) FILTER (WHERE price < 0), avg(DISTINCT amount) FROM {rows} WHERE note = 'no'$$, NULL);
CALL pg_temp.make_view('shared', $$SELECT note, count(DISTINCT bidder), sum(DISTINCT bidder), avg(DISTINCT bidder), count(DISTINCT bidder) FILTER (WHERE true) AS again,
	string_agg(DISTINCT bidder::text, ',') FROM {rows} GROUP BY 1$$, NULL);
CALL pg_temp.make_view('several', $$SELECT channel, note, string_agg(DISTINCT note, ','), string_agg(DISTINCT note, channel) AS string_agg_2, count(DISTINCT (bidder, note)),
	count(DISTINCT ROW(bidder, auction > 5)) AS rows_, regr_count(DISTINCT bidder, auction), json_object_agg(DISTINCT note, part) AS object
	FROM {rows} GROUP BY 1, 2$$, NULL);
CALL pg_temp.make_view('ordered', $$SELECT part, array_agg(DISTINCT bidder ORDER BY bidder DESC NULLS LAST), string_agg(DISTINCT note, '-' ORDER BY note DESC),
	array_agg(DISTINCT amount ORDER BY amount USING >) AS amounts, jsonb_agg(DISTINCT channel ORDER BY channel) FILTER (WHERE price > 100000) FROM {rows} GROUP BY 1$$, NULL);
CALL pg_temp.make_view('by_having', $$SELECT auction FROM {rows} GROUP BY 1 HAVING count(DISTINCT bidder) > 5 OR avg(DISTINCT amount) > 1.2$$, NULL);
CALL pg_temp.make_view('tumbled', $$SELECT channel, note > 'n2' AS high, window_start, window_end, count(DISTINCT bidder), sum(DISTINCT price) FILTER (WHERE bidder > 2),
	string_agg(DISTINCT note, '') FROM {rows}, tumble(t, '10 min') WHERE {in_time} GROUP BY 1, 2, 3, 4$$);
CALL pg_temp.make_view('tumbled_late', $$SELECT window_start, window_end, count(DISTINCT bidder), sum(DISTINCT amount),
	array_agg(DISTINCT channel) FROM {rows}, tumble(t, '5 min') WHERE {in_time} GROUP BY 1, 2$$, lateness => '4 min');
CALL pg_temp.make_view('tumbled_final', $$SELECT window_end, count(DISTINCT bidder) FROM {rows}, tumble(t, '5 min') WHERE {in_time} GROUP BY 1$$, emit_final => true);
-- joined rows are distinct values only once
CREATE TABLE tag (channel text, tag text);
INSERT INTO tag VALUES ('c1', 'x'), ('c1', 'y'), ('c1', 'x'), ('c2', 'x');
CALL pg_temp.make_view('joined', $$SELECT count(*), count(DISTINCT tag) AS count_2, count(DISTINCT bidder) AS bidders FROM {rows} LEFT JOIN tag USING (channel)$$, NULL);
-- names that the tables use themselves
CALL pg_temp.make_view('names', $$SELECT channel AS key_hash, note AS argument_1, part AS at, count(DISTINCT bidder) AS row_watermark, count(DISTINCT auction) AS row_offset,
	mode() WITHIN GROUP (ORDER BY price) AS rows_kept, array_agg(DISTINCT price) AS revision FROM {rows} GROUP BY 1, 2, 3$$, NULL);
-- one table for each set of values: with equal arguments and filters
SELECT view, count(k) AS tables FROM stream_agg.continuous_view LEFT JOIN LATERAL unnest(kept) k ON true
WHERE view IN ('q15'::regclass, 'running', 'shared', 'tumbled', 'several') GROUP BY 1 ORDER BY view::text;
SELECT * FROM unnest('{2,1,1,1,1,1,30,90,1,1,200}'::int[]) size, pg_temp.insert_and_check(size);
BEGIN;
UPDATE pg_temp.arrived SET n = n - 1;
SELECT count(DISTINCT view) > 5 AS noticed FROM pg_temp.insert_and_check(0);
ROLLBACK;
SELECT count(*) FILTER (WHERE row_watermark >= window_end) > 5 AS late,
	count(*) FILTER (WHERE row_watermark >= window_end AND row_watermark < window_end + interval '4 min') > 5 AS allowed FROM input, tumble(t, '5 min');
-- settled rows stay, their values are no longer kept
INSERT INTO input SELECT 240 + n, n % 2, 1, 1, 1, 'end', 'end', 100, '2024-03-01' FROM generate_series(1, 4) n;
DROP TABLE pg_temp.watermark;
CALL pg_temp.set_row_watermarks('2 min');
SELECT * FROM unnest('{1,1,2}'::int[]) size, pg_temp.insert_and_check(size);
SELECT * FROM pg_temp.side_tables() WHERE earliest < '2024-02-01';

--
-- Types of keys and values
--
SET client_min_messages = warning;
DROP FOREIGN TABLE s CASCADE;
CREATE COLLATION no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
RESET client_min_messages;
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TYPE pair AS (a money, b text);
CREATE DOMAIN small AS int CHECK (VALUE < 100);
CREATE FOREIGN TABLE s (f float8, n numeric, m money, b bit(4), vb varbit, c text COLLATE "C", i text COLLATE no_case, ch char(5), vc varchar(3),
	a int[], ma money[], r int4range, j jsonb, e mood, p pair, d small, o oid, by_ bytea) SERVER aggregate_distinct;
CREATE TABLE s_rows (LIKE s);
INSERT INTO s_rows SELECT (ARRAY['0', '-0', '1', 'NaN', 'Infinity', NULL])[1 + x % 6]::float8, (ARRAY['1', '1.0', '1.00', 'NaN', NULL, '-0.5'])[1 + x % 6]::numeric,
	(x % 3)::money, (x % 5)::bit(4), CASE WHEN x % 4 > 0 THEN (x % 4)::bit(4)::varbit END, (ARRAY['a', 'A', 'b', 'B', NULL])[1 + x % 5],
	(ARRAY['a', 'A', 'b', 'B', NULL])[1 + x % 5], (ARRAY['x', 'x ', 'y'])[1 + x % 3], (ARRAY['x', 'x ', 'y'])[1 + x % 3],
	ARRAY[x % 2, NULL], ARRAY[x % 2, NULL]::int[]::text[]::money[], int4range(x % 3, 5), jsonb_build_object('a', x % 3), (ARRAY['sad', 'happy', NULL])[1 + x % 3]::mood,
	CASE WHEN x % 4 > 0 THEN ROW((x % 3)::money, 'p' || x % 2)::pair END, x % 7, x % 3, ('\x0' || x % 3)::bytea
FROM (SELECT n * 7919 % 61 AS x FROM generate_series(1, 150) n) y;
-- of equal values that look different any one may be the first
CREATE FUNCTION pg_temp.counts(except_for text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(format('count(DISTINCT %1$I) AS count_%1$s, percentile_disc(0.5) WITHIN GROUP (ORDER BY %1$I) IS NULL AS null_%1$s', attname), ', ' ORDER BY attnum)
	FROM pg_attribute WHERE attrelid = 's'::regclass AND attnum > 0 AND attname <> except_for
$$;
CREATE PROCEDURE pg_temp.make_views() LANGUAGE plpgsql SET client_min_messages = warning AS $$
DECLARE
	key text;
BEGIN
	EXECUTE format('CREATE MATERIALIZED VIEW all_ WITH (stream_agg.continuous) AS SELECT %s FROM s', pg_temp.counts(''));
	FOR key IN SELECT attname FROM pg_attribute WHERE attrelid = 's'::regclass AND attnum > 0 ORDER BY attnum LOOP
		EXECUTE format('CREATE MATERIALIZED VIEW by_%s WITH (stream_agg.continuous) AS SELECT %1$I IS NULL AS missing, %s FROM s GROUP BY %1$I',
			key, pg_temp.counts(key));
	END LOOP;
END
$$;
CALL pg_temp.make_views();
CREATE MATERIALIZED VIEW by_many WITH (stream_agg.continuous) AS
SELECT f IS NULL AS f, n IS NULL AS n, upper(i) AS i, m, count(DISTINCT (d, e)), count(DISTINCT ROW(f, n, i)) AS mixed, array_agg(DISTINCT d) FROM s GROUP BY s.f, s.n, s.i, m;
-- in batches of 50, and one by one
INSERT INTO s SELECT * FROM s_rows LIMIT 50;
INSERT INTO s SELECT * FROM s_rows OFFSET 50 LIMIT 50;
ALTER FOREIGN TABLE s OPTIONS (ADD batch_rows '1');
INSERT INTO s SELECT * FROM s_rows OFFSET 100;
SELECT count(*) FROM stream_agg.dead_letters;
SELECT view, d FROM stream_agg.continuous_view, pg_temp.check_view(view) d WHERE d <> 'ok';
SELECT count_f, count_n, count_c, count_i, count_ch, count_vc FROM all_;
SELECT count(*) FROM by_f;
SELECT count(*) FROM by_i;

SET client_min_messages = warning;
DROP SCHEMA aggregate_distinct CASCADE;
DROP SERVER aggregate_distinct;
SELECT * FROM pg_temp.leftovers();
