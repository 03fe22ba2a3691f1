-- Strings give what they stand for, everything else its own text.
SELECT v, decode_json(v, 'text') AS text, decode_json(v, 'varchar(4)') AS "varchar(4)",
	'[' || decode_json(v, 'char(4)') || ']' AS "char(4)", decode_json(v, 'name') AS name
FROM unnest(ARRAY['"abc"', '""', '"abcd "', '"abcd  e"', '"äöüß"', '"äöüßx"', '"a\u00e9\n"', '1.50', 'true',
	'{"a" : 1}', '[1,  2]', '"\u0000"', '"a\ud83d\ude00b"']) AS v;

SELECT v, decode_json(v, 'json') AS json, decode_json(v, 'jsonb') AS jsonb, decode_json(v, 'bytea') AS bytea
FROM unnest(ARRAY['"abc"', '{"b" : 1, "a": [1.10, {}], "b": 2}', '1.50', 'true', '[]', '"\\x0aff"', '"\\000"',
	'{"a": "\u0000"}', '"\\u0000"', '"a\u00e9"']) AS v;

-- arrays and rows
CREATE TYPE point3 AS (x integer, y numeric(4,1), tags text[]);
CREATE TYPE mood AS ENUM ('good', 'bad');
SELECT v, decode_json(v, 'integer[]') AS "integer[]", decode_json(v, 'text[]') AS "text[]"
FROM unnest(ARRAY['[1, 2, null]', '[]', '[[1, 2], [3, 4]]', '"{1,2}"', '["a", {"b": 1}]', '{}', '1', '[1.5]',
	'["\u0000"]', '[99999999999]']) AS v;
SELECT v, decode_json(v, 'point3') AS point3, decode_json(v, 'point3[]') AS "point3[]"
FROM unnest(ARRAY['{"x": 1, "y": 2.25, "tags": ["a", "b"]}', '{}', '{"x": "1", "x": 2}', '"(1,2,{})"',
	'[{"x": 1}, {"y": 3}]', '{"x": "a"}', '[1]']) AS v;
SELECT decode_json('["2024-01-02 12:00"]', 'timestamptz[]', 'Asia/Tokyo') AS tokyo,
	decode_json('"[2024-01-02 12:00, 2024-01-03 12:00)"', 'tstzrange', 'Asia/Tokyo') AS range;

-- other types
SELECT decode_json('"good"', 'mood'), decode_json('"ugly"', 'mood'), decode_json('"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"', 'uuid'),
	decode_json('"x"', 'uuid'), decode_json('"10.0.0.1/8"', 'inet'), decode_json('"(1,2)"', 'point'), decode_json('"c"', '"char"'),
	decode_json('"101"', 'bit varying(2)'), decode_json('"[1,5)"', 'int4range');

-- domains: the rules of the type below hold, then the domain's own
CREATE DOMAIN percent AS numeric(5,2) CHECK (VALUE BETWEEN 0 AND 100);
CREATE DOMAIN moment AS timestamptz NOT NULL;
CREATE DOMAIN code AS varchar(3) CHECK (VALUE ~ '^[A-Z]+$');
CREATE DOMAIN small_array AS integer[] CHECK (cardinality(VALUE) < 3);
CREATE DOMAIN evening AS text CHECK (extract(hour FROM VALUE::timestamptz) >= 18);
SELECT v, decode_json(v, 'percent') AS percent FROM unnest(ARRAY['99.555', '101', '"NaN"', 'null', '1e1001']) AS v;
SELECT v, decode_json(v, 'moment', 'Asia/Tokyo') AS moment
FROM unnest(ARRAY['"2024-01-02T03:04:05"', 'null', '"now"', '1704164645']) AS v;
SELECT decode_json('1704164645', 'moment', 'UTC', 's');
SELECT v, decode_json(v, 'code') AS code FROM unnest(ARRAY['"AB"', '"ab"', '"ABCD"']) AS v;
SELECT v, decode_json(v, 'small_array') AS small_array FROM unnest(ARRAY['[1, 2]', '[1, 2, 3]', '"{7}"']) AS v;
SELECT decode_json('"2024-01-02 19:00+09"', 'evening', 'Asia/Tokyo') AS tokyo,
	decode_json('"2024-01-02 19:00+09"', 'evening', 'UTC') AS utc;

-- errors leave the decoder usable: array and row conversions after failed ones
SELECT r.doc, r.col, r.value, r.error FROM decode_all(ARRAY[
	'{"p": {"x": "bad"}, "a": [1, "x"], "d": 101}', '{"p": {"x": 1}, "a": [1], "d": 99}',
	'{"p": {"x": 1, "tags": 3}, "a": [[1], 2], "d": "z"}', '{"p": {"x": 2}, "a": [2], "d": 98}']::bytea[],
	'{p,a,d}', '{point3,integer[],percent}') AS r;

-- which types may be filled from what
SELECT s, t, check_type(s, t) FROM (VALUES
	('field', 'percent'), ('field', 'point3[]'), ('key', 'text'), ('key', 'bytea'), ('key', 'code'), ('key', 'integer'),
	('value', 'jsonb'), ('value', 'date'), ('partition', 'smallint'), ('partition', 'bigint'), ('partition', 'text'),
	('offset', 'bigint'), ('offset', 'integer'), ('timestamp', 'moment'), ('timestamp', 'date'), ('headers', 'jsonb'),
	('headers', 'json'), ('topic', 'varchar(20)'), ('topic', 'name'), ('processed_at', 'timestamp'), ('processed_at', 'time')) AS v(s, t);
SELECT check_type('field', 'moment', epoch => 'ms') AS domain, check_type('field', 'date', epoch => 'ms') AS date,
	check_type('timestamp', 'timestamptz', epoch => 'ms') AS metadata, check_type('field', 'integer', 'raw') AS raw_integer,
	check_type('field', 'bytea', 'raw') AS raw_bytea;
