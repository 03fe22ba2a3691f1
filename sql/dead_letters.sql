-- Bad rows: of all views, of those that read a bad value, of the one that fails
-- on it; on_error.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA dead_letters;
SET search_path = dead_letters, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
CREATE SERVER dead_letters FOREIGN DATA WRAPPER stream_agg;
CREATE FUNCTION not_seven(v int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF v = 7 THEN
		RAISE EXCEPTION 'seven' USING detail = 'It is seven.', errcode = 'XX777';
	ELSIF v = 8 THEN
		RAISE EXCEPTION 'eight';
	END IF;
	RETURN true;
END
$$;
CREATE FOREIGN TABLE s (k text NOT NULL, v int CONSTRAINT positive CHECK (v > 0) CONSTRAINT no_eight CHECK (not_seven(v)),
	f float8, t timestamptz, CONSTRAINT both_ CHECK (k <> 'x' OR v <> 6)) SERVER dead_letters OPTIONS (event_time 't');
CREATE TABLE target (k text NOT NULL CHECK (k <> 'not in target'), f float8 NOT NULL);
CREATE MATERIALIZED VIEW raw WITH (stream_agg.continuous) AS SELECT k, v FROM s;
CREATE MATERIALIZED VIEW into_target WITH (stream_agg.continuous, stream_agg.into = 'target') AS SELECT k, f FROM s;
CREATE MATERIALIZED VIEW divided WITH (stream_agg.continuous) AS SELECT k, sum(100 / (v - 5)), count(*) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW parsed WITH (stream_agg.continuous) AS
	SELECT window_start, sum(k::int), count(*) FROM s, tumble(t, '1 hour') WHERE k ~ '^n' = false AND k < 'x' GROUP BY 1;
INSERT INTO s VALUES
	('1', 1, 1, '2024-01-01 10:00'),
	(NULL, 2, 1, '2024-01-01 10:01'),
	('2', 0, 1, '2024-01-01 10:02'),
	('3', 5, 1, '2024-01-01 10:03'),
	('x', 6, 1, '2024-01-01 10:04'),
	('y', 3, 'NaN', '2024-01-01 10:05'),
	('4', 8, 1, '2024-01-01 10:06'),
	('5', 4, NULL, '2024-01-01 10:07'),
	('not in target', 4, 1, '2024-01-01 10:08'),
	('6', 4, 1, NULL),
	('7', 4, 1, 'infinity'),
	('8', 4, 1, '-infinity'),
	('four', 5, 1, '2024-01-01 10:09'),
	('9', 9, 1, now() + '1 day'),
	('99999999999', 9, 1, '2024-01-01 10:10'),
	('10', NULL, 1, '2024-01-01 10:11');
SELECT * FROM raw ORDER BY k COLLATE "C";
SELECT * FROM target ORDER BY k COLLATE "C";
SELECT * FROM divided ORDER BY k COLLATE "C";
SELECT * FROM parsed;
SELECT "offset", view, sqlstate, reason FROM stream_agg.dead_letters ORDER BY "offset", view::text;
SELECT view, rows_in, rows_dead FROM stream_agg.views ORDER BY view::text;
-- they are kept as they came
SELECT "offset", topic, partition, convert_from(value, 'UTF8') FROM stream_agg.dead_letters WHERE "offset" IN (1, 11)
ORDER BY 1;
-- a bad row of all views, too, was seen by the watermark
INSERT INTO s VALUES ('0', 0, 1, '2024-01-01 11:00');
SELECT *, stream_agg.watermark('parsed') FROM parsed;

-- An error that is nobody's data's fault is not swallowed: nothing is inserted.
INSERT INTO s VALUES ('11', 1, 1, '2024-01-01 11:01'), ('12', 7, 1, '2024-01-01 11:02');
SELECT count(*) FROM raw;
SELECT next_offset FROM stream_agg.partitions;

-- skip: counted alone
CREATE FOREIGN TABLE skip (k text NOT NULL, v int, t timestamptz) SERVER dead_letters OPTIONS (event_time 't', on_error 'skip');
CREATE MATERIALIZED VIEW skip_v WITH (stream_agg.continuous) AS SELECT k, 1 / v AS v FROM skip;
INSERT INTO skip VALUES ('a', 1, '2024-01-01'), (NULL, 1, '2024-01-01'), ('b', 0, '2024-01-01'), ('c', 1, NULL), ('d', 1, '2024-01-01');
SELECT * FROM skip_v ORDER BY k;
SELECT count(*) FROM stream_agg.dead_letters WHERE stream = 'skip'::regclass;
SELECT view, rows_in, rows_dead FROM stream_agg.views WHERE view = 'skip_v'::regclass;

-- stop: the statement fails, nothing is lost
CREATE FOREIGN TABLE stop (k text NOT NULL, v int, t timestamptz) SERVER dead_letters OPTIONS (event_time 't', on_error 'stop');
CREATE MATERIALIZED VIEW stop_v WITH (stream_agg.continuous) AS SELECT k, 1 / v AS v FROM stop;
INSERT INTO stop VALUES ('a', 1, '2024-01-01'), (NULL, 1, '2024-01-01');
INSERT INTO stop VALUES ('a', 1, '2024-01-01'), ('b', 0, '2024-01-01');
INSERT INTO stop VALUES ('a', 1, '2024-01-01'), ('b', 1, NULL);
INSERT INTO stop VALUES ('a', 1, '2024-01-01');
SELECT * FROM stop_v ORDER BY k;
SELECT count(*) FROM stream_agg.dead_letters WHERE stream = 'stop'::regclass;
SELECT next_offset FROM stream_agg.partitions WHERE stream = 'stop'::regclass;

-- Many bad rows among many good ones.
CREATE MATERIALIZED VIEW many WITH (stream_agg.continuous) AS SELECT count(*), sum(1 / (v % 10)) FROM skip;
INSERT INTO skip SELECT 'k', i, '2024-01-01' FROM generate_series(1, 1000) i;
TABLE many;
SELECT rows_in, rows_dead FROM stream_agg.views WHERE view = 'many'::regclass;

SET client_min_messages = warning;
DROP SCHEMA dead_letters CASCADE;
DROP SERVER dead_letters;
SELECT * FROM pg_temp.leftovers();
