-- Plain SQL has no operator for sessions: a row begins one that comes long after the last.
CREATE TABLE q11 AS
SELECT bidder, count(*) AS bid_count, min(date_time) AS start_time,
	max(date_time) + interval '10 s' AS end_time
FROM (SELECT bidder, date_time,
		sum(begins) OVER (PARTITION BY bidder ORDER BY date_time) AS session
	FROM (SELECT bidder, date_time,
			CASE WHEN date_time - lag(date_time) OVER (PARTITION BY bidder ORDER BY date_time)
				<= interval '10 s' THEN 0 ELSE 1 END AS begins
		FROM bid) AS marked) AS numbered
GROUP BY bidder, session;
