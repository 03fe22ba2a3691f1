\echo Use "CREATE EXTENSION stream_agg" to load this file. \quit

CREATE SCHEMA stream_agg;
COMMENT ON SCHEMA stream_agg IS 'stream_agg: catalogs, monitoring views and management functions';
GRANT USAGE ON SCHEMA stream_agg TO PUBLIC;

CREATE SCHEMA stream_agg_data;
COMMENT ON SCHEMA stream_agg_data IS 'stream_agg: the tables and definitions behind continuous views';
GRANT USAGE ON SCHEMA stream_agg_data TO PUBLIC;

/*
 * Catalogs.  Nobody but the extension touches them; users see the views.
 * Objects are held as regclass and not as numbers, so that a dump carries
 * names.  There are no foreign keys, since "pg_restore -j" loads these tables in
 * any order.
 */
CREATE SEQUENCE stream_agg.reader_id AS int;
COMMENT ON SEQUENCE stream_agg.reader_id IS 'numbers of readers';

CREATE TABLE stream_agg.reader (
    reader int PRIMARY KEY,
    stream regclass NOT NULL,
    is_main boolean NOT NULL,
    paused boolean NOT NULL DEFAULT false,
    batches bigint NOT NULL DEFAULT 0,
    last_batch_at timestamptz,
    system_identifier bigint NOT NULL,
    database oid NOT NULL
) WITH (fillfactor = 20);
CREATE UNIQUE INDEX reader_main ON stream_agg.reader (stream) WHERE is_main;
COMMENT ON TABLE stream_agg.reader IS 'one consumer of one stream, with one position per partition';

CREATE TABLE stream_agg.position (
    reader int NOT NULL,
    partition int NOT NULL,
    next_offset bigint NOT NULL,
    first_offset bigint NOT NULL,
    end_offset bigint NOT NULL,
    last_message_at timestamptz,
    checked_at timestamptz,
    error text,
    max_event_time timestamptz,
    lateness bigint[] NOT NULL DEFAULT '{}',
    delay_us bigint,
    period bigint[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (reader, partition)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
COMMENT ON TABLE stream_agg.position IS 'how far a reader has come in each partition; written in the transaction that writes the results';

CREATE TABLE stream_agg.continuous_view (
    view regclass PRIMARY KEY,
    definition regclass NOT NULL UNIQUE,
    data regclass NOT NULL,
    panes regclass,
    kept regclass[] NOT NULL,
    stream regclass NOT NULL,
    reader int NOT NULL,
    kind text NOT NULL CHECK (kind IN ('load', 'aggregate')),
    owns_data boolean NOT NULL,
    start text NOT NULL,
    emit text NOT NULL CHECK (emit IN ('changes', 'final')),
    late text NOT NULL CHECK (late IN ('record', 'drop')),
    allowed_lateness_us bigint NOT NULL CHECK (allowed_lateness_us >= 0),
    late_function text,
    retention_us bigint CHECK (retention_us >= 0),
    state_ttl_us bigint CHECK (state_ttl_us > 0),
    settings text[] NOT NULL,
    state_version int NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX continuous_view_reader ON stream_agg.continuous_view (reader);
COMMENT ON TABLE stream_agg.continuous_view IS 'continuous views: what belongs together, and the settings that hold in every batch';

CREATE TABLE stream_agg.progress (
    view regclass PRIMARY KEY,
    watermark timestamptz,
    partition_watermarks timestamptz[] NOT NULL DEFAULT '{}',
    rows_in bigint NOT NULL DEFAULT 0,
    rows_late bigint NOT NULL DEFAULT 0,
    rows_dead bigint NOT NULL DEFAULT 0,
    batch_times bigint[] NOT NULL DEFAULT '{}'
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
COMMENT ON TABLE stream_agg.progress IS 'watermarks and counters of each continuous view';

CREATE TABLE stream_agg.dead_letter (
    stream regclass NOT NULL,
    view regclass,
    topic text NOT NULL,
    partition int NOT NULL,
    "offset" bigint NOT NULL,
    key bytea,
    value bytea,
    sqlstate text NOT NULL,
    reason text NOT NULL,
    detail text,
    recorded_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX dead_letter_once ON stream_agg.dead_letter (stream, partition, "offset", view) NULLS NOT DISTINCT;
COMMENT ON TABLE stream_agg.dead_letter IS 'messages that could not be used, as they came';

CREATE TABLE stream_agg.late_row (
    view regclass NOT NULL,
    stream regclass NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    "offset" bigint NOT NULL,
    event_time timestamptz NOT NULL,
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    watermark timestamptz NOT NULL,
    row_data jsonb NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX late_row_view ON stream_agg.late_row (view, recorded_at);
COMMENT ON TABLE stream_agg.late_row IS 'rows that came after their windows were settled';

CREATE TABLE stream_agg.gap (
    stream regclass NOT NULL,
    reader int NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    from_offset bigint NOT NULL,
    to_offset bigint NOT NULL,
    reason text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    recorded_by text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE stream_agg.gap IS 'offsets that a reader passed without having read them';

CREATE TABLE stream_agg.secret (
    is_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_only_row),
    key bytea NOT NULL CHECK (pg_catalog.octet_length(key) OPERATOR(pg_catalog.=) 16)
);
COMMENT ON TABLE stream_agg.secret IS 'by which aggregate states that continuous views have stored are recognized; whoever knows it can crash the server';

/* a publication of all tables must not stop rows from being deleted here */
ALTER TABLE stream_agg.dead_letter REPLICA IDENTITY FULL;
ALTER TABLE stream_agg.late_row REPLICA IDENTITY FULL;
ALTER TABLE stream_agg.gap REPLICA IDENTITY FULL;

REVOKE ALL ON ALL TABLES IN SCHEMA stream_agg FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('stream_agg.reader_id', '');
SELECT pg_catalog.pg_extension_config_dump('stream_agg.reader', '');
SELECT pg_catalog.pg_extension_config_dump('stream_agg.position', '');
SELECT pg_catalog.pg_extension_config_dump('stream_agg.continuous_view', '');
SELECT pg_catalog.pg_extension_config_dump('stream_agg.progress', '');
SELECT pg_catalog.pg_extension_config_dump('stream_agg.dead_letter', '');
SELECT pg_catalog.pg_extension_config_dump('stream_agg.late_row', '');
SELECT pg_catalog.pg_extension_config_dump('stream_agg.gap', '');
SELECT pg_catalog.pg_extension_config_dump('stream_agg.secret', '');

/* the foreign-data wrapper */
CREATE FUNCTION stream_agg.fdw_handler() RETURNS fdw_handler
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'stream_agg_fdw_handler';
COMMENT ON FUNCTION stream_agg.fdw_handler() IS 'handler of the foreign-data wrapper stream_agg';

CREATE FUNCTION stream_agg.fdw_validator(text[], oid) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'stream_agg_fdw_validator';
COMMENT ON FUNCTION stream_agg.fdw_validator(text[], oid) IS 'checks options of servers, user mappings, streams and their columns';

CREATE FOREIGN DATA WRAPPER stream_agg
    HANDLER stream_agg.fdw_handler VALIDATOR stream_agg.fdw_validator;
COMMENT ON FOREIGN DATA WRAPPER stream_agg IS 'Kafka topics, and streams inside the database, as foreign tables';

/* hidden parts of the plans behind continuous views */
CREATE FUNCTION stream_agg.is_late(internal, tid, timestamptz) RETURNS boolean
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1 AS 'MODULE_PATHNAME', 'stream_agg_is_late';
COMMENT ON FUNCTION stream_agg.is_late(internal, tid, timestamptz) IS 'internal: whether a row of the batch is late for a window';

CREATE FUNCTION stream_agg.is_after_end(internal, tid, timestamptz) RETURNS boolean
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1 AS 'MODULE_PATHNAME', 'stream_agg_is_after_end';
COMMENT ON FUNCTION stream_agg.is_after_end(internal, tid, timestamptz) IS 'internal: whether a row of the batch came after the watermark had passed a window';

CREATE FUNCTION stream_agg.pane_start(internal, timestamptz) RETURNS timestamptz
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1 AS 'MODULE_PATHNAME', 'stream_agg_pane_start';
COMMENT ON FUNCTION stream_agg.pane_start(internal, timestamptz) IS 'internal: start of the pane of a time, for the windows of the batch''s view';

CREATE FUNCTION stream_agg.pane_watermark(internal, tid, timestamptz) RETURNS timestamptz
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1 AS 'MODULE_PATHNAME', 'stream_agg_pane_watermark';
COMMENT ON FUNCTION stream_agg.pane_watermark(internal, tid, timestamptz) IS 'internal: what of a row''s watermark decides for which of its windows it is late; infinity: for all';

CREATE FUNCTION stream_agg.row_offset(internal, tid) RETURNS bigint
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1 AS 'MODULE_PATHNAME', 'stream_agg_row_offset';
COMMENT ON FUNCTION stream_agg.row_offset(internal, tid) IS 'internal: offset of a row of the batch';

CREATE FUNCTION stream_agg.row_partition(internal, tid) RETURNS int
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1 AS 'MODULE_PATHNAME', 'stream_agg_row_partition';
COMMENT ON FUNCTION stream_agg.row_partition(internal, tid) IS 'internal: partition of a row of the batch';

CREATE FUNCTION stream_agg.arrival(internal, tid) RETURNS int
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1 AS 'MODULE_PATHNAME', 'stream_agg_arrival';
COMMENT ON FUNCTION stream_agg.arrival(internal, tid) IS 'internal: which rows of the batch came before which';

CREATE FUNCTION stream_agg.is_late_row(internal, tid, bigint) RETURNS boolean
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1 AS 'MODULE_PATHNAME', 'stream_agg_is_late_row';
COMMENT ON FUNCTION stream_agg.is_late_row(internal, tid, bigint) IS 'internal: whether a row of the batch came too late for every session of the group with this key_hash';

CREATE FUNCTION stream_agg.last_window_start(internal, timestamptz) RETURNS timestamptz
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1 AS 'MODULE_PATHNAME', 'stream_agg_last_window_start';
COMMENT ON FUNCTION stream_agg.last_window_start(internal, timestamptz) IS 'internal: start of the last window of a time, for the windows of the batch''s view; null if it has none';

CREATE FUNCTION stream_agg.last_window_end(internal, timestamptz) RETURNS timestamptz
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1 AS 'MODULE_PATHNAME', 'stream_agg_last_window_end';
COMMENT ON FUNCTION stream_agg.last_window_end(internal, timestamptz) IS 'internal: end of the last window of a time, for the windows of the batch''s view; null if it has none';

CREATE FUNCTION stream_agg.row_event_time(internal, tid) RETURNS timestamptz
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1 AS 'MODULE_PATHNAME', 'stream_agg_row_event_time';
COMMENT ON FUNCTION stream_agg.row_event_time(internal, tid) IS 'internal: event time of a row of the batch';
