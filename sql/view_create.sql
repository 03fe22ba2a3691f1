-- CREATE MATERIALIZED VIEW … WITH (stream_agg.continuous): loads, aggregates,
-- names, and what may stand around the stream.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA view_create;
SET search_path = view_create, public;
SET TimeZone = 'UTC';
CREATE SERVER view_create FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE clicks (user_id text, page text, amount numeric, tags jsonb, at timestamptz)
	SERVER view_create OPTIONS (event_time 'at');
CREATE TABLE clicks_rows (LIKE clicks);
CREATE TABLE pages (page text PRIMARY KEY, title text);
INSERT INTO pages VALUES ('a', 'Start'), ('b', 'Shop');

-- A load: every row, kept.
CREATE MATERIALIZED VIEW loaded WITH (stream_agg.continuous) AS SELECT * FROM clicks;
\d loaded
CREATE MATERIALIZED VIEW nothing WITH (stream_agg.continuous) AS (SELECT FROM clicks);
CREATE MATERIALIZED VIEW row_itself WITH (stream_agg.continuous) AS
	SELECT clicks, row_to_json(clicks) ->> 'page' AS page FROM clicks WHERE amount > 1;
CREATE MATERIALIZED VIEW filtered WITH (stream_agg.continuous) AS
	SELECT upper(user_id) AS who, amount * 2 AS "Double", at FROM clicks WHERE amount > 1;
\d filtered

-- Aggregates: with a window, without, without keys.
CREATE MATERIALIZED VIEW per_window WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, page, count(*) AS views, avg(amount) AS avg_amount
	FROM clicks, tumble(at, '5 minutes')
	GROUP BY window_start, window_end, page;
\d per_window
CREATE MATERIALIZED VIEW running WITH (stream_agg.continuous) AS
	SELECT page, count(*), sum(amount) FROM clicks GROUP BY page;
\d running
CREATE MATERIALIZED VIEW total WITH (stream_agg.continuous) AS
	SELECT count(*), max(at) FROM clicks;
-- its one row is there from the start
SELECT * FROM total;

-- Column names in parentheses, all or only the first.
CREATE MATERIALIZED VIEW named (p, n) WITH (stream_agg.continuous) AS
	SELECT page, count(*), sum(amount) FROM clicks GROUP BY page;
\d named
CREATE MATERIALIZED VIEW named_load (who) WITH (stream_agg.continuous) AS
	SELECT user_id, page FROM clicks;
CREATE MATERIALIZED VIEW too_many (a, b) WITH (stream_agg.continuous) AS
	SELECT page FROM clicks;

-- Only one of the bounds, in any place, under any name; and none.
CREATE MATERIALIZED VIEW one_bound WITH (stream_agg.continuous) AS
	SELECT count(*) AS n, window_end AS until FROM clicks, tumble(at, '1 hour')
	GROUP BY window_end;
\d one_bound
CREATE MATERIALIZED VIEW no_bound WITH (stream_agg.continuous) AS
	SELECT count(*) AS n FROM clicks, tumble(at, '1 hour') w GROUP BY w.window_start;

-- emit 'final': no is_final, and only final windows.
CREATE MATERIALIZED VIEW finals WITH (stream_agg.continuous, stream_agg.emit = 'final') AS
	SELECT window_start, count(*) FROM clicks, tumble(at, '5 minutes') GROUP BY window_start;
\d finals

-- CTEs, subqueries and plain views that filter and compute.
CREATE VIEW plain AS SELECT page, amount + 1 AS more, at FROM clicks WHERE amount IS NOT NULL;
CREATE MATERIALIZED VIEW through_view WITH (stream_agg.continuous) AS
	SELECT page, sum(more) FROM plain GROUP BY page;
CREATE MATERIALIZED VIEW through_all WITH (stream_agg.continuous) AS
	WITH c AS (SELECT page AS p, more, at AS t FROM plain),
		d AS MATERIALIZED (SELECT * FROM (SELECT upper(p) AS p, more, t FROM c) x WHERE more > 2)
	SELECT window_start, p, sum(more) FROM d JOIN LATERAL tumble(t, '5 minutes') ON true
	GROUP BY window_start, p;

-- Joins with ordinary tables and set-returning functions.
CREATE MATERIALIZED VIEW inner_join WITH (stream_agg.continuous) AS
	SELECT title, count(*) FROM clicks JOIN pages USING (page) GROUP BY title;
CREATE MATERIALIZED VIEW left_join WITH (stream_agg.continuous) AS
	SELECT window_start, coalesce(p.title, 'none') AS title, count(*), sum(c.amount)
	FROM clicks c LEFT JOIN pages p ON p.page = c.page, tumble(c.at, '5 minutes')
	GROUP BY 1, 2;
CREATE MATERIALIZED VIEW right_join WITH (stream_agg.continuous) AS
	SELECT c.user_id, p.title FROM pages p RIGHT JOIN clicks c USING (page);
CREATE MATERIALIZED VIEW tags WITH (stream_agg.continuous) AS
	SELECT tag, count(*) FROM clicks, LATERAL jsonb_array_elements_text(tags) AS tag GROUP BY tag;
CREATE MATERIALIZED VIEW words WITH (stream_agg.continuous) AS
	SELECT c.page, w.word, w.n FROM clicks c
	LEFT JOIN regexp_split_to_table(c.user_id, ' ') WITH ORDINALITY AS w (word, n) ON true;
CREATE MATERIALIZED VIEW lateral_subquery WITH (stream_agg.continuous) AS
	SELECT c.page, x.title FROM clicks c, LATERAL (SELECT title FROM pages p WHERE p.page = c.page LIMIT 1) x;
CREATE MATERIALIZED VIEW recursive WITH (stream_agg.continuous) AS
	WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3)
	SELECT page, n FROM clicks, r;
CREATE MATERIALIZED VIEW semi_join WITH (stream_agg.continuous) AS
	SELECT count(*) FROM clicks WHERE page IN (SELECT page FROM pages)
	AND NOT EXISTS (SELECT FROM pages p WHERE p.title = user_id);
CREATE MATERIALIZED VIEW having_case WITH (stream_agg.continuous) AS
	SELECT CASE WHEN amount > 5 THEN 'much' ELSE 'little' END AS size,
		count(*) FILTER (WHERE page = 'a') * 100 / count(*) AS percent_a,
		CASE WHEN sum(amount) > 10 THEN 'yes' END AS yes
	FROM clicks GROUP BY 1 HAVING count(*) > 1;

-- What comes later is in all of them.
INSERT INTO clicks_rows VALUES
	('ann', 'a', 1.5, '["x", "y"]', '2024-01-01 10:00'),
	('bob', 'b', 7, '["x"]', '2024-01-01 10:01'),
	('Start', 'c', NULL, NULL, '2024-01-01 10:02'),
	('cy d', 'a', 9, '[]', '2024-01-01 10:06'),
	(NULL, NULL, 2, '["z", "z"]', '2024-01-01 10:07');
INSERT INTO clicks TABLE clicks_rows;
SELECT view, d.* FROM stream_agg.continuous_view, pg_temp.check_view(view) d
WHERE emit = 'changes' AND view::text NOT LIKE 'through%' ORDER BY view::text;
SELECT * FROM pg_temp.differences('TABLE through_view',
	'SELECT page, sum(amount + 1) FROM clicks_rows WHERE amount IS NOT NULL GROUP BY page');
SELECT * FROM pg_temp.differences('SELECT window_start, p, sum FROM through_all',
	$$SELECT window_start, upper(page), sum(amount + 1) FROM clicks_rows, tumble(at, '5 minutes')
	WHERE amount > 1 GROUP BY window_start, upper(page)$$);
SELECT * FROM finals;
SELECT *, is_final FROM one_bound;
SELECT * FROM per_window ORDER BY window_start, page;

-- They look like views, cannot be written through, and are searched by index.
SELECT relkind FROM pg_class WHERE oid = 'per_window'::regclass;
INSERT INTO loaded (user_id) VALUES ('x');
DELETE FROM per_window;
UPDATE running SET page = 'x';
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT * FROM per_window WHERE page = 'a' AND window_start = '2024-01-01 10:00';
RESET enable_seqscan;
RESET enable_bitmapscan;

-- IF NOT EXISTS; names that are taken; schemas.
CREATE MATERIALIZED VIEW IF NOT EXISTS loaded WITH (stream_agg.continuous) AS SELECT page FROM clicks;
CREATE MATERIALIZED VIEW loaded WITH (stream_agg.continuous) AS SELECT page FROM clicks;
CREATE MATERIALIZED VIEW pages WITH (stream_agg.continuous) AS SELECT page FROM clicks;
CREATE MATERIALIZED VIEW nowhere.v WITH (stream_agg.continuous) AS SELECT page FROM clicks;
CREATE TEMP MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT page FROM clicks;
CREATE UNLOGGED MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT page FROM clicks;
CREATE SCHEMA view_create_2;
CREATE MATERIALIZED VIEW view_create_2.loaded WITH (stream_agg.continuous) AS SELECT page FROM clicks;
SELECT stream_agg.data_table('loaded'), stream_agg.data_table('view_create_2.loaded');

-- WITH NO DATA: paused from the start.
CREATE MATERIALIZED VIEW paused WITH (stream_agg.continuous) AS
	SELECT count(*) FROM clicks WITH NO DATA;
INSERT INTO clicks (page, at) VALUES ('a', '2024-01-01 10:08');
TABLE paused;
SELECT stream_agg.resume('paused');
INSERT INTO clicks (page, at) VALUES ('b', '2024-01-01 10:08');
TABLE paused;

SET client_min_messages = warning;
DROP SCHEMA view_create, view_create_2 CASCADE;
DROP SERVER view_create;
SELECT * FROM pg_temp.leftovers();
