-- Random documents, sound and damaged: every field must be what jsonb says it
-- is, and what jsonb refuses must be refused with the same SQLSTATE.

-- What is wrong with the decoder's view of a document; no row if nothing is.
-- \u0000 and giant numbers are looked at only in fields that are asked for, so
-- documents that jsonb refuses for these are left out.
CREATE FUNCTION differences(doc bytea, paths text[])
RETURNS TABLE (path text, expected text, got text)
LANGUAGE plpgsql AS $$
DECLARE
	document jsonb;
	state text;
BEGIN
	BEGIN
		document := convert_from(doc, 'UTF8')::jsonb;
	EXCEPTION WHEN untranslatable_character OR numeric_value_out_of_range THEN
		RETURN;
	WHEN data_exception THEN
		state := SQLSTATE;
	END;

	IF state IS NULL AND jsonb_typeof(document) <> 'object' THEN
		state := '22P02';
	END IF;
	IF state IS NOT NULL THEN
		RETURN QUERY SELECT NULL, state, coalesce(d.error, d.value)
			FROM decode_all(ARRAY[doc], paths, '{text}') AS d
			WHERE d.col > 0 OR left(d.error, 5) <> state;
		RETURN;
	END IF;

	RETURN QUERY SELECT p.path, document #>> p.names, coalesce(d.error, d.value)
		FROM decode_all(ARRAY[doc], paths, '{text}') AS d,
			(SELECT n, u, string_to_array(u, '.')
			 FROM unnest(paths) WITH ORDINALITY AS u(u, n)) AS p(n, path, names)
		WHERE d.col = p.n AND
			CASE jsonb_typeof(document #> p.names)
			WHEN 'string' THEN (d.value = document #>> p.names) IS NOT TRUE
			WHEN 'null' THEN d.value IS NOT NULL OR d.missing OR d.error IS NOT NULL
			ELSE CASE WHEN document #> p.names IS NULL
				THEN d.value IS NOT NULL OR NOT d.missing OR d.error IS NOT NULL
				ELSE (d.value::jsonb = document #> p.names) IS NOT TRUE
				END
			END
	UNION ALL
		SELECT NULL, 'no error', d.error
		FROM decode_all(ARRAY[doc], paths, '{text}') AS d
		WHERE d.col = 0;
END
$$;

\set paths '{a,b,c,ab,id,é,user_name,a.b,a.a,a.c,b.a.ab,b\\\\c,ab.ab.ab.ab,c.c}'
SELECT array_length(:'paths'::text[], 1) AS paths, (:'paths'::text[])[12] AS odd_name;

SELECT seed, d.* FROM generate_series(1, 5000) AS seed,
	differences(random_json(seed, false), :'paths') AS d LIMIT 10;
SELECT seed, d.* FROM generate_series(1, 5000) AS seed,
	differences(random_json(seed, true), :'paths') AS d LIMIT 10;

-- The same documents through one decoder that learns the order of the fields
-- must give the same as a decoder for each.
WITH docs AS (
	SELECT array_agg(random_json(seed, seed % 4 = 0) ORDER BY seed) AS docs
	FROM generate_series(1, 2000) AS seed
), one AS (
	SELECT d.* FROM docs, decode_all(docs, :'paths', '{text}') AS d
), many AS (
	SELECT u.n::integer AS doc, d.col, d.value, d.missing, d.error
	FROM docs, unnest(docs) WITH ORDINALITY AS u(doc, n),
		decode_all(ARRAY[u.doc], :'paths', '{text}') AS d
)
SELECT count(*) > 15000 AS enough,
	count(*) FILTER (WHERE a IS DISTINCT FROM b) AS different
FROM one AS a FULL JOIN many AS b USING (doc, col);

-- The generator makes enough of each kind.
SELECT count(*) FILTER (WHERE error IS NULL) > 4000 AS sound,
	count(*) FILTER (WHERE error LIKE '22P02%') > 500 AS malformed,
	count(*) FILTER (WHERE error LIKE '22021%') > 50 AS bad_encoding,
	count(*) FILTER (WHERE error LIKE '22P05%') > 5 AS zero
FROM generate_series(1, 5000) AS seed, generate_series(0, 1) AS damaged,
	decode_all(ARRAY[random_json(seed, damaged = 1)], '{a}', '{text}');
