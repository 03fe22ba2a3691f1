CREATE TABLE q7 (maxprice BIGINT, window_start TIMESTAMP(3), window_end TIMESTAMP(3))
WITH (${q7});
INSERT INTO q7
SELECT max(price) AS maxprice, window_start, window_end
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '10' SECOND))
GROUP BY window_start, window_end;
