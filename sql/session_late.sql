-- Late rows of sessions: a row that meets a settled session, or that alone would
-- make one.  The watermark is that of the row's partition, just before the row.
CREATE SCHEMA session_late;
SET search_path = session_late, public;
SET TimeZone = 'UTC';
CREATE SERVER session_late FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text, v int, t timestamptz) SERVER session_late OPTIONS (event_time 't');
CREATE MATERIALIZED VIEW strict WITH (stream_agg.continuous) AS
SELECT k, window_start, window_end, count(*) AS n, avg(v) AS mean FROM s, session(t, '10 min') GROUP BY 1, 2, 3;
CREATE MATERIALIZED VIEW lenient WITH (stream_agg.continuous, stream_agg.allowed_lateness = '30 min') AS
SELECT k, window_start, window_end, count(*) AS n, avg(v) AS mean FROM s, session(t, '10 min') GROUP BY 1, 2, 3;
CREATE MATERIALIZED VIEW finals WITH (stream_agg.continuous, stream_agg.allowed_lateness = '30 min', stream_agg.emit = 'final') AS
SELECT k, window_start, count(*) AS n FROM s, session(t, '10 min') GROUP BY k, window_start, window_end;
CREATE MATERIALIZED VIEW dropping WITH (stream_agg.continuous, stream_agg.late = 'drop') AS
SELECT k, window_start, window_end, count(*) AS n FROM s, session(t, '10 min') GROUP BY 1, 2, 3;
CREATE FUNCTION at(minute text) RETURNS timestamptz LANGUAGE sql AS $$ SELECT '2024-01-01 12:00'::timestamptz + minute::interval $$;
CREATE FUNCTION state(view text) RETURNS TABLE (k text, starts text, ends text, n bigint, mean numeric, is_final boolean, revision bigint, has_state boolean)
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT k, to_char(window_start, ''HH24:MI''), to_char(window_end, ''HH24:MI''), n, round(mean, 2), is_final, revision, mean_state IS NOT NULL
        FROM stream_agg_data.%I ORDER BY 1, 2', view);
END
$$;
CREATE VIEW late AS SELECT view, row_data ->> 'v' AS v, to_char(event_time, 'HH24:MI:SS') AS t, to_char(window_start, 'HH24:MI') AS starts,
    to_char(window_end, 'HH24:MI') AS ends, to_char(watermark, 'HH24:MI:SS.US') AS watermark, lateness
FROM stream_agg.late_rows WHERE view IN ('strict'::regclass, 'lenient'::regclass, 'dropping'::regclass) ORDER BY view::text, "offset";

-- a session is final only when the watermark has passed its end: exactly there a row would still join
INSERT INTO s VALUES ('a', 1, at('0:00')), ('z', 0, at('0:10'));
SELECT * FROM state('strict');
SELECT stream_agg.watermark('strict') = window_end AS at_its_end FROM strict WHERE k = 'a';
INSERT INTO s VALUES ('a', 2, at('0:10'));
INSERT INTO s VALUES ('z', 0, at('0:20:00.000001'));
SELECT * FROM state('strict');
-- rows that would join the settled one, in the middle and exactly at its end; one alone that is too old; one that is not
INSERT INTO s VALUES ('a', 3, at('0:05')), ('a', 4, at('0:20')), ('b', 5, at('0:10')), ('b', 6, at('0:10:00.000001'));
SELECT * FROM state('strict');
SELECT * FROM late;
-- an old row joins what is open: the session decides, not the row
INSERT INTO s VALUES ('c', 7, at('0:20')), ('c', 8, at('0:12')), ('c', 9, at('0:03')), ('c', 10, at('-0:07:00.000001'));
SELECT * FROM state('strict') WHERE k = 'c';
-- but it bridges nothing to a settled one: with that it would be late
INSERT INTO s VALUES ('d', 11, at('0:00'));
INSERT INTO s VALUES ('d', 12, at('0:30')), ('d', 13, at('0:21')), ('d', 14, at('0:15')), ('z', 0, at('0:45')), ('d', 15, at('0:48')), ('d', 16, at('0:39'));
SELECT * FROM state('strict') WHERE k = 'd';
SELECT * FROM late WHERE v::int >= 7;

-- With lateness allowed: revisions, sessions that are open again, until they are settled.
SELECT * FROM state('lenient') WHERE k IN ('a', 'd');
INSERT INTO s VALUES ('e', 20, at('1:00')), ('z', 0, at('1:15'));
SELECT * FROM state('lenient') WHERE k = 'e';
SELECT n FROM finals WHERE k = 'e';
-- a revision that leaves it final; one that makes it open again, which is none: it came before the end that it gives
INSERT INTO s VALUES ('e', 21, at('0:58'));
SELECT * FROM state('lenient') WHERE k = 'e';
INSERT INTO s VALUES ('e', 22, at('1:10'));
SELECT * FROM state('lenient') WHERE k = 'e';
SELECT n FROM finals WHERE k = 'e';
-- final again, when the watermark has passed the new end
INSERT INTO s VALUES ('z', 0, at('1:20:00.000001'));
SELECT n FROM finals WHERE k = 'e';
-- another session of the group, old from the start, and a bridge: revisions add up
INSERT INTO s VALUES ('e', 23, at('0:41')), ('e', 24, at('0:41'));
SELECT * FROM state('lenient') WHERE k = 'e';
INSERT INTO s VALUES ('e', 25, at('0:49'));
SELECT * FROM state('lenient') WHERE k = 'e';
-- at the end of the allowance, and behind it
INSERT INTO s VALUES ('z', 0, at('1:50')), ('e', 26, at('1:05')), ('z', 0, at('1:50:00.000001')), ('e', 27, at('1:05'));
SELECT * FROM state('lenient') WHERE k = 'e';
SELECT * FROM late WHERE v::int >= 20;
SELECT view, rows_in, rows_late FROM stream_agg.views WHERE view::text IN ('strict', 'lenient', 'finals', 'dropping') ORDER BY view::text;

-- A row that a join multiplies is late only if it is late in all of its groups; one that is removed is never late.
CREATE TABLE groups (k text, g text);
INSERT INTO groups VALUES ('x', 'old'), ('x', 'new'), ('y', 'old'), ('y', 'old'), ('n', 'new');
CREATE FOREIGN TABLE j (k text, v int, t timestamptz) SERVER session_late OPTIONS (event_time 't');
CREATE MATERIALIZED VIEW joined WITH (stream_agg.continuous) AS
SELECT g, window_start, window_end, count(*) AS n, sum(v) FROM j JOIN groups USING (k), session(t, '10 min') WHERE v >= 0 GROUP BY g, window_start, window_end;
INSERT INTO j VALUES ('y', 1, at('0:00')), ('n', 2, at('0:20')), ('x', 3, at('0:10')), ('y', 4, at('0:09')), ('y', 5, at('-1:00')), ('y', -1, at('-1:00')), ('none', 6, at('-1:00'));
SELECT g, to_char(window_start, 'HH24:MI') AS starts, n, sum FROM joined ORDER BY g, window_start;
SELECT row_data ->> 'v' AS v, to_char(window_start, 'HH24:MI') AS starts, to_char(window_end, 'HH24:MI') AS ends FROM stream_agg.late_rows WHERE view = 'joined'::regclass ORDER BY "offset";
SELECT rows_in, rows_late FROM stream_agg.views WHERE view = 'joined'::regclass;

-- Sessions are removed when no row can join them any more that is not late by itself.
CREATE FOREIGN TABLE r (k text, v int, t timestamptz) SERVER session_late OPTIONS (event_time 't');
CREATE MATERIALIZED VIEW removed WITH (stream_agg.continuous, stream_agg.retention = '0') AS
SELECT k, window_start, window_end, count(*) AS n FROM r, session(t, '10 min') GROUP BY 1, 2, 3;
INSERT INTO r VALUES ('a', 1, at('0:00')), ('z', 0, at('0:20'));
INSERT INTO r VALUES ('a', 2, at('0:10'));
SELECT k, to_char(window_start, 'HH24:MI') AS starts, n, is_final FROM removed ORDER BY 1, 2;
INSERT INTO r VALUES ('z', 0, at('0:20:00.000001'));
INSERT INTO r VALUES ('a', 3, at('0:10'));
SELECT k, to_char(window_start, 'HH24:MI') AS starts, n, is_final FROM removed ORDER BY 1, 2;
SELECT row_data ->> 'v' AS v, to_char(window_start, 'HH24:MI') AS starts, to_char(window_end, 'HH24:MI') AS ends FROM stream_agg.late_rows WHERE view = 'removed'::regclass ORDER BY "offset";

-- A row on which the view's query fails is a dead letter; the late ones beside it are found all the same.
CREATE FOREIGN TABLE f (v int, t timestamptz) SERVER session_late OPTIONS (event_time 't');
CREATE MATERIALIZED VIEW failing WITH (stream_agg.continuous) AS
SELECT window_start, window_end, sum(10 / v) FROM f, session(t, '10 min') GROUP BY 1, 2;
INSERT INTO f VALUES (1, at('0:00')), (0, at('1:00')), (2, at('0:00')), (0, at('0:01')), (5, at('0:55'));
SELECT to_char(window_start, 'HH24:MI') AS starts, to_char(window_end, 'HH24:MI') AS ends, sum FROM failing ORDER BY 1;
SELECT row_data ->> 'v' AS v, to_char(window_end, 'HH24:MI') AS ends FROM stream_agg.late_rows WHERE view = 'failing'::regclass;
SELECT "offset", reason FROM stream_agg.dead_letters WHERE view = 'failing'::regclass ORDER BY 1;
-- a session must end within the range of time
CREATE MATERIALIZED VIEW huge WITH (stream_agg.continuous) AS
SELECT window_start, window_end, count(*) FROM f, session(t, '106750000 days') GROUP BY 1, 2;
INSERT INTO f VALUES (1, at('2:00')), (1, at('3:00'));
SELECT count(*) FROM huge;
SELECT "offset", reason FROM stream_agg.dead_letters WHERE view = 'huge'::regclass ORDER BY 1;

SET client_min_messages = warning;
DROP SCHEMA session_late CASCADE;
DROP SERVER session_late;
