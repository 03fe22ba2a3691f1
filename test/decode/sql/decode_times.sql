-- The session's settings must not matter.
SET timezone = 'America/New_York';
SET datestyle = 'ISO, DMY';

CREATE TABLE times (id serial, t text);
INSERT INTO times (t) VALUES
	('2024-01-02T03:04:05Z'), ('2024-01-02T03:04:05.678Z'), ('2024-01-02 03:04:05.678901+02'),
	('2024-01-02T03:04:05-05:30'), ('2024-01-02T03:04:05+0545'), ('2024-01-02T03:04Z'),
	('2024-01-02'), ('2024-07-01T12:00:00'), ('2024-07-01T12:00:00.5'),
	('2024-01-02T03:04:05.1234565Z'), ('2024-01-02T03:04:05.9999999Z'),
	('2024-02-29T00:00:00Z'), ('0001-01-01T00:00:00Z'), ('9999-12-31T23:59:59.999999Z'),
	('2024-03-31T02:30:00'), ('2024-10-27T02:30:00');
SELECT id, t, decode_json(to_json(t)::text, 'timestamptz') AS utc,
	decode_json(to_json(t)::text, 'timestamp', 'Europe/Berlin') AS berlin
FROM times ORDER BY id;

-- an independent reading by PostgreSQL gives the same instants
SET timezone = 'Europe/Berlin';
SELECT count(*) AS different FROM times
WHERE decode_json(to_json(t)::text, 'timestamptz', 'Europe/Berlin') <> t::timestamptz::text;
SELECT count(*) AS tried, count(*) FILTER (WHERE value IS DISTINCT FROM t::timestamptz::text) AS different
FROM (SELECT array_agg(t) AS texts, array_agg(convert_to(json_build_object('v', t)::text, 'UTF8')) AS docs
	  FROM (SELECT to_char(timestamp '1890-01-01' + n * interval '1 hour 1377 seconds' * 37, 'YYYY-MM-DD"T"HH24:MI:SS') ||
				   CASE WHEN n % 3 = 0 THEN '.' || (n * 7919 % 1000000007) ELSE '' END ||
				   CASE n % 4 WHEN 0 THEN 'Z' WHEN 1 THEN '+0' || n % 10 || ':30' WHEN 2 THEN '-1' || n % 5 ELSE '' END AS t
			FROM generate_series(1::bigint, 20000) AS n) AS x) AS all_texts,
	decode_all(docs, '{v}', '{timestamptz}', 'Europe/Berlin') AS r,
	LATERAL (SELECT texts[r.doc] AS t) AS t;
SET timezone = 'America/New_York';

-- what isn't quite ISO goes to PostgreSQL, with the stream's zone, months first
SELECT v, decode_json(v, 'timestamptz', 'Europe/Berlin') AS timestamptz,
	decode_json(v, 'timestamp', 'Europe/Berlin') AS "timestamp"
FROM unnest(ARRAY['"2024-01-02 03:04:05 +02"', '"Jan 2 2024 3:04 pm"', '"01/02/2024 12:00"',
	'"2024-01-02T03:04:60Z"', '"2024-01-02T24:00:00Z"', '"20240102T030405Z"',
	'"2024-07-01 12:00:00 America/New_York"', '"2024-01-02T03:04:05.1234567891Z"',
	'"infinity"', '"-infinity"', '"epoch"', '"2024-01-02T03:04:05\u005a"', '"J2451187"']) AS v;

-- bad times
SELECT v, decode_json(v, 'timestamptz')
FROM unnest(ARRAY['""', '"x"', '"2023-02-29T00:00:00Z"', '"2024-13-01T00:00:00Z"', '"2024-01-02T25:00:00Z"',
	'"2024-01-02T03:61:00Z"', '"2024-01-02T03:04:05+25:00"', '"12:00"', '"294277-01-01"', '"2024-01-02T"',
	'"now"', '"NOW"', '"today 12:00"', '"tomorrow"', '"yesterday"', 'true', '{}', '1704164645', 'null']) AS v;

-- numbers with a unit
SELECT v, decode_json(v, 'timestamptz', 'UTC', 's') AS s, decode_json(v, 'timestamptz', 'UTC', 'ms') AS ms,
	decode_json(v, 'timestamptz', 'UTC', 'us') AS us, decode_json(v, 'timestamp', 'UTC', 'ns') AS ns
FROM unnest(ARRAY['0', '-1', '1704164645', '1704164645.123456', '1704164645123', '1704164645123456',
	'1704164645123456789', '1.704164645e9', '1704164645123.4567', '-1500.5', '9223372036854775807',
	'99999999999999999999', '1e400', '-1e400', '1e-400', '"2024-01-02T03:04:05Z"', '"1704164645"']) AS v;

-- precision
SELECT decode_json('"2024-01-02T03:04:05.678Z"', 'timestamptz(0)'), decode_json('"2024-01-02T03:04:05.678"', 'timestamp(1)'),
	decode_json('1704164645678', 'timestamptz(1)', 'UTC', 'ms');

-- dates and times of day
SELECT v, decode_json(v, 'date') AS date, decode_json(v, 'time') AS time,
	decode_json(v, 'timetz', 'Asia/Tokyo') AS timetz, decode_json(v, 'interval') AS interval
FROM unnest(ARRAY['"2024-01-02"', '"2023-02-29"', '"01/02/2024"', '"2024-01-02T23:30:00-05:00"', '20240102', '"today"',
	'"12:34:56.5"', '"now"', '"1 day"', '"-1 2:03"', '"infinity"']) AS v;
SELECT current_setting('timezone'), current_setting('datestyle'), '01/02/2024'::date AS day_first,
	extract(timezone FROM '2024-01-02'::timestamptz) AS still_new_york;
RESET timezone;
RESET datestyle;
