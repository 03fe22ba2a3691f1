-- What the consumer writes to.  Sums are kept, since averages can't be merged;
-- fillfactor leaves room to update rows in their page, without the index.
CREATE TABLE windows (
	window_start timestamptz,
	user_id text,
	n bigint NOT NULL,
	total float8 NOT NULL,
	greatest float8 NOT NULL,
	PRIMARY KEY (window_start, user_id)
) WITH (fillfactor = 50);

CREATE TABLE offsets (
	topic text,
	partition int,
	next_offset bigint NOT NULL,
	PRIMARY KEY (topic, partition)
);

CREATE VIEW result AS
SELECT window_start, window_start + interval '5 minutes' AS window_end, user_id, n,
	total / n AS average, greatest
FROM windows;
