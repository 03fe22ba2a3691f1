-- suggest_out_of_orderness: the delay that would have kept a fraction on time.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/regress/oracle.sql'
\i :oracle
CREATE SCHEMA watermark_suggest;
SET search_path = watermark_suggest, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
CREATE SERVER watermark_suggest FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (t timestamptz, p int OPTIONS (metadata 'partition'))
	SERVER watermark_suggest OPTIONS (event_time 't', partitions '2', batch_rows '3');
-- nothing seen: without a view rows go nowhere
SELECT stream_agg.suggest_out_of_orderness('s', 0.99);
INSERT INTO s VALUES ('2024-01-01 10:00', 0), ('2024-01-01 09:00', 0);
SELECT stream_agg.suggest_out_of_orderness('s', 0.99);
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, count(*) FROM s, tumble(t, '1 day') GROUP BY 1;
SELECT stream_agg.suggest_out_of_orderness('s', 0.99);
-- 10 rows: 6 in order, the others late by 1 s, 40 s, 41 s and 25 minutes,
-- measured against their own partition, over batches
INSERT INTO s VALUES ('2024-01-01 10:00:00', 0), ('2024-01-01 12:00:00', 1), ('2024-01-01 10:01:00', 0),
	('2024-01-01 10:01:00', 0), ('2024-01-01 10:00:59', 0), ('2024-01-01 10:30:00', 0), ('2024-01-01 10:29:20', 0),
	('2024-01-01 10:05:00', 0), ('2024-01-01 12:01:00', 1), ('2024-01-01 12:00:19', 1);
-- bad rows are not counted
INSERT INTO s VALUES (NULL, 0), ('infinity', 1);
SELECT f AS fraction, stream_agg.suggest_out_of_orderness('s', f)
FROM unnest('{1e-300,0.1,0.6,0.61,0.7,0.8,0.81,0.9,0.91,1}'::float8[]) f;
-- It is what it says: with that delay this fraction is on time.
CREATE TABLE input AS SELECT i AS n,
	'2024-01-01'::timestamptz + (i * 30 - CASE WHEN i % 3 = 0 THEN ((i * 7919) % 1000) ^ 1.4 ELSE 0 END) * '1 s'::interval AS t
FROM generate_series(1, 5000) i;
CREATE TABLE lateness AS SELECT n, greatest(max(t) OVER (ORDER BY n) - t, '0') AS late FROM input;
CREATE FOREIGN TABLE s2 (t timestamptz) SERVER watermark_suggest OPTIONS (event_time 't');
CREATE MATERIALIZED VIEW v2 WITH (stream_agg.continuous) AS SELECT * FROM s2;
INSERT INTO s2 SELECT t FROM input ORDER BY n;
SELECT f AS fraction, s AS suggested, e AS exact, s >= e AS enough, s <= e * 4 / 3 AS precise,
	(SELECT count(*) FILTER (WHERE late <= s)::float8 / count(*) >= f FROM lateness) AS on_time
FROM unnest('{0.5,0.7,0.9,0.99,0.999,1}'::float8[]) f, stream_agg.suggest_out_of_orderness('s2', f) s,
	LATERAL (SELECT percentile_disc(f) WITHIN GROUP (ORDER BY late) AS e FROM lateness) x;
-- the lengths that it may give: round ones
CREATE FOREIGN TABLE s3 (t timestamptz) SERVER watermark_suggest OPTIONS (event_time 't');
CREATE MATERIALIZED VIEW v3 WITH (stream_agg.continuous) AS SELECT * FROM s3;
CREATE FUNCTION suggested(late interval) RETURNS interval LANGUAGE plpgsql AS $$
DECLARE
	result interval;
BEGIN
	INSERT INTO s3 VALUES ('2024-01-01'), ('2024-01-01'::timestamptz - late);
	result := stream_agg.suggest_out_of_orderness('s3', 1);
	DROP MATERIALIZED VIEW v3;
	CREATE MATERIALIZED VIEW v3 WITH (stream_agg.continuous) AS SELECT * FROM s3;
	RETURN result;
END
$$;
SELECT late, suggested(late) FROM unnest('{0,1 us,1 ms,1001 us,10 ms,11 ms,0.9 s,1 s,59 s,60 s,61 s,1 hour,
	1 day,300 days,2000 years}'::interval[]) late;

-- What is refused.
SELECT stream_agg.suggest_out_of_orderness('s', 0);
SELECT stream_agg.suggest_out_of_orderness('s', -0.5);
SELECT stream_agg.suggest_out_of_orderness('s', 1.01);
SELECT stream_agg.suggest_out_of_orderness('s', 'NaN');
SELECT stream_agg.suggest_out_of_orderness('s', NULL), stream_agg.suggest_out_of_orderness(NULL, 0.5);
SELECT stream_agg.suggest_out_of_orderness('v', 0.5);
SELECT stream_agg.suggest_out_of_orderness('input', 0.5);
SELECT stream_agg.suggest_out_of_orderness(1::oid::regclass, 0.5);
CREATE ROLE watermark_suggest_user;
GRANT USAGE ON SCHEMA watermark_suggest TO watermark_suggest_user;
GRANT SELECT ON s TO watermark_suggest_user;
SET ROLE watermark_suggest_user;
SELECT stream_agg.suggest_out_of_orderness('s', 0.5);
RESET ROLE;
-- a member of the owner may ask
CREATE ROLE watermark_suggest_owner;
ALTER FOREIGN TABLE s OWNER TO watermark_suggest_owner;
GRANT watermark_suggest_owner TO watermark_suggest_user;
SET ROLE watermark_suggest_user;
SELECT stream_agg.suggest_out_of_orderness('s', 0.8);
RESET ROLE;

SET client_min_messages = warning;
DROP SCHEMA watermark_suggest CASCADE;
DROP SERVER watermark_suggest;
DROP ROLE watermark_suggest_user, watermark_suggest_owner;
SELECT * FROM pg_temp.leftovers();
