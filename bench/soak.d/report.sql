--
-- bench/soak.d/report.sql
--	  The first minutes next to the last ones, ten of each if there are so many.
--
-- NOTES
--	  Cells with "|" between, for bench/soak.d/measure.sh.  psql's variable: span.
--	  Rates are means, percentiles are medians of those of the minutes, and sizes
--	  are those at the end of each span.
--
WITH figure AS (
	SELECT minute, f.* FROM minutes, LATERAL (VALUES
		(1, 'rows/s', 'mean', rate),
		(2, 'CPU s/M rows', 'mean', cpu),
		(3, 'WAL MB/M rows', 'mean', wal),
		(4, 'HOT %', 'mean', hot),
		(5, 'p50 ms', 'median', p50),
		(6, 'p99 ms', 'median', p99),
		(7, 'max ms', 'greatest', greatest),
		(8, 'private MB', 'at the end', private_mb)) AS f (number, name, what, value)
	UNION ALL
	SELECT minute, 9, view || ' MB', 'at the end', bytes / 1048576.0 FROM table_sample
	UNION ALL
	SELECT minute, 10, view || ' dead', 'at the end', dead FROM table_sample
), half AS (
	SELECT number, name, what, minute <= :span AS early, CASE what
		WHEN 'mean' THEN avg(value)
		WHEN 'median' THEN percentile_disc(0.5) WITHIN GROUP (ORDER BY value)
		WHEN 'greatest' THEN max(value)
		ELSE (array_agg(value ORDER BY minute DESC))[1] END AS value
	FROM figure
	WHERE minute BETWEEN 1 AND :span OR minute > (SELECT max(minute) FROM sample) - :span
	GROUP BY number, name, what, early
)
SELECT concat_ws('|', e.name, e.what,
	round(e.value::numeric, CASE WHEN e.value < 100 THEN 1 ELSE 0 END),
	round(l.value::numeric, CASE WHEN l.value < 100 THEN 1 ELSE 0 END),
	coalesce((l.value / nullif(e.value, 0))::numeric(9,2)::text, '-'))
FROM half AS e JOIN half AS l USING (number, name)
WHERE e.early AND NOT l.early ORDER BY number, name;
