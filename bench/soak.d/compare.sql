--
-- bench/soak.d/compare.sql
--	  Compares the views with what was produced: a line for each, with the number
--	  of rows that differ.
--
-- NOTES
--	  Averages are equal up to rounding.  Windows of user_minutes may be gone, as
--	  a whole, once the watermark has passed their end by the retention; of those
--	  some must be, or nothing was removed.
--
SET work_mem = '512MB';
CREATE UNLOGGED TABLE manifest (partition int, "offset" bigint, p bigint, s bigint,
	user_id text, page text, amount float8, event_time timestamptz, poison boolean);
\copy manifest FROM 'first.manifest'
\copy manifest FROM 'events.manifest'

CREATE VIEW manifest_summary AS
SELECT count(*) AS n, sum(s) AS s, sum(amount::numeric) AS amount,
	sum(hashtextextended(concat(user_id, page, event_time), s)) AS hash FROM manifest;
CREATE VIEW load_summary AS
SELECT count(*) AS n, sum(s) AS s, sum(amount::numeric) AS amount,
	sum(hashtextextended(concat(user_id, page, event_time), s)) AS hash FROM load_rows;
SELECT 'load_rows', count(*) FROM (TABLE manifest_summary EXCEPT TABLE load_summary) AS d;

SELECT 'page_minutes', count(*)
FROM (SELECT date_trunc('minute', event_time) AS window_start, page, count(*) AS n,
		avg(amount) AS average, max(amount) AS greatest FROM manifest GROUP BY 1, 2) AS e
FULL JOIN page_minutes AS v USING (window_start, page)
WHERE (e.n, e.greatest) IS DISTINCT FROM (v.n, v.greatest)
	OR (abs(e.average - v.average) <= 1e-9 * e.average) IS NOT TRUE;

SELECT 'user_totals', count(*)
FROM (SELECT user_id, count(*) AS n, avg(amount) AS average, max(amount) AS greatest
	FROM manifest GROUP BY 1) AS e
FULL JOIN user_totals AS v USING (user_id)
WHERE (e.n, e.greatest) IS DISTINCT FROM (v.n, v.greatest)
	OR (abs(e.average - v.average) <= 1e-9 * e.average) IS NOT TRUE;

CREATE UNLOGGED TABLE expected AS
SELECT date_trunc('minute', event_time) AS window_start, user_id, count(*) AS n,
	avg(amount) AS average, max(amount) AS greatest FROM manifest GROUP BY 1, 2;
SELECT stream_agg.watermark('user_minutes') - interval '11 minutes' AS kept_from \gset
SELECT 'user_minutes', count(*)
FROM expected AS e FULL JOIN user_minutes AS v USING (window_start, user_id)
WHERE NOT (v.n IS NULL AND window_start <= :'kept_from')
	AND ((e.n, e.greatest) IS DISTINCT FROM (v.n, v.greatest)
		OR (abs(e.average - v.average) <= 1e-9 * e.average) IS NOT TRUE);
SELECT 'retention of user_minutes', CASE WHEN count(v.n) < count(*) OR count(*) = 0 THEN 0
	ELSE count(*) END
FROM expected AS e LEFT JOIN user_minutes AS v USING (window_start, user_id)
WHERE window_start <= :'kept_from';

SELECT 'dead letters, late rows',
	(SELECT count(*) FROM stream_agg.dead_letters) + (SELECT count(*) FROM stream_agg.late_rows);
