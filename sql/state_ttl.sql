-- state_ttl: a group of a running aggregate ends when the watermark has passed its
-- last event time by so long; the same rows give the same groups however they
-- are cut into batches.
CREATE SCHEMA state_ttl;
SET search_path = state_ttl, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
\set VERBOSITY terse
CREATE SERVER state_ttl FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text, v int, t timestamptz) SERVER state_ttl OPTIONS (event_time 't', max_out_of_orderness '5 min');
CREATE MATERIALIZED VIEW m WITH (stream_agg.continuous, stream_agg.state_ttl = '1 hour') AS
SELECT k, count(*) AS n, sum(v) AS total, avg(v) AS mean, max(t) AS last_event_time FROM s GROUP BY k;
SELECT state_ttl_us FROM stream_agg.continuous_view WHERE view = 'm'::regclass;
-- the user's column of that name is another
\d stream_agg_data.m
SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'm'::regclass;

-- watermark 00:00 less 5 minutes: all are there
INSERT INTO s VALUES ('a', 1, '2024-01-01 00:00'), ('b', 10, '2024-01-01 00:10'), (NULL, 100, '2024-01-01 00:20');
TABLE m ORDER BY k;
-- a's last event time plus an hour is 01:00; the watermark just there, and then past it
INSERT INTO s VALUES ('c', 1, '2024-01-01 01:05');
SELECT stream_agg.watermark('m');
TABLE m ORDER BY k;
INSERT INTO s VALUES ('c', 1, '2024-01-01 01:05:00.000001');
TABLE m ORDER BY k;
SELECT k FROM stream_agg_data.m ORDER BY k;
-- it begins anew
INSERT INTO s VALUES ('a', 5, '2024-01-01 01:06');
TABLE m ORDER BY k;
-- touched in time, by its row that came last but is not the latest
INSERT INTO s VALUES ('b', 20, '2024-01-01 01:15'), ('b', 30, '2024-01-01 01:00');
INSERT INTO s VALUES ('c', 1, '2024-01-01 02:19');
TABLE m ORDER BY k;
-- within one statement: b comes back before it is over, a and the NULL group after it is
INSERT INTO s VALUES ('c', 1, '2024-01-01 02:20'), ('b', 1, '2024-01-01 02:10'), ('c', 1, '2024-01-01 03:00'),
    ('a', 1, '2024-01-01 03:00'), (NULL, 1, '2024-01-01 03:00');
TABLE m ORDER BY k;
INSERT INTO s VALUES ('a', 5, '2024-01-01 03:01'), ('c', 1, '2024-01-01 10:00'), ('a', 7, '2024-01-01 10:00');
TABLE m ORDER BY k;
-- a row that is too old when it comes makes a group that is over at once
INSERT INTO s VALUES ('old', 1, '2024-01-01 08:00');
INSERT INTO s VALUES ('old', 1, '2024-01-01 08:30'), ('old', 1, '2024-01-01 09:30');
TABLE m ORDER BY k;
SELECT rows_in, rows_late, rows_dead FROM stream_agg.views WHERE view = 'm'::regclass;

-- a cursor's snapshot has its own watermark
BEGIN;
DECLARE c CURSOR FOR SELECT k FROM m ORDER BY k;
INSERT INTO s VALUES ('z', 1, '2024-01-02');
FETCH ALL FROM c;
SELECT k FROM m ORDER BY k;
ROLLBACK;

-- the same whatever the size of batches, also with several partitions
CREATE TABLE rows (n serial, p int, k text, v int, t timestamptz);
INSERT INTO rows (p, k, v, t)
SELECT i % 3, 'k' || (i * i) % 19, i, '2024-01-01'::timestamptz + i * interval '97 s' - (i * i % 17) * interval '101 s' + (i / 151) * interval '2 hours'
FROM generate_series(1, 600) i;
CREATE FUNCTION run(size int) RETURNS TABLE (batches int, groups bigint, sum bigint, mean numeric, fingerprint text)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE FOREIGN TABLE f%s (p int OPTIONS (metadata ''partition''), k text, v int, t timestamptz) SERVER state_ttl
        OPTIONS (event_time ''t'', max_out_of_orderness ''1 min'', batch_rows %L, partitions ''3'')', size, size);
    EXECUTE format('CREATE MATERIALIZED VIEW v%s WITH (stream_agg.continuous, stream_agg.state_ttl = ''40 min'') AS
        SELECT k, count(*) AS n, sum(v) AS total, avg(v) AS mean, min(t) AS first FROM f%s WHERE v %% 5 > 0 GROUP BY k', size, size);
    EXECUTE format('INSERT INTO f%s SELECT p, k, v, t FROM state_ttl.rows ORDER BY n', size);
    RETURN QUERY EXECUTE format('SELECT %s, count(*), sum(n)::bigint, round(avg(mean), 3), md5(string_agg(v::text, '' '' ORDER BY k)) FROM v%s v', size, size);
END $$;
SELECT (run(size)).* FROM unnest(ARRAY[1, 7, 100, 1000]) size;
-- and what a program of its own says
CREATE FUNCTION replay() RETURNS TABLE (k text, n bigint, total bigint, first timestamptz) LANGUAGE plpgsql AS $$
DECLARE
    r record;
    seen timestamptz[] := '[0:2]={-infinity,-infinity,-infinity}';
    mark timestamptz;
BEGIN
    CREATE TEMP TABLE g (k text PRIMARY KEY, n bigint, total bigint, first timestamptz, last timestamptz);
    FOR r IN SELECT * FROM state_ttl.rows ORDER BY rows.n LOOP
        mark := seen[r.p] - interval '1 min';
        seen[r.p] := greatest(seen[r.p], r.t);
        CONTINUE WHEN r.v % 5 = 0;
        DELETE FROM g WHERE g.k = r.k AND mark - interval '40 min' > g.last;
        INSERT INTO g VALUES (r.k, 1, r.v, r.t, r.t) ON CONFLICT ON CONSTRAINT g_pkey DO UPDATE
        SET n = g.n + 1, total = g.total + r.v, first = least(g.first, r.t), last = greatest(g.last, r.t);
    END LOOP;
    RETURN QUERY SELECT g.k, g.n, g.total, g.first FROM g WHERE g.last >= (SELECT min(s) FROM unnest(seen) s) - interval '1 min' - interval '40 min';
END $$;
CREATE TABLE replayed AS SELECT * FROM replay();
SELECT count(*), sum(n) FROM replayed;
(TABLE replayed EXCEPT SELECT k, n, total, first FROM v7) UNION ALL (SELECT k, n, total, first FROM v7 EXCEPT TABLE replayed);

-- not for others
CREATE MATERIALIZED VIEW refused WITH (stream_agg.continuous, stream_agg.state_ttl = '1 day') AS SELECT count(*) FROM s;
CREATE MATERIALIZED VIEW refused WITH (stream_agg.continuous, stream_agg.state_ttl = '1 day') AS SELECT * FROM s;
CREATE MATERIALIZED VIEW refused WITH (stream_agg.continuous, stream_agg.state_ttl = '1 day') AS
SELECT window_start, count(*) FROM s, tumble(t, '1 min') GROUP BY 1;
CREATE MATERIALIZED VIEW refused WITH (stream_agg.continuous, stream_agg.state_ttl = '0 s') AS SELECT k, count(*) FROM s GROUP BY 1;
DROP SCHEMA state_ttl CASCADE;
DROP SERVER state_ttl;
