-- When sessions are looked at: due_at moves only when the watermark gets to it, so
-- that a session that goes on is updated in place (HOT).
CREATE SCHEMA session_due;
SET search_path = session_due, public;
SET TimeZone = 'UTC';
CREATE SERVER session_due FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text, t timestamptz) SERVER session_due OPTIONS (event_time 't');
CREATE MATERIALIZED VIEW strict WITH (stream_agg.continuous) AS
SELECT k, window_start, window_end, count(*) AS n, avg(length(k)) AS mean, count(DISTINCT t) AS times
FROM s, session(t, '10 min') GROUP BY 1, 2, 3;
CREATE MATERIALIZED VIEW lenient WITH (stream_agg.continuous, stream_agg.allowed_lateness = '30 min') AS
SELECT k, window_start, window_end, count(*) AS n, avg(length(k)) AS mean
FROM s, session(t, '10 min') GROUP BY 1, 2, 3;
CREATE FUNCTION at(minute text) RETURNS timestamptz LANGUAGE sql AS $$ SELECT '2024-01-01 12:00'::timestamptz + minute::interval $$;
CREATE FUNCTION state(view text) RETURNS TABLE (k text, starts text, ends text, due text, n bigint, is_final boolean, settled boolean)
LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT k, to_char(window_start, ''HH24:MI''), to_char(window_end, ''HH24:MI''), to_char(due_at, ''HH24:MI''), n, is_final, mean_state IS NULL
		FROM stream_agg_data.%I ORDER BY 1, 2', view);
END
$$;
-- sessions that would not be found when they end, or be taken away too early
CREATE VIEW wrong AS
SELECT 'strict' AS view, k, window_start, window_end, due_at, is_final FROM stream_agg_data.strict
WHERE CASE WHEN is_final THEN due_at <> window_end ELSE due_at NOT BETWEEN stream_agg.watermark('strict') AND window_end END
UNION ALL
SELECT 'lenient', k, window_start, window_end, due_at, is_final FROM stream_agg_data.lenient
WHERE CASE WHEN is_final THEN due_at <> window_end ELSE due_at NOT BETWEEN stream_agg.watermark('lenient') AND window_end END;
CREATE VIEW counts AS SELECT relname, n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname IN ('strict', 'lenient');

-- rows in order: the session's end moves, and no index has to know
INSERT INTO s VALUES ('a', at('0:00'));
BEGIN;
CREATE TEMP TABLE before ON COMMIT DROP AS TABLE counts;
INSERT INTO s VALUES ('a', at('0:04'));
INSERT INTO s VALUES ('a', at('0:08'));
SELECT relname, c.n_tup_upd - b.n_tup_upd AS updates, c.n_tup_hot_upd - b.n_tup_hot_upd AS hot
FROM counts c JOIN before b USING (relname) ORDER BY 1;
COMMIT;
SELECT * FROM state('strict');
-- the watermark passes the time to look: it goes on, once
BEGIN;
CREATE TEMP TABLE before ON COMMIT DROP AS TABLE counts;
INSERT INTO s VALUES ('a', at('0:12'));
SELECT relname, c.n_tup_upd - b.n_tup_upd AS updates, c.n_tup_hot_upd - b.n_tup_hot_upd AS hot
FROM counts c JOIN before b USING (relname) ORDER BY 1;
COMMIT;
SELECT * FROM state('strict');
TABLE wrong;
-- exactly there it might still go on, behind it has ended
INSERT INTO s VALUES ('z', at('0:22'));
SELECT * FROM state('strict');
INSERT INTO s VALUES ('z', at('0:22:00.000001'));
SELECT * FROM state('strict');
SELECT * FROM state('lenient');
TABLE wrong;
-- late, but allowed: it is open again, or longer and still final
INSERT INTO s VALUES ('a', at('0:20'));
SELECT * FROM state('lenient');
INSERT INTO s VALUES ('b', at('0:06')), ('b', at('0:09'));
SELECT * FROM state('lenient');
TABLE wrong;
-- sessions are bridged; a jump ends those that were looked at long ago
INSERT INTO s VALUES ('z', at('0:41')), ('z', at('0:32'));
SELECT * FROM state('lenient');
TABLE wrong;
INSERT INTO s VALUES ('y', at('5:00'));
SELECT * FROM state('strict');
SELECT * FROM state('lenient');
TABLE wrong;
-- retention takes away by the end
ALTER MATERIALIZED VIEW lenient SET (stream_agg.retention = '1 hour');
SELECT indexdef FROM pg_indexes WHERE schemaname = 'stream_agg_data' AND tablename = 'lenient' ORDER BY 1;
INSERT INTO s VALUES ('y', at('5:01'));
SELECT * FROM state('lenient');

-- Many rows, some of them late, in batches of many sizes.
CREATE TABLE input AS
SELECT n, 'k' || n * 7919 % 101 % 6 AS k,
	at('0:00') + n * interval '20.000001 s' - CASE WHEN n * 8191 % 97 < 9 THEN 5 ELSE 0.1 END * (n * 31337 % 1009) * interval '1 s' AS t
FROM generate_series(1200, 3000) AS n;
DO $$
DECLARE
	first int := 1200;
	last int;
	bad int;
BEGIN
	WHILE first <= 3000 LOOP
		last := first + first * 31 % 60;
		INSERT INTO s SELECT k, t FROM input WHERE n BETWEEN first AND last ORDER BY n;
		SELECT count(*) INTO bad FROM wrong;
		IF bad > 0 THEN
			RAISE EXCEPTION '% sessions are wrong after rows % to %', bad, first, last;
		END IF;
		first := last + 1;
	END LOOP;
END
$$;
SELECT bool_and(is_final = (window_end < stream_agg.watermark('strict'))) AS "as the watermark says" FROM strict;
SELECT sum(n) > 1500 AS most, sum(n) = sum(times) AS "what is kept is complete" FROM strict WHERE k LIKE 'k%';
SELECT count(*) FROM stream_agg_data.strict_kept_1 s WHERE at < (SELECT min(window_start) FROM strict WHERE NOT is_final);
DROP SCHEMA session_due CASCADE;
DROP SERVER session_due CASCADE;
