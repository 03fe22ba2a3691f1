-- Columns that are filled from the message itself.
SET timezone = 'America/New_York';
SELECT s, t, decode_metadata(s, t, key => 'k1', value => '{"a" :  1}', kafka_partition => 40000,
							 kafka_offset => 5000000000, timestamp_ms => 1704164645678)
FROM (VALUES ('key', 'text'), ('key', 'bytea'), ('key', 'varchar(1)'), ('key', 'jsonb'), ('value', 'text'), ('value', 'bytea'),
	('value', 'json'), ('value', 'jsonb'), ('partition', 'integer'), ('partition', 'bigint'), ('partition', 'smallint'),
	('offset', 'bigint'), ('timestamp', 'timestamptz'), ('timestamp', 'timestamp'), ('timestamp', 'timestamptz(0)'),
	('topic', 'text'), ('topic', 'varchar(3)'), ('processed_at', 'timestamp'), ('headers', 'jsonb')) AS v(s, t);
RESET timezone;

-- nothing there
SELECT decode_metadata('key', 'text') IS NULL AS key, decode_metadata('value', 'jsonb') IS NULL AS value,
	decode_metadata('timestamp', 'timestamptz', timestamp_ms => -1) IS NULL AS timestamp,
	decode_metadata('key', 'text', key => '') AS empty_key, decode_metadata('value', 'text', value => '') AS empty_value;

-- bad bytes
SELECT t, decode_metadata('key', t, key => '\xff') AS not_utf8, decode_metadata('key', t, key => '\x610062') AS zero,
	decode_metadata('key', t, key => '{"a":"\\u0000"}') AS zero_escape, decode_metadata('key', t, key => '{') AS malformed
FROM unnest('{text,bytea,json,jsonb}'::text[]) AS t;
SELECT decode_metadata('timestamp', 'timestamptz', timestamp_ms => 9223372036854775807),
	decode_metadata('timestamp', 'timestamptz', timestamp_ms => -62135596800000);

-- headers
SELECT decode_metadata('headers', 'jsonb', header_names => '{b,a,b,c,b,d}',
	header_values => '{1,two,\\xff00,NULL,NULL,""}');
SELECT length(decode_metadata('headers', 'jsonb',
	header_names => (SELECT array_agg('h' || n % 5000) FROM generate_series(1, 10000) AS n),
	header_values => (SELECT array_agg(('v' || n)::bytea) FROM generate_series(1, 10000) AS n)));

-- raw format: the only column takes the value
SELECT t, decode_metadata('field', t, value => 'some text', format => 'raw') AS text,
	decode_metadata('field', t, value => '{"a": 1}', format => 'raw') AS json,
	decode_metadata('field', t, value => '\xff00', format => 'raw') AS binary,
	decode_metadata('field', t, value => '', format => 'raw') AS empty,
	decode_metadata('field', t, value => NULL, format => 'raw') IS NULL AS none
FROM unnest('{text,bytea,json,jsonb}'::text[]) AS t;
