CREATE EXTENSION stream_agg_decode_test;

-- Which field a column gets.  \u0061 is a; of duplicates the last counts, also
-- where it hides what stood below an earlier one.
CREATE TABLE documents (id serial, doc text);
INSERT INTO documents (doc) VALUES
	('{"a": 1, "b": {"c": "x", "d": {"e": [1, {"f": 2}]}}}'),
	('{}'),
	('{"a": null, "b": null}'),
	('{"a": 1, "a": 2, "b": {"c": 1}, "b": {"d": 3}}'),
	('{"b": {"c": 1}, "b": 7, "a": [ ]}'),
	('{"\u0061": "by escape", "\u0062": {"\u0063": "\u00e9\ud83d\ude00\n\"\/"}}'),
	('{"z": {"a": 1, "b": {"c": 2}}, "y": [{"a": 1}]}'),
	(E' \n{ "a"\t:\r\n true , "b" : { "c" : false } } \n'),
	('{"b": {"c": {"c": 1}, "d": {"e": {}}}, "a": -0.50}'),
	('{"b.c": 1, "c": 2, "A": 3, " a": 4, "a ": 5}');

SELECT d.id, array_agg(coalesce(error, value, CASE WHEN missing THEN '-' ELSE 'null' END)
					   ORDER BY col) AS a_b_bc_bd_bde
FROM (SELECT array_agg(convert_to(doc, 'UTF8') ORDER BY id) AS docs FROM documents) AS all_docs,
	decode_all(docs, '{a,b,b.c,b.d,b.d.e}', '{text}') AS r
	JOIN documents AS d ON d.id = r.doc
GROUP BY d.id ORDER BY d.id;

-- two columns of one field; names that need escapes in JSON; an empty name
SELECT r.* FROM decode_all(ARRAY[
	convert_to('{"n": 12, "q\"\\": 1, "": 2, "tab\t": 3}', 'UTF8')],
	ARRAY['n', 'n', 'q"\', '', E'tab\t', 'q\"\\'], '{integer,text}') AS r;

-- no columns: any valid document will do, and none at all
SELECT doc, error FROM decode_all(ARRAY['1', '[1]', '"x"', '{', NULL]::bytea[], '{}', '{}');
SELECT * FROM decode_metadata('offset', 'bigint', value => '17', kafka_offset => 5) AS scalar,
	decode_metadata('offset', 'bigint', value => NULL, kafka_offset => 6) AS tombstone,
	decode_metadata('offset', 'bigint', value => '{', kafka_offset => 7) AS malformed;

-- what is no object has no fields
SELECT doc, error FROM decode_all(ARRAY['1', '[1]', '"x"', 'null', NULL, '', ' ']::bytea[],
								  '{a}', '{text}');

-- many columns: names of all lengths, in and out of order
SELECT count(*) AS fields, bool_and(value = path) AS right
FROM (SELECT array_agg('f' || repeat('x', n % 10) || n) AS paths,
			 array_agg('f' || repeat('x', n % 10) || n ORDER BY n DESC) AS reversed,
			 convert_to(json_object_agg('f' || repeat('x', n % 10) || n,
										'f' || repeat('x', n % 10) || n)::text, 'UTF8') AS doc
	  FROM generate_series(1, 1000) AS n) AS many,
	decode_all(ARRAY[doc, doc], reversed, '{text}') AS r,
	LATERAL (SELECT reversed[r.col] AS path) AS p;
