--
-- Clickstream: page views per five minutes, and every click kept.
--
-- Shows: a load into a partitioned table of one's own, views over one stream
-- that share one consumer, a window in a time zone, final results alone, and
-- the check that results and raw rows agree.
--
-- Runs without Kafka as it is.  With Kafka, give the server an address:
--     OPTIONS (bootstrap_servers 'broker1:9092')
-- and leave out the INSERTs.
--
CREATE SERVER clickstream FOREIGN DATA WRAPPER stream_agg;

CREATE FOREIGN TABLE clicks (
    user_id  text NOT NULL,
    page     text NOT NULL,
    referrer text OPTIONS (path 'http.referrer'),
    at       timestamptz,
    part     int OPTIONS (metadata 'partition'),
    "offset" bigint OPTIONS (metadata 'offset')
) SERVER clickstream OPTIONS (
    topic 'clicks', format 'json',
    event_time 'at', max_out_of_orderness '30 s',
    partitions '2', idle_timeout '0'    -- without Kafka: two partitions, never waited for
);

-- Every click, in a table partitioned by day.  A message is known by its
-- partition and offset; the primary key costs an index, and shows that no
-- message is ever loaded twice.
CREATE TABLE click_log (
    user_id  text NOT NULL,
    page     text NOT NULL,
    referrer text,
    at       timestamptz NOT NULL,
    part     int NOT NULL,
    "offset" bigint NOT NULL,
    PRIMARY KEY (at, part, "offset")
) PARTITION BY RANGE (at);
CREATE TABLE click_log_0301 PARTITION OF click_log
    FOR VALUES FROM ('2026-03-01 00:00Z') TO ('2026-03-02 00:00Z');
CREATE TABLE click_log_0302 PARTITION OF click_log
    FOR VALUES FROM ('2026-03-02 00:00Z') TO ('2026-03-03 00:00Z');

CREATE MATERIALIZED VIEW clicks_loaded
    WITH (stream_agg.continuous, stream_agg.into = 'click_log') AS
SELECT user_id, page, referrer, at, part, "offset" FROM clicks;

-- For a dashboard: open windows are shown with their values so far.
CREATE MATERIALIZED VIEW page_views WITH (stream_agg.continuous) AS
SELECT window_start, window_end, page,
       count(*) AS views,
       count(*) FILTER (WHERE referrer IS NULL) AS direct
FROM clicks, tumble(at, '5 minutes')
GROUP BY window_start, window_end, page;

-- For a report: days as they are in Berlin, each once, when it is over.
CREATE MATERIALIZED VIEW daily_views
    WITH (stream_agg.continuous, stream_agg.emit = 'final') AS
SELECT window_start, count(*) AS views
FROM clicks, tumble(at, '1 day', timezone => 'Europe/Berlin')
GROUP BY window_start;

INSERT INTO clicks (user_id, page, referrer, at, part) VALUES
    ('ann', '/',     NULL,       '2026-03-01 12:00:05Z', 0),
    ('bob', '/',     'search',   '2026-03-01 12:01:10Z', 1),
    ('ann', '/shop', '/',        '2026-03-01 12:01:30Z', 0),
    ('bob', '/shop', '/',        '2026-03-01 12:04:59Z', 1),
    ('ann', '/',     '/shop',    '2026-03-01 12:06:00Z', 0);

SELECT * FROM page_views ORDER BY window_start, page;

-- The next day, Berlin's first of March is over: at 23:00 UTC.
INSERT INTO clicks (user_id, page, referrer, at, part) VALUES
    ('bob', '/', NULL, '2026-03-01 22:59:59Z', 1),
    ('bob', '/', NULL, '2026-03-01 23:00:00Z', 1),
    ('bob', '/', NULL, '2026-03-02 00:10:00Z', 1);

SELECT * FROM daily_views;

-- Partition 0 had been idle.  What it still brings for the windows that are
-- settled is late there, and in the log all the same.
INSERT INTO clicks (user_id, page, at, part) VALUES ('zoe', '/', '2026-03-01 12:07:00Z', 0);
SELECT view, partition, "offset", event_time, window_end, watermark
FROM stream_agg.late_rows WHERE stream = 'clicks'::regclass ORDER BY view::text;

-- Results and raw rows agree: but for the late row there is no difference.
SELECT window_start, page, count(*) AS views
FROM click_log, tumble(at, '5 minutes')
WHERE (part, "offset") NOT IN (SELECT partition, "offset" FROM stream_agg.late_rows
                               WHERE view = 'page_views'::regclass)
GROUP BY window_start, page
EXCEPT
SELECT window_start, page, views FROM page_views;

SELECT part, count(*) AS rows, min("offset"), max("offset") FROM click_log GROUP BY part ORDER BY part;
