/*
 * The window functions: SQL over small C functions, so that the planner can
 * inline them.  For that they are not STRICT, have no SET clause and are not
 * VOLATILE; BEGIN ATOMIC binds what they call when they are created, whatever
 * the caller's search_path is.
 *
 * A time that is NULL or infinite gets one row with NULL bounds.  A WHERE that
 * dropped it would leave a join with an empty relation in every plan.  hop and
 * cumulate call their set-returning function in the select list since a scan
 * of it would fill a tuplestore for each row.
 *
 * IMMUTABLE as timezone(text, timestamptz) is: but for updates of the time zone
 * data.  A timestamp without time zone is taken as UTC.
 */

-- timestamp with time zone

CREATE FUNCTION stream_agg.tumble_start(ts timestamp with time zone,
	size interval, origin timestamp with time zone, timezone text)
	RETURNS timestamp with time zone
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_agg_tumble_start';
COMMENT ON FUNCTION stream_agg.tumble_start(
	timestamp with time zone, interval, timestamp with time zone, text)
	IS 'start of the tumbling window that holds a time';

CREATE FUNCTION stream_agg.tumble_end(ts timestamp with time zone,
	size interval, origin timestamp with time zone, timezone text)
	RETURNS timestamp with time zone
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_agg_tumble_end';
COMMENT ON FUNCTION stream_agg.tumble_end(
	timestamp with time zone, interval, timestamp with time zone, text)
	IS 'end of the tumbling window that holds a time';

CREATE FUNCTION stream_agg.hop_starts(ts timestamp with time zone,
	slide interval, size interval,
	origin timestamp with time zone, timezone text)
	RETURNS SETOF timestamp with time zone
	LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 10
	AS 'MODULE_PATHNAME', 'stream_agg_hop_starts';
COMMENT ON FUNCTION stream_agg.hop_starts(
	timestamp with time zone, interval, interval, timestamp with time zone, text)
	IS 'starts of the hopping windows that hold a time';

CREATE FUNCTION stream_agg.hop_end(window_start timestamp with time zone,
	slide interval, size interval,
	origin timestamp with time zone, timezone text)
	RETURNS timestamp with time zone
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_agg_hop_end';
COMMENT ON FUNCTION stream_agg.hop_end(
	timestamp with time zone, interval, interval, timestamp with time zone, text)
	IS 'end of the hopping window that starts at a time';

CREATE FUNCTION stream_agg.cumulate_ends(ts timestamp with time zone,
	step interval, size interval,
	origin timestamp with time zone, timezone text)
	RETURNS SETOF timestamp with time zone
	LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 10
	AS 'MODULE_PATHNAME', 'stream_agg_cumulate_ends';
COMMENT ON FUNCTION stream_agg.cumulate_ends(
	timestamp with time zone, interval, interval, timestamp with time zone, text)
	IS 'ends of the cumulating windows that hold a time';

CREATE FUNCTION stream_agg.session_end(ts timestamp with time zone, gap interval)
	RETURNS timestamp with time zone
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_agg_session_end';
COMMENT ON FUNCTION stream_agg.session_end(timestamp with time zone, interval)
	IS 'end of a session whose last row is at a time';

CREATE FUNCTION @extschema@.tumble(
	ts timestamp with time zone, size interval,
	origin timestamp with time zone DEFAULT NULL,
	timezone text DEFAULT NULL)
	RETURNS TABLE (
		window_start timestamp with time zone,
		window_end timestamp with time zone)
	LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
	SELECT stream_agg.tumble_start(ts, size, origin, timezone),
		stream_agg.tumble_end(ts, size, origin, timezone);
END;
COMMENT ON FUNCTION @extschema@.tumble(
	timestamp with time zone, interval, timestamp with time zone, text)
	IS 'the tumbling window that holds a time';

CREATE FUNCTION @extschema@.hop(
	ts timestamp with time zone, slide interval, size interval,
	origin timestamp with time zone DEFAULT NULL,
	timezone text DEFAULT NULL)
	RETURNS TABLE (
		window_start timestamp with time zone,
		window_end timestamp with time zone)
	LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
	SELECT w.window_start,
		stream_agg.hop_end(w.window_start, slide, size, origin, timezone)
	FROM (SELECT stream_agg.hop_starts(ts, slide, size, origin, timezone)
			AS window_start) AS w;
END;
COMMENT ON FUNCTION @extschema@.hop(
	timestamp with time zone, interval, interval, timestamp with time zone, text)
	IS 'the hopping windows that hold a time';

CREATE FUNCTION @extschema@.cumulate(
	ts timestamp with time zone, step interval, size interval,
	origin timestamp with time zone DEFAULT NULL,
	timezone text DEFAULT NULL)
	RETURNS TABLE (
		window_start timestamp with time zone,
		window_end timestamp with time zone)
	LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
	SELECT stream_agg.tumble_start(ts, size, origin, timezone),
		w.window_end
	FROM (SELECT stream_agg.cumulate_ends(ts, step, size, origin, timezone)
			AS window_end) AS w;
END;
COMMENT ON FUNCTION @extschema@.cumulate(
	timestamp with time zone, interval, interval, timestamp with time zone, text)
	IS 'the cumulating windows that hold a time';

CREATE FUNCTION @extschema@.session(
	ts timestamp with time zone, gap interval)
	RETURNS TABLE (
		window_start timestamp with time zone,
		window_end timestamp with time zone)
	LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
	SELECT CASE WHEN pg_catalog.isfinite(ts) THEN ts END,
		stream_agg.session_end(ts, gap);
END;
COMMENT ON FUNCTION @extschema@.session(timestamp with time zone, interval)
	IS 'the session window of a single row';

-- timestamp without time zone

CREATE FUNCTION stream_agg.tumble_start(ts timestamp without time zone,
	size interval, origin timestamp without time zone, timezone text)
	RETURNS timestamp without time zone
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_agg_tumble_start';
COMMENT ON FUNCTION stream_agg.tumble_start(
	timestamp without time zone, interval, timestamp without time zone, text)
	IS 'start of the tumbling window that holds a time';

CREATE FUNCTION stream_agg.tumble_end(ts timestamp without time zone,
	size interval, origin timestamp without time zone, timezone text)
	RETURNS timestamp without time zone
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_agg_tumble_end';
COMMENT ON FUNCTION stream_agg.tumble_end(
	timestamp without time zone, interval, timestamp without time zone, text)
	IS 'end of the tumbling window that holds a time';

CREATE FUNCTION stream_agg.hop_starts(ts timestamp without time zone,
	slide interval, size interval,
	origin timestamp without time zone, timezone text)
	RETURNS SETOF timestamp without time zone
	LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 10
	AS 'MODULE_PATHNAME', 'stream_agg_hop_starts';
COMMENT ON FUNCTION stream_agg.hop_starts(
	timestamp without time zone, interval, interval, timestamp without time zone, text)
	IS 'starts of the hopping windows that hold a time';

CREATE FUNCTION stream_agg.hop_end(window_start timestamp without time zone,
	slide interval, size interval,
	origin timestamp without time zone, timezone text)
	RETURNS timestamp without time zone
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_agg_hop_end';
COMMENT ON FUNCTION stream_agg.hop_end(
	timestamp without time zone, interval, interval, timestamp without time zone, text)
	IS 'end of the hopping window that starts at a time';

CREATE FUNCTION stream_agg.cumulate_ends(ts timestamp without time zone,
	step interval, size interval,
	origin timestamp without time zone, timezone text)
	RETURNS SETOF timestamp without time zone
	LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 10
	AS 'MODULE_PATHNAME', 'stream_agg_cumulate_ends';
COMMENT ON FUNCTION stream_agg.cumulate_ends(
	timestamp without time zone, interval, interval, timestamp without time zone, text)
	IS 'ends of the cumulating windows that hold a time';

CREATE FUNCTION stream_agg.session_end(ts timestamp without time zone, gap interval)
	RETURNS timestamp without time zone
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_agg_session_end';
COMMENT ON FUNCTION stream_agg.session_end(timestamp without time zone, interval)
	IS 'end of a session whose last row is at a time';

CREATE FUNCTION @extschema@.tumble(
	ts timestamp without time zone, size interval,
	origin timestamp without time zone DEFAULT NULL,
	timezone text DEFAULT NULL)
	RETURNS TABLE (
		window_start timestamp without time zone,
		window_end timestamp without time zone)
	LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
	SELECT stream_agg.tumble_start(ts, size, origin, timezone),
		stream_agg.tumble_end(ts, size, origin, timezone);
END;
COMMENT ON FUNCTION @extschema@.tumble(
	timestamp without time zone, interval, timestamp without time zone, text)
	IS 'the tumbling window that holds a time';

CREATE FUNCTION @extschema@.hop(
	ts timestamp without time zone, slide interval, size interval,
	origin timestamp without time zone DEFAULT NULL,
	timezone text DEFAULT NULL)
	RETURNS TABLE (
		window_start timestamp without time zone,
		window_end timestamp without time zone)
	LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
	SELECT w.window_start,
		stream_agg.hop_end(w.window_start, slide, size, origin, timezone)
	FROM (SELECT stream_agg.hop_starts(ts, slide, size, origin, timezone)
			AS window_start) AS w;
END;
COMMENT ON FUNCTION @extschema@.hop(
	timestamp without time zone, interval, interval, timestamp without time zone, text)
	IS 'the hopping windows that hold a time';

CREATE FUNCTION @extschema@.cumulate(
	ts timestamp without time zone, step interval, size interval,
	origin timestamp without time zone DEFAULT NULL,
	timezone text DEFAULT NULL)
	RETURNS TABLE (
		window_start timestamp without time zone,
		window_end timestamp without time zone)
	LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
	SELECT stream_agg.tumble_start(ts, size, origin, timezone),
		w.window_end
	FROM (SELECT stream_agg.cumulate_ends(ts, step, size, origin, timezone)
			AS window_end) AS w;
END;
COMMENT ON FUNCTION @extschema@.cumulate(
	timestamp without time zone, interval, interval, timestamp without time zone, text)
	IS 'the cumulating windows that hold a time';

CREATE FUNCTION @extschema@.session(
	ts timestamp without time zone, gap interval)
	RETURNS TABLE (
		window_start timestamp without time zone,
		window_end timestamp without time zone)
	LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
	SELECT CASE WHEN pg_catalog.isfinite(ts) THEN ts END,
		stream_agg.session_end(ts, gap);
END;
COMMENT ON FUNCTION @extschema@.session(timestamp without time zone, interval)
	IS 'the session window of a single row';
