-- User sessions: the bids of each user until ten seconds without one.
:create q11 :as
SELECT bidder, count(*) AS bid_count, window_start AS start_time, window_end AS end_time
FROM bid, session(date_time, '10 s')
GROUP BY bidder, window_start, window_end;
