--
-- bench/soak.d/checkpoints.sql
--	  The minutes in which a checkpoint began, next to the others.
--
-- NOTES
--	  Cells with "|" between, for bench/soak.d/measure.sh: means, but for "max".
--	  After a checkpoint has begun, the first change of each page is logged as the
--	  whole page.
--
SELECT concat_ws('|', CASE WHEN begun > 0 THEN 'a checkpoint began' ELSE 'none began' END,
	count(*), avg(cpu)::numeric(9,2), avg(wal)::numeric(9,0), avg(p50)::numeric(9,1),
	avg(p99)::numeric(9,1), max(greatest)::numeric(9,1))
FROM (SELECT m.*, least(1, m.checkpoints - b.checkpoints) AS begun
	FROM minutes AS m JOIN sample AS b ON b.minute = m.minute - 1) AS m
GROUP BY begun ORDER BY begun DESC;
