-- The sink's table, and what is made of it by each REFRESH.
CREATE TABLE events (
	"__connect_topic" text,
	"__connect_partition" int,
	"__connect_offset" bigint,
	payload text,
	PRIMARY KEY ("__connect_topic", "__connect_partition", "__connect_offset")
);

CREATE MATERIALIZED VIEW result AS
SELECT window_start, window_start + interval '5 minutes' AS window_end, user_id,
	count(*) AS n, avg(amount) AS average, max(amount) AS greatest
FROM events, CAST(payload AS json) AS j,
	json_to_record(j) AS r(user_id text, amount float8, event_time timestamptz),
	date_bin('5 minutes', event_time, '2000-01-01 00:00:00Z') AS window_start
GROUP BY window_start, user_id;

CREATE UNIQUE INDEX ON result (window_start, user_id);
