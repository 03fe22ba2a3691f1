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
CREATE FUNCTION state() RETURNS TABLE (k text, starts text, ends text, length interval, n bigint, mean numeric, most numeric, is_final boolean)
LANGUAGE sql AS $$
    SELECT k, to_char(window_start, 'DD HH24:MI'), to_char(window_end, 'DD HH24:MI'), length, n, round(mean, 2), most, is_final FROM m ORDER BY 1, 2
$$;

-- a session, its extension to the right, the left and within
INSERT INTO s VALUES ('a', 1, '2024-01-01 12:00');
SELECT * FROM state();
INSERT INTO s VALUES ('a', 2, '2024-01-01 12:10');
INSERT INTO s VALUES ('a', 3, '2024-01-01 11:50');
INSERT INTO s VALUES ('a', 4, '2024-01-01 12:05');
SELECT * FROM state();
-- exactly the gap still joins, a microsecond more does not
INSERT INTO s VALUES ('a', 5, '2024-01-01 12:20:00.000001');
SELECT * FROM state();
-- a bridge: one row stays, the other goes, the state is that of both
INSERT INTO s VALUES ('a', 6, '2024-01-01 12:15');
SELECT * FROM state();
