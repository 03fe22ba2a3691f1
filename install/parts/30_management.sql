CREATE FUNCTION stream_agg.pause(rel regclass) RETURNS void
    LANGUAGE C STRICT VOLATILE AS 'MODULE_PATHNAME', 'stream_agg_pause';
COMMENT ON FUNCTION stream_agg.pause(regclass) IS 'stops reading for a stream or one continuous view; with Kafka nothing is lost';

CREATE FUNCTION stream_agg.resume(rel regclass) RETURNS void
    LANGUAGE C STRICT VOLATILE AS 'MODULE_PATHNAME', 'stream_agg_resume';
COMMENT ON FUNCTION stream_agg.resume(regclass) IS 'reads on from where pause() or an error stopped';

CREATE FUNCTION stream_agg.wait(rel regclass, timeout interval DEFAULT '30 s') RETURNS boolean
    LANGUAGE C STRICT VOLATILE AS 'MODULE_PATHNAME', 'stream_agg_wait';
COMMENT ON FUNCTION stream_agg.wait(regclass, interval) IS 'waits until all that is in the topic now is committed in the views; false after the timeout';

CREATE FUNCTION stream_agg.skip(stream regclass, partition int, up_to_offset bigint) RETURNS void
    LANGUAGE C STRICT VOLATILE AS 'MODULE_PATHNAME', 'stream_agg_skip';
COMMENT ON FUNCTION stream_agg.skip(regclass, int, bigint) IS 'goes on with an offset, past messages that cannot be read; recorded in stream_agg.gaps';

CREATE FUNCTION stream_agg.adopt() RETURNS void
    LANGUAGE C STRICT VOLATILE AS 'MODULE_PATHNAME', 'stream_agg_adopt';
COMMENT ON FUNCTION stream_agg.adopt() IS 'lets a restored or copied database read its streams';

CREATE FUNCTION stream_agg.watermark(rel regclass) RETURNS timestamptz
    LANGUAGE C STRICT STABLE AS 'MODULE_PATHNAME', 'stream_agg_watermark';
COMMENT ON FUNCTION stream_agg.watermark(regclass) IS 'the stream watermark as a continuous view has it';

CREATE FUNCTION stream_agg.data_table(view regclass) RETURNS regclass
    LANGUAGE C STRICT STABLE AS 'MODULE_PATHNAME', 'stream_agg_data_table';
COMMENT ON FUNCTION stream_agg.data_table(regclass) IS 'the table behind a continuous view';

/* in the queries of continuous views; whoever reads one calls them */
CREATE FUNCTION stream_agg.closed_until(data regclass) RETURNS timestamptz
    LANGUAGE C STRICT STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'stream_agg_closed_until';
COMMENT ON FUNCTION stream_agg.closed_until(regclass) IS 'internal: stream watermark of the continuous view that a table is behind';

CREATE FUNCTION stream_agg.closed_until(data regclass, delay interval) RETURNS timestamptz
    LANGUAGE C STRICT STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'stream_agg_closed_until';
COMMENT ON FUNCTION stream_agg.closed_until(regclass, interval) IS 'internal: stream watermark of the continuous view that a table is behind, less a delay';

CREATE FUNCTION stream_agg.suggest_out_of_orderness(stream regclass, fraction double precision) RETURNS interval
    LANGUAGE C STRICT STABLE AS 'MODULE_PATHNAME', 'stream_agg_suggest_out_of_orderness';
COMMENT ON FUNCTION stream_agg.suggest_out_of_orderness(regclass, double precision) IS 'the max_out_of_orderness that would have kept this fraction of a stream''s rows on time';
