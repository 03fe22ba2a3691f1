-- Sessions that cannot be maintained, or make no sense, are refused by CREATE.
CREATE SCHEMA session_errors;
SET search_path = session_errors, public;
CREATE SERVER session_errors FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (k text, v int, t timestamptz, other timestamptz) SERVER session_errors OPTIONS (event_time 't');

-- the gap
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, count(*) FROM s, session(t, '0') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, count(*) FROM s, session(t, '-1 hour') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, count(*) FROM s, session(t, '1 month') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, count(*) FROM s, session(t, NULL) GROUP BY 1, 2;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, count(*) FROM s, session(t, v * interval '1 s') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, count(*) FROM s, session(other, '1 hour') GROUP BY 1, 2;

-- the bounds, in GROUP BY: both
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT k, count(*) FROM s, session(t, '1 hour') GROUP BY k;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT k, window_start, count(*) FROM s, session(t, '1 hour') GROUP BY k, window_start;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT k, window_end, count(*) FROM s, session(t, '1 hour') GROUP BY k, window_end;

-- the bounds, where they would have to be known before the session is
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, count(*) FROM s, session(t, '1 hour') WHERE window_start > '2024-01-01' GROUP BY 1, 2;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, count(*) FROM s JOIN LATERAL session(t, '1 hour') w ON w.window_end > t GROUP BY 1, 2;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, max(t - window_start) FROM s, session(t, '1 hour') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, count(*) FILTER (WHERE t = window_start) FROM s, session(t, '1 hour') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, count(*) FROM s, session(t, '1 hour') GROUP BY window_start, window_end, window_end - window_start;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, count(*) FROM s, session(t, '1 hour'), generate_series(window_start, window_end, '1 hour') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, count(*) FROM s, session(t, '1 hour'), LATERAL (SELECT window_end + x FROM (VALUES (interval '1 s')) y(x)) z GROUP BY 1, 2;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, count(w) FROM s, session(t, '1 hour') w GROUP BY 1, 2;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, min(length) FROM (SELECT *, window_end - window_start AS length FROM s, session(t, '1 hour')) q GROUP BY 1, 2;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, count(q) FROM (SELECT * FROM s, session(t, '1 hour')) q GROUP BY 1, 2;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT a, window_end, count(*) FROM (SELECT window_start AS a, window_end FROM s, session(t, '1 hour') WHERE window_end IS NOT NULL) q GROUP BY 1, 2;

-- nothing of all this is left, and what stands beside the bounds is allowed
SELECT count(*) FROM stream_agg.continuous_view;
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS
	SELECT window_end - window_start AS length, k, max(v) FROM (SELECT *, t - other AS delay FROM s, session(t, '1 hour')) q
	WHERE delay > '0' GROUP BY k, window_start, window_end HAVING window_end - window_start > '2 hours';

SET client_min_messages = warning;
DROP SCHEMA session_errors CASCADE;
DROP SERVER session_errors;
