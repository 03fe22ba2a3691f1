-- Highest bid: the greatest price of each window; not the bids that offered it.
:create q7 :as
SELECT max(price) AS maxprice, window_start, window_end
FROM bid, tumble(date_time, '10 s')
GROUP BY window_start, window_end;
