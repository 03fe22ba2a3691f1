-- Selection: the bids on some auctions.
:create q2 :as
SELECT auction, price FROM bid WHERE mod(auction, 123) = 0;
