-- Processing time windows: when the rows are read decides, so only totals can be compared.
:create q12 :as
SELECT bidder, count(*) AS bid_count, window_start AS start_time, window_end AS end_time
FROM bid, tumble(processed_at, '10 s')
GROUP BY bidder, window_start, window_end;
