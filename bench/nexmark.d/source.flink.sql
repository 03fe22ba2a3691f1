-- The topic as a table of Flink's, and the three kinds of events.
SET 'parallelism.default' = '${PARALLELISM}';
SET 'pipeline.object-reuse' = 'true';
SET 'table.exec.mini-batch.enabled' = 'true';
SET 'table.exec.mini-batch.allow-latency' = '2 s';
SET 'table.exec.mini-batch.size' = '50000';
SET 'table.optimizer.distinct-agg.split.enabled' = 'true';

CREATE TABLE nexmark (
	event_type INT,
	dateTime TIMESTAMP(3),
	person ROW<id BIGINT, name STRING, emailAddress STRING, creditCard STRING, city STRING,
		state STRING, extra STRING>,
	auction ROW<id BIGINT, itemName STRING, description STRING, initialBid BIGINT,
		reserve BIGINT, expires TIMESTAMP(3), seller BIGINT, category BIGINT, extra STRING>,
	bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING,
		extra STRING>,
	WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND
) WITH (
	'connector' = 'kafka',
	'topic' = '${TOPIC}',
	'properties.bootstrap.servers' = '${BOOTSTRAP}',
	'scan.startup.mode' = 'earliest-offset',
	'scan.bounded.mode' = 'latest-offset',
	'format' = 'json'
);

CREATE VIEW person AS
SELECT person.id, person.name, person.emailAddress, person.creditCard, person.city,
	person.state, dateTime, person.extra
FROM nexmark WHERE event_type = 0;

CREATE VIEW auction AS
SELECT auction.id, auction.itemName, auction.description, auction.initialBid, auction.reserve,
	dateTime, auction.expires, auction.seller, auction.category, auction.extra
FROM nexmark WHERE event_type = 1;

CREATE VIEW bid AS
SELECT bid.auction, bid.bidder, bid.price, bid.channel, bid.url, dateTime, bid.extra
FROM nexmark WHERE event_type = 2;

