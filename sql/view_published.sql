-- The table behind a view is an ordinary table: it can be published, has
-- triggers that fire, and indexes of the user's own.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA view_published;
SET search_path = view_published, public;
CREATE SERVER view_published FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text, v int, t timestamptz) SERVER view_published OPTIONS (event_time 't');
CREATE TABLE s_rows (LIKE s);
CREATE MATERIALIZED VIEW agg WITH (stream_agg.continuous) AS
	SELECT window_start, k, sum(v), avg(v) FROM s, tumble(t, '1 hour') GROUP BY window_start, k;
CREATE MATERIALIZED VIEW raw WITH (stream_agg.continuous) AS SELECT * FROM s;
SET client_min_messages = error;
CREATE PUBLICATION view_published FOR TABLE stream_agg_data.agg, stream_agg_data.raw;
RESET client_min_messages;
CREATE INDEX ON stream_agg_data.agg (sum);

CREATE TABLE log (n int GENERATED ALWAYS AS IDENTITY, what text);
CREATE FUNCTION log_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO view_published.log (what) VALUES (concat_ws(' ', TG_WHEN, TG_OP, NEW.k, OLD.sum || ' to', NEW.sum,
		CASE WHEN NEW.is_final THEN 'final' END));
	RETURN NEW;
END
$$;
CREATE FUNCTION log_statement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO view_published.log (what) VALUES (concat_ws(' ', TG_WHEN, TG_OP, 'statement'));
	RETURN NULL;
END
$$;
CREATE TRIGGER before BEFORE INSERT OR UPDATE ON stream_agg_data.agg
	FOR EACH ROW EXECUTE FUNCTION log_row();
CREATE TRIGGER after AFTER INSERT OR UPDATE ON stream_agg_data.agg
	FOR EACH ROW EXECUTE FUNCTION log_row();
CREATE TRIGGER changed AFTER UPDATE OF is_final ON stream_agg_data.agg
	FOR EACH ROW WHEN (NEW.is_final AND NOT OLD.is_final) EXECUTE FUNCTION log_row();
INSERT INTO s_rows VALUES ('a', 1, '2024-01-01 10:00'), ('a', 2, '2024-01-01 10:10'),
	('b', 3, '2024-01-01 10:20');
INSERT INTO s TABLE s_rows;
INSERT INTO s_rows VALUES ('a', 4, '2024-01-01 10:30');
INSERT INTO s VALUES ('a', 4, '2024-01-01 10:30');
INSERT INTO s_rows VALUES ('c', 5, '2024-01-01 11:30');
INSERT INTO s VALUES ('c', 5, '2024-01-01 11:30');
SELECT what FROM log ORDER BY what;
SELECT pg_temp.check_view('agg');
SELECT pg_temp.check_view('raw');
SELECT k, sum, is_final, revision, state FROM stream_agg_data.agg
	CROSS JOIN LATERAL (SELECT avg_state IS NULL) x (state) ORDER BY k;

-- A trigger that changes or refuses a row is obeyed.
DROP TRIGGER before ON stream_agg_data.agg;
CREATE FUNCTION at_most_ten() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.sum > 10 THEN
		RAISE EXCEPTION 'too much';
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON stream_agg_data.agg
	FOR EACH ROW EXECUTE FUNCTION at_most_ten();
INSERT INTO s VALUES ('c', 4, '2024-01-01 11:31'), ('c', 7, '2024-01-01 11:32'), ('d', 1, '2024-01-01 11:33');
SELECT k, sum FROM agg WHERE NOT is_final ORDER BY k;
SELECT view, "offset", sqlstate, reason FROM stream_agg.dead_letters;

-- What would break the view is noticed.
DROP INDEX stream_agg_data.agg_k_window_start_idx;
INSERT INTO s VALUES ('d', 1, '2024-01-01 11:33');
CREATE UNIQUE INDEX ON stream_agg_data.agg (k, window_start) NULLS NOT DISTINCT;
INSERT INTO s VALUES ('d', 1, '2024-01-01 11:33');
SELECT k, sum FROM agg WHERE NOT is_final ORDER BY k;

-- A publication of all tables has those of the extension, too.
SET client_min_messages = error;
CREATE PUBLICATION view_published_all FOR ALL TABLES;
RESET client_min_messages;
INSERT INTO s VALUES ('e', 1, '2024-01-01 13:00'), ('late', 1, '2024-01-01 10:00'), ('dead', 1, NULL);
SELECT stream_agg.pause('agg');
SELECT stream_agg.resume('agg');
DROP MATERIALIZED VIEW agg;
DROP FOREIGN TABLE s CASCADE;
DROP PUBLICATION view_published_all;

SET client_min_messages = warning;
DROP PUBLICATION view_published;
DROP SCHEMA view_published CASCADE;
DROP SERVER view_published;
SELECT * FROM pg_temp.leftovers();
