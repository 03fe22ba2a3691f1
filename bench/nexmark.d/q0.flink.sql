CREATE TABLE q0 (auction BIGINT, bidder BIGINT, price BIGINT, date_time TIMESTAMP(3), extra STRING)
WITH (${q0});
INSERT INTO q0 SELECT auction, bidder, price, dateTime, extra FROM bid;
