-- Group keys: NULL, none, many, and of all kinds of types; one that is too large
-- for an index.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA view_keys;
SET search_path = view_keys, public;
SET client_min_messages = warning;
SET DateStyle = 'ISO, YMD';
CREATE SERVER view_keys FOREIGN DATA WRAPPER stream_agg;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN codes AS text[];
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE FOREIGN TABLE s (
	b bool, c "char", i2 int2, i4 int4, i8 int8, o oid, f4 float4, f8 float8, n numeric, m money,
	t text, ci text COLLATE nocase, cc text COLLATE "C", vc varchar(5), bp char(5), nm name, by bytea,
	d date, ti time, tz timetz, ts timestamp, tt timestamptz, iv interval,
	u uuid, ip inet, mac macaddr, bi bit(3), vb varbit, j jsonb, lsn pg_lsn, tid tid,
	e mood, p pair, pd positive, ai int[], ad codes, ap pair[], r int4range, mr int4multirange,
	tsv tsvector, tq tsquery) SERVER view_keys;
CREATE TABLE s_rows (LIKE s);
-- the first row twice, as its equals written otherwise, and NULL
INSERT INTO s_rows VALUES
	(true, 'x', 1, 1, 1, 1, 0, 0, 1.0, 1, 'a', 'Straße', 'a', 'a', 'a', 'a', '\x00ff',
	'2024-01-01', '10:00', '10:00+00', '2024-01-01', '2024-01-01', '1 mon', gen_random_uuid(), '10.0.0.1/8',
	'08:00:2b:01:02:03', '101', '1', '{"a": 1.0, "b": [1]}', '0/1', '(0,1)',
	'ok', (1, 'x'), 1, '{1,2,NULL}', '{a,b}', ARRAY[(1, 'y')::pair], '[1,3)', '{[1,3),[5,6)}', 'a b', 'a & b'),
	(true, 'x', 1, 1, 1, 1, '-0', '-0', 1.00, 1, 'a', 'STRASSE', 'A', 'a', 'a    ', 'a', '\x00ff',
	'2024-01-01', '10:00', '12:00+02', '2024-01-01', '2024-01-01 00:00', '30 days', NULL, '10.0.0.1/8',
	'08:00:2b:01:02:03', '101', '1', '{"b": [1.0], "a": 1}', '0/1', '(0,1)',
	'ok', (1, 'x'), 1, '{1,2,NULL}', '{a,b}', ARRAY[(1, 'y')::pair], '[1,2]', '{[1,2],[5,5]}', 'b a', 'a & b'),
	(false, 'y', -1, -1, -1, 2, 'NaN', 'NaN', 'NaN', 2, '', 'strasse', '', '', '', '', '',
	'infinity', '24:00', '00:00+10', 'infinity', '-infinity', '0', NULL, '::1',
	'00:00:00:00:00:00', '000', '', 'null', '0/0', '(1,1)',
	'happy', (NULL, NULL), 2, '{}', '{}', '{}', 'empty', '{}', '', '');
INSERT INTO s_rows (b) SELECT NULL FROM generate_series(1, 2);
UPDATE s_rows SET u = '00000000-0000-0000-0000-000000000001' WHERE u IS NOT NULL;
-- a view for each column, and one for all; the order of keys is of no account
DO $$
DECLARE
	c text;
BEGIN
	FOR c IN SELECT attname FROM pg_attribute WHERE attrelid = 's'::regclass AND attnum > 0 ORDER BY attnum
	LOOP
		EXECUTE format('CREATE MATERIALIZED VIEW by_%s WITH (stream_agg.continuous) AS
			SELECT %1$I, count(*) AS rows_ FROM s GROUP BY %1$I', c);
	END LOOP;
END
$$;
CREATE MATERIALIZED VIEW by_many WITH (stream_agg.continuous) AS
	SELECT n + 1 AS n1, t, i4, count(*) AS n, d, e, p, upper(t) AS ut FROM s GROUP BY e, d, p, n + 1, t, i4, upper(t);
CREATE MATERIALIZED VIEW by_nothing WITH (stream_agg.continuous) AS SELECT count(*) AS n, max(i4) FROM s;
CREATE MATERIALIZED VIEW by_constant WITH (stream_agg.continuous) AS SELECT 'x' AS x, count(*) AS n FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW by_no_aggregate WITH (stream_agg.continuous) AS SELECT i4, i8 FROM s GROUP BY i4, i8;
CREATE MATERIALIZED VIEW by_key_twice WITH (stream_agg.continuous) AS
	SELECT i4 AS a, i4 AS b, i4 + 1 AS count, count(*) AS n FROM s GROUP BY i4;
CREATE MATERIALIZED VIEW not_shown WITH (stream_agg.continuous) AS SELECT count(*) AS n FROM s GROUP BY i4, i8;
CREATE MATERIALIZED VIEW nothing_shown WITH (stream_agg.continuous) AS SELECT FROM s GROUP BY i4;

-- each row in a batch of its own, and all again
DO $$
DECLARE
	r s_rows;
BEGIN
	FOR r IN SELECT * FROM s_rows LOOP
		INSERT INTO s SELECT r.*;
	END LOOP;
END
$$;
INSERT INTO s TABLE s_rows;
INSERT INTO s_rows TABLE s_rows;
-- Which of several equal keys is shown is not defined: the numbers must agree,
-- and the keys must be equal as the key's type has it.
CREATE FUNCTION check_groups(v regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	k text := substr(v::text, 4);
	missing bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM (SELECT %1$I, rows_ FROM %2$s EXCEPT ALL SELECT %1$I, count(*) FROM s_rows GROUP BY 1) d',
		k, v) INTO missing;
	RETURN CASE WHEN missing > 0 THEN missing || ' too many'
		WHEN (SELECT d FROM pg_temp.differences('SELECT rows_ FROM ' || v,
			format('SELECT count(*) FROM s_rows GROUP BY %I', k)) d LIMIT 1) = 'ok' THEN 'ok'
		ELSE 'wrong' END;
END
$$;
SELECT view, check_groups(view) FROM stream_agg.continuous_view
WHERE view::text !~ 'by_(many|nothing|constant|no_aggregate|key_twice)|shown' ORDER BY view::text COLLATE "C";
SELECT view, d FROM stream_agg.continuous_view, pg_temp.check_view(view) d
WHERE view::text ~ 'by_(nothing|constant|no_aggregate|key_twice)|not_shown' ORDER BY view::text COLLATE "C";
SELECT * FROM by_ci ORDER BY rows_, ci COLLATE "C";
SELECT * FROM by_n ORDER BY n;
SELECT n1, t, i4, n, d, e, p, ut FROM by_many ORDER BY i4;
SELECT count(*) FROM nothing_shown;

-- A key that is too large for an index makes a dead letter of that view alone.
INSERT INTO s (t, i4) VALUES ('small', 7), ((SELECT string_agg(md5(x::text), '') FROM generate_series(1, 500) x), 7),
	('small', 7);
SELECT rows_ FROM by_t WHERE t = 'small';
SELECT rows_ FROM by_i4 WHERE i4 = 7;
SELECT view, "offset", sqlstate, regexp_replace(reason, '\d+', 'N', 'g') AS reason FROM stream_agg.dead_letters
ORDER BY view::text COLLATE "C";
SELECT view, rows_in, rows_dead FROM stream_agg.views WHERE view IN ('by_t'::regclass, 'by_i4'::regclass) ORDER BY 1;

SET client_min_messages = warning;
DROP SCHEMA view_keys CASCADE;
DROP SERVER view_keys;
SELECT * FROM pg_temp.leftovers();
