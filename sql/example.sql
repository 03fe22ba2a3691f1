-- The whole product on one page, as it stands in the documentation, on an
-- in-database server.
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
CREATE SERVER events FOREIGN DATA WRAPPER stream_agg;

CREATE FOREIGN TABLE clicks (                                   -- a stream: a topic with column types
  user_id text, page text, amount numeric, event_time timestamptz
) SERVER events OPTIONS (topic 'clicks', format 'json',
                         event_time 'event_time', max_out_of_orderness '30 s');

CREATE MATERIALIZED VIEW clicks_raw WITH (stream_agg.continuous) AS      -- EL: every row, kept
SELECT * FROM clicks;

CREATE MATERIALIZED VIEW page_views WITH (stream_agg.continuous) AS      -- T: kept up to date for ever
SELECT window_start, window_end, page, count(*) AS views, avg(amount) AS avg_amount
FROM clicks, tumble(event_time, '5 minutes')
GROUP BY window_start, window_end, page;

INSERT INTO clicks VALUES
	('ann', '/', 1, '2024-01-01 10:00:01'), ('bob', '/', 2, '2024-01-01 10:04:00'),
	('ann', '/buy', 30, '2024-01-01 10:04:59'), ('cyd', '/', 3, '2024-01-01 10:05:10'),
	('bob', '/buy', 50, '2024-01-01 10:04:58'), ('ann', '/', 4, '2024-01-01 10:05:30'),
	('dan', '/', 5, '2024-01-01 10:04:57');

SELECT * FROM page_views WHERE is_final ORDER BY window_start, page;           -- any client, any BI tool
SELECT * FROM page_views WHERE NOT is_final;
SELECT count(*) FROM clicks_raw;

-- Over an ordinary table the same SELECT gives the batch answer; a row that came
-- too late makes the difference.
SELECT window_start, window_end, page, count(*) AS views, avg(amount) AS avg_amount
FROM clicks_raw, tumble(event_time, '5 minutes')
GROUP BY window_start, window_end, page
EXCEPT ALL SELECT window_start, window_end, page, views, avg_amount FROM page_views;
SELECT view, row_data, window_end, watermark FROM stream_agg.late_rows;

DROP FOREIGN TABLE clicks CASCADE;
DROP SERVER events;
