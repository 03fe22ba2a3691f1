-- Every aggregate of PostgreSQL that has a combine function, on every type it
-- takes, over several batches and partitions: the same as over the raw rows.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA aggregate_all;
SET search_path = aggregate_all, public;
SET TimeZone = 'UTC';
CREATE SERVER aggregate_all FOREIGN DATA WRAPPER stream_agg;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE FOREIGN TABLE s (
	part int OPTIONS (metadata 'partition'), g int, w timestamptz,
	"bool" bool, "int2" int2, "int4" int4, "int8" int8, "float4" float4, "float8" float8,
	"numeric" numeric, "money" money, "text" text, "bpchar" char(8), "date" date, "time" time,
	"timetz" timetz, "timestamp" timestamp, "timestamptz" timestamptz, "interval" interval,
	"oid" oid, "tid" tid, "xid8" xid8, "inet" inet, "pg_lsn" pg_lsn, "bit" bit(8),
	"anyarray" int[], "anyenum" mood, "anyrange" int4range, "anymultirange" int4multirange)
	SERVER aggregate_all OPTIONS (event_time 'w', partitions '3');
CREATE TABLE s_rows (LIKE s, n int);
-- numbers without rounding, some of each NULL, one group of nothing but NULL
INSERT INTO s_rows
SELECT i % 3, i % 4, '2024-01-01'::timestamptz + (i / 100) * '1 hour'::interval,
	v % 3 = 0, v % 100, v * 1000, v::int8 * 10000000000, v / 4.0, v / 8.0, v / 100.0, v::money,
	'x' || v, 'y' || v, '2024-01-01'::date + v, '10:00'::time + v * '1 s'::interval,
	('10:00'::time + v * '1 s'::interval)::timetz, '2024-01-01'::timestamp + v * '1 s'::interval,
	'2024-01-01'::timestamptz + v * '1 s'::interval, v * '1 min'::interval, v,
	format('(%s,1)', v)::tid, v::text::xid8, '10.0.0.0'::inet + v, '0/0'::pg_lsn + v, v::bit(8),
	ARRAY[v, i % 7], (ARRAY['sad', 'ok', 'happy'])[1 + v % 3]::mood, int4range(v, v + 100),
	int4multirange(int4range(0, v + 100)), i
FROM (SELECT i, CASE WHEN i % 4 <> 3 AND i % 5 <> 2 THEN (i * 7919) % 300 END AS v FROM generate_series(1, 400) i) x;

-- All of those in pg_aggregate that the columns can be given to, in views of
-- twenty aggregates each.  Which are left out is shown below.
CREATE TABLE call AS
SELECT p.oid::regprocedure::text AS aggregate,
	CASE WHEN p.proargtypes::text = '' THEN format('%s(*)', p.proname)
		ELSE format('%s(%s)', p.proname, (SELECT string_agg(CASE WHEN t.typname = 'any' THEN '"int4"'
			WHEN t.typname = 'float8' AND n = 2 THEN '"int2"::float8'
			ELSE quote_ident(t.typname) END, ', ' ORDER BY n)
			FROM unnest(p.proargtypes) WITH ORDINALITY a (o, n) JOIN pg_type t ON t.oid = a.o)) END AS call,
	NOT EXISTS (SELECT FROM unnest(p.proargtypes) a (o) JOIN pg_type t ON t.oid = a.o
		WHERE t.typname <> 'any' AND NOT EXISTS (SELECT FROM pg_attribute
			WHERE attrelid = 's'::regclass AND attname = t.typname)) AS possible
FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid
WHERE a.aggkind = 'n' AND a.aggcombinefn <> 0 AND p.pronamespace = 'pg_catalog'::regnamespace
	AND (a.aggtranstype <> 'internal'::regtype OR a.aggserialfn <> 0);
SELECT aggregate FROM call WHERE NOT possible ORDER BY 1;
CREATE PROCEDURE create_views(prefix text, head text, source text, tail text) LANGUAGE plpgsql AS $$
DECLARE
	calls text;
	n int := 0;
BEGIN
	FOR calls IN
		SELECT string_agg(format('%s AS a%s', call, i), ', ' ORDER BY i)
		FROM (SELECT call, row_number() OVER (ORDER BY call COLLATE "C") AS i FROM call WHERE possible) c
		GROUP BY i / 20 ORDER BY i / 20
	LOOP
		n := n + 1;
		EXECUTE format('CREATE MATERIALIZED VIEW %s_%s WITH (stream_agg.continuous) AS SELECT %s %s FROM %s %s',
			prefix, n, head, calls, source, tail);
	END LOOP;
END
$$;
CALL create_views('total', '', 's', '');
CALL create_views('running', 'g, ', 's', 'GROUP BY g');
CALL create_views('windowed', 'window_start, g, ', $$s, tumble(w, '1 hour')$$, 'GROUP BY window_start, g');
SELECT count(*) > 20 FROM stream_agg.views;

-- Statistics of floating-point numbers are the same up to rounding.
SET extra_float_digits = -4;
-- in batches of 1, of 7, of 50 and the rest
CREATE PROCEDURE fill() LANGUAGE plpgsql AS $$
DECLARE
	done int := 0;
	size int;
BEGIN
	FOREACH size IN ARRAY ARRAY[1, 1, 1, 1, 7, 7, 50, 400]
	LOOP
		INSERT INTO s SELECT part, g, w, "bool", "int2", "int4", "int8", "float4", "float8", "numeric", "money",
			"text", "bpchar", "date", "time", "timetz", "timestamp", "timestamptz", "interval", "oid", "tid", "xid8",
			"inet", "pg_lsn", "bit", "anyarray", "anyenum", "anyrange", "anymultirange"
		FROM s_rows WHERE n > done AND n <= done + size ORDER BY n;
		done := done + size;
	END LOOP;
END
$$;
CALL fill();
SELECT count(*) FROM stream_agg.late_rows;
SELECT count(*) FROM stream_agg.dead_letters;
SELECT regexp_replace(view::text, '\d+', 'N') AS views, d, count(*) > 1 AS several
FROM stream_agg.continuous_view, pg_temp.check_view(view) d GROUP BY 1, 2 ORDER BY 1, 2;

SET client_min_messages = warning;
DROP SCHEMA aggregate_all CASCADE;
DROP SERVER aggregate_all;
SELECT * FROM pg_temp.leftovers();
