-- Side input: bids joined with a table.
:create q13 :as
SELECT b.auction, b.bidder, b.price, b.date_time, s.value
FROM bid AS b JOIN side_input AS s ON s.key = mod(b.auction, 10000);
