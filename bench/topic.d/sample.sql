--
-- bench/topic.d/sample.sql
--	  What bench/topic measures when it is given nothing else: a stream, a load
--	  of all its rows, and an aggregate per user and window.
--
--	  To measure a topic of your own, copy this file and change it: the columns
--	  are fields of the messages, the option "topic" names the topic.  The server
--	  is always called kafka, and is there already.
--
CREATE FOREIGN TABLE events (
	user_id text,
	page text,
	amount float8,
	event_time timestamptz,
	s bigint
) SERVER kafka OPTIONS (
	topic 'events', format 'json',
	event_time 'event_time', max_out_of_orderness '5 s'
);

CREATE MATERIALIZED VIEW events_kept WITH (stream_agg.continuous) AS
SELECT * FROM events;

CREATE MATERIALIZED VIEW events_by_user WITH (stream_agg.continuous) AS
SELECT window_start, window_end, user_id,
	count(*) AS n, avg(amount) AS average, max(amount) AS greatest
FROM events, tumble(event_time, '5 minutes')
GROUP BY window_start, window_end, user_id;
