-- Every aggregate of PostgreSQL: as it is, with DISTINCT, with ORDER BY, with
-- FILTER, WITHIN GROUP; without a window and with each kind of window; over many
-- batches the same as over the rows themselves.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA aggregate_every;
SET search_path = aggregate_every, public;
SET TimeZone = 'UTC';
CREATE SERVER aggregate_every FOREIGN DATA WRAPPER stream_agg;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
-- columns are named after their types
CREATE FOREIGN TABLE s (
	part int OPTIONS (metadata 'partition'), place int, g int, t timestamptz,
	"bool" bool, "int2" int2, "int4" int4, "int8" int8, "float4" float4, "float8" float8,
	"numeric" numeric, "money" money, "text" text, "bytea" bytea, "bpchar" char(8), "date" date, "time" time,
	"timetz" timetz, "timestamp" timestamp, "timestamptz" timestamptz, "interval" interval,
	"oid" oid, "tid" tid, "xid8" xid8, "inet" inet, "pg_lsn" pg_lsn, "bit" bit(8), "xml" xml,
	"anyelement" numeric(8, 2), "anynonarray" jsonb, "anyarray" int[], "anyenum" mood, "anyrange" int4range,
	"anymultirange" int4multirange)
	SERVER aggregate_every OPTIONS (event_time 't', partitions '3', idle_timeout '1 day');
CREATE TABLE input (LIKE s, n int);
INSERT INTO input (part, g, t, n, place, "bool", "int2", "int4", "int8", "float4", "float8", "numeric", "money", "text", "bytea", "bpchar",
	"date", "time", "timetz", "timestamp", "timestamptz", "interval", "oid", "tid", "xid8", "inet", "pg_lsn", "bit", "xml",
	"anyelement", "anynonarray", "anyarray", "anyenum", "anyrange", "anymultirange")
SELECT part, g, t, n, row_number() OVER (PARTITION BY part ORDER BY n) AS place, x.*
FROM (SELECT i AS n, i % 3 AS part, CASE WHEN i % 4 > 0 THEN i % 4 END AS g, timestamptz '2024-01-01' + i * interval '3 min' +
	(i / 40) * interval '1 h' AS t, CASE WHEN i % 4 <> 3 AND i % 5 <> 2 THEN (i * 7919) % 60 END AS v FROM generate_series(1, 200) i) r,
LATERAL (SELECT v % 3 = 0 AS "bool", (v % 100)::int2 AS "int2", v * 1000 AS "int4", v::int8 * 10000000000 AS "int8",
	(v / 4.0)::float4 AS "float4", (v / 8.0)::float8 AS "float8", v / 100.0 AS "numeric", v::money AS "money", 'x' || v AS "text",
	('x' || v)::bytea AS "bytea", ('y' || v)::char(8) AS "bpchar", '2024-01-01'::date + v AS "date", '10:00'::time + v * '1 s'::interval AS "time",
	('10:00'::time + v * '1 s'::interval)::timetz AS "timetz", '2024-01-01'::timestamp + v * '1 s'::interval AS "timestamp",
	'2024-01-01'::timestamptz + v * '1 s'::interval AS "timestamptz", v * '1 min'::interval AS "interval", v::oid AS "oid",
	format('(%s,1)', v)::tid AS "tid", v::text::xid8 AS "xid8", '10.0.0.0'::inet + v AS "inet", '0/0'::pg_lsn + v AS "pg_lsn",
	v::bit(8) AS "bit", ('<v>' || v || '</v>')::xml AS "xml", v / 10.0 AS "anyelement", jsonb_build_object('v', v) AS "anynonarray",
	ARRAY[v, n % 2] AS "anyarray", (ARRAY['sad', 'ok', 'happy'])[1 + v % 3]::mood AS "anyenum", int4range(v, v + 100) AS "anyrange",
	int4multirange(int4range(0, v + 100)) AS "anymultirange") x;

-- Each aggregate with columns for its arguments; "{order}" is where the rows
-- themselves need an order, which a stream has.
CREATE TABLE call AS
WITH argument AS (
	SELECT a.aggfnoid, n > aggnumdirectargs AS of_row, n, CASE
		WHEN n <= aggnumdirectargs AND t.typname = '_float8' THEN '''{0.1,0.5,0.9}''::float8[]'
		WHEN n <= aggnumdirectargs AND t.typname = 'any' THEN '5'
		WHEN n <= aggnumdirectargs THEN '0.4'
		-- a delimiter is the same for all rows, a key is not NULL
		WHEN p.proname ~ '^string_agg' AND n = 2 THEN ''','''
		WHEN p.proname ~ '_object_agg' AND n = 1 THEN 'coalesce("int4", -1)'
		WHEN p.proname ~ '^regr|^corr|^covar' AND n = 2 THEN '("int2" / 7 + 3)::float8'
		WHEN t.typname = 'any' AND a.aggkind = 'h' THEN '"int2"'
		WHEN t.typname = 'any' THEN '"int4"'
		ELSE quote_ident(t.typname) END AS text
	FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid,
		unnest(p.proargtypes) WITH ORDINALITY x (o, n) JOIN pg_type t ON t.oid = x.o),
aggregate AS (
	SELECT p.oid::regprocedure::text AS aggregate, aggkind, p.proname,
		(SELECT string_agg(text, ', ' ORDER BY n) FROM argument x WHERE x.aggfnoid = a.aggfnoid AND NOT of_row) AS direct,
		(SELECT string_agg(text, ', ' ORDER BY n) FROM argument x WHERE x.aggfnoid = a.aggfnoid AND of_row) AS row_
	FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid WHERE p.pronamespace = 'pg_catalog'::regnamespace)
SELECT aggregate, variant, format(form, proname, direct, row_) AS call
FROM aggregate JOIN (VALUES ('n', 'plain', '%1$s(%3$s{order})'), ('n', 'distinct', '%1$s(DISTINCT %3$s)'),
	('n', 'distinct filter', '%1$s(DISTINCT %3$s) FILTER (WHERE "int2" %% 3 > 0 OR part = 1)'),
	('n', 'filter', '%1$s(%3$s{order}) FILTER (WHERE "int2" %% 3 > 0 OR part = 1)'),
	('n', 'order', '%1$s(%3$s ORDER BY "int2" DESC, place, part)'),
	('n', 'distinct order', '%1$s(DISTINCT %3$s ORDER BY %3$s DESC)')) v (kind, variant, form) ON kind = aggkind
WHERE row_ IS NOT NULL AND (variant <> 'distinct order' OR row_ !~ ',')
UNION ALL SELECT aggregate, 'plain', proname || '(*)' FROM aggregate WHERE row_ IS NULL AND direct IS NULL AND aggkind = 'n'
UNION ALL SELECT aggregate, 'within group', format('%s(%s) WITHIN GROUP (ORDER BY %s)', proname, direct, row_) FROM aggregate
WHERE aggkind = 'o' OR (aggkind = 'h' AND row_ IS NOT NULL)
UNION ALL SELECT aggregate, 'within group', format('%s(5, ''x1'') WITHIN GROUP (ORDER BY "int2", "text" DESC)', proname) FROM aggregate WHERE aggkind = 'h'
UNION ALL SELECT aggregate, 'within group key', format('%s(g) WITHIN GROUP (ORDER BY "int4") FILTER (WHERE part > 0)', proname) FROM aggregate WHERE aggkind = 'h'
UNION ALL SELECT aggregate, 'within group filter', format('%s(%s) WITHIN GROUP (ORDER BY %s DESC NULLS FIRST) FILTER (WHERE part > 0)', proname, direct, row_)
FROM aggregate WHERE aggkind = 'o';
-- What can't be called like that in any query.
CREATE FUNCTION complaint(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT g, %s FROM input GROUP BY g', replace(call, '{order}', ''));
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN RETURN SQLERRM;
END
$$;
WITH bad AS (DELETE FROM call WHERE complaint(call) IS NOT NULL RETURNING aggregate, variant, call)
SELECT call, complaint(call) FROM bad ORDER BY call COLLATE "C";
SELECT p.oid::regprocedure AS never_called FROM pg_aggregate JOIN pg_proc p ON p.oid = aggfnoid
WHERE pronamespace = 'pg_catalog'::regnamespace AND p.oid::regprocedure::text NOT IN (SELECT aggregate FROM call) ORDER BY 1;
SELECT variant, count(*) > CASE WHEN variant ~ '^within' THEN 3 ELSE 90 END AS many FROM call GROUP BY 1 ORDER BY 1;

-- Views of forty calls each.  "rows" is what gives the same windows over the
-- rows themselves.
CREATE TABLE window_kind (name text, keys text, calls text, rows text, variants text);
INSERT INTO window_kind VALUES
	('total', '', 's', 'input AS s', '^(plain|filter|order|distinct|distinct filter|distinct order|within group|within group filter)$'),
	('running', 'g', 's', 'input AS s', '^(plain|distinct filter|within group filter|within group key|order)$'),
	('tumble', 'window_start, g', 's, tumble(t, ''2 h'')', 'input AS s, tumble(t, ''2 h'')', '^(plain|distinct|filter|within group|within group key|order)$'),
	('hop', 'window_start, g', 's, hop(t, ''1 h'', ''150 min'')', 'input AS s, hop(t, ''1 h'', ''150 min'')', '^(plain|distinct|filter|within group|within group key|distinct order)$'),
	('cumulate', 'window_start, window_end', 's, cumulate(t, ''2 h'', ''6 h'')', 'input AS s, cumulate(t, ''2 h'', ''6 h'')', '^(plain|distinct|within group filter)$'),
	('session', 'window_start, window_end, g', 's, session(t, ''20 min'')', $$(
		SELECT *, min(t) OVER (PARTITION BY g, number) AS window_start, max(t) OVER (PARTITION BY g, number) + interval '20 min' AS window_end
		FROM (SELECT *, count(*) FILTER (WHERE starts) OVER (PARTITION BY g ORDER BY t) AS number
			FROM (SELECT *, t - lag(t) OVER (PARTITION BY g ORDER BY t) <= interval '20 min' IS NOT TRUE AS starts FROM input) a) b) AS s$$,
		'^(plain|distinct|order|within group|within group key)$');
CREATE TABLE made (name text, query text, calls text[]);
CREATE PROCEDURE make_views() LANGUAGE plpgsql SET client_min_messages = warning AS $$
DECLARE
	k window_kind;
	c record;
	n int;
	query text;
BEGIN
	FOR k IN SELECT * FROM window_kind LOOP
		n := 0;
		FOR c IN
			SELECT string_agg(format('%s AS a%s', call, 1 + i % 40), ', ' ORDER BY i) AS list, array_agg(call ORDER BY i) AS calls
			FROM (SELECT call, row_number() OVER (ORDER BY call COLLATE "C") - 1 AS i FROM call WHERE variant ~ k.variants) x
			GROUP BY i / 40 ORDER BY i / 40
		LOOP
			n := n + 1;
			query := format('SELECT %s%s%s FROM {rows} %s', k.keys, CASE WHEN k.keys <> '' THEN ', ' END, c.list,
				CASE WHEN k.keys <> '' THEN 'GROUP BY ' || k.keys END);
			EXECUTE format('CREATE MATERIALIZED VIEW %s_%s WITH (stream_agg.continuous) AS %s', k.name, n,
				replace(replace(query, '{rows}', k.calls), '{order}', ''));
			INSERT INTO made VALUES (k.name || '_' || n,
				replace(replace(query, '{rows}', k.rows), '{order}', ' ORDER BY place, part'), c.calls);
		END LOOP;
	END LOOP;
END
$$;
CALL make_views();
SELECT regexp_replace(name, '_\d+$', '') AS windows, count(*) > 5 AS several FROM made GROUP BY 1 ORDER BY 1;

-- Statistics of floating-point numbers are the same up to rounding.
SET extra_float_digits = -4;
-- What differs: the calls, and with which kind of window.
CREATE FUNCTION check_views() RETURNS TABLE (windows text, call text, example text) LANGUAGE plpgsql AS $$
DECLARE
	m record;
	c record;
	keys text;
BEGIN
	FOR m IN SELECT name, query, regexp_replace(name, '_\d+$', '') AS windows, calls,
		(SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
		WHERE attrelid = name::regclass AND attnum > 0 AND attname <> 'is_final') AS columns FROM made
	LOOP
		CONTINUE WHEN 'ok' IN (SELECT pg_temp.differences(format('SELECT %s FROM %s', m.columns, m.name), m.query));
		windows := m.windows;
		SELECT k.keys INTO keys FROM window_kind k WHERE k.name = m.windows;
		-- in which columns
		FOR c IN SELECT u AS call, concat_ws(', ', nullif(keys, ''), 'a' || i) AS columns FROM unnest(m.calls) WITH ORDINALITY x (u, i) LOOP
			call := c.call;
			SELECT left(string_agg(d, E'\n'), 300) INTO example FROM pg_temp.differences(format('SELECT %s FROM %s', c.columns, m.name),
				format('SELECT %s FROM (%s) q', c.columns, m.query)) d WHERE d <> 'ok';
			IF example IS NOT NULL THEN
				RETURN NEXT;
			END IF;
		END LOOP;
	END LOOP;
END
$$;
CREATE PROCEDURE fill(first int, last int, size int) LANGUAGE plpgsql AS $$
DECLARE
	columns text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 's'::regclass AND attnum > 0);
BEGIN
	FOR done IN first .. last BY size LOOP
		EXECUTE format('INSERT INTO s SELECT %s FROM input WHERE n >= %s AND n < %s ORDER BY n', columns, done, least(done + size, last + 1));
	END LOOP;
END
$$;
CALL fill(1, 4, 1);
CALL fill(5, 18, 7);
CALL fill(19, 80, 31);
CALL fill(81, 200, 120);
SELECT * FROM check_views();
SELECT count(*) FROM stream_agg.late_rows;
SELECT count(*) FROM stream_agg.dead_letters;

-- The same when all windows are settled; only the new rows are still kept.
INSERT INTO input (n, part, g, t, place, "anyarray") SELECT 200 + i, i % 3, 99, '2025-01-01',
	(SELECT max(place) FROM input WHERE part = i % 3) + (i + 2) / 3, '{1,2}' FROM generate_series(1, 6) i;
CALL fill(201, 206, 3);
SELECT * FROM check_views();
SELECT bool_and(is_final) FROM tumble_1 WHERE window_start < '2025-01-01';

SET client_min_messages = warning;
DROP SCHEMA aggregate_every CASCADE;
DROP SERVER aggregate_every;
SELECT * FROM pg_temp.leftovers();
