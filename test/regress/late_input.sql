\set ECHO none
-- Rows of which many are late for some of their windows; included after
-- late_oracle.sql.  A procedure makes the stream "s" of a server, in two
-- partitions, and the table "input".

-- A few hours around 1970 with timestamptz, out of order by up to 40 minutes; keys
-- and values that are NULL; "shop", to be joined.
CREATE PROCEDURE pg_temp.make_input_of_hours(server name) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format($ddl$
		CREATE FOREIGN TABLE s (part int OPTIONS (metadata 'partition'), k text, g int, v int, t timestamptz) SERVER %I
			OPTIONS (event_time 't', partitions '2', max_out_of_orderness '4 min', idle_timeout '1 day') $ddl$, server);
	CREATE TABLE input AS
	SELECT n, n % 2 AS part, CASE WHEN n % 5 > 0 THEN 'k' || n % 3 END AS k, CASE WHEN n % 7 > 1 THEN n % 2 END AS g,
		CASE WHEN n % 6 > 0 THEN n * 7919 % 10 END AS v,
		timestamptz '1969-12-31 22:00' + n * interval '41 s' - CASE n % 4 WHEN 0 THEN n * 104729 % 2400 ELSE n * 7919 % 300 END * interval '1 s' AS t,
		NULL::timestamptz AS row_watermark
	FROM generate_series(1, 300) n;
	CALL pg_temp.set_row_watermarks('4 min');
	CREATE TABLE shop (k text, name text, weight int);
	INSERT INTO shop VALUES ('k0', 'zero', 1), ('k1', 'one', 2), ('k1', 'uno', 3), (NULL, 'none', 4);
END
$$;

-- In its place: half a year with timestamp, with both changes of the clock.
CREATE PROCEDURE pg_temp.make_input_of_months(server name) LANGUAGE plpgsql SET client_min_messages = warning AS $$
BEGIN
	DROP FOREIGN TABLE s CASCADE;
	DROP TABLE input, pg_temp.watermark;
	TRUNCATE pg_temp.checked_view;
	UPDATE pg_temp.arrived SET n = 0;
	EXECUTE format($ddl$
		CREATE FOREIGN TABLE s (part int OPTIONS (metadata 'partition'), v int, t timestamp) SERVER %I
			OPTIONS (event_time 't', partitions '2', max_out_of_orderness '12 h', idle_timeout '1 day') $ddl$, server);
	CREATE TABLE input AS
	SELECT n, n % 2 AS part, n * 7919 % 10 AS v, timestamp '1999-09-20 00:30' + n * interval '17 h' - CASE n % 4 WHEN 0 THEN n * 104729 % 200 ELSE 0 END * interval '1 h' AS t,
		NULL::timestamp AS row_watermark
	FROM generate_series(1, 350) n;
	CALL pg_temp.set_row_watermarks('12 h');
END
$$;
\set ECHO all
