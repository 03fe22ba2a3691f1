\set ECHO none
-- Views against their queries after each of many batches, with rows that are late
-- for some windows; included after oracle.sql.
--
-- A test makes a table "input": the stream's columns, "part", event time "t", and
-- "n", the order of arrival from 1 on.  In a query "{rows}" stands for the
-- stream, which must be called s, "{in_time}" for the condition that the row is
-- not late for the window, and "{order}" for the order of the stream, which rows
-- of a table only have with ORDER BY place, part.

CREATE TABLE pg_temp.checked_view (name text PRIMARY KEY, query text, window_end text, lateness interval, emit_final boolean);
CREATE TABLE pg_temp.arrived AS SELECT 0 AS n;

-- Fills input.row_watermark: the watermark of the row's partition before it.
CREATE PROCEDURE pg_temp.set_row_watermarks(delay interval) LANGUAGE plpgsql AS $$
BEGIN
	UPDATE input SET row_watermark = x.before FROM (SELECT n AS number, max(t) OVER
		(PARTITION BY part ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) - delay AS before FROM input) x
	WHERE n = number;
	-- every partition has its first row in the first batch
	CREATE TABLE pg_temp.watermark AS SELECT upto.n, min(x.latest) AS w
	FROM input upto, LATERAL (SELECT max(t) - delay AS latest FROM input i WHERE i.n <= upto.n GROUP BY part) x GROUP BY upto.n;
END
$$;

-- window_end: as an expression of the view's columns; NULL if there is no window.
CREATE PROCEDURE pg_temp.make_view(name text, query text, window_end text DEFAULT 'window_end',
	lateness interval DEFAULT '0', emit_final boolean DEFAULT false)
LANGUAGE plpgsql SET client_min_messages = warning AS $$
BEGIN
	EXECUTE format('CREATE MATERIALIZED VIEW %I WITH (stream_agg.continuous%s) AS %s', name,
		CASE WHEN window_end IS NOT NULL THEN format(', stream_agg.allowed_lateness = %L, stream_agg.emit = %s', lateness,
			CASE WHEN emit_final THEN 'final' ELSE 'changes' END) END,
		replace(replace(replace(query, '{rows}', 's'), '{in_time}', 'true'), '{order}', ''));
	INSERT INTO pg_temp.checked_view VALUES (name, query, window_end, lateness, emit_final);
END
$$;

-- How the creation of a view with this query is refused.
CREATE FUNCTION pg_temp.make_error(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'CREATE MATERIALIZED VIEW refused WITH (stream_agg.continuous) AS ' || query;
	RAISE EXCEPTION 'created';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END
$$;

-- The batch answer to a view's query over what has arrived.
CREATE FUNCTION pg_temp.expected(v pg_temp.checked_view) RETURNS text LANGUAGE sql AS $$
	SELECT format(CASE WHEN v.window_end IS NULL THEN '%s' WHEN v.emit_final THEN 'SELECT * FROM (%s) q WHERE %s <= (%s)'
			ELSE 'SELECT q.*, %2$s <= (%3$s) FROM (%1$s) q' END,
		replace(replace(replace(v.query, '{rows}', '(SELECT * FROM input WHERE n <= (SELECT n FROM pg_temp.arrived)) AS s'),
			'{order}', ' ORDER BY place, part'), '{in_time}', format('coalesce(row_watermark < window_end + interval %L, true)', v.lateness)),
		v.window_end, 'SELECT w FROM pg_temp.watermark JOIN pg_temp.arrived USING (n)')
$$;

-- The next rows, as one statement; then all views are looked at.
CREATE FUNCTION pg_temp.insert_and_check(size int) RETURNS TABLE (arrived int, view text, difference text)
LANGUAGE plpgsql AS $$
DECLARE
	columns text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
		WHERE attrelid = 's'::regclass AND attnum > 0 AND NOT attisdropped);
	v pg_temp.checked_view;
BEGIN
	EXECUTE format('INSERT INTO s SELECT %s FROM input, pg_temp.arrived a WHERE input.n > a.n AND input.n <= a.n + $1 ORDER BY input.n', columns)
	USING size;
	UPDATE pg_temp.arrived a SET n = least(a.n + size, (SELECT max(i.n) FROM input i)) RETURNING a.n INTO arrived;
	FOR v IN SELECT * FROM pg_temp.checked_view LOOP
		view := v.name;
		RETURN QUERY SELECT insert_and_check.arrived, insert_and_check.view, d
		FROM pg_temp.differences(format('SELECT * FROM %I', v.name), pg_temp.expected(v)) d WHERE d <> 'ok';
	END LOOP;
END
$$;

-- Tables with what open windows are computed from, and the time of the earliest
-- row in them.
CREATE FUNCTION pg_temp.side_tables() RETURNS TABLE (name text, rows bigint, earliest timestamp) LANGUAGE plpgsql AS $$
DECLARE
	start text;
BEGIN
	FOR name, start IN SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid
		WHERE c.relnamespace = 'stream_agg_data'::regnamespace AND c.relkind = 'r' AND c.relname ~ '_(panes|kept_\d+)$'
		AND attname IN ('pane_start', 'at') AND atttypid IN ('timestamp'::regtype, 'timestamptz'::regtype) ORDER BY 1
	LOOP
		EXECUTE format('SELECT count(*), min(%I) FROM stream_agg_data.%I', start, name) INTO rows, earliest;
		RETURN NEXT;
	END LOOP;
END
$$;
\set ECHO all
