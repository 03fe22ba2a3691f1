-- Aggregates over domains, and with domains as result, where states are merged
-- and where windows are made of panes.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA aggregate_domains;
SET search_path = aggregate_domains, public;
SET client_min_messages = warning;
CREATE DOMAIN amount AS numeric NOT NULL CHECK (VALUE > 0);
CREATE DOMAIN amounts AS numeric[];
CREATE DOMAIN name_of AS text COLLATE "C";
CREATE SERVER aggregate_domains FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (a amount, b amounts, n name_of, at timestamptz) SERVER aggregate_domains
	OPTIONS (event_time 'at');
CREATE TABLE s_rows (LIKE s);
INSERT INTO s_rows SELECT i, ARRAY[i, 2], 'n' || i, '2024-01-01'::timestamptz + i * '1 min'::interval
	FROM generate_series(1, 20) i;

-- polymorphic states, a state and arguments of a domain, a result of one
CREATE FUNCTION keep_step(s anyarray, v anyelement) RETURNS anyarray LANGUAGE sql IMMUTABLE AS
	'SELECT CASE WHEN v IS NULL OR s[1] >= v THEN s ELSE ARRAY[v] END';
CREATE FUNCTION keep_combine(a anyarray, b anyarray) RETURNS anyarray LANGUAGE sql IMMUTABLE AS
	'SELECT CASE WHEN b[1] IS NULL OR a[1] >= b[1] THEN a ELSE b END';
CREATE FUNCTION keep_final(s anyarray, v anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE AS 'SELECT s[1]';
CREATE AGGREGATE kept(anyelement) (sfunc = keep_step, stype = anyarray, combinefunc = keep_combine,
	finalfunc = keep_final, finalfunc_extra, initcond = '{}');
CREATE FUNCTION larger(s anyelement, v anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE STRICT AS
	'SELECT CASE WHEN s >= v THEN s ELSE v END';
CREATE AGGREGATE largest(anyelement) (sfunc = larger, stype = anyelement, combinefunc = larger);
CREATE FUNCTION half_more(s bigint) RETURNS amount LANGUAGE sql IMMUTABLE AS 'SELECT (s + 0.5)::amount';
CREATE AGGREGATE number(*) (sfunc = int8inc, stype = bigint, combinefunc = int8pl, initcond = '0', finalfunc = half_more);
CREATE FUNCTION greater_name(s name_of, v name_of) RETURNS name_of LANGUAGE sql IMMUTABLE STRICT AS
	'SELECT CASE WHEN s >= v THEN s ELSE v END';
CREATE AGGREGATE greatest_name(name_of) (sfunc = greater_name, stype = name_of, combinefunc = greater_name);

\set calls 'avg(a) AS avg, max(a) AS max, max(b) AS max_array, last(a, at) AS last, last(b, at) AS last_array, last(n, at) AS last_name, top_n(a, n, 2) AS top, kept(a) AS kept, kept(n) AS kept_name, largest(a) AS largest, largest(n) AS largest_name, number(*) AS number, greatest_name(n) AS greatest'
CREATE MATERIALIZED VIEW running WITH (stream_agg.continuous) AS SELECT :calls FROM s;
CREATE MATERIALIZED VIEW tumbling WITH (stream_agg.continuous) AS
	SELECT window_start, :calls FROM s, tumble(at, '10 minutes') GROUP BY window_start;
CREATE MATERIALIZED VIEW hopping WITH (stream_agg.continuous) AS
	SELECT window_start, :calls FROM s, hop(at, '5 minutes', '10 minutes') GROUP BY window_start;
CREATE MATERIALIZED VIEW cumulating WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, :calls FROM s, cumulate(at, '5 minutes', '10 minutes') GROUP BY 1, 2;
INSERT INTO s SELECT * FROM s_rows ORDER BY at LIMIT 7;
INSERT INTO s SELECT * FROM s_rows ORDER BY at OFFSET 7;
SELECT view, d FROM stream_agg.continuous_view, pg_temp.check_view(view) d ORDER BY view::text;
SELECT window_start::time, max, last_array, kept_name, number, greatest FROM hopping ORDER BY window_start;

DROP SCHEMA aggregate_domains CASCADE;
DROP SERVER aggregate_domains;
SELECT * FROM pg_temp.leftovers();
