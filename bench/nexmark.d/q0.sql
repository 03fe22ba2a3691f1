-- Pass through: every bid, kept.
:create q0 :as
SELECT auction, bidder, price, date_time, extra FROM bid;
