-- Numbers are read as they are written.
SELECT v, decode_json(v, 'smallint') AS smallint, decode_json(v, 'integer') AS integer,
	decode_json(v, 'bigint') AS bigint
FROM unnest(ARRAY['0', '-0', '7', '-32768', '32768', '2147483647', '2147483648',
	'-2147483648', '9223372036854775807', '-9223372036854775808', '9223372036854775808',
	'99999999999999999999', '1.5', '1.0', '1e3', '"12"', '" 12 "', '"x"', '""', 'true',
	'[1]', 'null']) AS v;

SELECT v, decode_json(v, 'float8') AS float8, decode_json(v, 'float4') AS float4
FROM unnest(ARRAY['0', '-0', '-0.0', '1.1', '0.1', '1e3', '1.5e-7', '123456789.125',
	'16777217', '9007199254740993', '1e22', '1e23', '1.7976931348623157e308', '1e309', '1e400',
	'-1e400', '5e-324', '1e-400', '1e39', '"2.5"', '"NaN"', '"Infinity"', '"-inf"', '"x"', 'false']) AS v;

SELECT v, decode_json(v, 'numeric') AS numeric, decode_json(v, 'numeric(6,2)') AS "numeric(6,2)"
FROM unnest(ARRAY['0', '-0', '0.00', '1.10', '-1.10', '0.1', '123456789012345678',
	'123456789012345678.123456789012345678', '1234567890123456789012', '1e3', '1.50e1', '1.5e-3',
	'9999.99', '9999.995', '12345.6', '"1.10"', '" 7 "', '"NaN"', '"Infinity"', '"x"', '{}']) AS v;

-- a short message is not made into a long number
SELECT v, decode_json(v, 'numeric') FROM unnest(ARRAY['1e1001', '1e131071', '1e131072',
	'1e-5000', '"1e131071"', '1e99999999999999999999', '1e-99999999999999999999']) AS v;
SELECT length(decode_json('1e999', 'numeric')), decode_json(repeat('9', 1000), 'numeric') = repeat('9', 1000) AS same,
	decode_json(repeat('9', 1001), 'numeric'), decode_json('0.' || repeat('1', 1000), 'numeric');

-- floats are those that PostgreSQL makes of the same text
SELECT count(*) AS tried, count(*) FILTER (WHERE value IS DISTINCT FROM text::float8::text) AS different
FROM (SELECT array_agg(t) AS texts,
			 array_agg(convert_to('{"v":' || t || '}', 'UTF8')) AS docs
	  FROM (SELECT (n * 7919 % 1000003 * (CASE WHEN n % 3 = 0 THEN -1 ELSE 1 END))::text ||
				   CASE WHEN n % 2 = 0 THEN '.' || (n * 104729 % 9999991) ELSE '' END ||
				   CASE WHEN n % 5 = 0 THEN 'e' || (n % 61 - 30) ELSE '' END AS t
			FROM generate_series(1::bigint, 20000) AS n) AS x) AS all_texts,
	decode_all(docs, '{v}', '{float8}') AS r,
	LATERAL (SELECT texts[r.doc] AS text) AS t;
SELECT count(*) AS tried, count(*) FILTER (WHERE value IS DISTINCT FROM text::float4::text) AS different
FROM (SELECT array_agg(t) AS texts,
			 array_agg(convert_to('{"v":' || t || '}', 'UTF8')) AS docs
	  FROM (SELECT (n * 7919 % 100003)::text ||
				   CASE WHEN n % 2 = 0 THEN '.' || (n * 104729 % 991) ELSE '' END ||
				   CASE WHEN n % 5 = 0 THEN 'e' || (n % 31 - 15) ELSE '' END AS t
			FROM generate_series(1::bigint, 20000) AS n) AS x) AS all_texts,
	decode_all(docs, '{v}', '{float4}') AS r,
	LATERAL (SELECT texts[r.doc] AS text) AS t;

SELECT v, decode_json(v, 'boolean') FROM unnest(ARRAY['true', 'false', '"yes"', '"f"', '1', '0',
	'2', '"x"', '[]']) AS v;
