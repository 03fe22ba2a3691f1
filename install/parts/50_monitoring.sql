/*
 * Monitoring.  The views run with the rights of the extension's owner, and show
 * each user what belongs to roles of which the user is a member.
 */
CREATE FUNCTION stream_agg.may_see(rel oid) RETURNS boolean
    LANGUAGE sql STABLE
    BEGIN ATOMIC
        SELECT EXISTS (SELECT FROM pg_catalog.pg_class c
                       WHERE c.oid = rel AND pg_catalog.pg_has_role(c.relowner, 'MEMBER'));
    END;
COMMENT ON FUNCTION stream_agg.may_see(oid) IS 'internal: whether the user is the owner of a relation, or a member of it';

CREATE FUNCTION stream_agg.stream_option(stream oid, option text) RETURNS text
    LANGUAGE sql STABLE
    BEGIN ATOMIC
        SELECT o.option_value
        FROM pg_catalog.pg_foreign_table t, pg_catalog.pg_options_to_table(t.ftoptions) o
        WHERE t.ftrelid = stream AND o.option_name = option;
    END;
COMMENT ON FUNCTION stream_agg.stream_option(oid, text) IS 'internal: value of an option of a stream, null if it is not set';

CREATE FUNCTION stream_agg.batch_time(times bigint[], fraction double precision) RETURNS interval
    LANGUAGE sql IMMUTABLE
    BEGIN ATOMIC
        SELECT pg_catalog.make_interval(secs => pg_catalog.power(2::float8, b.bucket / 2.0) / 1e6)
        FROM (SELECT t.bucket, sum(t.n) OVER (ORDER BY t.bucket) AS below, sum(t.n) OVER () AS total
              FROM unnest(times) WITH ORDINALITY AS t(n, bucket)) b
        WHERE b.total > 0 AND b.below >= fraction * b.total
        ORDER BY b.bucket
        LIMIT 1;
    END;
COMMENT ON FUNCTION stream_agg.batch_time(bigint[], double precision) IS 'internal: quantile of a histogram of batch times';

CREATE FUNCTION stream_agg.open_windows(data regclass) RETURNS bigint
    LANGUAGE C STRICT VOLATILE AS 'MODULE_PATHNAME', 'stream_agg_open_windows';
COMMENT ON FUNCTION stream_agg.open_windows(regclass) IS 'internal: number of windows that are not final, of the continuous view that a table is behind';

CREATE FUNCTION stream_agg.is_copy(system_identifier bigint, database oid) RETURNS boolean
    LANGUAGE C STRICT STABLE AS 'MODULE_PATHNAME', 'stream_agg_is_copy';
COMMENT ON FUNCTION stream_agg.is_copy(bigint, oid) IS 'internal: whether a reader was written by another cluster or database';

CREATE VIEW stream_agg.reader_status AS
SELECT r.reader, r.stream, r.is_main, w.last_error,
       CASE WHEN r.paused THEN 'paused'
            WHEN NOT EXISTS (SELECT FROM pg_catalog.pg_foreign_table t
                                 JOIN pg_catalog.pg_foreign_server s ON s.oid = t.ftserver,
                                 pg_catalog.pg_options_to_table(s.srvoptions) o
                             WHERE t.ftrelid = r.stream
                               AND o.option_name = 'bootstrap_servers') THEN 'running'
            WHEN stream_agg.is_copy(r.system_identifier, r.database) THEN 'copy'
            WHEN w.last_error IS NOT NULL THEN 'error'
            WHEN EXISTS (SELECT FROM stream_agg.position p
                         WHERE p.reader = r.reader AND p.error IS NOT NULL) THEN 'stopped'
            WHEN w.state IS DISTINCT FROM 'reading' THEN 'connecting'
            WHEN r.is_main THEN 'running'
            ELSE 'catching up' END AS state
FROM stream_agg.reader r LEFT JOIN stream_agg.worker_list() w ON w.reader = r.reader;
COMMENT ON VIEW stream_agg.reader_status IS 'internal: what each reader does, in a word';

CREATE VIEW stream_agg.partitions WITH (security_barrier) AS
SELECT r.stream, r.reader, p.partition,
       p.first_offset, p.next_offset, greatest(p.end_offset, p.next_offset) AS end_offset,
       greatest(p.end_offset - p.next_offset, 0) AS lag,
       greatest(p.next_offset - p.first_offset, 0) AS headroom,
       (SELECT max(g.partition_watermarks[p.partition + 1])
        FROM stream_agg.continuous_view v JOIN stream_agg.progress g USING (view)
        WHERE v.reader = r.reader) AS watermark,
       p.end_offset <= p.next_offset
           AND now() - p.last_message_at
               >= coalesce(stream_agg.stream_option(r.stream, 'idle_timeout'), '30 s')::interval AS idle,
       p.last_message_at, p.checked_at, p.error
FROM stream_agg.reader r JOIN stream_agg.position p USING (reader)
WHERE stream_agg.may_see(r.stream);
COMMENT ON VIEW stream_agg.partitions IS 'positions: one row per stream, reader and partition';

CREATE VIEW stream_agg.views WITH (security_barrier) AS
SELECT v.view, v.stream, v.kind,
       r.state,
       g.watermark, g.rows_in, g.rows_late, g.rows_dead,
       CASE WHEN v.kind = 'aggregate' THEN stream_agg.open_windows(v.data) END AS open_windows,
       (SELECT sum(pg_catalog.pg_total_relation_size(t.oid))::bigint
        FROM unnest(ARRAY[v.data, v.panes] || v.kept) AS t(oid) WHERE t.oid IS NOT NULL) AS state_bytes,
       stream_agg.batch_time(g.batch_times, 0.5) AS batch_time_p50,
       stream_agg.batch_time(g.batch_times, 0.99) AS batch_time_p99,
       v.reader, v.data
FROM stream_agg.continuous_view v
     JOIN stream_agg.reader_status r USING (reader)
     JOIN stream_agg.progress g USING (view)
WHERE stream_agg.may_see(v.view);
COMMENT ON VIEW stream_agg.views IS 'continuous views: state, watermark and counters';

CREATE VIEW stream_agg.streams WITH (security_barrier) AS
SELECT r.stream,
       coalesce(stream_agg.stream_option(r.stream, 'topic'),
                (SELECT c.relname::text FROM pg_catalog.pg_class c WHERE c.oid = r.stream)) AS topic,
       (array_agg(r.state ORDER BY array_position(
           '{copy,error,stopped,connecting,catching up,running,paused}'::text[], r.state)))[1] AS state,
       coalesce(min(r.last_error), min(p.error)) AS error,
       min(w.watermark) AS watermark,
       max(p.lag)::bigint AS lag,
       now() - min(w.watermark) AS event_time_lag
FROM stream_agg.reader_status r
     LEFT JOIN LATERAL (SELECT sum(greatest(p.end_offset - p.next_offset, 0)) AS lag,
                               min(p.error) AS error
                        FROM stream_agg.position p WHERE p.reader = r.reader) p ON true
     JOIN LATERAL (SELECT min(g.watermark) AS watermark, count(*) AS views
                   FROM stream_agg.continuous_view v JOIN stream_agg.progress g USING (view)
                   WHERE v.reader = r.reader) w ON w.views > 0
WHERE stream_agg.may_see(r.stream)
GROUP BY r.stream;
COMMENT ON VIEW stream_agg.streams IS 'streams that have continuous views: state, error, watermark and lag';

CREATE VIEW stream_agg.dead_letters WITH (security_barrier) AS
SELECT stream, view, topic, partition, "offset", key, value, sqlstate, reason, detail, recorded_at
FROM stream_agg.dead_letter
WHERE pg_catalog.has_table_privilege(stream, 'SELECT')
      -- a group of a window may hold more than the stream: what the view joined to it
      AND (partition >= 0 OR pg_catalog.has_table_privilege(view, 'SELECT'));
COMMENT ON VIEW stream_agg.dead_letters IS 'messages that could not be used, with the reason; view is null if no view could use them; partition -1: a group whose values could not be computed';

CREATE VIEW stream_agg.late_rows WITH (security_barrier) AS
SELECT view, stream, topic, partition, "offset", event_time, window_start, window_end,
       watermark, watermark - event_time AS lateness,
       'all windows of the row were settled' AS reason, row_data, recorded_at
FROM stream_agg.late_row
WHERE pg_catalog.has_table_privilege(stream, 'SELECT');
COMMENT ON VIEW stream_agg.late_rows IS 'rows that came after all of their windows were settled';

CREATE VIEW stream_agg.gaps WITH (security_barrier) AS
SELECT stream, reader, topic, partition, from_offset, to_offset, reason, recorded_at, recorded_by
FROM stream_agg.gap
WHERE stream_agg.may_see(stream);
COMMENT ON VIEW stream_agg.gaps IS 'offsets that were passed without having been read';

GRANT SELECT ON stream_agg.partitions, stream_agg.views, stream_agg.streams,
    stream_agg.dead_letters, stream_agg.late_rows, stream_agg.gaps TO PUBLIC;
