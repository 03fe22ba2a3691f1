-- late_function: a function of the user's, called for each late row in the
-- batch's transaction, whether the row is recorded or dropped.
CREATE SCHEMA late_function;
SET search_path = late_function, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
\set VERBOSITY terse
CREATE SERVER late_function FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text, v int, t timestamptz)
    SERVER late_function OPTIONS (event_time 't');
CREATE TABLE log (n serial, view regclass, late_row jsonb, window_start timestamptz, window_end timestamptz,
    watermark timestamptz, by text, zone text, recorded bigint);
CREATE FUNCTION keep(view regclass, late_row jsonb, window_start timestamptz, window_end timestamptz, watermark timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF late_row ->> 'k' = 'bad' THEN
        RAISE EXCEPTION 'cannot take %', late_row ->> 'v';
    END IF;
    INSERT INTO late_function.log (view, late_row, window_start, window_end, watermark, by, zone, recorded)
    VALUES (view, late_row, window_start, window_end, watermark, current_user, current_setting('TimeZone'),
            (SELECT count(*) FROM stream_agg.late_rows l WHERE l.view = $1));
END $$;

-- what is looked at when the view is created
CREATE MATERIALIZED VIEW refused WITH (stream_agg.continuous, stream_agg.late_function = 'late_function.missing') AS
SELECT window_start, count(*) FROM s, tumble(t, '1 min') GROUP BY 1;
CREATE FUNCTION returns_int(regclass, jsonb, timestamptz, timestamptz, timestamptz) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE MATERIALIZED VIEW refused WITH (stream_agg.continuous, stream_agg.late_function = 'returns_int') AS
SELECT window_start, count(*) FROM s, tumble(t, '1 min') GROUP BY 1;
CREATE PROCEDURE procedure(regclass, jsonb, timestamptz, timestamptz, timestamptz) LANGUAGE sql AS 'SELECT 1';
CREATE MATERIALIZED VIEW refused WITH (stream_agg.continuous, stream_agg.late_function = 'procedure') AS
SELECT window_start, count(*) FROM s, tumble(t, '1 min') GROUP BY 1;
CREATE MATERIALIZED VIEW refused WITH (stream_agg.continuous, stream_agg.late_function = 'keep') AS
SELECT k, count(*) FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW refused WITH (stream_agg.continuous, stream_agg.late_function = 'keep') AS SELECT * FROM s;
CREATE ROLE late_function_owner;
GRANT USAGE, CREATE ON SCHEMA late_function TO late_function_owner;
GRANT SELECT ON s TO late_function_owner;
REVOKE EXECUTE ON FUNCTION keep FROM PUBLIC;
SET ROLE late_function_owner;
CREATE MATERIALIZED VIEW refused WITH (stream_agg.continuous, stream_agg.late_function = 'keep') AS
SELECT window_start, count(*) FROM s, tumble(t, '1 min') GROUP BY 1;
RESET ROLE;

-- as the view's owner, under the view's settings, in the order of rows
GRANT EXECUTE ON FUNCTION keep TO late_function_owner;
GRANT INSERT ON log TO late_function_owner;
GRANT USAGE ON SEQUENCE log_n_seq TO late_function_owner;
SET ROLE late_function_owner;
SET TimeZone = 'Asia/Tokyo';
CREATE MATERIALIZED VIEW recorded WITH (stream_agg.continuous, stream_agg.late_function = 'keep') AS
SELECT window_start, k, count(*) AS rows FROM s, tumble(t, '1 min') GROUP BY 1, 2;
SET TimeZone = 'UTC';
CREATE MATERIALIZED VIEW dropped WITH (stream_agg.continuous, stream_agg.late_function = 'late_function.keep', stream_agg.late = 'drop') AS
SELECT window_start, k, count(*) AS rows FROM s, tumble(t, '1 min') GROUP BY 1, 2;
RESET ROLE;
INSERT INTO s VALUES ('a', 1, '2024-01-01 00:05'), ('a', 2, '2024-01-01 00:03'), ('b', 3, '2024-01-01 00:04:30'), ('a', 4, '2024-01-01 00:06');
SELECT view, late_row ->> 'v' AS v, window_start, window_end, watermark, by, zone, recorded FROM log ORDER BY n;
SELECT view, rows_in, rows_late, rows_dead FROM stream_agg.views WHERE stream = 's'::regclass ORDER BY view::text;
SELECT view, "offset" FROM stream_agg.late_rows WHERE stream = 's'::regclass ORDER BY "offset";

-- a row on which it fails is a dead letter; the others go once each
TRUNCATE log;
INSERT INTO s SELECT CASE WHEN v IN (113, 150) THEN 'bad' ELSE 'c' END, v, '2024-01-01 00:02' FROM generate_series(101, 160) v;
SELECT view, count(*), count(DISTINCT late_row ->> 'v'), bool_or(late_row ->> 'k' = 'bad') AS bad FROM log GROUP BY view ORDER BY view::text;
SELECT view, "offset", sqlstate, reason FROM stream_agg.dead_letters WHERE stream = 's'::regclass ORDER BY view::text, "offset";
SELECT view, rows_in, rows_late, rows_dead FROM stream_agg.views WHERE stream = 's'::regclass ORDER BY view::text;
SELECT view, count(*) FROM stream_agg.late_rows WHERE stream = 's'::regclass GROUP BY 1;

-- what it does goes away with the transaction
BEGIN;
INSERT INTO s VALUES ('d', 1, '2024-01-01 00:01');
SELECT count(*) FROM log WHERE late_row ->> 'k' = 'd';
ROLLBACK;
SELECT count(*) FROM log WHERE late_row ->> 'k' = 'd';

-- it may be renamed and replaced, but neither dropped nor forbidden
ALTER FUNCTION keep RENAME TO "Keep it";
ALTER SCHEMA late_function RENAME TO late_function2;
ALTER SCHEMA late_function2 RENAME TO late_function;
SELECT DISTINCT late_function FROM stream_agg.continuous_view WHERE stream = 's'::regclass;
INSERT INTO s VALUES ('e', 1, '2024-01-01 00:01');
SELECT count(*) FROM log WHERE late_row ->> 'k' = 'e';
CREATE OR REPLACE FUNCTION "Keep it"(view regclass, late_row jsonb, window_start timestamptz, window_end timestamptz, watermark timestamptz)
RETURNS void LANGUAGE sql AS 'INSERT INTO late_function.log (late_row) VALUES (late_row)';
INSERT INTO s VALUES ('f', 1, '2024-01-01 00:01');
SELECT count(*), count(view) FROM log WHERE late_row ->> 'k' = 'f';
DROP FUNCTION "Keep it";
SELECT stream_agg.adopt();
SELECT stream_agg.adopt();
SELECT count(*) FROM pg_depend WHERE refobjid = '"Keep it"'::regproc AND deptype = 'n';
REVOKE EXECUTE ON FUNCTION "Keep it" FROM late_function_owner;
INSERT INTO s VALUES ('g', 1, '2024-01-01 00:01');
DROP FUNCTION "Keep it" CASCADE;
SELECT count(*) FROM stream_agg.views WHERE stream = 's'::regclass;
DROP SCHEMA late_function CASCADE;
DROP SERVER late_function;
DROP OWNED BY late_function_owner;
DROP ROLE late_function_owner;
