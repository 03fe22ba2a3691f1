-- Aggregates that are computed from their kept arguments: after every batch what
-- the query gives over the rows themselves; and the tables that hold them.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\set late_oracle :abs_srcdir '/test/regress/late_oracle.sql'
\i :oracle
\i :late_oracle
CREATE SCHEMA aggregate_kept;
SET search_path = aggregate_kept, public;
SET TimeZone = 'UTC';
CREATE SERVER aggregate_kept FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (part int OPTIONS (metadata 'partition'), place int, k text, q float8, v int, w numeric, txt text, j jsonb, t timestamptz)
	SERVER aggregate_kept OPTIONS (event_time 't', partitions '3', max_out_of_orderness '2 min', idle_timeout '1 day');
CREATE TABLE input AS
SELECT n, n % 3 AS part, (n + 2) / 3 AS place, CASE WHEN n % 7 > 0 THEN 'k' || n % 2 END AS k, (n % 3) / 4.0::float8 AS q,
	CASE WHEN n % 6 > 0 THEN n * 7919 % 40 END AS v, n * 104729 % 100 / 8.0 AS w, 'x' || n % 13 AS txt, jsonb_build_object('n', n % 4) AS j,
	timestamptz '2024-01-01' + n * interval '30 s' - CASE n % 5 WHEN 0 THEN n % 11 ELSE 0 END * interval '2 min' AS t, NULL::timestamptz AS row_watermark
FROM generate_series(1, 240) n;
CALL pg_temp.set_row_watermarks('2 min');

-- WITHIN GROUP, with arguments that are constants, group keys and expressions of them
CALL pg_temp.make_view('ordered_set', $$SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY v), percentile_cont(ARRAY[0.1, 0.25, 0.9]) WITHIN GROUP (ORDER BY v DESC) AS array_,
	percentile_cont(0.3) WITHIN GROUP (ORDER BY t - '2024-01-01') AS interval_, percentile_disc(0.5) WITHIN GROUP (ORDER BY txt COLLATE "C" DESC),
	percentile_disc(ARRAY[[0, 0.5], [1, NULL]]) WITHIN GROUP (ORDER BY w) AS disc_array, mode() WITHIN GROUP (ORDER BY v),
	mode() WITHIN GROUP (ORDER BY j DESC) AS json_mode FROM {rows}$$, NULL);
CALL pg_temp.make_view('hypothetical', $$SELECT rank(20) WITHIN GROUP (ORDER BY v), dense_rank(20, 'x5') WITHIN GROUP (ORDER BY v DESC NULLS LAST, txt),
	percent_rank(3.5) WITHIN GROUP (ORDER BY w), cume_dist(NULL) WITHIN GROUP (ORDER BY v NULLS FIRST) FROM {rows}$$, NULL);
CALL pg_temp.make_view('direct', $$SELECT k, q, percentile_cont(q) WITHIN GROUP (ORDER BY v), percentile_disc(q / 2 + 0.1) WITHIN GROUP (ORDER BY w),
	rank(length(k) + (q * 4)::int) WITHIN GROUP (ORDER BY v), cume_dist(coalesce(k, 'x2')) WITHIN GROUP (ORDER BY txt),
	percentile_cont(ARRAY[q, 1 - q]) WITHIN GROUP (ORDER BY v) AS both_ FROM {rows} GROUP BY k, q$$, NULL);
CALL pg_temp.make_view('direct_expression', $$SELECT v % 3 AS third, percentile_disc((v % 3) / 4.0) WITHIN GROUP (ORDER BY w) FROM {rows} WHERE v IS NOT NULL GROUP BY v % 3$$, NULL);
CALL pg_temp.make_view('direct_window', $$SELECT q, window_start, window_end, percentile_cont(q) WITHIN GROUP (ORDER BY v), rank(20) WITHIN GROUP (ORDER BY v)
	FROM {rows}, tumble(t, '10 min') WHERE {in_time} GROUP BY 1, 2, 3$$);
CALL pg_temp.make_view('direct_hop', $$SELECT q, window_start, window_end, percentile_cont(q) WITHIN GROUP (ORDER BY v), rank(20) WITHIN GROUP (ORDER BY v)
	FROM {rows}, hop(t, '4 min', '10 min') WHERE {in_time} GROUP BY 1, 2, 3$$);

-- lists, with ORDER BY, and in the order of the stream
CALL pg_temp.make_view('lists', $$SELECT k, array_agg(v ORDER BY w, place, part), json_agg(w ORDER BY v DESC, txt, place, part), jsonb_agg(j ORDER BY v, w, place, part) FILTER (WHERE v > 10),
	string_agg(txt, ',' ORDER BY txt, v), json_object_agg(txt, v ORDER BY place DESC, part), xmlagg(xmlelement(name v, v) ORDER BY place DESC, part)::text AS xml_
	FROM {rows} GROUP BY k$$, NULL);
CALL pg_temp.make_view('stream_order', $$SELECT k, array_agg(v{order}), json_agg(w{order}), jsonb_agg(j{order}) FILTER (WHERE v > 10), string_agg(v::text, txt{order}),
	json_object_agg(txt, v{order}), jsonb_object_agg(txt, w{order}), xmlagg(xmlelement(name v, v){order})::text AS xml_, array_agg(ARRAY[v, part]{order}) AS pairs
	FROM {rows} GROUP BY k$$, NULL);
CALL pg_temp.make_view('stream_order_window', $$SELECT window_start, window_end, array_agg(v{order}), string_agg(v::text, txt{order})
	FROM {rows}, tumble(t, '7 min') WHERE {in_time} GROUP BY 1, 2$$, lateness => '3 min');
CALL pg_temp.make_view('stream_order_hop', $$SELECT window_start, window_end, array_agg(v{order}), string_agg(v::text, txt{order})
	FROM {rows}, hop(t, '3 min', '7 min') WHERE {in_time} GROUP BY 1, 2$$, lateness => '3 min');

-- user-defined, without combine function: not strict, strict without initial
-- value, polymorphic, with more arguments for the final function, VARIADIC,
-- with an inverse function, ordered-set
CREATE FUNCTION chain(s text, v int) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT coalesce(s, '') || coalesce(v::text, '?') || ' '$$;
CREATE AGGREGATE chained(int) (sfunc = chain, stype = text);
CREATE FUNCTION keep_less(s int, v int) RETURNS int LANGUAGE sql IMMUTABLE STRICT AS $$SELECT CASE WHEN v < s - 5 THEN v ELSE s END$$;
CREATE AGGREGATE kept_less(int) (sfunc = keep_less, stype = int);
CREATE FUNCTION gather(s anyarray, v anyelement) RETURNS anyarray LANGUAGE sql IMMUTABLE AS $$SELECT CASE WHEN v IS NULL THEN s ELSE s || v END$$;
CREATE FUNCTION gathered_nth(s anyarray, v anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE AS $$SELECT s[cardinality(s) / 2 + 1]$$;
CREATE AGGREGATE middle(anyelement) (sfunc = gather, stype = anyarray, finalfunc = gathered_nth, finalfunc_extra, initcond = '{}');
CREATE FUNCTION join_all(s text, VARIADIC v text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT s || array_to_string(v, '+', '-') || ';'$$;
CREATE AGGREGATE joined_all(VARIADIC text[]) (sfunc = join_all, stype = text, initcond = '');
CREATE FUNCTION add(s bigint, v int) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT AS $$SELECT s + v$$;
CREATE FUNCTION take(s bigint, v int) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT AS $$SELECT s - v$$;
CREATE FUNCTION in_words(s bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'sum ' || coalesce(s::text, 'unknown')$$;
CREATE AGGREGATE moving(int) (sfunc = add, stype = bigint, finalfunc = in_words, initcond = '0',
	msfunc = add, minvfunc = take, mstype = bigint, mfinalfunc = in_words, minitcond = '0');
CREATE AGGREGATE median(ORDER BY anyelement) (sfunc = ordered_set_transition, stype = internal, finalfunc = mode_final, finalfunc_extra);
CALL pg_temp.make_view('user_defined', $$SELECT k, chained(v{order}), kept_less(v{order}), middle(w{order}), middle(txt{order}) FILTER (WHERE v > 5) AS middle_text,
	joined_all(txt, k, v::text{order}), moving(v), median() WITHIN GROUP (ORDER BY v), chained(DISTINCT v) AS chained_2, middle(j ORDER BY v, w) AS middle_json
	FROM {rows} GROUP BY k$$, NULL);
CALL pg_temp.make_view('user_defined_window', $$SELECT window_start, window_end, chained(v{order}), kept_less(v{order}), middle(w{order}), joined_all(txt{order}), moving(v)
	FROM {rows}, tumble(t, '7 min') WHERE {in_time} GROUP BY 1, 2$$);
CALL pg_temp.make_view('user_defined_hop', $$SELECT window_start, window_end, chained(v{order}), kept_less(v{order}), middle(w{order}), joined_all(txt{order}), moving(v)
	FROM {rows}, cumulate(t, '2 min', '8 min') WHERE {in_time} GROUP BY 1, 2$$);

-- arguments and filters with subqueries
CREATE TABLE bonus (k text, extra int);
INSERT INTO bonus VALUES ('k0', 5), ('k1', 7);
CALL pg_temp.make_view('subqueries', $$SELECT q, array_agg(v + (SELECT extra FROM bonus b WHERE b.k = s.k){order}), count(DISTINCT (SELECT sum(extra) FROM bonus WHERE extra > s.v)),
	percentile_disc(0.5) WITHIN GROUP (ORDER BY v) FILTER (WHERE EXISTS (SELECT FROM bonus WHERE bonus.k = s.k AND extra > 6)) FROM {rows} GROUP BY q$$, NULL);

-- FILTER, HAVING, expressions over several, beside others; nothing to aggregate
CALL pg_temp.make_view('expressions', $$SELECT k, round((percentile_cont(0.9) WITHIN GROUP (ORDER BY v) - percentile_cont(0.1) WITHIN GROUP (ORDER BY v)) * count(*)) AS spread,
	array_length(array_agg(v) FILTER (WHERE v > 20), 1) AS length, upper(string_agg(txt, ',' ORDER BY txt, v)) AS upper_, avg(w) + (mode() WITHIN GROUP (ORDER BY v)) AS sum,
	CASE WHEN max(v) > 30 THEN (array_agg(v ORDER BY v))[2] END AS second, count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY v) FILTER (WHERE w > 5 AND k IS NOT NULL)
	FROM {rows} GROUP BY k HAVING percentile_cont(0.5) WITHIN GROUP (ORDER BY w) > 2 AND count(*) > 3$$, NULL);
CALL pg_temp.make_view('by_having', $$SELECT window_start, window_end, q FROM {rows}, tumble(t, '5 min') WHERE {in_time} GROUP BY 1, 2, 3
	HAVING cardinality(array_agg(v)) > 2 AND mode() WITHIN GROUP (ORDER BY v) > 7$$);
CALL pg_temp.make_view('nothing', $$SELECT array_agg(v), percentile_cont(0.5) WITHIN GROUP (ORDER BY v), chained(v), mode() WITHIN GROUP (ORDER BY v), rank(1) WITHIN GROUP (ORDER BY v),
	moving(v), json_agg(v) FROM {rows} WHERE v < -1$$, NULL);
CALL pg_temp.make_view('final', $$SELECT window_start, window_end, percentile_disc(0.5) WITHIN GROUP (ORDER BY w), count(*) FROM {rows}, tumble(t, '5 min') WHERE {in_time} GROUP BY 1, 2$$,
	emit_final => true);
CALL pg_temp.make_view('lenient', $$SELECT k, window_start, window_end, percentile_cont(0.5) WITHIN GROUP (ORDER BY v), array_agg(v ORDER BY v, w), count(*) FROM {rows}, tumble(t, '5 min')
	WHERE {in_time} GROUP BY 1, 2, 3$$, lateness => '6 min');

SELECT * FROM unnest('{3,1,1,1,1,30,90,1,1,200}'::int[]) size, pg_temp.insert_and_check(size);
BEGIN;
UPDATE pg_temp.arrived SET n = n - 1;
SELECT count(DISTINCT view) > 5 AS noticed FROM pg_temp.insert_and_check(0);
ROLLBACK;
SELECT count(*) FILTER (WHERE row_watermark >= window_end) > 5 AS late,
	count(*) FILTER (WHERE row_watermark >= window_end AND row_watermark < window_end + interval '6 min') > 5 AS allowed FROM input, tumble(t, '5 min');
-- before a window is settled its values are computed when read, afterwards stored
SELECT is_final, rows_kept IS NULL AS settled, array_agg IS NOT NULL AS stored, sum(revision) > 0 AS revised FROM stream_agg_data.lenient GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
INSERT INTO input SELECT 240 + n, n % 3, 100 + (n + 2) / 3, 'end', 0, 1, 1, 'end', '{}', '2024-03-01' FROM generate_series(1, 6) n;
DROP TABLE pg_temp.watermark;
CALL pg_temp.set_row_watermarks('2 min');
SELECT * FROM unnest('{1,1,4}'::int[]) size, pg_temp.insert_and_check(size);
SELECT * FROM pg_temp.side_tables() WHERE earliest < '2024-02-01';
SELECT rows_kept IS NULL AS settled, count(*) > 20 AS many FROM stream_agg_data.lenient WHERE window_start < '2024-02-01' GROUP BY 1;

-- The order of the stream is by offset, then by partition: however rows come in.
CREATE FOREIGN TABLE other (part int OPTIONS (metadata 'partition'), n int, t timestamptz) SERVER aggregate_kept
	OPTIONS (event_time 't', partitions '3', max_out_of_orderness '1 day', idle_timeout '1 day');
CREATE MATERIALIZED VIEW in_order WITH (stream_agg.continuous) AS SELECT n % 2 AS g, array_agg(n), string_agg(n::text, ',') FROM other GROUP BY 1;
CREATE MATERIALIZED VIEW in_order_hop WITH (stream_agg.continuous) AS SELECT window_start, array_agg(n), json_agg(n) FROM other, hop(t, '1 h', '2 h') GROUP BY 1;
INSERT INTO other SELECT part, n, t FROM input WHERE part = 2 AND n <= 60 ORDER BY n;
INSERT INTO other SELECT part, n, t FROM input WHERE part = 0 AND n <= 60 ORDER BY n;
INSERT INTO other SELECT part, n, t FROM input WHERE part = 1 AND n <= 30 ORDER BY n;
INSERT INTO other SELECT part, n, t FROM input WHERE part = 1 AND n > 30 AND n <= 60 ORDER BY n;
SELECT pg_temp.differences('TABLE in_order', 'SELECT n % 2, array_agg(n ORDER BY place, part), string_agg(n::text, '','' ORDER BY place, part) FROM input WHERE n <= 60 GROUP BY 1');
SELECT pg_temp.differences('SELECT window_start, array_agg, json_agg::text FROM in_order_hop',
	'SELECT window_start, array_agg(n ORDER BY place, part), json_agg(n ORDER BY place, part)::text FROM input, hop(t, ''1 h'', ''2 h'') WHERE n <= 60 GROUP BY 1');

--
-- The tables behind a view
--
CREATE FUNCTION pg_temp.tables_of(v regclass) RETURNS TABLE (name text, owner name) LANGUAGE sql AS $$
	SELECT relname, relowner::regrole::name FROM stream_agg.continuous_view c, pg_class
	WHERE c.view = v AND pg_class.oid IN (c.view, c.definition, c.data, c.panes) OR c.view = v AND pg_class.oid = ANY (c.kept)
	ORDER BY relname
$$;
CREATE ROLE aggregate_kept_owner;
CREATE ROLE aggregate_kept_reader;
GRANT USAGE, CREATE ON SCHEMA aggregate_kept TO aggregate_kept_owner;
GRANT USAGE ON SCHEMA aggregate_kept TO aggregate_kept_reader;
GRANT SELECT ON s TO aggregate_kept_owner;
CREATE MATERIALIZED VIEW mixed WITH (stream_agg.continuous) AS SELECT k, window_start, count(*), avg(v), count(DISTINCT v) AS different,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY w), chained(v) FROM s, hop(t, '5 min', '10 min') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW mixed_running WITH (stream_agg.continuous) AS SELECT k, avg(v), count(DISTINCT v) AS different, array_agg(v) FROM s GROUP BY 1;
SELECT * FROM pg_temp.tables_of('mixed');
ALTER MATERIALIZED VIEW mixed OWNER TO aggregate_kept_owner;
ALTER VIEW mixed_running OWNER TO aggregate_kept_owner;
SELECT * FROM pg_temp.tables_of('mixed') UNION ALL SELECT * FROM pg_temp.tables_of('mixed_running') ORDER BY 1;
INSERT INTO s SELECT part, place, k, q, v, w, txt, j, '2024-03-02' FROM input WHERE n <= 9 ORDER BY n;
-- who may read the view needs no right on the tables, nor has any
SET ROLE aggregate_kept_reader;
SELECT count(*) FROM mixed;
RESET ROLE;
GRANT SELECT ON mixed, mixed_running TO aggregate_kept_reader;
SET ROLE aggregate_kept_reader;
SELECT * FROM mixed ORDER BY 1, 2;
SELECT * FROM mixed_running ORDER BY 1;
SELECT count(*) FROM stream_agg_data.mixed_kept_1;
RESET ROLE;
-- names of columns and tables are the users' to change
ALTER TABLE stream_agg_data.mixed_kept_1 RENAME COLUMN argument_1 TO "an Argument";
ALTER TABLE stream_agg_data.mixed_kept_2 RENAME COLUMN key_hash TO h;
ALTER TABLE stream_agg_data.mixed_panes RENAME COLUMN pane_start TO "from";
ALTER TABLE stream_agg_data.mixed_running_kept_1 RENAME COLUMN k TO r;
ALTER TABLE stream_agg_data.mixed_running_kept_2 RENAME COLUMN row_offset TO place;
ALTER TABLE stream_agg_data.mixed_running_kept_2 RENAME TO "Other name";
ALTER TABLE stream_agg_data.mixed_running RENAME COLUMN rows_kept TO number;
INSERT INTO s SELECT part, place, k, q, v, w, txt, j, '2024-03-02' FROM input WHERE n > 9 AND n <= 12 ORDER BY n;
SELECT * FROM mixed ORDER BY 1, 2;
SELECT * FROM mixed_running ORDER BY 1;
INSERT INTO s SELECT part, place, k, q, v, w, txt, j, '2024-03-04' FROM input WHERE n <= 3 ORDER BY n;
SELECT * FROM mixed ORDER BY 1, 2;
SELECT k, window_start, count, round(avg, 2) AS avg, different, percentile_cont, chained, is_final, revision FROM stream_agg_data.mixed ORDER BY 1, 2;
-- they can't be dropped by themselves, nor columns of them
DROP TABLE stream_agg_data.mixed_kept_1;
DROP TABLE stream_agg_data.mixed_panes;
DROP TABLE stream_agg_data.mixed;
ALTER TABLE stream_agg_data.mixed_kept_1 DROP COLUMN "an Argument";
-- a drop takes all of them
DROP MATERIALIZED VIEW mixed, mixed_running;
SELECT relname FROM pg_class WHERE relnamespace = 'stream_agg_data'::regnamespace AND relname ~ 'mixed|Other';

-- what can't be kept
SELECT pg_temp.make_error('SELECT array_agg(x) FROM (SELECT (v, w) AS x FROM s) y');
SELECT pg_temp.make_error('SELECT count(DISTINCT x) FROM (SELECT (v, w) AS x FROM s) y');
SELECT pg_temp.make_error('SELECT array_agg(x ORDER BY v) FROM (SELECT (v, w) AS x, v FROM s) y');

SET client_min_messages = warning;
DROP SCHEMA aggregate_kept CASCADE;
DROP SERVER aggregate_kept;
DROP ROLE aggregate_kept_owner, aggregate_kept_reader;
SELECT * FROM pg_temp.leftovers();
