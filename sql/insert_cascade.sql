-- A view's table feeds another stream by a trigger; a stream can't be inserted
-- into from within its own batch, nor read from within any.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA insert_cascade;
SET search_path = insert_cascade, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
CREATE SERVER insert_cascade FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE clicks (page text, t timestamptz) SERVER insert_cascade OPTIONS (event_time 't');
-- windows that end together do so in no particular order
CREATE FOREIGN TABLE hours (page text, n bigint, t timestamptz) SERVER insert_cascade
	OPTIONS (event_time 't', max_out_of_orderness '3 days');
CREATE MATERIALIZED VIEW per_hour WITH (stream_agg.continuous) AS
	SELECT window_start, page, count(*) FROM clicks, tumble(t, '1 hour') GROUP BY window_start, page;
CREATE MATERIALIZED VIEW per_day WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) AS hours, sum(n) AS clicks, max(n) AS best FROM hours, tumble(t, '1 day') GROUP BY window_start;
-- final hours are rows of the second stream
CREATE FUNCTION pass_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO insert_cascade.hours VALUES (NEW.page, NEW.count, NEW.window_start);
	RETURN NULL;
END
$$;
CREATE TRIGGER pass_on AFTER UPDATE OF is_final ON stream_agg_data.per_hour
	FOR EACH ROW WHEN (NEW.is_final AND NOT OLD.is_final) EXECUTE FUNCTION pass_on();
INSERT INTO clicks SELECT 'p' || i % 3, '2024-01-01'::timestamptz + i * interval '7 min' FROM generate_series(1, 300) i;
INSERT INTO clicks VALUES ('end', '2024-01-03');
SELECT * FROM per_day ORDER BY 1;
SELECT * FROM pg_temp.differences('SELECT window_start, hours, clicks, best FROM per_day WHERE clicks > 0',
	$$SELECT w.window_start, count(*), sum(count), max(count) FROM per_hour h, tumble(h.window_start, '1 day') w
	WHERE is_final GROUP BY 1$$);

-- into its own stream: refused, and as the view's fault a dead letter or an error
CREATE FUNCTION feed_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO insert_cascade.clicks VALUES ('again', now());
	RETURN NULL;
END
$$;
CREATE TRIGGER feed_back AFTER INSERT ON stream_agg_data.per_hour FOR EACH ROW EXECUTE FUNCTION feed_back();
INSERT INTO clicks VALUES ('x', '2024-01-03 01:00');
DROP TRIGGER feed_back ON stream_agg_data.per_hour;
-- in a circle
CREATE TRIGGER feed_back AFTER INSERT ON stream_agg_data.per_day FOR EACH ROW EXECUTE FUNCTION feed_back();
INSERT INTO clicks VALUES ('x', '2024-01-04 01:00'), ('x', '2024-01-04 02:00');
DROP TRIGGER feed_back ON stream_agg_data.per_day;
INSERT INTO clicks VALUES ('x', '2024-01-04 01:00'), ('x', '2024-01-04 02:00');
SELECT page, count FROM per_hour WHERE window_start > '2024-01-02 23:00' ORDER BY window_start;
-- from a trigger on the stream itself it is another statement's batch
CREATE FUNCTION echo() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.page <> 'echo' THEN
		INSERT INTO insert_cascade.clicks VALUES ('echo', NEW.t);
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER echo AFTER INSERT ON clicks FOR EACH ROW EXECUTE FUNCTION echo();
INSERT INTO clicks VALUES ('call', '2024-01-05 01:00');
DROP TRIGGER echo ON clicks;
SELECT page, count FROM per_hour WHERE window_start > '2024-01-04 23:00' ORDER BY page;

-- A function or trigger that reads the stream does not see the batch.
CREATE FUNCTION count_stream() RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT count(*) FROM insert_cascade.clicks); END $$;
CREATE MATERIALIZED VIEW reads WITH (stream_agg.continuous) AS SELECT count_stream() FROM clicks;
INSERT INTO clicks VALUES ('read', '2024-01-05 01:00');
DROP MATERIALIZED VIEW reads;
-- one that the planner would take apart is refused at once
CREATE FUNCTION pages() RETURNS SETOF text LANGUAGE sql STABLE AS $$ SELECT page FROM insert_cascade.clicks $$;
CREATE MATERIALIZED VIEW reads WITH (stream_agg.continuous) AS SELECT c.page, p FROM clicks c, pages() p;
CREATE MATERIALIZED VIEW reads WITH (stream_agg.continuous) AS SELECT count(*) FROM clicks c, pages() p;
-- management functions from within a batch
CREATE FUNCTION tick() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN stream_agg.wait('insert_cascade.clicks'); END $$;
CREATE MATERIALIZED VIEW ticks WITH (stream_agg.continuous) AS SELECT tick() FROM clicks;
INSERT INTO clicks VALUES ('tick', '2024-01-05 01:00');
DROP MATERIALIZED VIEW ticks;
CREATE FUNCTION drop_it() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN DROP MATERIALIZED VIEW insert_cascade.drops; RETURN true; END $$;
CREATE MATERIALIZED VIEW drops WITH (stream_agg.continuous) AS SELECT drop_it() FROM clicks;
INSERT INTO clicks VALUES ('drop', '2024-01-05 01:00');
SELECT count(*) FROM drops;

SET client_min_messages = warning;
DROP SCHEMA insert_cascade CASCADE;
DROP SERVER insert_cascade;
SELECT * FROM pg_temp.leftovers();
