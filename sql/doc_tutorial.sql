-- Made by tools/doc_examples from doc/tutorial.md; change that instead.
SET client_min_messages = warning;
DROP SERVER IF EXISTS shop CASCADE;
DROP SCHEMA IF EXISTS doc_tutorial CASCADE;
CREATE SCHEMA doc_tutorial;
SET search_path = doc_tutorial, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET IntervalStyle = 'postgres';
RESET client_min_messages;

CREATE EXTENSION IF NOT EXISTS stream_agg;

CREATE SERVER shop FOREIGN DATA WRAPPER stream_agg;

CREATE FOREIGN TABLE clicks (
    user_id    text NOT NULL,
    page       text,
    amount     numeric CHECK (amount >= 0),
    event_time timestamptz
) SERVER shop OPTIONS (topic 'tutorial_clicks', format 'json',
                       event_time 'event_time', max_out_of_orderness '30 s');

CREATE MATERIALIZED VIEW clicks_raw WITH (stream_agg.continuous) AS
SELECT * FROM clicks;

CREATE MATERIALIZED VIEW page_views WITH (stream_agg.continuous) AS
SELECT window_start, window_end, page, count(*) AS views, sum(amount) AS amount
FROM clicks, tumble(event_time, '5 minutes')
GROUP BY window_start, window_end, page;

INSERT INTO clicks VALUES
    ('ann', '/home', 10, '2026-03-01 12:00:05Z'),
    ('bob', '/home', 20, '2026-03-01 12:04:40Z'),
    ('ann', '/cart', 30, '2026-03-01 12:05:10Z');

SELECT * FROM page_views ORDER BY window_start, page;

INSERT INTO clicks VALUES ('zoe', '/home', 5, '2026-03-01 12:04:59Z'),
                          ('zoe', '/cart', 7, '2026-03-01 12:05:31Z');

SELECT stream_agg.watermark('page_views');
SELECT * FROM page_views ORDER BY window_start, page;

INSERT INTO clicks VALUES ('max', '/home', 9, '2026-03-01 12:03:00Z');

SELECT view, event_time, window_end, watermark, lateness, row_data ->> 'user_id' AS user_id
FROM stream_agg.late_rows WHERE stream = 'clicks'::regclass;

INSERT INTO clicks VALUES ('eve', '/home', -1, '2026-03-01 12:06:00Z'),
                          ('eve', '/home',  1, NULL),
                          ('eve', '/cart',  1, '2026-03-01 12:06:00Z');

SELECT "offset", sqlstate, reason, convert_from(value, 'UTF8')::json ->> 'user_id' AS user_id
FROM stream_agg.dead_letters WHERE stream = 'clicks'::regclass;

CREATE TABLE pages (page text PRIMARY KEY, section text);
INSERT INTO pages VALUES ('/home', 'start'), ('/cart', 'shop');

CREATE MATERIALIZED VIEW section_totals WITH (stream_agg.continuous) AS
SELECT coalesce(p.section, 'unknown') AS section,
       count(*) AS clicks,
       round(avg(c.amount), 2) AS mean,
       count(*) FILTER (WHERE c.amount >= 10) AS large
FROM clicks c LEFT JOIN pages p USING (page)
GROUP BY 1;

INSERT INTO clicks VALUES ('ann', '/home', 4, '2026-03-01 12:06:10Z'),
                          ('ann', '/cart', 12, '2026-03-01 12:06:20Z'),
                          ('bob', '/faq', 0, '2026-03-01 12:06:30Z');

SELECT * FROM section_totals ORDER BY section;

CREATE MATERIALIZED VIEW top_pages WITH (stream_agg.continuous) AS
SELECT page, count(*) FROM clicks GROUP BY page ORDER BY 2 DESC LIMIT 3;

SELECT section, clicks FROM section_totals ORDER BY clicks DESC, section LIMIT 1;

CREATE MATERIALIZED VIEW visits WITH (stream_agg.continuous) AS
SELECT user_id, window_start, window_end, count(*) AS clicks, array_agg(page) AS pages,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY amount) AS median
FROM clicks, session(event_time, '10 minutes')
GROUP BY user_id, window_start, window_end;

INSERT INTO clicks VALUES
    ('ann', '/home', 12, '2026-03-01 12:20:00Z'), ('bob', '/home', 20, '2026-03-01 12:21:00Z'),
    ('ann', '/cart', 30, '2026-03-01 12:24:00Z'), ('bob', '/cart', 40, '2026-03-01 12:45:00Z');

SELECT * FROM visits ORDER BY user_id, window_start;

SELECT view, kind, state, watermark, rows_in, rows_late, rows_dead, open_windows
FROM stream_agg.views WHERE stream = 'clicks'::regclass ORDER BY view::text;

SELECT window_start, window_end, page, count(*) AS views, sum(amount) AS amount
FROM clicks_raw, tumble(event_time, '5 minutes')
WHERE user_id <> 'max'
GROUP BY window_start, window_end, page
EXCEPT
SELECT window_start, window_end, page, views, amount FROM page_views;

DROP MATERIALIZED VIEW page_views;
DROP FOREIGN TABLE clicks CASCADE;
DROP SERVER shop;

-- the end of doc/tutorial.md
RESET ROLE;
SET client_min_messages = warning;
DROP SERVER IF EXISTS shop CASCADE;
DROP SCHEMA IF EXISTS doc_tutorial CASCADE;
