-- User-defined aggregates with a combine function: strict and not, with and
-- without initial value, with internal state, polymorphic, with final functions
-- that want more or change what they get.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA aggregate_user;
SET search_path = aggregate_user, public;
CREATE SERVER aggregate_user FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (g int, v int, t text, n numeric, at timestamptz) SERVER aggregate_user
	OPTIONS (event_time 'at');
CREATE TABLE s_rows (LIKE s);
INSERT INTO s_rows SELECT i % 3, CASE WHEN i % 4 > 0 AND i % 3 > 0 THEN i END, 't' || i % 7, i / 10.0,
	'2024-01-01'::timestamptz + i * '7 min'::interval FROM generate_series(1, 60) i;

-- strict, no initial value: the first value is the state
CREATE AGGREGATE my_max(int) (sfunc = int4larger, stype = int, combinefunc = int4larger);
-- not strict, with an initial value
CREATE FUNCTION count_all(s bigint, v anyelement) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT s + 1';
CREATE AGGREGATE my_count(anyelement) (sfunc = count_all, stype = bigint, combinefunc = int8pl, initcond = '0');
-- not strict, no initial value: state and combination see NULL
CREATE FUNCTION null_count(s bigint, v int) RETURNS bigint LANGUAGE sql IMMUTABLE AS
	'SELECT coalesce(s, 0) + (v IS NULL)::int';
CREATE FUNCTION null_combine(a bigint, b bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
	'SELECT coalesce(a, 0) + coalesce(b, 0)';
CREATE AGGREGATE nulls(int) (sfunc = null_count, stype = bigint, combinefunc = null_combine);
-- array state, final function with another type
CREATE FUNCTION spread_step(s int[], v int) RETURNS int[] LANGUAGE sql IMMUTABLE STRICT AS
	'SELECT ARRAY[least(s[1], v), greatest(s[2], v)]';
CREATE FUNCTION spread_combine(a int[], b int[]) RETURNS int[] LANGUAGE sql IMMUTABLE STRICT AS
	'SELECT ARRAY[least(a[1], b[1]), greatest(a[2], b[2])]';
CREATE FUNCTION spread_final(s int[]) RETURNS text LANGUAGE sql IMMUTABLE AS
	$$SELECT coalesce(s[2] - s[1], -1) || ' apart'$$;
CREATE AGGREGATE spread(int) (sfunc = spread_step, stype = int[], combinefunc = spread_combine,
	finalfunc = spread_final, initcond = '{NULL,NULL}');
-- polymorphic, with arguments for the final function, which may change the state
CREATE FUNCTION last_step(s anyarray, v anyelement) RETURNS anyarray LANGUAGE sql IMMUTABLE AS
	'SELECT CASE WHEN v IS NULL OR s[1] >= v THEN s ELSE ARRAY[v] END';
CREATE FUNCTION last_combine(a anyarray, b anyarray) RETURNS anyarray LANGUAGE sql IMMUTABLE AS
	'SELECT CASE WHEN b[1] IS NULL OR a[1] >= b[1] THEN a ELSE b END';
CREATE FUNCTION last_final(s anyarray, v anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE AS 'SELECT s[1]';
CREATE AGGREGATE greatest_of(anyelement) (sfunc = last_step, stype = anyarray, combinefunc = last_combine,
	finalfunc = last_final, finalfunc_extra, finalfunc_modify = read_write, initcond = '{}');
-- internal state, by PostgreSQL's own functions
CREATE AGGREGATE my_avg(numeric) (sfunc = numeric_avg_accum, stype = internal, combinefunc = numeric_avg_combine,
	serialfunc = numeric_avg_serialize, deserialfunc = numeric_avg_deserialize, finalfunc = numeric_avg,
	finalfunc_modify = shareable);
-- several arguments, composite state, VARIADIC
CREATE TYPE pair AS (n bigint, total bigint);
CREATE FUNCTION pair_step(s pair, a int, b int) RETURNS pair LANGUAGE sql IMMUTABLE AS
	'SELECT ROW((s).n + 1, (s).total + coalesce(a * b, 0))::pair';
CREATE FUNCTION pair_combine(a pair, b pair) RETURNS pair LANGUAGE sql IMMUTABLE AS
	'SELECT ROW((a).n + (b).n, (a).total + (b).total)::pair';
CREATE AGGREGATE products(int, int) (sfunc = pair_step, stype = pair, combinefunc = pair_combine, initcond = '(0,0)');
CREATE FUNCTION longest_step(s bigint, VARIADIC v text[]) RETURNS bigint LANGUAGE sql IMMUTABLE AS
	'SELECT greatest(s, (SELECT max(length(x)) FROM unnest(v) x))';
CREATE AGGREGATE longest(VARIADIC text[]) (sfunc = longest_step, stype = bigint, combinefunc = int8larger);

CREATE MATERIALIZED VIEW running WITH (stream_agg.continuous) AS
	SELECT g, my_max(v), my_count(v), my_count(t) AS my_count_t, nulls(v), spread(v), greatest_of(n) AS gn,
		greatest_of(t) AS gt, my_avg(n), products(v, 2), longest(t, g::text), (products(v, 2)).total AS total
	FROM s GROUP BY g;
CREATE MATERIALIZED VIEW total WITH (stream_agg.continuous) AS
	SELECT my_max(v), my_count(v), nulls(v), spread(v), greatest_of(n) AS gn, my_avg(n), products(v, 2), longest(t)
	FROM s;
TABLE total;
CREATE MATERIALIZED VIEW windowed WITH (stream_agg.continuous) AS
	SELECT window_start, my_max(v), my_count(v), nulls(v), spread(v), greatest_of(t) AS gt, my_avg(n)
	FROM s, tumble(at, '1 hour') GROUP BY window_start;
INSERT INTO s SELECT * FROM s_rows ORDER BY at LIMIT 1;
INSERT INTO s SELECT * FROM s_rows ORDER BY at LIMIT 9 OFFSET 1;
INSERT INTO s SELECT * FROM s_rows ORDER BY at OFFSET 10;
SELECT view, d FROM stream_agg.continuous_view, pg_temp.check_view(view) d ORDER BY view::text;
TABLE running;
TABLE total;

-- Without a combine function the arguments are kept.
CREATE AGGREGATE no_combine(int) (sfunc = int4larger, stype = int);
CREATE MATERIALIZED VIEW without WITH (stream_agg.continuous) AS SELECT no_combine(v) FROM s;
INSERT INTO s (v, at) VALUES (3, '2024-02-01'), (8, '2024-02-01'), (5, '2024-02-01');
SELECT * FROM without;
DROP MATERIALIZED VIEW without;

-- A function that an aggregate needs can't go, or takes the view along.
DROP AGGREGATE my_max(int);
DROP AGGREGATE my_max(int) CASCADE;
SELECT view FROM stream_agg.continuous_view ORDER BY view::text;

SET client_min_messages = warning;
DROP SCHEMA aggregate_user CASCADE;
DROP SERVER aggregate_user;
SELECT * FROM pg_temp.leftovers();
