-- Messages that must be refused, each with its reason, and none with an exception.
SELECT n, col, left(error, 100) AS error FROM (VALUES
	(1, '\x'::bytea), (2, NULL), (3, '\x7b2276223a22ff227d'), (4, '\x7b2276223a2261006222'),
	(5, '{"v": "\\ud800"}'), (6, '{"v": "\\udc00"}'), (7, '{"v": "\\ud800\\u0041"}'), (8, '{"v": NaN}'), (9, '{"v": Infinity}'),
	(10, '{"v": 1'), (11, '{"v": 1}}'), (12, '{"v": 1} {}'), (13, '{v: 1}'), (14, '{"v": 01}'), (15, '{"v": "a'),
	(16, '{"v": 1,}'), (17, '{"other": tru, "v": 1}'), (18, '{"v" 1}'), (19, '{"v": "\\x"}'), (20, E'{"v": "a\nb"}'::bytea),
	(21, convert_to(U&'\FEFF{"v": 1}', 'UTF8')), (22, '{"v": 12345678901234567890, "w": }'),
	(23, convert_to('{"' || repeat('x', 10000), 'UTF8'))) AS m(n, doc),
	decode_all(ARRAY[doc], '{v}', '{text}') AS d;

-- \u0000 is the fault of the column that asks for it
SELECT col, value, error FROM decode_all(ARRAY['{"v": "\\u0000", "w": "\\\\u0000", "x": {"y": "\\u0000"}}'::bytea],
	'{v,w,x,x}', '{text,text,jsonb,json}');

-- numbers that don't fit 64 bits or a double are valid JSON
SELECT col, left(value, 60) AS value, error FROM decode_all(ARRAY[
	'{"a": 123456789012345678901234567890, "b": 1e400, "c": [1e999, -99999999999999999999], "d": "x", "e": 1.5}'::bytea],
	'{a,a,b,c,c,d,e}', '{numeric,text,float8,text,jsonb,text,float8}');

-- depth
CREATE FUNCTION nested(depth integer, open text, close text, core text) RETURNS bytea LANGUAGE sql
AS $$ SELECT convert_to('{"v": 1, "w": ' || repeat(open, depth) || core || repeat(close, depth) || '}', 'UTF8') $$;
SELECT depth, open, col, value, error FROM (VALUES (1000), (1022), (1023), (1024), (5000), (100000)) AS d(depth),
	(VALUES ('[', ']', ''), ('{"w":', '}', '1')) AS o(open, close, core),
	decode_all(ARRAY[nested(depth, open, close, core)], '{v}', '{text}') ORDER BY 2, 1;
SELECT error FROM decode_all(ARRAY[nested(100000, '[', '', '')], '{v}', '{text}');
SELECT error FROM decode_all(ARRAY[nested(100000, '[', ']', '1e400')], '{v}', '{text}');
SELECT error FROM decode_all(ARRAY[nested(1000, '[', ']', 'x')], '{v}', '{text}');
SELECT left(decode_metadata('value', t, value => nested(100000, '[', ']', ''), format => 'raw'), 40)
FROM unnest('{json,jsonb}'::text[]) AS t;

-- size: 20 MB in one string, in many fields, in nothing wanted; then a small one again
SELECT doc, col, length(value), error FROM decode_all(ARRAY[
	convert_to('{"v": "' || repeat('x', 20000000) || '", "w": 1}', 'UTF8'),
	convert_to('{"v": "' || repeat('\u00e9', 3000000) || '", "w": 22}', 'UTF8'),
	convert_to('{"z": [' || repeat('[1,{"v":"a"}],', 1400000) || '0], "w": 333, "v": ""}', 'UTF8'),
	'{"v": "small", "w": 4444}'], '{v,w}', '{text}');
