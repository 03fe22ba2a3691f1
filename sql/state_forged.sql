-- Stored states of internal type: only what a continuous view has written is
-- read.  The functions that read them would believe anything.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA state_forged;
SET search_path = state_forged, public;
SET TimeZone = 'UTC';
CREATE ROLE sf_owner;
CREATE ROLE sf_reader;
CREATE SERVER state_forged FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (g int, v numeric, at timestamptz) SERVER state_forged OPTIONS (event_time 'at');
CREATE TABLE s_rows (LIKE s);
GRANT USAGE, CREATE ON SCHEMA state_forged TO sf_owner, sf_reader;
GRANT SELECT ON s TO sf_owner;

-- a table, a table with panes, sessions
SET ROLE sf_owner;
CREATE MATERIALIZED VIEW running WITH (stream_agg.continuous) AS
	SELECT g, avg(v), sum(v), stddev(v), last(v, at), count(DISTINCT v) AS d, sum(DISTINCT v) AS sd
	FROM s GROUP BY g;
CREATE MATERIALIZED VIEW hopping WITH (stream_agg.continuous) AS
	SELECT g, window_start, avg(v), stddev(v) FROM s, hop(at, '5 minutes', '10 minutes') GROUP BY g, window_start;
CREATE MATERIALIZED VIEW visits WITH (stream_agg.continuous) AS
	SELECT g, window_start, window_end, avg(v) FROM s, session(at, '10 minutes') GROUP BY 1, 2, 3;
RESET ROLE;
-- Sessions by sorting: check_view() knows only windows of single rows.
CREATE FUNCTION pg_temp.check() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT view || ': ' || d FROM stream_agg.continuous_view, pg_temp.check_view(view) d
	WHERE view <> 'visits'::regclass
	UNION ALL SELECT 'visits: ' || pg_temp.differences('SELECT g, window_start, window_end, avg FROM visits',
		$q$SELECT g, min(at), max(at) + interval '10 minutes', avg(v)
		FROM (SELECT *, count(*) FILTER (WHERE is_first) OVER (PARTITION BY g ORDER BY at) AS n
			FROM (SELECT *, at - lag(at) OVER (PARTITION BY g ORDER BY at) > '10 minutes' IS TRUE AS is_first
				FROM s_rows) a) b GROUP BY g, n$q$)
	ORDER BY 1
$$;
INSERT INTO s_rows SELECT i % 2, i / 10.0, '2024-01-01'::timestamptz + i * '1 min'::interval FROM generate_series(1, 40) i;
INSERT INTO s SELECT * FROM s_rows ORDER BY at LIMIT 20;
INSERT INTO s SELECT * FROM s_rows ORDER BY at OFFSET 20;
SELECT pg_temp.check();

-- The secret is one row, of 16 bytes, and nobody's business.
SELECT count(*), min(octet_length(key)) FROM stream_agg.secret;
SET ROLE sf_owner;
SELECT FROM stream_agg.secret;
RESET ROLE;

-- Anybody may combine states; these he has made up.  The first, but for the 8
-- bytes in front, is an average of one number whose one digit stands 2^31
-- places away: to add it writes far out of bounds.
SET ROLE sf_reader;
SELECT stream_agg.combine_states('avg(numeric)'::regprocedure, NULL::numeric,
	'\x0123456789abcdef0000000000000001000000018000000000000000000000000001000000000000000000000000000000000000000000000000000000000000000000000000'::bytea,
	NULL::numeric)
FROM generate_series(1, 2);
SELECT stream_agg.combine_states('avg(numeric)'::regprocedure, NULL::numeric, '\x'::bytea, NULL::numeric);
SELECT stream_agg.combine_states('avg(numeric)'::regprocedure, NULL::numeric, '\x00000000000000'::bytea, NULL::numeric);
SELECT stream_agg.combine_states('avg(numeric)'::regprocedure, NULL::numeric, '\x0000000000000000'::bytea, NULL::numeric);
RESET ROLE;
-- States of the view are values of their aggregate, for whoever may read them,
-- and of those alone that read the same.
SELECT d.avg_state AS avg, d.sum_state AS sum, d.stddev_state AS stddev, d.last_state AS last
	FROM stream_agg_data.running d WHERE g = 0 \gset
SET ROLE sf_reader;
SELECT round(stream_agg.combine_states('avg(numeric)'::regprocedure, NULL::numeric, :'avg'::bytea, NULL::numeric), 3) AS avg,
	stream_agg.combine_states('sum(numeric)'::regprocedure, NULL::numeric, :'avg'::bytea, NULL::numeric) AS sum,
	round(stream_agg.combine_states('stddev(numeric)'::regprocedure, NULL::numeric, :'stddev'::bytea, NULL::numeric), 3) AS stddev,
	stream_agg.combine_states('last(anyelement,"any")'::regprocedure, NULL::numeric, :'last'::bytea,
		NULL::numeric, NULL::timestamptz) AS last;
SELECT stream_agg.combine_states('avg(numeric)'::regprocedure, NULL::numeric, :'stddev'::bytea, NULL::numeric);
SELECT stream_agg.combine_states('stddev(numeric)'::regprocedure, NULL::numeric, :'avg'::bytea, NULL::numeric);
SELECT stream_agg.combine_states('avg(bigint)'::regprocedure, NULL::numeric, :'avg'::bytea, NULL::bigint);
SELECT stream_agg.combine_states('last(anyelement,"any")'::regprocedure, NULL::numeric, :'avg'::bytea,
	NULL::numeric, NULL::timestamptz);
SELECT stream_agg.combine_states('last(anyelement,"any")'::regprocedure, NULL::bigint, :'last'::bytea,
	NULL::bigint, NULL::timestamptz);
-- One bit changed, bytes less or more.
CREATE FUNCTION refused(state bytea) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM stream_agg.combine_states('avg(numeric)'::regprocedure, NULL::numeric, state, NULL::numeric);
	RETURN false;
EXCEPTION WHEN data_corrupted THEN
	RETURN true;
END
$$;
SELECT refused(state), count(*) > 200 AS many,
	bool_and(refused(set_bit(state, i, 1 - get_bit(state, i)))) AS changed,
	bool_and(refused(substr(state, 1, i / 8))) AS shorter
FROM (SELECT :'avg'::bytea AS state) q, generate_series(0, octet_length(state) * 8 - 1) i
GROUP BY state;
SELECT refused(:'avg'::bytea || '\x00') AS longer, refused('\x00'::bytea || :'avg') AS longer_too;
RESET ROLE;

-- What isn't a call of the aggregate.
SELECT stream_agg.combine_states('max(anyarray)'::regprocedure, NULL::int[], ARRAY[1, 2]);
SELECT stream_agg.combine_states('max(anyarray)'::regprocedure, NULL::int[], ARRAY[1, 2], NULL::int[], 1);
SELECT stream_agg.combine_states('max(anyarray)'::regprocedure, NULL::int[], ARRAY[1, 2], 1);
SELECT stream_agg.combine_states('max(anyarray)'::regprocedure, NULL::text[], ARRAY[1, 2], NULL::int[]);
SELECT stream_agg.combine_states('max(anyarray)'::regprocedure, NULL::int[], ARRAY['a'], NULL::int[]);
SELECT stream_agg.combine_states('max(anyarray)'::regprocedure, NULL::int[], ARRAY[1, 2], NULL);
SELECT stream_agg.combine_states('avg(numeric)'::regprocedure, NULL::numeric, '\x'::bytea, NULL::text);
SELECT stream_agg.combine_states('last(anyelement,"any")'::regprocedure, NULL::int, '\x'::bytea, NULL::int);
SELECT stream_agg.combine_states('percentile_disc(double precision,anyelement)'::regprocedure, NULL::int, 1, 0.5::float8, 1);
SELECT stream_agg.combine_states('count()'::regprocedure, NULL::bigint, 1::bigint, 1);
SELECT stream_agg.combine_states('lower(text)'::regprocedure, NULL::text, 'a'::text, 'a'::text);
SELECT stream_agg.combine_states('array_agg(anynonarray)'::regprocedure, NULL::int[], '\x'::bytea, 1);
-- What is.
CREATE DOMAIN amount AS numeric CHECK (VALUE >= 0);
CREATE DOMAIN amounts AS numeric[];
CREATE TYPE mood AS ENUM ('bad', 'good');
SELECT stream_agg.combine_states('max(anyarray)'::regprocedure, NULL::int[], ARRAY[n], NULL::int[])
FROM generate_series(1, 2) n;
SELECT stream_agg.combine_states('max(anyenum)'::regprocedure, NULL::mood, m, NULL::mood)
FROM unnest(enum_range(NULL::mood)) m;
SELECT stream_agg.combine_states('count()'::regprocedure, NULL::bigint, n) FROM generate_series(1::bigint, 2) n;
SELECT stream_agg.combine_states('max(anyarray)'::regprocedure, NULL::numeric[], ARRAY[1.5, n], NULL::amounts),
	stream_agg.combine_states('max(numeric)'::regprocedure, NULL::numeric, n::numeric, NULL::amount)
FROM generate_series(1, 2) n;

-- not a way around a domain's constraints
SELECT stream_agg.combine_states('max(numeric)'::regprocedure, NULL::amount, (-1)::numeric, NULL::numeric);

-- The owner of a view may write to its tables.  What is wrong there stops the
-- batches that meet it, and reading from panes; the rest goes on.
SET ROLE sf_owner;
UPDATE stream_agg_data.running SET avg_state = sum_state WHERE g = 0;
RESET ROLE;
INSERT INTO s_rows VALUES (0, 7, '2024-01-01 00:50');
INSERT INTO s SELECT * FROM s_rows WHERE v = 7;
SET ROLE sf_owner;
UPDATE stream_agg_data.running SET avg_state = stddev_state WHERE g = 1;
RESET ROLE;
INSERT INTO s VALUES (1, 1, '2024-01-01 00:51');
SELECT pg_temp.check();
INSERT INTO s_rows VALUES (0, 8, '2024-01-01 00:52');
INSERT INTO s SELECT * FROM s_rows WHERE v = 8;
SELECT pg_temp.check();
SET ROLE sf_owner;
BEGIN;
UPDATE stream_agg_data.hopping_panes SET stddev_state = '\x0001';
SELECT max(stddev) FROM hopping;
ROLLBACK;
UPDATE stream_agg_data.visits SET avg_state = substr(avg_state, 9) WHERE g = 0;
RESET ROLE;
INSERT INTO s VALUES (0, 1, '2024-01-01 00:53');
-- NULL is the state of no row.
SET ROLE sf_owner;
UPDATE stream_agg_data.visits SET avg_state = NULL WHERE g = 0;
RESET ROLE;
INSERT INTO s VALUES (0, 1, '2024-01-01 00:53');
SELECT g, window_end::time, avg FROM visits WHERE g = 0;

-- The secret goes with the transaction that has made it, and with the
-- extension; a process that has used it doesn't keep it.
CREATE DATABASE state_forged;
\c state_forged
SET client_min_messages = warning;
CREATE EXTENSION stream_agg;
CREATE SERVER local FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (v numeric, at timestamptz) SERVER local OPTIONS (event_time 'at');
SELECT stream_agg.combine_states('avg(numeric)'::regprocedure, NULL::numeric, '\x00'::bytea, NULL::numeric);
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT s.v FROM s;
SELECT count(*) FROM stream_agg.secret;
BEGIN;
CREATE MATERIALIZED VIEW a WITH (stream_agg.continuous) AS SELECT avg(s.v) FROM s;
INSERT INTO s VALUES (1, '2024-01-01');
SELECT * FROM a;
SELECT avg_state AS lost FROM stream_agg_data.a \gset
ROLLBACK;
SELECT count(*) FROM stream_agg.secret;
BEGIN;
SAVEPOINT one;
CREATE MATERIALIZED VIEW a WITH (stream_agg.continuous) AS SELECT avg(s.v) FROM s;
INSERT INTO s VALUES (1, '2024-01-01');
ROLLBACK TO one;
CREATE MATERIALIZED VIEW a WITH (stream_agg.continuous) AS SELECT avg(s.v) FROM s;
INSERT INTO s VALUES (2, '2024-01-01');
COMMIT;
INSERT INTO s VALUES (4, '2024-01-01');
SELECT * FROM a;
SELECT stream_agg.combine_states('avg(numeric)'::regprocedure, NULL::numeric, :'lost'::bytea, NULL::numeric);
-- another process
\c
INSERT INTO s VALUES (6, '2024-01-01');
SELECT * FROM a;

-- A dump has it, so that what is restored goes on.
\! createdb -T template0 state_restored && pg_dump state_forged | psql -qX -v ON_ERROR_STOP=1 -o /dev/null state_restored
\c state_restored
INSERT INTO s VALUES (8, '2024-01-01');
SELECT * FROM a;
\c state_forged
SET client_min_messages = warning;
SELECT avg_state AS dropped FROM stream_agg_data.a \gset
DROP EXTENSION stream_agg CASCADE;
CREATE EXTENSION stream_agg;
CREATE SERVER local FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (v numeric, at timestamptz) SERVER local OPTIONS (event_time 'at');
CREATE MATERIALIZED VIEW a WITH (stream_agg.continuous) AS SELECT avg(s.v) FROM s;
INSERT INTO s VALUES (5, '2024-01-01'), (6, '2024-01-01');
INSERT INTO s VALUES (7, '2024-01-01');
SELECT * FROM a;
SELECT stream_agg.combine_states('avg(numeric)'::regprocedure, NULL::numeric, :'dropped'::bytea, NULL::numeric);

\c contrib_regression
SET client_min_messages = warning;
DROP DATABASE state_forged;
DROP DATABASE state_restored;
DROP SCHEMA state_forged CASCADE;
DROP SERVER state_forged;
DROP ROLE sf_owner, sf_reader;
SELECT count(*) FROM stream_agg.continuous_view;
