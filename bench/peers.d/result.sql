-- The table that a peer puts its windows into, unless it has a setup of its own.
CREATE TABLE result (
	window_start timestamptz,
	window_end timestamptz,
	user_id text,
	n bigint,
	average float8,
	greatest float8,
	PRIMARY KEY (window_start, user_id)
);
