-- Made by tools/doc_examples from doc/semantics.md; change that instead.
SET client_min_messages = warning;
DROP SERVER IF EXISTS clock CASCADE;
DROP SCHEMA IF EXISTS doc_semantics CASCADE;
CREATE SCHEMA doc_semantics;
SET search_path = doc_semantics, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET IntervalStyle = 'postgres';
RESET client_min_messages;

CREATE SERVER clock FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE clicks (at timestamptz) SERVER clock OPTIONS (event_time 'at');

CREATE MATERIALIZED VIEW tumbling WITH (stream_agg.continuous) AS
SELECT window_start, window_end, count(*) AS n FROM clicks, tumble(at, '5 min')
GROUP BY window_start, window_end;
CREATE MATERIALIZED VIEW hopping WITH (stream_agg.continuous) AS
SELECT window_start, window_end, count(*) AS n FROM clicks, hop(at, '5 min', '15 min')
GROUP BY window_start, window_end;
CREATE MATERIALIZED VIEW sampled WITH (stream_agg.continuous) AS
SELECT window_start, window_end, count(*) AS n FROM clicks, hop(at, '15 min', '5 min')
GROUP BY window_start, window_end;
CREATE MATERIALIZED VIEW cumulating WITH (stream_agg.continuous) AS
SELECT window_start, window_end, count(*) AS n FROM clicks, cumulate(at, '5 min', '15 min')
GROUP BY window_start, window_end;
CREATE MATERIALIZED VIEW running WITH (stream_agg.continuous) AS
SELECT count(*) AS n, min(at) AS first, max(at) AS last FROM clicks;

INSERT INTO clicks VALUES ('2026-03-01 12:01Z'), ('2026-03-01 12:03Z'), ('2026-03-01 12:06Z'), ('2026-03-01 12:12Z');

SELECT * FROM tumbling ORDER BY window_start;

SELECT * FROM hopping ORDER BY window_start;

SELECT * FROM sampled ORDER BY window_start;

SELECT * FROM cumulating ORDER BY window_start, window_end;

SELECT * FROM running;

SELECT w.* FROM tumble('2026-03-01 12:50Z'::timestamptz, '1 hour') AS w
UNION ALL
SELECT w.* FROM tumble('2026-03-01 12:50Z'::timestamptz, '1 hour', origin => '2026-01-01 00:30Z') AS w
UNION ALL
SELECT w.* FROM tumble('1969-12-31 23:59:59Z'::timestamptz, '5 min') AS w
UNION ALL
SELECT w.* FROM tumble('2026-03-04 12:00Z'::timestamptz, '1 week') AS w;

SELECT w.*, window_end - window_start AS length
FROM (VALUES ('2026-03-28 12:00Z'::timestamptz), ('2026-03-29 12:00Z'), ('2026-10-25 12:00Z')) AS t (at),
     tumble(at, '1 day', timezone => 'Europe/Berlin') AS w
UNION ALL
SELECT w.*, window_end - window_start
FROM tumble('2026-03-29 12:00Z'::timestamptz, '6 hours', timezone => 'Europe/Berlin') AS w;

SELECT w.*, window_end - window_start AS length
FROM (VALUES ('2026-01-31 12:00Z'::timestamptz), ('2026-02-14 12:00Z')) AS t (at), tumble(at, '1 month') AS w;
SELECT w.* FROM hop('2026-02-14 12:00Z'::timestamptz, '1 month', '3 months') AS w;

SELECT w.* FROM tumble(NULL::timestamptz, '1 day') AS w;

CREATE FOREIGN TABLE readings (
    sensor text, value float8, at timestamptz,
    part int OPTIONS (metadata 'partition')
) SERVER clock OPTIONS (event_time 'at', partitions '2', max_out_of_orderness '10 s');

CREATE MATERIALIZED VIEW per_minute WITH (stream_agg.continuous) AS
SELECT window_start, count(*) AS n
FROM readings, tumble(at, '1 minute')
GROUP BY window_start;

INSERT INTO readings VALUES ('a', 1, '2026-03-01 12:00:30Z', 1), ('b', 1, '2026-03-01 12:00:10Z', 0),
                            ('b', 1, '2026-03-01 12:01:05Z', 0);

SELECT partition, watermark FROM stream_agg.partitions WHERE stream = 'readings'::regclass ORDER BY 1;
SELECT stream_agg.watermark('per_minute');

CREATE FOREIGN TABLE trips (id int, at timestamptz)
SERVER clock OPTIONS (event_time 'at', max_out_of_orderness 'auto 2 s to 1 min');
CREATE MATERIALIZED VIEW trips_per_minute WITH (stream_agg.continuous) AS
SELECT window_start, count(*) AS n FROM trips, tumble(at, '1 minute') GROUP BY window_start;

INSERT INTO trips      -- ten rows a second, every fifth of them is 20 s late
SELECT i, '2026-03-01 12:00Z'::timestamptz + i * interval '0.1 s' - CASE WHEN i % 5 = 0 THEN 20 ELSE 0 END * interval '1 s'
FROM generate_series(1, 1300) AS i;

SELECT stream_agg.watermark('trips_per_minute'),
       stream_agg.suggest_out_of_orderness('trips', 0.75) AS for_75_percent,
       stream_agg.suggest_out_of_orderness('trips', 0.99) AS for_99_percent;

CREATE OR REPLACE FUNCTION public.by_hour(max_event_time timestamptz, now timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE
AS $$ SELECT max_event_time - CASE WHEN extract(hour FROM max_event_time AT TIME ZONE 'UTC') < 6
                                   THEN interval '10 min' ELSE interval '1 min' END $$;
CREATE FOREIGN TABLE meters (at timestamptz)
SERVER clock OPTIONS (event_time 'at', watermark_function 'public.by_hour');
CREATE MATERIALIZED VIEW meters_per_hour WITH (stream_agg.continuous) AS
SELECT window_start, count(*) AS n FROM meters, tumble(at, '1 hour') GROUP BY window_start;

INSERT INTO meters VALUES ('2026-03-01 05:50Z');
SELECT stream_agg.watermark('meters_per_hour');
INSERT INTO meters VALUES ('2026-03-01 06:10Z');
SELECT stream_agg.watermark('meters_per_hour');

INSERT INTO readings VALUES ('a', 1, '2026-03-01 12:01:10Z', 1), ('b', 1, '2026-03-01 12:01:10Z', 0);
SELECT *, stream_agg.watermark('per_minute') FROM per_minute ORDER BY window_start;

CREATE FOREIGN TABLE visits (at timestamptz) SERVER clock OPTIONS (event_time 'at');
CREATE MATERIALIZED VIEW lenient WITH (stream_agg.continuous, stream_agg.allowed_lateness = '2 min') AS
SELECT window_start, count(*) AS n FROM visits, tumble(at, '1 minute') GROUP BY window_start;

INSERT INTO visits VALUES ('2026-03-01 12:03:10Z'), ('2026-03-01 12:05:00Z'),
                          ('2026-03-01 12:03:30Z'),   -- its window ended at 12:04: allowed
                          ('2026-03-01 12:02:30Z');   -- at 12:03, two minutes before 12:05: late
SELECT window_start, n, is_final, revision FROM stream_agg_data.lenient ORDER BY 1;

INSERT INTO readings VALUES ('a', 1, '2026-03-01 12:01:00Z', 0),   -- equals the watermark: not late
                            ('a', 1, '2026-03-01 12:00:59Z', 0);   -- late
SELECT partition, "offset", event_time, window_end, watermark, lateness
FROM stream_agg.late_rows WHERE view = 'per_minute'::regclass;

CREATE TABLE corrections (view regclass, sensor text, value numeric, minute timestamptz);
CREATE FUNCTION correct(view regclass, late_row jsonb, window_start timestamptz,
                        window_end timestamptz, watermark timestamptz) RETURNS void
LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO corrections VALUES (view, late_row ->> 'sensor', (late_row ->> 'value')::numeric, window_start);
END;
CREATE MATERIALIZED VIEW corrected WITH (stream_agg.continuous, stream_agg.late_function = 'correct', stream_agg.late = 'drop') AS
SELECT window_start, count(*) AS n FROM visits, tumble(at, '1 minute') GROUP BY window_start;

INSERT INTO visits VALUES ('2026-03-01 12:07:00Z'), ('2026-03-01 12:06:59Z'), ('2026-03-01 12:06:00Z');
SELECT view, minute FROM corrections;

CREATE FOREIGN TABLE moves (player text, points int, at timestamptz)
SERVER clock OPTIONS (event_time 'at', max_out_of_orderness '30 min');
CREATE MATERIALIZED VIEW games WITH (stream_agg.continuous) AS
SELECT player, window_start, window_end, count(*) AS moves, avg(points) AS mean
FROM moves, session(at, '10 min')
GROUP BY player, window_start, window_end;

INSERT INTO moves VALUES ('ann', 1, '2026-03-01 12:00Z'), ('ann', 2, '2026-03-01 12:05Z'),
                         ('ann', 3, '2026-03-01 12:22Z'), ('ann', 4, '2026-03-01 12:27Z'),
                         ('bob', 5, '2026-03-01 12:30Z');
SELECT * FROM games ORDER BY player, window_start;
INSERT INTO moves VALUES ('ann', 10, '2026-03-01 12:14Z');
SELECT * FROM games ORDER BY player, window_start;

CREATE FOREIGN TABLE calls (customer text, at timestamptz) SERVER clock OPTIONS (event_time 'at');
CREATE MATERIALIZED VIEW reopened WITH (stream_agg.continuous, stream_agg.allowed_lateness = '1 hour') AS
SELECT customer, window_start, window_end, count(*) AS n
FROM calls, session(at, '10 min')
WHERE customer = 'ann'
GROUP BY customer, window_start, window_end;

INSERT INTO calls VALUES ('ann', '2026-03-01 12:00Z'), ('bob', '2026-03-01 12:14Z');
SELECT * FROM reopened;
INSERT INTO calls VALUES ('ann', '2026-03-01 12:08Z');
SELECT * FROM reopened;

CREATE FOREIGN TABLE quiet (at timestamptz, part int OPTIONS (metadata 'partition'))
SERVER clock OPTIONS (event_time 'at', partitions '2', idle_timeout '0');
CREATE MATERIALIZED VIEW quiet_minutes WITH (stream_agg.continuous) AS
SELECT window_start, count(*) AS n FROM quiet, tumble(at, '1 minute') GROUP BY window_start;

INSERT INTO quiet VALUES ('2026-03-01 12:00:30Z', 0), ('2026-03-01 12:01:30Z', 1);
SELECT * FROM quiet_minutes ORDER BY window_start;

ALTER FOREIGN TABLE quiet OPTIONS (ADD idle_close '0');
SELECT stream_agg.wait('quiet_minutes');
SELECT * FROM quiet_minutes ORDER BY window_start;

CREATE FOREIGN TABLE requests (
    path text, ms int, at timestamptz, part int OPTIONS (metadata 'partition')
) SERVER clock OPTIONS (event_time 'at', partitions '2', max_out_of_orderness '1 min');
CREATE MATERIALIZED VIEW latency WITH (stream_agg.continuous) AS
SELECT window_start, count(*) AS n, count(DISTINCT path) AS paths,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS median,
       array_agg(ms) AS in_order, string_agg(path, ' ' ORDER BY ms DESC) AS slowest_first
FROM requests, tumble(at, '5 min')
GROUP BY window_start;

INSERT INTO requests VALUES ('/a', 30, '2026-03-01 12:01:30Z', 0), ('/b', 10, '2026-03-01 12:01:00Z', 0);
INSERT INTO requests VALUES ('/a', 20, '2026-03-01 12:02:00Z', 1);
SELECT * FROM latency;

CREATE MATERIALIZED VIEW per_sensor WITH (stream_agg.continuous) AS
SELECT sensor, count(*) AS n, count(value) AS known, avg(value) AS mean
FROM readings GROUP BY sensor;
CREATE MATERIALIZED VIEW total WITH (stream_agg.continuous) AS
SELECT count(*) AS n, max(at) AS latest FROM readings;

SELECT * FROM total;
INSERT INTO readings VALUES (NULL, 2, '2026-03-01 12:02:00Z', 0), (NULL, NULL, '2026-03-01 12:02:01Z', 1),
                            ('a', 3, '2026-03-01 12:02:02Z', 1);
SELECT * FROM per_sensor ORDER BY sensor;

CREATE FOREIGN TABLE cart_items (customer text, at timestamptz) SERVER clock OPTIONS (event_time 'at');
CREATE MATERIALIZED VIEW carts WITH (stream_agg.continuous, stream_agg.state_ttl = '30 minutes') AS
SELECT customer, count(*) AS items, max(at) AS latest FROM cart_items GROUP BY customer;

INSERT INTO cart_items VALUES ('ann', '2026-03-01 12:00Z'), ('ann', '2026-03-01 12:01Z'),
                              ('bob', '2026-03-01 12:20Z'), ('bob', '2026-03-01 12:32Z');
SELECT * FROM carts ORDER BY customer;               -- ann's was over at 12:31
INSERT INTO cart_items VALUES ('ann', '2026-03-01 12:33Z');
SELECT * FROM carts ORDER BY customer;

CREATE MATERIALIZED VIEW latest WITH (stream_agg.continuous) AS
SELECT sensor, last(value, at) AS value, last(value, (at, value)) AS greatest_of_equals,
       last(value, at) FILTER (WHERE value IS NOT NULL) AS known
FROM readings GROUP BY sensor;

INSERT INTO readings VALUES ('c', 7, '2026-03-01 12:03:00Z', 0), ('c', 3, '2026-03-01 12:03:10Z', 0),
                            ('c', 5, '2026-03-01 12:03:10Z', 0), ('d', 1, '2026-03-01 12:03:00Z', 0),
                            ('d', NULL, '2026-03-01 12:03:10Z', 0), ('c', 9, '2026-03-01 12:02:00Z', 1);
SELECT * FROM latest ORDER BY sensor;

CREATE FOREIGN TABLE orders (id bigint, cents bigint, items int, at timestamptz)
SERVER clock OPTIONS (event_time 'at');
CREATE MATERIALIZED VIEW orders_raw WITH (stream_agg.continuous) AS
SELECT * FROM orders;
CREATE MATERIALIZED VIEW item_price WITH (stream_agg.continuous) AS
SELECT window_start, sum(cents / items) AS cents FROM orders, tumble(at, '1 hour') GROUP BY window_start;

INSERT INTO orders VALUES (1, 500, 2, '2026-03-01 12:00Z'), (2, 500, 0, '2026-03-01 12:01Z'),
                          (3, 500, 1, 'infinity'), (4, 500, 1, '2999-01-01');
SELECT view, "offset", sqlstate, reason
FROM stream_agg.dead_letters WHERE stream = 'orders'::regclass ORDER BY "offset";
SELECT (SELECT count(*) FROM orders_raw) AS raw, (SELECT cents FROM item_price) AS cents;

CREATE FOREIGN TABLE samples (sensor text, vector int[], at timestamptz) SERVER clock OPTIONS (event_time 'at');
CREATE MATERIALIZED VIEW vectors WITH (stream_agg.continuous) AS
SELECT window_start, sensor, count(*) AS n, array_agg(vector ORDER BY at) AS vectors
FROM samples, tumble(at, '1 minute') GROUP BY window_start, sensor;

INSERT INTO samples VALUES ('a', '{1,2}', '2026-03-01 12:00:00Z'), ('a', '{3,4}', '2026-03-01 12:00:10Z'),
                           ('b', '{1,2}', '2026-03-01 12:00:00Z'), ('b', '{3}', '2026-03-01 12:00:10Z');
INSERT INTO samples VALUES ('a', '{5}', '2026-03-01 12:01:00Z');
SELECT sensor, n, vectors FROM vectors WHERE is_final ORDER BY sensor;
SELECT partition, "offset", sqlstate, reason, detail FROM stream_agg.dead_letters WHERE view = 'vectors'::regclass;

SET TimeZone = 'Asia/Tokyo';
CREATE MATERIALIZED VIEW tokyo_days WITH (stream_agg.continuous) AS
SELECT at::date AS day, count(*) AS n FROM readings GROUP BY 1;
SET TimeZone = 'UTC';

INSERT INTO readings VALUES ('a', 1, '2026-03-01 20:00Z', 0);
SELECT * FROM tokyo_days;

-- the end of doc/semantics.md
RESET ROLE;
SET client_min_messages = warning;
DROP SERVER IF EXISTS clock CASCADE;
DROP SCHEMA IF EXISTS doc_semantics CASCADE;
