-- Made by tools/doc_examples from doc/reference.md; change that instead.
SET client_min_messages = warning;
DROP SERVER IF EXISTS ref CASCADE;
DROP SCHEMA IF EXISTS doc_reference CASCADE;
CREATE SCHEMA doc_reference;
SET search_path = doc_reference, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET IntervalStyle = 'postgres';
RESET client_min_messages;

CREATE SERVER ref FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE sales (
    shop text, product text, amount numeric(12, 2), at timestamptz
) SERVER ref OPTIONS (event_time 'at');

SELECT a.aggfnoid::regprocedure AS aggregate,
       a.aggcombinefn <> 0 AND (a.aggtranstype <> 'internal'::regtype OR a.aggserialfn <> 0) AS combined
FROM pg_aggregate a
WHERE a.aggfnoid IN ('avg(numeric)'::regprocedure, 'max(text)'::regprocedure,
                     'json_agg(anyelement)'::regprocedure)
ORDER BY a.aggfnoid::regprocedure::text;

CREATE MATERIALIZED VIEW no WITH (stream_agg.continuous) AS
SELECT shop, count(*) FROM sales, tumble(at, '1 hour') GROUP BY shop;
CREATE MATERIALIZED VIEW no WITH (stream_agg.continuous) AS
SELECT shop, amount FROM sales ORDER BY at;
CREATE MATERIALIZED VIEW no WITH (stream_agg.continuous) AS
SELECT shop, sum(amount) OVER (PARTITION BY shop) FROM sales;
CREATE MATERIALIZED VIEW no WITH (stream_agg.continuous) AS
SELECT a.shop FROM sales a JOIN sales b USING (shop);
CREATE MATERIALIZED VIEW no WITH (stream_agg.continuous) AS
SELECT window_start, count(*) FROM sales, tumble(now(), '1 hour') GROUP BY window_start;
CREATE MATERIALIZED VIEW no WITH (stream_agg.continuous) AS
SELECT shop, amount > 0 AS is_final FROM sales;
CREATE MATERIALIZED VIEW no WITH (stream_agg.continuous) AS
SELECT window_end, count(*) FROM sales, cumulate(at, '1 hour', '1 day') GROUP BY window_end;
CREATE MATERIALIZED VIEW no WITH (stream_agg.continuous, stream_agg.retention = '30 days') AS
SELECT shop, amount FROM sales;

CREATE MATERIALIZED VIEW sales_per_hour WITH (stream_agg.continuous) AS
SELECT window_start, window_end, shop,
       count(*) AS sales, sum(amount) AS amount,
       round(sum(amount) / count(*), 2) AS mean,
       max(amount) FILTER (WHERE product <> 'gift card') AS largest
FROM sales, tumble(at, '1 hour')
WHERE amount > 0
GROUP BY window_start, window_end, shop
HAVING count(*) > 1;

INSERT INTO sales VALUES ('bonn', 'tea', 10, '2026-03-01 12:10Z'), ('bonn', 'gift card', 50, '2026-03-01 12:20Z'),
                         ('kiel', 'tea', 12, '2026-03-01 12:21Z'), ('bonn', 'tea', 8, '2026-03-01 13:00Z');
SELECT * FROM sales_per_hour;

ALTER MATERIALIZED VIEW sales_per_hour RENAME TO hourly;
ALTER MATERIALIZED VIEW hourly SET (stream_agg.retention = '365 days');
COMMENT ON MATERIALIZED VIEW hourly IS 'shops by the hour';
DROP FOREIGN TABLE sales;

SELECT * FROM tumble('2026-03-01 12:07'::timestamp, '15 minutes');
SELECT * FROM tumble('2026-03-01 12:07Z'::timestamptz, '1 hour', origin => '2026-03-01 00:30Z');
SELECT * FROM tumble('2026-03-01 12:07Z'::timestamptz, '1 month 1 day');
SELECT * FROM cumulate('2026-03-01 12:07Z'::timestamptz, '7 minutes', '1 hour');

CREATE FOREIGN TABLE quotes (symbol text, price numeric, at timestamptz) SERVER ref OPTIONS (event_time 'at');
CREATE MATERIALIZED VIEW candles WITH (stream_agg.continuous) AS
SELECT window_start, symbol,
       first(price, at) AS open, max(price) AS high, min(price) AS low, last(price, at) AS close,
       top_n(price, price, 2) AS highest, last_n(price, at, 3) AS latest
FROM quotes, tumble(at, '1 day', timezone => 'Europe/Berlin')
GROUP BY window_start, symbol;

INSERT INTO quotes VALUES ('PGS', 12.0, '2026-03-01 09:00Z'), ('PGS', 12.5, '2026-03-01 11:00Z'),
                          ('PGS', 11.9, '2026-03-01 10:00Z'), ('PGS', 12.1, '2026-03-01 16:30Z');
SELECT * FROM candles;
SELECT top_n(price, at, 0) FROM (VALUES (1, now())) AS q (price, at);
SELECT last(price, at) FROM (VALUES (1, '{}'::json)) AS q (price, at);

SELECT stream_agg.pause('sales');
INSERT INTO sales VALUES ('kiel', 'tea', 12, '2026-03-01 13:05Z');
SELECT stream_agg.resume('sales');

SELECT stream_agg.wait('hourly', '10 s');

SELECT stream_agg.skip('sales', 0, 100);

SELECT stream_agg.adopt();

SELECT stream_agg.watermark('hourly'), stream_agg.watermark('sales');

SELECT stream_agg.suggest_out_of_orderness('sales', 0.99);

SELECT stream_agg.data_table('hourly');
CREATE INDEX ON stream_agg_data.sales_per_hour (window_start);
SELECT shop, window_start, amount, is_final, revision FROM stream_agg_data.sales_per_hour ORDER BY 1, 2;

SELECT stream, topic, state, lag FROM stream_agg.streams WHERE stream = 'sales'::regclass;
SELECT partition, next_offset, lag, watermark FROM stream_agg.partitions WHERE stream = 'sales'::regclass;
SELECT view, kind, state, rows_in, rows_late, open_windows FROM stream_agg.views WHERE stream = 'sales'::regclass;

-- the end of doc/reference.md
RESET ROLE;
SET client_min_messages = warning;
DROP SERVER IF EXISTS ref CASCADE;
DROP SCHEMA IF EXISTS doc_reference CASCADE;
