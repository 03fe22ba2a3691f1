-- Made by tools/doc_examples from doc/coming_from.md; change that instead.
SET client_min_messages = warning;
DROP SERVER IF EXISTS shop CASCADE;
DROP SCHEMA IF EXISTS doc_coming_from CASCADE;
CREATE SCHEMA doc_coming_from;
SET search_path = doc_coming_from, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET IntervalStyle = 'postgres';
RESET client_min_messages;

CREATE SERVER shop FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE orders (
    customer text, item text, price numeric, ordered_at timestamptz
) SERVER shop OPTIONS (topic 'orders', event_time 'ordered_at', max_out_of_orderness '5 s');

CREATE MATERIALIZED VIEW item_revenue WITH (stream_agg.continuous, stream_agg.emit = 'final') AS
SELECT window_start, window_end, item, count(*) AS orders, sum(price) AS revenue
FROM orders, hop(ordered_at, '5 minutes', '10 minutes')
GROUP BY window_start, window_end, item;

CREATE MATERIALIZED VIEW visits WITH (stream_agg.continuous) AS
SELECT customer, window_start, window_end, count(*) AS orders, top_n(price, price, 2) AS dearest
FROM orders, session(ordered_at, '30 minutes')
GROUP BY customer, window_start, window_end;

CREATE MATERIALIZED VIEW item_customers WITH (stream_agg.continuous) AS
SELECT window_start, item, count(*) AS orders, count(DISTINCT customer) AS customers
FROM orders, tumble(ordered_at, '10 minutes')
GROUP BY window_start, item;

CREATE MATERIALIZED VIEW price_days WITH (stream_agg.continuous, stream_agg.retention = '730 days') AS
SELECT window_start AS bucket, item,
       first(price, ordered_at) AS open, max(price) AS high, min(price) AS low, last(price, ordered_at) AS close
FROM orders, tumble(ordered_at, '1 day', timezone => 'Europe/Berlin')
GROUP BY window_start, item;

INSERT INTO orders VALUES
    ('ann', 'tea',   4.00, '2026-03-01 12:01Z'), ('bob', 'tea',   4.50, '2026-03-01 12:03Z'),
    ('ann', 'cups', 19.00, '2026-03-01 12:06Z'), ('ann', 'tea',   3.50, '2026-03-01 12:11Z'),
    ('bob', 'cups', 21.00, '2026-03-01 12:50Z');

SELECT * FROM item_revenue WHERE item = 'tea' ORDER BY window_start;
SELECT * FROM visits ORDER BY customer, window_start;
SELECT * FROM item_customers ORDER BY window_start, item;
SELECT * FROM price_days ORDER BY item;

-- the end of doc/coming_from.md
RESET ROLE;
SET client_min_messages = warning;
DROP SERVER IF EXISTS shop CASCADE;
DROP SCHEMA IF EXISTS doc_coming_from CASCADE;
