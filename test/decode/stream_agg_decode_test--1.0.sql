/* Tests of the decoder of stream_agg; never installed with it. */
\echo Use "CREATE EXTENSION stream_agg_decode_test" to load this file. \quit

-- One row for each document and path, in that order.  All documents go through
-- one decoder, and errors are rows: SQLSTATE and message.
CREATE FUNCTION decode_all(docs bytea[], paths text[], types text[],
						   zone text DEFAULT 'UTC', epoch text DEFAULT NULL,
						   format text DEFAULT 'json',
						   OUT doc integer, OUT col integer, OUT value text,
						   OUT missing boolean, OUT error text)
RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C;

-- One value of one document {"v": ...}.
CREATE FUNCTION decode_json(json text, type text, zone text DEFAULT 'UTC',
					   epoch text DEFAULT NULL)
RETURNS text
LANGUAGE sql
AS $$
SELECT coalesce(error, value, CASE WHEN missing THEN 'missing' ELSE 'null' END)
FROM decode_all(ARRAY[convert_to('{"v": ' || json || '}', 'UTF8')],
				'{v}', ARRAY[type], zone, epoch)
$$;

-- One column that is filled from the message itself.
CREATE FUNCTION decode_metadata(source text, type text,
								key bytea DEFAULT NULL,
								value bytea DEFAULT NULL,
								kafka_partition integer DEFAULT 0,
								kafka_offset bigint DEFAULT 0,
								timestamp_ms bigint DEFAULT 0,
								header_names text[] DEFAULT '{}',
								header_values bytea[] DEFAULT '{}',
								format text DEFAULT 'json')
RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C;

CREATE FUNCTION check_type(source text, type text, format text DEFAULT 'json',
						   epoch text DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C;

-- A document that depends on the seed only; damaged: with some bytes changed,
-- cut off or added.
CREATE FUNCTION random_json(seed bigint, damaged boolean) RETURNS bytea
AS 'MODULE_PATHNAME', 'random_json_sql' LANGUAGE C STRICT;

-- Nanoseconds for one document, parsing and all columns.
CREATE FUNCTION decode_benchmark(doc bytea, paths text[], types text[],
								 repeat integer, zone text DEFAULT 'UTC')
RETURNS float8
AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
