-- watermark_function: a user's function in place of the fixed delay.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA watermark_function;
SET search_path = watermark_function, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
CREATE SERVER watermark_function FOREIGN DATA WRAPPER stream_agg;
-- one minute by day, ten by night; no change between 12:00 and 12:10
CREATE FUNCTION shifting(max_event_time timestamptz, now timestamptz) RETURNS timestamptz
LANGUAGE sql AS $$
	SELECT CASE WHEN max_event_time::time BETWEEN '12:00' AND '12:10' THEN NULL
		WHEN max_event_time::time BETWEEN '08:00' AND '20:00' THEN max_event_time - '1 min'::interval
		ELSE max_event_time - '10 min'::interval END
$$;
CREATE FOREIGN TABLE s (k text, t timestamptz, p int OPTIONS (metadata 'partition'))
	SERVER watermark_function OPTIONS (event_time 't', partitions '2', idle_timeout '1 day',
		watermark_function 'watermark_function.shifting');
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM s, tumble(t, '30 min') GROUP BY 1;
INSERT INTO s VALUES ('a', '2024-01-01 10:31', 0);
SELECT stream_agg.watermark('v');
-- row by row: 'b' is late after 10:31, and 'd' after 11:01
INSERT INTO s VALUES ('b', '2024-01-01 10:29:59', 0), ('c', '2024-01-01 11:01', 0), ('d', '2024-01-01 10:59:59', 0);
SELECT *, stream_agg.watermark('v') FROM v ORDER BY 1;
SELECT "offset", row_data ->> 'k' AS k, watermark FROM stream_agg.late_rows ORDER BY 1;
-- NULL leaves it where it is
INSERT INTO s VALUES ('e', '2024-01-01 12:05', 0);
SELECT stream_agg.watermark('v');
-- a result that is further back does, too: by night the delay is longer
INSERT INTO s VALUES ('f', '2024-01-01 20:00', 0);
SELECT stream_agg.watermark('v');
INSERT INTO s VALUES ('g', '2024-01-01 20:05', 0);
SELECT stream_agg.watermark('v');
INSERT INTO s VALUES ('h', '2024-01-01 20:30', 0);
SELECT stream_agg.watermark('v');
-- each partition by itself
INSERT INTO s VALUES ('i', '2024-01-01 20:40', 1);
SELECT stream_agg.watermark('v');
INSERT INTO s VALUES ('j', '2024-01-01 20:50', 0);
SELECT stream_agg.watermark('v');

-- Called when the greatest event time of the partition grows, with the clock of
-- the batch, as the stream's owner; whatever the size of batches.
CREATE SEQUENCE calls;
CREATE TABLE called (stream text, n bigint DEFAULT nextval('calls'), max_event_time timestamptz, recent boolean, who name, zone text);
CREATE ROLE watermark_function_owner;
GRANT USAGE, CREATE ON SCHEMA watermark_function TO watermark_function_owner;
GRANT INSERT ON called TO watermark_function_owner;
GRANT USAGE ON SEQUENCE calls TO watermark_function_owner;
GRANT USAGE ON FOREIGN SERVER watermark_function TO watermark_function_owner;
CREATE FUNCTION noting() RETURNS text LANGUAGE sql AS $$ SELECT 'noted' $$;
CREATE FUNCTION noting(max_event_time timestamptz, now timestamptz) RETURNS timestamptz
LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO watermark_function.called (max_event_time, recent, who, zone)
	VALUES ($1, $2 BETWEEN statement_timestamp() - '1 s'::interval AND clock_timestamp(), current_user, current_setting('TimeZone'));
	RETURN max_event_time;
END
$$;
SET ROLE watermark_function_owner;
CREATE FOREIGN TABLE n (t timestamptz) SERVER watermark_function
	OPTIONS (event_time 't', watermark_function 'watermark_function.noting', timezone 'Asia/Tokyo', batch_rows '2');
CREATE MATERIALIZED VIEW nv WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM n, tumble(t, '1 hour') GROUP BY 1;
RESET ROLE;
INSERT INTO n VALUES ('2024-01-01 10:00'), ('2024-01-01 10:00'), ('2024-01-01 09:00'), ('2024-01-01 10:01'),
	('2024-01-01 10:00:30'), (NULL), ('infinity'), ('2024-01-01 11:00'), ('2024-01-01 10:59');
INSERT INTO n VALUES ('2024-01-01 10:30'), ('2024-01-01 11:00:00.000001');
SELECT max_event_time, recent, who, zone FROM called ORDER BY n;
SELECT *, stream_agg.watermark('nv') FROM nv;

-- The same rows in batches of any size.
CREATE TABLE input AS SELECT i AS n, i % 2 AS p,
	'2024-01-01 07:00'::timestamptz + (i * 17 + (i * 7919) % 2900) * '1 s'::interval AS t
FROM generate_series(1, 3000) i;
CREATE PROCEDURE make(name text, batch_rows int) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format($f$CREATE FOREIGN TABLE %1$s (t timestamptz, p int OPTIONS (metadata 'partition'))
		SERVER watermark_function OPTIONS (event_time 't', partitions '2', idle_timeout '1 day', batch_rows '%2$s',
		watermark_function 'watermark_function.shifting')$f$, name, batch_rows);
	EXECUTE format($f$CREATE MATERIALIZED VIEW %1$s_v WITH (stream_agg.continuous) AS
		SELECT window_start, count(*) FROM %1$s, tumble(t, '30 min') GROUP BY 1$f$, name);
	EXECUTE format('INSERT INTO %s SELECT t, p FROM input ORDER BY n', name);
END
$$;
CALL make('whole', 100000);
CALL make('seven', 7);
CALL make('one', 1);
SELECT * FROM pg_temp.differences('SELECT * FROM whole_v', 'SELECT * FROM seven_v');
SELECT * FROM pg_temp.differences('SELECT * FROM whole_v', 'SELECT * FROM one_v');
SELECT * FROM pg_temp.differences(
	'SELECT partition, "offset", event_time, watermark FROM stream_agg.late_rows WHERE stream = ''whole''::regclass',
	'SELECT partition, "offset", event_time, watermark FROM stream_agg.late_rows WHERE stream = ''one''::regclass');
SELECT * FROM pg_temp.differences(
	'SELECT partition, "offset", event_time, watermark FROM stream_agg.late_rows WHERE stream = ''whole''::regclass',
	'SELECT partition, "offset", event_time, watermark FROM stream_agg.late_rows WHERE stream = ''seven''::regclass');
SELECT rows_in, rows_late, watermark FROM stream_agg.views WHERE view = 'one_v'::regclass;

-- An error stops the batch and says where; nothing of it stays.
CREATE FUNCTION failing(max_event_time timestamptz, now timestamptz) RETURNS timestamptz
LANGUAGE sql AS $$ SELECT max_event_time - '1 min'::interval / extract(minute FROM max_event_time)::int $$;
CREATE FUNCTION endless(max_event_time timestamptz, now timestamptz) RETURNS timestamptz
LANGUAGE sql AS $$ SELECT 'infinity'::timestamptz $$;
ALTER FOREIGN TABLE n OPTIONS (SET watermark_function 'watermark_function.failing');
INSERT INTO n VALUES ('2024-01-01 11:30'), ('2024-01-01 12:00');
ALTER FOREIGN TABLE n OPTIONS (SET watermark_function 'watermark_function.endless');
INSERT INTO n VALUES ('2024-01-01 11:30'), ('2024-01-01 12:00');
SELECT *, stream_agg.watermark('nv') FROM nv;
SELECT count(*) FROM stream_agg.dead_letters WHERE stream = 'n'::regclass AND reason NOT LIKE 'event time%';

-- What is refused.
CREATE FUNCTION one_argument(timestamptz) RETURNS timestamptz LANGUAGE sql AS $$ SELECT $1 $$;
CREATE FUNCTION wrong_type(timestamptz, timestamptz) RETURNS timestamp LANGUAGE sql AS $$ SELECT $1::timestamp $$;
CREATE FUNCTION many(timestamptz, timestamptz) RETURNS SETOF timestamptz LANGUAGE sql AS $$ SELECT $1 $$;
CREATE FOREIGN TABLE x (t timestamptz) SERVER watermark_function OPTIONS (watermark_function 'shifting');
CREATE FOREIGN TABLE x (t timestamptz) SERVER watermark_function OPTIONS (watermark_function 'watermark_function.shifting(timestamptz)');
CREATE FOREIGN TABLE x (t timestamptz) SERVER watermark_function OPTIONS (watermark_function 'watermark_function.missing');
CREATE FOREIGN TABLE x (t timestamptz) SERVER watermark_function OPTIONS (watermark_function 'watermark_function.one_argument');
CREATE FOREIGN TABLE x (t timestamptz) SERVER watermark_function OPTIONS (watermark_function 'watermark_function.wrong_type');
CREATE FOREIGN TABLE x (t timestamptz) SERVER watermark_function OPTIONS (watermark_function 'watermark_function.many');
CREATE FOREIGN TABLE x (t timestamptz) SERVER watermark_function
	OPTIONS (watermark_function 'watermark_function.shifting', max_out_of_orderness '1 s');
ALTER FOREIGN TABLE s OPTIONS (ADD max_out_of_orderness '0');
-- the owner of the stream must be able to execute it
REVOKE EXECUTE ON FUNCTION shifting FROM PUBLIC;
ALTER FOREIGN TABLE n OPTIONS (SET watermark_function 'watermark_function.shifting');
INSERT INTO n VALUES ('2024-01-01 11:30');
SET ROLE watermark_function_owner;
CREATE MATERIALIZED VIEW nv2 WITH (stream_agg.continuous) AS SELECT * FROM n;
RESET ROLE;

-- It can't be dropped from under the stream.
DROP FUNCTION shifting;
DROP FUNCTION failing;
ALTER FOREIGN TABLE s OPTIONS (SET watermark_function 'watermark_function.noting');
ALTER FOREIGN TABLE whole OPTIONS (DROP watermark_function);
ALTER TABLE seven OPTIONS (DROP watermark_function);
ALTER FOREIGN TABLE n OPTIONS (DROP watermark_function);
DROP FUNCTION shifting;
SELECT d.classid::regclass, d.objid::regclass, d.deptype FROM pg_depend d
WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = 'noting(timestamptz, timestamptz)'::regprocedure;
-- what a restore without the library loses
DELETE FROM pg_depend WHERE refclassid = 'pg_proc'::regclass AND refobjid = 'noting(timestamptz, timestamptz)'::regprocedure;
SELECT stream_agg.adopt();
DROP FUNCTION noting(timestamptz, timestamptz);
SET client_min_messages = warning;
DROP FUNCTION shifting CASCADE;
SELECT to_regclass('s') IS NOT NULL AS s, to_regclass('one') IS NULL AS one, to_regclass('one_v') IS NULL AS one_v;

DROP SCHEMA watermark_function CASCADE;
DROP SERVER watermark_function CASCADE;
DROP OWNED BY watermark_function_owner;
DROP ROLE watermark_function_owner;
SELECT * FROM pg_temp.leftovers();
