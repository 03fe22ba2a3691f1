CREATE TABLE q8_persons (id BIGINT, name STRING, num BIGINT, window_start TIMESTAMP(3),
	window_end TIMESTAMP(3))
WITH (${q8_persons});
CREATE TABLE q8_sellers (seller BIGINT, num BIGINT, window_start TIMESTAMP(3),
	window_end TIMESTAMP(3))
WITH (${q8_sellers});
EXECUTE STATEMENT SET BEGIN
INSERT INTO q8_persons
SELECT id, name, count(*) AS num, window_start, window_end
FROM TABLE(TUMBLE(TABLE person, DESCRIPTOR(dateTime), INTERVAL '10' SECOND))
GROUP BY id, name, window_start, window_end;
INSERT INTO q8_sellers
SELECT seller, count(*) AS num, window_start, window_end
FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(dateTime), INTERVAL '10' SECOND))
GROUP BY seller, window_start, window_end;
END;
