\set ECHO none
-- Helpers of the regression tests; included by most of them.

-- What two queries differ in: rows of the first alone with "-", of the second
-- alone with "+"; "ok" if in nothing.  Compared as text, so that the scale of a
-- numeric and the sign of a zero count.
CREATE FUNCTION pg_temp.differences(one text, other text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format(
		'WITH one AS MATERIALIZED (SELECT q::text AS r FROM (%s) q),
		 other AS MATERIALIZED (SELECT q::text AS r FROM (%s) q),
		 d AS (SELECT ''- '' || r AS r FROM (TABLE one EXCEPT ALL TABLE other) o
		 UNION ALL SELECT ''+ '' || r FROM (TABLE other EXCEPT ALL TABLE one) o)
		 SELECT r FROM d UNION ALL
		 SELECT ''ok'' WHERE NOT EXISTS (TABLE d) ORDER BY 1', one, other);
END
$$;

-- The main oracle: the view against its own query over a relation that has the
-- stream's rows; by default a relation named like the stream, with "_rows"
-- behind it.
CREATE FUNCTION pg_temp.check_view(v regclass, rows_of_stream text DEFAULT NULL)
RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	query text;
	stream text;
	columns text;
BEGIN
	SELECT regexp_replace(pg_get_viewdef(c.definition), ';$', ''), c.stream::text
	INTO STRICT query, stream
	FROM stream_agg.continuous_view c WHERE c.view = v;
	SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns
	FROM pg_attribute WHERE attrelid = v AND attnum > 0 AND attname <> 'is_final';
	RETURN QUERY SELECT * FROM pg_temp.differences(
		format('SELECT %s FROM %s', columns, v),
		regexp_replace(query, '\m' || stream || '\M',
					   coalesce(rows_of_stream, stream || '_rows'), 'g'));
END
$$;

-- What is left of streams and continuous views.
CREATE FUNCTION pg_temp.leftovers() RETURNS SETOF text
LANGUAGE sql AS $$
	SELECT 'reader of ' || stream FROM stream_agg.reader
	UNION ALL SELECT 'position' FROM stream_agg.position
	UNION ALL SELECT 'view ' || view FROM stream_agg.continuous_view
	UNION ALL SELECT 'progress ' || view FROM stream_agg.progress
	UNION ALL SELECT 'dead letter' FROM stream_agg.dead_letter
	UNION ALL SELECT 'late row' FROM stream_agg.late_row
	UNION ALL SELECT 'gap' FROM stream_agg.gap
	UNION ALL SELECT 'relation ' || oid::regclass FROM pg_class
	WHERE relnamespace = 'stream_agg_data'::regnamespace AND relkind IN ('r', 'v')
	ORDER BY 1
$$;
\set ECHO all
