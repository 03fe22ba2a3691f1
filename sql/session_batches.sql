-- Sessions are the same, late rows and revisions too, however rows are cut into
-- batches and statements; and they are what a plain query makes of the rows that
-- were not late.
CREATE SCHEMA session_batches;
SET search_path = session_batches, public;
SET TimeZone = 'UTC';
CREATE SERVER session_batches FOREIGN DATA WRAPPER stream_agg;
-- three partitions, much out of order, equal times, a NULL key
CREATE TABLE input AS
SELECT i AS n, (i * 31 + i / 7) % 3 AS p, CASE WHEN i % 5 > 0 THEN 'k' || (i * 7919) % 4 END AS k, (i * 104729) % 100 AS v,
	'2024-01-01'::timestamptz + (i * 20 + (i * 7919) % 1900 - CASE WHEN i % 17 = 0 THEN 2000 ELSE 0 END) * '1 s'::interval AS t
FROM generate_series(0, 1499) i;
CREATE PROCEDURE make(name text, batch_rows int) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format($f$CREATE FOREIGN TABLE %1$s (n int, p int OPTIONS (metadata 'partition'), k text, v int, t timestamptz)
		SERVER session_batches OPTIONS (event_time 't', partitions '3', max_out_of_orderness '20 min',
		batch_rows '%2$s', idle_timeout '1 day')$f$, name, batch_rows);
	EXECUTE format($f$CREATE MATERIALIZED VIEW %1$s_strict WITH (stream_agg.continuous) AS
		SELECT k, window_start, window_end, count(*), sum(v), avg(v), min(n) AS lowest, max(n) AS highest
		FROM %1$s, session(t, '4 min') GROUP BY 1, 2, 3$f$, name);
	EXECUTE format($f$CREATE MATERIALIZED VIEW %1$s_lenient WITH (stream_agg.continuous, stream_agg.allowed_lateness = '10 min') AS
		SELECT k, window_start, window_end, count(*), sum(v), avg(v), min(n) AS lowest, max(n) AS highest
		FROM %1$s, session(t, '4 min') GROUP BY 1, 2, 3$f$, name);
	EXECUTE format($f$CREATE MATERIALIZED VIEW %1$s_all WITH (stream_agg.continuous, stream_agg.allowed_lateness = '20 min') AS
		SELECT window_start, window_end, count(*), sum(v), avg(v), min(n) AS lowest, max(n) AS highest
		FROM %1$s, session(t, '25 s') GROUP BY 1, 2$f$, name);
END
$$;
-- What can be compared: data tables, late rows, watermarks and counters.
CREATE FUNCTION outcome(name text) RETURNS TABLE (what text, hash text) LANGUAGE plpgsql AS $$
BEGIN
	FOREACH what IN ARRAY ARRAY['strict', 'lenient', 'all'] LOOP
		EXECUTE format($f$SELECT md5(string_agg(r, ';' ORDER BY r COLLATE "C")) FROM (SELECT (to_jsonb(d) - 'due_at')::text AS r FROM stream_agg_data.%s_%s d) x$f$,
			name, what) INTO hash;
		RETURN NEXT;
	END LOOP;
	RETURN QUERY SELECT 'late', md5(string_agg(r, ';' ORDER BY r COLLATE "C")) FROM
		(SELECT concat_ws(' ', replace(view::text, name, ''), partition, "offset", event_time, window_start, window_end, watermark, row_data) AS r
		FROM stream_agg.late_rows WHERE stream = name::regclass) x;
	RETURN QUERY SELECT 'progress', md5(string_agg(r, ';' ORDER BY r COLLATE "C")) FROM
		(SELECT concat_ws(' ', replace(view::text, name, ''), watermark, partition_watermarks, rows_in, rows_late, rows_dead) AS r
		FROM stream_agg.progress WHERE view::text LIKE name || '\_%') x;
END
$$;
CALL make('whole', 100000);
CALL make('one', 1);
CALL make('seven', 7);
CALL make('thousand', 1000);
CALL make('pieces', 64);
INSERT INTO whole SELECT * FROM input ORDER BY n;
INSERT INTO one SELECT * FROM input ORDER BY n;
INSERT INTO seven SELECT * FROM input ORDER BY n;
INSERT INTO thousand SELECT * FROM input ORDER BY n;
-- a transaction for each statement, and in a new session from the middle on
SELECT format('INSERT INTO pieces SELECT * FROM input WHERE n / 100 = %s ORDER BY n', i) FROM generate_series(0, 7) i \gexec
\c -
SET search_path = session_batches, public;
SET TimeZone = 'UTC';
SELECT format('INSERT INTO pieces SELECT * FROM input WHERE n / 100 = %s ORDER BY n', i) FROM generate_series(8, 14) i \gexec
-- it is a hard case, not an easy one
SELECT replace(view::text, 'whole', '') AS view, rows_in, rows_late, rows_dead FROM stream_agg.progress
WHERE view::text LIKE 'whole%' ORDER BY 1;
SELECT what, bool_and(hash IS NOT NULL AND hash = (SELECT hash FROM outcome('whole') w WHERE w.what = o.what)) AS same
FROM unnest('{one,seven,thousand,pieces}'::text[]) name, outcome(name) o GROUP BY what ORDER BY what;

-- The same by the rules of sessions, row by row.
CREATE FUNCTION by_rules(gap interval, lateness interval, with_keys boolean)
RETURNS TABLE (n int, late boolean, late_start timestamptz, late_end timestamptz, revised boolean) LANGUAGE plpgsql AS $$
DECLARE
	r record;
	w timestamptz;
	maxima timestamptz[] := '{-infinity,-infinity,-infinity}';
	from_ timestamptz;
	to_ timestamptz;
BEGIN
	CREATE TEMP TABLE model (k text, s timestamptz, e timestamptz);
	FOR r IN SELECT i.n, i.p, CASE WHEN with_keys THEN i.k ELSE '' END AS k, i.t FROM input i ORDER BY i.n LOOP
		w := maxima[r.p + 1] - interval '20 min';
		n := r.n;
		late := false; late_start := NULL; late_end := NULL; revised := false;
		SELECT s, e INTO late_start, late_end FROM model m
		WHERE m.k IS NOT DISTINCT FROM r.k AND m.s <= r.t + gap AND m.e >= r.t AND w > m.e + lateness ORDER BY e DESC LIMIT 1;
		late := FOUND;
		IF NOT late AND w > r.t + gap + lateness AND
			NOT EXISTS (SELECT FROM model m WHERE m.k IS NOT DISTINCT FROM r.k AND m.s <= r.t + gap AND m.e >= r.t) THEN
			late := true; late_start := r.t; late_end := r.t + gap;
		END IF;
		IF NOT late THEN
			SELECT least(min(s), r.t), greatest(max(e), r.t + gap) INTO from_, to_ FROM model m
			WHERE m.k IS NOT DISTINCT FROM r.k AND m.s <= r.t + gap AND m.e >= r.t;
			DELETE FROM model m WHERE m.k IS NOT DISTINCT FROM r.k AND m.s <= r.t + gap AND m.e >= r.t;
			INSERT INTO model VALUES (r.k, from_, to_);
			revised := w > to_;
		END IF;
		maxima[r.p + 1] := greatest(maxima[r.p + 1], r.t);
		RETURN NEXT;
	END LOOP;
	DROP TABLE model;
END
$$;
-- Gaps and islands over the rows that are not late, with their revisions.
CREATE FUNCTION islands(gap interval, lateness interval, with_keys boolean)
RETURNS TABLE (k text, window_start timestamptz, window_end timestamptz, count bigint, sum bigint, avg numeric, lowest int, highest int, revision bigint)
LANGUAGE sql AS $$
	WITH rows AS (SELECT CASE WHEN with_keys THEN i.k ELSE '' END AS k, i.n, v, t, revised FROM input i JOIN by_rules(gap, lateness, with_keys) r USING (n) WHERE NOT late),
	starts AS (SELECT *, CASE WHEN t - lag(t) OVER (PARTITION BY k ORDER BY t) <= gap THEN 0 ELSE 1 END AS start FROM rows),
	numbered AS (SELECT *, sum(start) OVER (PARTITION BY k ORDER BY t) AS session FROM starts)
	SELECT k, min(t), max(t) + gap, count(*), sum(v), avg(v), min(n), max(n), count(*) FILTER (WHERE revised)
	FROM numbered GROUP BY k, session
$$;
CREATE TABLE strict_rules AS SELECT * FROM islands('4 min', '0', true);
CREATE TABLE lenient_rules AS SELECT * FROM islands('4 min', '10 min', true);
CREATE TABLE all_rules AS SELECT * FROM islands('25 s', '20 min', false);
SELECT (SELECT count(*) FROM strict_rules) AS strict, (SELECT count(*) FROM lenient_rules) AS lenient, (SELECT count(*) FROM all_rules) AS all_,
	(SELECT max(count) FROM strict_rules) AS longest, (SELECT sum(revision) FROM lenient_rules) AS revisions, (SELECT sum(revision) FROM strict_rules) AS none;
WITH views AS (
	SELECT 'strict' AS what, k, window_start, window_end, count, sum, avg, lowest, highest, revision FROM stream_agg_data.whole_strict
	UNION ALL SELECT 'lenient', k, window_start, window_end, count, sum, avg, lowest, highest, revision FROM stream_agg_data.whole_lenient
	UNION ALL SELECT 'all', '', window_start, window_end, count, sum, avg, lowest, highest, revision FROM stream_agg_data.whole_all),
rules AS (
	SELECT 'strict' AS what, * FROM strict_rules UNION ALL SELECT 'lenient', * FROM lenient_rules UNION ALL SELECT 'all', * FROM all_rules)
(SELECT 'too much' AS problem, * FROM (TABLE views EXCEPT ALL TABLE rules) x) UNION ALL
(SELECT 'missing', * FROM (TABLE rules EXCEPT ALL TABLE views) x) ORDER BY 1, 2, 3, 4 LIMIT 10;
WITH views AS (
	SELECT replace(view::text, 'whole_', '') AS what, (row_data ->> 'n')::int AS n, window_start, window_end FROM stream_agg.late_rows WHERE view::text LIKE 'whole%'),
rules AS (
	SELECT 'strict', n, late_start, late_end FROM by_rules('4 min', '0', true) WHERE late
	UNION ALL SELECT 'lenient', n, late_start, late_end FROM by_rules('4 min', '10 min', true) WHERE late
	UNION ALL SELECT 'all', n, late_start, late_end FROM by_rules('25 s', '20 min', false) WHERE late)
(SELECT 'too much' AS problem, * FROM (TABLE views EXCEPT ALL TABLE rules) x) UNION ALL
(SELECT 'missing', * FROM (TABLE rules EXCEPT ALL TABLE views) x) ORDER BY 1, 2, 3 LIMIT 10;
-- states are there exactly as long as rows may come
SELECT count(*) FILTER (WHERE settled), count(*) FILTER (WHERE NOT settled), bool_and(settled = (avg_state IS NULL)) AS dropped
FROM (SELECT avg_state, window_end + interval '10 min' < stream_agg.watermark('whole_lenient') AS settled FROM stream_agg_data.whole_lenient) x;

SET client_min_messages = warning;
DROP SCHEMA session_batches CASCADE;
DROP SERVER session_batches;
