-- The same events as rows of a table, by which plain SQL says what is right.
CREATE TABLE nexmark (
	partition int,
	event_type int,
	date_time timestamp,
	person_id bigint,
	person_name text,
	person_email_address text,
	person_credit_card text,
	person_city text,
	person_state text,
	person_extra text,
	auction_id bigint,
	auction_item_name text,
	auction_description text,
	auction_initial_bid bigint,
	auction_reserve bigint,
	auction_expires timestamp,
	auction_seller bigint,
	auction_category bigint,
	auction_extra text,
	bid_auction bigint,
	bid_bidder bigint,
	bid_price bigint,
	bid_channel text,
	bid_url text,
	bid_extra text
);
\copy nexmark FROM 'events.rows'
-- Every system has its own, so q12 is compared without it.
ALTER TABLE nexmark ADD COLUMN processed_at timestamptz DEFAULT '2000-01-01 00:00Z';
ANALYZE nexmark;
