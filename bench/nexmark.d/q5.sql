-- Hot items: the bids of each auction in hopping windows; not the auction with most of them.
:create q5 :as
SELECT auction, count(*) AS num, window_start, window_end
FROM bid, hop(date_time, '2 s', '10 s')
GROUP BY auction, window_start, window_end;
