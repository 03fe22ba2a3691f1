-- Made by tools/doc_examples from doc/nexmark.md; change that instead.
SET client_min_messages = warning;
DROP SERVER IF EXISTS house CASCADE;
DROP SCHEMA IF EXISTS doc_nexmark CASCADE;
CREATE SCHEMA doc_nexmark;
SET search_path = doc_nexmark, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET IntervalStyle = 'postgres';
RESET client_min_messages;

CREATE SERVER house FOREIGN DATA WRAPPER stream_agg;

CREATE FOREIGN TABLE nexmark (
    event_type int,
    date_time timestamp OPTIONS (path 'dateTime'),
    person_id bigint OPTIONS (path 'person.id'),
    person_name text OPTIONS (path 'person.name'),
    auction_seller bigint OPTIONS (path 'auction.seller'),
    bid_auction bigint OPTIONS (path 'bid.auction'),
    bid_price bigint OPTIONS (path 'bid.price')
) SERVER house OPTIONS (topic 'nexmark', event_time 'date_time', max_out_of_orderness '4 s');

CREATE VIEW person AS
SELECT person_id AS id, person_name AS name, date_time FROM nexmark WHERE event_type = 0;
CREATE VIEW auction AS
SELECT auction_seller AS seller, date_time FROM nexmark WHERE event_type = 1;
CREATE VIEW bid AS
SELECT bid_auction AS auction, bid_price AS price, date_time FROM nexmark WHERE event_type = 2;

CREATE MATERIALIZED VIEW q5 WITH (stream_agg.continuous) AS
SELECT auction, count(*) AS num, window_start, window_end
FROM bid, hop(date_time, '2 s', '10 s')
GROUP BY auction, window_start, window_end;

CREATE MATERIALIZED VIEW q8_persons WITH (stream_agg.continuous) AS
SELECT id, name, count(*) AS num, window_start, window_end
FROM person, tumble(date_time, '10 s')
GROUP BY id, name, window_start, window_end;

CREATE MATERIALIZED VIEW q8_sellers WITH (stream_agg.continuous) AS
SELECT seller, count(*) AS num, window_start, window_end
FROM auction, tumble(date_time, '10 s')
GROUP BY seller, window_start, window_end;

CREATE MATERIALIZED VIEW q17 WITH (stream_agg.continuous) AS
SELECT auction, to_char(date_time, 'YYYY-MM-DD') AS day,
    count(*) AS total_bids, count(*) FILTER (WHERE price < 10000) AS rank1_bids,
    max(price) AS max_price, trunc(avg(price))::bigint AS avg_price, sum(price) AS sum_price
FROM bid GROUP BY auction, to_char(date_time, 'YYYY-MM-DD');

INSERT INTO nexmark VALUES
    (0, '2026-03-01 12:00:01', 1000, 'Ada Abel', NULL, NULL, NULL),
    (1, '2026-03-01 12:00:02', NULL, NULL, 1000, NULL, NULL),
    (2, '2026-03-01 12:00:03', NULL, NULL, NULL, 1000, 200),
    (2, '2026-03-01 12:00:04', NULL, NULL, NULL, 1000, 25000),
    (2, '2026-03-01 12:00:05', NULL, NULL, NULL, 1001, 300);

SELECT auction, day, total_bids, rank1_bids, max_price, avg_price FROM q17 ORDER BY auction;

SELECT id, name, p.window_start                           -- q8: who sells right after coming
FROM q8_persons AS p JOIN q8_sellers AS s ON s.seller = p.id AND s.window_start = p.window_start
ORDER BY id;

SELECT auction, num, window_start                         -- q5: the hottest items of each window
FROM (SELECT *, max(num) OVER (PARTITION BY window_start) AS most FROM q5) AS counted
WHERE num = most ORDER BY window_start LIMIT 2;

-- the end of doc/nexmark.md
RESET ROLE;
SET client_min_messages = warning;
DROP SERVER IF EXISTS house CASCADE;
DROP SCHEMA IF EXISTS doc_nexmark CASCADE;
