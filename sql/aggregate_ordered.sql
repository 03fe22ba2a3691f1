-- first, last, last_n and top_n: in plain SQL, in parallel plans, and in
-- continuous views, against sorting.
SET client_min_messages = warning;
CREATE SCHEMA ordered;
SET search_path = ordered, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';

-- What they mean.  Rows without ordering don't count, NULL values do; of equal
-- orderings the least value is first, NULL after all others.
CREATE TABLE small (value text, ordering int);
INSERT INTO small VALUES
	('none', NULL), ('b', 1), ('a', 1), (NULL, 0), ('z', 2), (NULL, 3), ('x', 3), ('y', 3);
SELECT first(value, ordering), first(value, ordering) FILTER (WHERE value IS NOT NULL) AS first_known,
	last(value, ordering), last_n(value, ordering, 4), top_n(value, ordering, 4)
FROM small;
SELECT last_n(value, ordering, 100), top_n(value, ordering, 100), top_n(value, ordering, 1) FROM small;

-- nothing that counts
SELECT first(value, ordering), last(value, ordering), last_n(value, ordering, 2),
	top_n(value, ordering, 2)
FROM small WHERE ordering IS NULL;
SELECT first(value, ordering) IS NULL AS first, top_n(value, ordering, 2) IS NULL AS top FROM small WHERE false;

-- as window functions, and with a moving frame
SELECT ordering, last(value, ordering) OVER (ORDER BY ordering, value),
	last_n(value, ordering, 2) OVER (ORDER BY ordering, value ROWS 2 PRECEDING)
FROM small ORDER BY ordering, value;

-- several things to order by; DISTINCT and ORDER BY inside change nothing
SELECT last(value, (ordering, value)), first(value, (ordering, value)),
	first(DISTINCT value, ordering), top_n(value, ordering, 3 ORDER BY value DESC)
FROM small WHERE ordering > 0;

-- n
SELECT top_n(value, ordering, 0) FROM small;
SELECT last_n(value, ordering, -1) FROM small;
SELECT last_n(value, ordering, 10001) FROM small;
SELECT top_n(value, ordering, NULL) FROM small;
SELECT top_n(value, ordering, ordering + 1) FROM small WHERE ordering IN (1, 2);
SELECT cardinality(top_n(i, i, 10000)), (top_n(i, i, 10000))[10000] FROM generate_series(1, 12345) AS i;

-- types
SELECT last(1, '{}'::json);
SELECT last(1, point(1, 1));
SELECT last_n(ARRAY[1], 1, 2);
SELECT last(x, x COLLATE "C"), last(x COLLATE "C", 1) FROM (VALUES ('a'), ('B')) AS t(x);
CREATE TABLE collated (c text COLLATE "C", p text COLLATE "POSIX");
INSERT INTO collated VALUES ('a', 'a'), ('B', 'B');
SELECT last(c, p) FROM collated;
SELECT last(c, p COLLATE "C"), first(p || c, 1) FROM collated;
CREATE COLLATION natural_order (provider = icu, locale = 'en-u-kn', deterministic = true);
CREATE COLLATION no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
SELECT last(x, x COLLATE natural_order) AS natural, last(x, x COLLATE "C") AS c
FROM (VALUES ('v10'), ('v9'), ('v1')) AS t(x);
-- equal, but not the same: by bytes
SELECT top_n(x, 1, 3), first(x, x COLLATE no_case) FROM (VALUES ('b'), ('B'), ('a')) AS t(x);
SELECT top_n(x, 1, 3) FROM (VALUES (1.00), (1.0), (1.000)) AS t(x);
SELECT top_n(x, 1, 3) FROM (VALUES ('{"b": 1}'::json), (NULL), ('{"a": 1}')) AS t(x);

-- All types against sorting, serial and parallel.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (name text, at timestamptz, mood mood, tags mood[]);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE events (
	grp int, ordering int, num numeric, txt text, at timestamptz, id uuid, flag boolean,
	small smallint, real8 float8, span interval, range int4range, mood mood, moods mood[], texts text[],
	pair pair, dom positive, doc jsonb, bytes bytea, rel regclass, nets inet, name name);
CREATE FUNCTION fill(rows int) RETURNS void LANGUAGE sql BEGIN ATOMIC
	INSERT INTO events
	SELECT i % 7, nullif(h % 60, 0), (h % 9) / 2.0, nullif(chr(224 + h % 20), chr(226)),
		timestamptz '2026-01-01' + (h % 50) * interval '1 hour',
		md5((h % 40)::text)::uuid, h % 2 = 0, h % 11, h % 13 / 3.0, (h % 17) * interval '1 day',
		int4range(h % 5, h % 5 + 3), (enum_range(NULL::mood))[1 + h % 3],
		(enum_range(NULL::mood))[1 + h % 2 : 1 + h % 3], ARRAY[chr(97 + h % 3), NULL],
		ROW(nullif(h % 8, 0)::text, timestamptz '2026-01-01' + (h % 6) * interval '1 day',
			(enum_range(NULL::mood))[1 + h % 3], enum_range('ok'::mood, NULL))::pair,
		1 + h % 10, jsonb_build_object('k', h % 6), decode(lpad(to_hex(h % 99), 4, '0'), 'hex'),
		(ARRAY['pg_class', 'pg_type', 'ordered.small'])[1 + h % 3]::regclass,
		'10.0.0.0'::inet + h % 30, 'n' || h % 14
	FROM (SELECT i, abs(hashint4(i)) / 3 AS h FROM generate_series(1, rows) AS i) AS t;
END;
SELECT fill(5000);
ANALYZE events;

-- Prints what differs from the result of sorting.
CREATE FUNCTION check_column(value text, ordering text, n int) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	same boolean;
BEGIN
	EXECUTE format($q$
		SELECT bool_and(ROW(first, last, top, latest)::text = ROW(ascending[1], descending[1],
			descending[1:%3$s], (SELECT array_agg(descending[i] ORDER BY i DESC)
				FROM generate_series(1, least(%3$s, cardinality(descending))) AS i))::text)
		FROM (SELECT first(%1$s, %2$s), last(%1$s, %2$s),
				top_n(%1$s, %2$s, %3$s) AS top, last_n(%1$s, %2$s, %3$s) AS latest,
				array_agg(%1$s ORDER BY %2$s, %1$s) FILTER (WHERE num_nulls(%2$s) = 0) AS ascending,
				array_agg(%1$s ORDER BY %2$s DESC, %1$s) FILTER (WHERE num_nulls(%2$s) = 0) AS descending
			FROM events GROUP BY grp) AS t $q$, value, ordering, n) INTO same;
	IF same IS NOT TRUE THEN
		RETURN NEXT value || ' by ' || ordering;
	END IF;
END $$;
CREATE VIEW columns AS
SELECT attname::text AS name, attndims > 0 AS is_array, attnum FROM pg_attribute
WHERE attrelid = 'events'::regclass AND attnum > 1;
SELECT count(*) FROM columns;
SELECT check_column(name, 'ordering', 10) FROM columns WHERE NOT is_array;
SELECT check_column(name, 'at', 3) FROM columns WHERE NOT is_array;
SELECT check_column('id', name, 50) FROM columns;

-- One query with all columns: what, for one, a batch plan computes.
CREATE FUNCTION all_columns(source text) RETURNS text LANGUAGE sql AS $$
	SELECT format('SELECT grp, %s FROM %s GROUP BY grp', string_agg(
		format('first(%1$s, ordering) AS first_%1$s, last(%1$s, at) AS last_%1$s, '
			'last(ordering, %1$s) AS by_%1$s, ', name) ||
		CASE WHEN is_array THEN format('top_n((%1$s, grp)::boxed_%1$s, ordering, 5) AS top_%1$s', name)
		ELSE format('top_n(%1$s, ordering, 5) AS top_%1$s, last_n(%1$s, at, 5) AS latest_%1$s', name)
		END, E',\n' ORDER BY attnum), source)
	FROM columns
$$;
CREATE TYPE boxed_moods AS (moods mood[], grp int);
CREATE TYPE boxed_texts AS (texts text[], grp int);
CREATE FUNCTION is_parallel(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
		IF line ~ 'Partial .*Aggregate' THEN
			RETURN true;
		END IF;
	END LOOP;
	RETURN false;
END $$;

SET max_parallel_workers_per_gather = 0;
DO $$ BEGIN EXECUTE 'CREATE TABLE serial AS ' || all_columns('events'); END $$;
SELECT last((num, mood, pair), (at, mood, (txt COLLATE no_case))) AS a, top_n((id, pair), (ordering, id), 3) AS b
FROM events WHERE ordering > 0 \gset serial_
SET max_parallel_workers_per_gather = 3;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT is_parallel(all_columns('events'));
DO $$ BEGIN EXECUTE 'CREATE TABLE parallel AS ' || all_columns('events'); END $$;
SELECT count(*) FROM serial JOIN parallel USING (grp) WHERE serial::text = parallel::text;
-- anonymous rows
SELECT last((num, mood, pair), (at, mood, (txt COLLATE no_case))) AS a, top_n((id, pair), (ordering, id), 3) AS b
FROM events WHERE ordering > 0 \gset parallel_
SELECT :'serial_a' = :'parallel_a' AS a, :'serial_b' = :'parallel_b' AS b;
RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- Continuous views, over many batches, with rows in another order.
CREATE SERVER local FOREIGN DATA WRAPPER stream_agg;
SELECT format('CREATE FOREIGN TABLE incoming (%s) SERVER local OPTIONS (event_time ''at'', '
	'batch_rows ''37'', max_out_of_orderness ''100 days'')',
	string_agg(format('%I %s', attname, atttypid::regtype), ', ' ORDER BY attnum))
FROM pg_attribute WHERE attrelid = 'events'::regclass AND attnum > 0 \gexec
DO $$ BEGIN
	EXECUTE 'CREATE MATERIALIZED VIEW continuous WITH (stream_agg.continuous) AS ' || all_columns('incoming');
END $$;
CREATE MATERIALIZED VIEW continuous_rows WITH (stream_agg.continuous) AS
SELECT grp, last(incoming, at) AS latest, top_n(doc, (ordering, at, mood), 3) AS docs FROM incoming GROUP BY grp;
CREATE MATERIALIZED VIEW continuous_hours WITH (stream_agg.continuous) AS
SELECT window_start, first(txt, at), top_n(pair, ordering, 4), last_n(num, at, 3)
FROM incoming, tumble(at, '6 hours') GROUP BY window_start;
INSERT INTO incoming SELECT * FROM events WHERE grp <> 3 AND ordering < 30 ORDER BY id, num;
SET DateStyle = 'SQL, DMY';
SET extra_float_digits = -5;
SET IntervalStyle = 'sql_standard';
SET client_encoding = 'LATIN1';
INSERT INTO incoming SELECT * FROM events WHERE NOT (grp <> 3 AND ordering < 30) IS TRUE ORDER BY span, num;
RESET client_encoding;
SET DateStyle = 'ISO, MDY';
RESET extra_float_digits;
RESET IntervalStyle;
SELECT count(*) FROM serial JOIN continuous USING (grp) WHERE serial::text = continuous::text;
SELECT count(*) FROM continuous_rows AS c JOIN (SELECT grp, last(events, at) AS latest,
		top_n(doc, (ordering, at, mood), 3) AS docs FROM events GROUP BY grp) AS e USING (grp)
WHERE c.latest::text = e.latest::text AND c.docs = e.docs;
SELECT count(*) AS windows,
	count(*) FILTER (WHERE e::text = (c.window_start, c.first, c.top_n, c.last_n)::text) AS same
FROM continuous_hours AS c FULL JOIN (SELECT window_start, first(txt, at), top_n(pair, ordering, 4), last_n(num, at, 3)
	FROM events, tumble(at, '6 hours') GROUP BY window_start) AS e USING (window_start);

-- Types change while their values are in states: columns come, go and get
-- other names, labels get other names.
CREATE TYPE colour AS ENUM ('red', 'green');
CREATE TYPE car AS (plate text, colour colour, seats int);
CREATE FOREIGN TABLE sightings (car car, colour colour, at timestamptz, gone int)
SERVER local OPTIONS (event_time 'at');
CREATE MATERIALIZED VIEW seen WITH (stream_agg.continuous) AS
SELECT last_n(car, at, 3) AS cars, last_n(colour, at, 3) AS colours, last_n(sightings, at, 3) AS rows FROM sightings;
INSERT INTO sightings VALUES (('A', 'red', 4), 'red', '2026-01-01', 1), (('B', 'green', NULL), 'green', '2026-01-02', 2);
ALTER TYPE car ADD ATTRIBUTE owner text;
ALTER TYPE car RENAME ATTRIBUTE plate TO number;
ALTER TYPE car DROP ATTRIBUTE seats;
ALTER TYPE colour RENAME VALUE 'green' TO 'lime';
ALTER FOREIGN TABLE sightings ADD COLUMN speed int;
ALTER FOREIGN TABLE sightings DROP COLUMN gone;
INSERT INTO sightings VALUES (('C', 'lime', 'me'), 'lime', '2026-01-03', 90);
SELECT * FROM seen;

-- A state holds no OID that matters: a view over types of other OIDs goes on
-- from it, as after a restore.
CREATE SCHEMA restored;
CREATE TYPE restored.colour AS ENUM ('lime', 'blue', 'red');
CREATE TYPE restored.car AS (owner text, number text, colour restored.colour);
CREATE FOREIGN TABLE restored.sightings (speed int, at timestamptz, colour restored.colour, car restored.car)
SERVER local OPTIONS (event_time 'at');
CREATE MATERIALIZED VIEW restored.seen WITH (stream_agg.continuous) AS
SELECT last_n(car, at, 3) AS cars, last_n(colour, at, 3) AS colours, last_n(sightings, at, 3) AS rows
FROM restored.sightings;
CREATE FUNCTION states_of(view regclass) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
	WHERE attrelid = stream_agg.data_table(view) AND atttypid = 'bytea'::regtype AND NOT attisdropped
$$;
SELECT format('UPDATE %s SET (%s) = (SELECT %s FROM %s)', stream_agg.data_table('restored.seen'),
	states_of('restored.seen'), states_of('seen'), stream_agg.data_table('seen')) \gexec
INSERT INTO restored.sightings VALUES (NULL, '2026-01-04', 'blue', ('you', 'D', 'blue'));
SELECT * FROM restored.seen;

-- Whatever is in a state column: an error, or a value.
CREATE FUNCTION damage(view regclass, statement text, tries int) RETURNS TABLE (outcome text)
LANGUAGE plpgsql AS $$
DECLARE
	data regclass = stream_agg.data_table(view);
	state text;
	good bytea;
	bad bytea;
	place int;
BEGIN
	FOREACH state IN ARRAY string_to_array(states_of(view), ', ') LOOP
		EXECUTE format('SELECT %s FROM %s LIMIT 1', state, data) INTO good;
		FOR i IN 1 .. tries LOOP
			place = i * 37 % length(good);
			bad = CASE i % 3
				WHEN 0 THEN substr(good, 1, place)
				WHEN 1 THEN set_byte(good, place, (get_byte(good, place) + i) % 256)
				ELSE set_byte(good, place, 255) END;
			BEGIN
				EXECUTE format('UPDATE %s SET %s = $1', data, state) USING bad;
				EXECUTE statement;
				RAISE EXCEPTION USING ERRCODE = 'SA000';
			EXCEPTION
				WHEN SQLSTATE 'SA000' THEN outcome = 'a value';
				WHEN OTHERS THEN outcome = 'an error';
			END;
			RETURN NEXT;
		END LOOP;
	END LOOP;
END $$;
SELECT DISTINCT outcome
FROM damage('seen', $$INSERT INTO sightings VALUES (('C', 'lime', 'me'), 'lime', '2026-01-03', 90)$$, 700)
ORDER BY 1;
SELECT DISTINCT outcome
FROM damage('continuous', $$INSERT INTO incoming SELECT * FROM events WHERE grp = 3 LIMIT 1$$, 6)
ORDER BY 1;
SELECT cardinality(cars) FROM seen;

DROP SCHEMA ordered, restored CASCADE;
DROP SERVER local CASCADE;
