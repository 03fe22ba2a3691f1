-- Sessions: what touches is one session, whatever the order of arrival and the
-- batch it comes in; states are combined.
CREATE SCHEMA session_merge;
SET search_path = session_merge, public;
SET TimeZone = 'UTC';
CREATE SERVER session_merge FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text, v numeric, t timestamptz)
    SERVER session_merge OPTIONS (event_time 't', max_out_of_orderness '1 day');
CREATE MATERIALIZED VIEW m WITH (stream_agg.continuous) AS
SELECT k, window_start, window_end, window_end - window_start AS length, count(*) AS n, avg(v) AS mean, max(v) AS most
FROM s, session(t, '10 min') GROUP BY k, window_start, window_end;
CREATE FUNCTION state(key text) RETURNS TABLE (starts text, ends text, length interval, n bigint, mean numeric, most numeric, is_final boolean)
LANGUAGE sql AS $$
    SELECT to_char(window_start, 'DD HH24:MI'), to_char(window_end, 'DD HH24:MI'), length, n, round(mean, 2), most, is_final
    FROM m WHERE k IS NOT DISTINCT FROM key ORDER BY 1, 2
$$;

-- a session, its extension to the right, the left and within
INSERT INTO s VALUES ('a', 1, '2024-01-01 12:00');
SELECT * FROM state('a');
INSERT INTO s VALUES ('a', 2, '2024-01-01 12:10');
INSERT INTO s VALUES ('a', 3, '2024-01-01 11:50');
INSERT INTO s VALUES ('a', 4, '2024-01-01 12:05');
SELECT * FROM state('a');
-- exactly the gap still joins, a microsecond more does not
INSERT INTO s VALUES ('a', 5, '2024-01-01 12:20:00.000001');
SELECT * FROM state('a');
-- a bridge: one row stays, the other goes, the state is that of both
INSERT INTO s VALUES ('a', 6, '2024-01-01 12:15');
SELECT * FROM state('a');

-- the same in one statement, in this order and in others
INSERT INTO s SELECT k, v, '2024-01-01'::timestamptz + t FROM (VALUES ('b', 1, interval '12:00'), ('b', 2, '12:10'), ('b', 3, '11:50'),
    ('b', 4, '12:05'), ('b', 5, '12:20:00.000001'), ('b', 6, '12:15')) x(k, v, t);
INSERT INTO s SELECT k, v, '2024-01-01'::timestamptz + t FROM (VALUES ('c', 6, interval '12:15'), ('c', 5, '12:20:00.000001'), ('c', 4, '12:05'),
    ('c', 3, '11:50'), ('c', 2, '12:10'), ('c', 1, '12:00')) x(k, v, t);
SELECT * FROM state('b');
SELECT * FROM state('c');

-- a row that bridges more than two: those between were made in other batches
INSERT INTO s VALUES ('d', 1, '2024-01-01 12:00');
INSERT INTO s VALUES ('d', 2, '2024-01-01 12:15');
INSERT INTO s VALUES ('d', 3, '2024-01-01 12:30');
INSERT INTO s VALUES ('d', 4, '2024-01-01 13:00');
SELECT * FROM state('d');
INSERT INTO s VALUES ('d', 5, '2024-01-01 12:22'), ('d', 6, '2024-01-01 12:07');
SELECT * FROM state('d');
-- a start that moves onto one that goes, and a batch that links stored sessions by stored ones
INSERT INTO s VALUES ('d', 7, '2024-01-01 12:40'), ('d', 8, '2024-01-01 12:50'), ('d', 9, '2024-01-01 11:52'),
    ('d', 10, '2024-01-01 13:10'), ('d', 11, '2024-01-01 13:30');
SELECT * FROM state('d');

-- a key that is NULL, and one statement for several keys with interleaved sessions
INSERT INTO s VALUES (NULL, 1, '2024-01-01 12:00'), ('e', 1, '2024-01-01 12:05'), (NULL, 2, '2024-01-01 12:30'), ('e', 2, '2024-01-01 12:25'),
    ('f', 1, '2024-01-01 12:15'), (NULL, 3, '2024-01-01 12:35');
INSERT INTO s VALUES ('f', 2, '2024-01-01 12:20'), (NULL, NULL, '2024-01-01 12:20'), ('e', 3, '2024-01-01 12:15'), (NULL, 5, '2024-01-01 12:10');
SELECT * FROM state(NULL);
SELECT * FROM state('e');
SELECT * FROM state('f');
SELECT * FROM state('a');
-- one row of the table for each of them, no versions of what was merged
SELECT count(*), count(DISTINCT (k, window_start)) FROM stream_agg_data.m;

-- a rollback takes all of it back
BEGIN;
INSERT INTO s VALUES ('e', 4, '2024-01-01 11:55'), ('e', 5, '2024-01-01 12:35');
SELECT * FROM state('e');
ROLLBACK;
SELECT * FROM state('e');

-- Without keys, with several, of two types of time, with a gap of days (24 hours each, whatever the session's zone), with
-- joins, filters, a subquery around the call, expressions over aggregates and HAVING.
CREATE FOREIGN TABLE many (a int, b text, v int, t timestamp)
    SERVER session_merge OPTIONS (event_time 't', max_out_of_orderness '300 days');
CREATE TABLE names (a int, name text);
INSERT INTO names VALUES (1, 'one'), (1, 'uno'), (2, 'two');
SET TimeZone = 'Europe/Berlin';
CREATE MATERIALIZED VIEW nobody WITH (stream_agg.continuous) AS
SELECT window_start, window_end, count(*) FROM many, session(t, '1 day') GROUP BY window_start, window_end;
CREATE MATERIALIZED VIEW two WITH (stream_agg.continuous) AS
SELECT window_end, b, a, window_start, sum(v) * 10 AS tens FROM many, session(t, '2 days 01:00') GROUP BY b, window_end, a, window_start HAVING count(*) > 1;
CREATE MATERIALIZED VIEW joined WITH (stream_agg.continuous) AS
SELECT name, starts, ends, ends - starts AS length, first(v, t), last(v, t), count(*) FILTER (WHERE v > 2) AS large, min(t) AS t
FROM (SELECT a, v, t, w.window_start AS starts, w.window_end AS ends FROM many CROSS JOIN LATERAL session(t, gap => '1 day') w WHERE v > 0) q JOIN names USING (a)
GROUP BY name, starts, ends;
SET TimeZone = 'UTC';
INSERT INTO many VALUES (1, 'x', 1, '2024-03-30 12:00'), (1, 'x', 2, '2024-03-31 12:00'), (2, 'x', 3, '2024-04-01 12:00:01'), (1, 'y', 0, '2024-03-29 12:00'),
    (1, 'x', 4, '2024-04-02 12:00'), (NULL, NULL, 5, '2024-10-27 12:00'), (NULL, NULL, 6, '2024-10-26 12:00');
SELECT * FROM nobody ORDER BY window_start;
SELECT * FROM two ORDER BY b, a, window_start;
SELECT * FROM joined ORDER BY name, starts;

-- Two partitions, each with its own watermark: the sessions of one are continued by the other.
CREATE FOREIGN TABLE parts (p int OPTIONS (metadata 'partition'), v int, t timestamptz)
    SERVER session_merge OPTIONS (event_time 't', partitions '2', idle_timeout '1 day');
CREATE MATERIALIZED VIEW both_parts WITH (stream_agg.continuous) AS
SELECT window_start, window_end, sum(v), array_length(last_n(v, t, 10), 1) AS n FROM parts, session(t, '1 min') GROUP BY 1, 2;
INSERT INTO parts VALUES (1, 10, '2024-01-01 00:02'), (0, 1, '2024-01-01 00:00'), (0, 2, '2024-01-01 00:01'), (0, 3, '2024-01-01 00:05'), (0, 4, '2024-01-01 00:10');
SELECT * FROM both_parts ORDER BY 1;
INSERT INTO parts VALUES (1, 20, '2024-01-01 00:04'), (1, 30, '2024-01-01 00:03');
SELECT * FROM both_parts ORDER BY 1;
-- what ended before the slower partition's watermark is final
INSERT INTO parts VALUES (1, 40, '2024-01-01 00:06:00.000001'), (1, 50, '2024-01-01 00:09');
SELECT * FROM both_parts ORDER BY 1;
SELECT row_data ->> 'v' AS v, window_start, window_end, watermark FROM stream_agg.late_rows WHERE view = 'both_parts'::regclass;

-- A trigger sees one write for each session, deletes for the others.
CREATE TABLE log (line text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO session_merge.log VALUES (concat_ws(' ', TG_OP, (old.window_start AT TIME ZONE 'UTC')::time, (new.window_start AT TIME ZONE 'UTC')::time, coalesce(new.n, old.n)));
    RETURN NULL;
END
$$;
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON stream_agg_data.m FOR EACH ROW EXECUTE FUNCTION note();
INSERT INTO s VALUES ('g', 1, '2024-01-01 12:00'), ('g', 1, '2024-01-01 12:01'), ('g', 1, '2024-01-01 12:20');
INSERT INTO s VALUES ('g', 1, '2024-01-01 12:10'), ('g', 1, '2024-01-01 11:50');
TABLE log;

SET client_min_messages = warning;
DROP SCHEMA session_merge CASCADE;
DROP SERVER session_merge;
