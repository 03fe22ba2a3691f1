-- Made by tools/doc_examples from README.md; change that instead.
SET client_min_messages = warning;
DROP SERVER IF EXISTS events CASCADE;
DROP SERVER IF EXISTS production CASCADE;
DROP SCHEMA IF EXISTS doc_readme CASCADE;
CREATE SCHEMA doc_readme;
SET search_path = doc_readme, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET IntervalStyle = 'postgres';
RESET client_min_messages;

CREATE EXTENSION IF NOT EXISTS stream_agg;

CREATE SERVER events FOREIGN DATA WRAPPER stream_agg;           -- no address: a server without Kafka, to try things out

CREATE FOREIGN TABLE clicks (                                   -- a stream: a topic with column types
    user_id text, page text, amount numeric, event_time timestamptz
) SERVER events OPTIONS (topic 'clicks', format 'json',
                         event_time 'event_time', max_out_of_orderness '30 s');

CREATE MATERIALIZED VIEW clicks_raw WITH (stream_agg.continuous) AS      -- every row, kept
SELECT * FROM clicks;

CREATE MATERIALIZED VIEW page_views WITH (stream_agg.continuous) AS      -- kept up to date for ever
SELECT window_start, window_end, page, count(*) AS views, avg(amount) AS avg_amount
FROM clicks, tumble(event_time, '5 minutes')
GROUP BY window_start, window_end, page;

INSERT INTO clicks VALUES                                       -- what comes from the topic otherwise
    ('ann', '/home', 10, '2026-03-01 12:00:05Z'),
    ('bob', '/home', 20, '2026-03-01 12:01:40Z'),
    ('ann', '/cart', 30, '2026-03-01 12:05:31Z');

SELECT * FROM page_views ORDER BY window_start;                 -- any client, any BI tool

CREATE SERVER production FOREIGN DATA WRAPPER stream_agg
    OPTIONS (bootstrap_servers 'broker1:9093,broker2:9093',
             security_protocol 'sasl_ssl', sasl_mechanism 'SCRAM-SHA-512');
CREATE USER MAPPING FOR CURRENT_USER SERVER production
    OPTIONS (sasl_username 'app', sasl_password 'secret');

-- the end of README.md
RESET ROLE;
SET client_min_messages = warning;
DROP SERVER IF EXISTS events CASCADE;
DROP SERVER IF EXISTS production CASCADE;
DROP SCHEMA IF EXISTS doc_readme CASCADE;
