CREATE TABLE q13 (auction BIGINT, bidder BIGINT, price BIGINT, date_time TIMESTAMP(3),
	`value` STRING)
WITH (${q13});
CREATE TABLE side_input (key BIGINT, `value` STRING, PRIMARY KEY (key) NOT ENFORCED)
WITH (${SIDE_INPUT}, 'lookup.cache' = 'PARTIAL', 'lookup.partial-cache.max-rows' = '10000');
CREATE VIEW bid_now AS SELECT *, PROCTIME() AS processed_at FROM bid;
INSERT INTO q13
SELECT b.auction, b.bidder, b.price, b.dateTime, s.`value`
FROM bid_now AS b
JOIN side_input FOR SYSTEM_TIME AS OF b.processed_at AS s ON s.key = MOD(b.auction, 10000);
