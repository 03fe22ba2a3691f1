-- All the ways in which rows get into an in-database stream, and those that are
-- refused.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA insert_forms;
SET search_path = insert_forms, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
CREATE SERVER insert_forms FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text DEFAULT 'default', v int, twice int GENERATED ALWAYS AS (v * 2) STORED,
	o bigint OPTIONS (metadata 'offset'), topic text OPTIONS (metadata 'topic'), note text) SERVER insert_forms;
-- without a view, rows go nowhere
INSERT INTO s (k) VALUES ('lost');
CREATE MATERIALIZED VIEW raw WITH (stream_agg.continuous) AS SELECT o, k, v, twice, topic, note FROM s;
CREATE MATERIALIZED VIEW n WITH (stream_agg.continuous) AS SELECT count(*), sum(v) FROM s;

INSERT INTO s (k, v) VALUES ('values', 1), ('values', 2);
INSERT INTO s (v) SELECT i FROM generate_series(3, 4) i;
INSERT INTO s DEFAULT VALUES;
INSERT INTO s (k, v, o, topic) VALUES ('given', 5, 77, 'mine') RETURNING k, v, twice;
INSERT INTO s (twice) VALUES (1);
COPY s (k, v, note) FROM stdin;
copy	6	\N
copy	7	x
\.
COPY s (k, v) FROM stdin (FORMAT csv);
csv,8
\.
COPY s (k, v) FROM stdin WHERE v > 9;
copy where	9
copy where	10
\.
PREPARE p (text, int) AS INSERT INTO s (k, v) VALUES ($1, $2);
EXECUTE p ('prepared', 11);
EXECUTE p ('prepared', 12);
ALTER FOREIGN TABLE s ADD COLUMN more int;
EXECUTE p ('prepared', 13);
DEALLOCATE p;
WITH i AS (INSERT INTO s (k, v) VALUES ('cte', 14), ('cte', 15) RETURNING v) SELECT sum(v) FROM i;
WITH i AS (INSERT INTO s (k, v) VALUES ('cte unread', 16)) SELECT 1 AS one;
WITH a AS (INSERT INTO s (k, v) VALUES ('two', 17)) INSERT INTO s (k, v) VALUES ('two', 18);
EXPLAIN (COSTS OFF) INSERT INTO s (k, v) VALUES ('explain', 19);
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) INSERT INTO s (k, v) VALUES ('explain analyze', 20);
CREATE FUNCTION by_sql(int) RETURNS void LANGUAGE sql AS $$ INSERT INTO insert_forms.s (k, v) VALUES ('sql', $1) $$;
SELECT by_sql(i) FROM generate_series(21, 22) i;
CREATE FUNCTION by_sql_returning(int) RETURNS int LANGUAGE sql AS
	$$ INSERT INTO insert_forms.s (k, v) VALUES ('sql returning', $1) RETURNING v + 1 $$;
SELECT by_sql_returning(23);
SELECT o, k, v, twice, topic, note FROM raw ORDER BY o;
TABLE n;

-- visible to the next statement of the same transaction, function included
CREATE FUNCTION by_plpgsql() RETURNS SETOF bigint LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	INSERT INTO s (k, v) VALUES ('plpgsql', 1);
	RETURN NEXT (SELECT count FROM n);
	BEGIN
		INSERT INTO s (k, v) VALUES ('undone', 1);
		RETURN NEXT (SELECT count FROM n);
		PERFORM 1 / 0;
	EXCEPTION WHEN division_by_zero THEN
		RETURN NEXT (SELECT count FROM n);
	END;
	BEGIN
		INSERT INTO s (k, v) VALUES ('inner', 1);
	EXCEPTION WHEN division_by_zero THEN
		NULL;
	END;
	FOR r IN INSERT INTO s (k, v) VALUES ('loop', 1), ('loop', 2) RETURNING v LOOP
		RETURN NEXT (SELECT count FROM n);
	END LOOP;
	RETURN NEXT (SELECT count FROM n);
END
$$;
SELECT by_plpgsql();
BEGIN;
INSERT INTO s (k, v) VALUES ('kept', 1);
SAVEPOINT a;
INSERT INTO s (k, v) VALUES ('undone', 1);
SELECT k FROM raw WHERE k IN ('kept', 'undone') ORDER BY k;
ROLLBACK TO a;
INSERT INTO s (k, v) VALUES ('kept', 2);
RELEASE a;
COMMIT;
BEGIN;
INSERT INTO s (k, v) VALUES ('undone', 1);
ROLLBACK;
SELECT o, k, v FROM raw WHERE o > 24 ORDER BY o;
SELECT count(*) = max(o) + 1 AS without_gaps FROM raw;
SELECT * FROM pg_temp.differences('TABLE n', 'SELECT count(*), sum(v) FROM raw');

-- Triggers on the stream: BEFORE may change a row, AFTER runs before the views
-- are brought up to date.
CREATE TABLE seen (what text);
CREATE FUNCTION on_stream() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_WHEN = 'BEFORE' THEN
		NEW.note := 'by trigger';
		RETURN CASE WHEN NEW.k = 'suppressed' THEN NULL ELSE NEW END;
	END IF;
	INSERT INTO insert_forms.seen SELECT format('%s %s: %s in the view', TG_WHEN, TG_LEVEL, count(*)) FROM insert_forms.raw WHERE k = 'fired';
	RETURN NULL;
END
$$;
CREATE TRIGGER b BEFORE INSERT ON s FOR EACH ROW EXECUTE FUNCTION on_stream();
CREATE TRIGGER a AFTER INSERT ON s FOR EACH ROW EXECUTE FUNCTION on_stream();
CREATE TRIGGER z AFTER INSERT ON s FOR EACH STATEMENT EXECUTE FUNCTION on_stream();
INSERT INTO s (k, v) VALUES ('fired', 1), ('suppressed', 1), ('fired', 2);
TABLE seen;
SELECT k, v, note FROM raw WHERE k IN ('fired', 'suppressed') ORDER BY v;
DROP TRIGGER b ON s;
DROP TRIGGER a ON s;
DROP TRIGGER z ON s;

-- A partition of a partitioned table may be a stream.
CREATE TABLE parted (k text, v int) PARTITION BY LIST (k);
CREATE TABLE parted_here PARTITION OF parted FOR VALUES IN ('here');
CREATE FOREIGN TABLE parted_stream PARTITION OF parted DEFAULT SERVER insert_forms;
CREATE MATERIALIZED VIEW of_partition WITH (stream_agg.continuous) AS SELECT k, sum(v) FROM parted_stream GROUP BY k;
INSERT INTO parted VALUES ('here', 1), ('there', 2), ('here', 3), ('there', 4), ('elsewhere', 5);
COPY parted FROM stdin;
there	6
here	7
\.
SELECT * FROM of_partition ORDER BY k;
SELECT * FROM parted_here ORDER BY v;
SELECT * FROM parted;

-- Refused.
SELECT * FROM s;
SELECT count(*) FROM s WHERE false;
SELECT count(*) FROM s;
EXPLAIN (COSTS OFF) SELECT * FROM s;
INSERT INTO s (k) SELECT k FROM s;
INSERT INTO s (k) VALUES ('conflict') ON CONFLICT DO NOTHING;
INSERT INTO s (k) VALUES ('conflict') ON CONFLICT (k) DO UPDATE SET v = 1;
UPDATE s SET v = 1;
DELETE FROM s;
TRUNCATE s;
COPY s TO stdout;
LOCK TABLE s;
ANALYZE s;
SELECT count(*) FROM raw WHERE k = 'conflict';

SET client_min_messages = warning;
DROP SCHEMA insert_forms CASCADE;
DROP SERVER insert_forms;
SELECT * FROM pg_temp.leftovers();
