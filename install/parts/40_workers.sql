/*
 * Background workers.  The function shows those of the current database and
 * the launcher, and texts of errors only to those who may see them, so that
 * everybody may call it.
 */
CREATE FUNCTION stream_agg.worker_list(
    OUT pid int,
    OUT database name,
    OUT kind text,
    OUT reader int,
    OUT state text,
    OUT since timestamptz,
    OUT last_error text
) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'stream_agg_worker_list';
COMMENT ON FUNCTION stream_agg.worker_list()
IS 'the launcher, and the background workers of this database';

CREATE VIEW stream_agg.workers AS
SELECT w.pid, w.kind, w.reader, w.state, w.since, w.last_error
FROM stream_agg.worker_list() AS w
ORDER BY w.kind, w.reader;
COMMENT ON VIEW stream_agg.workers
IS 'background workers, and readers that wait for one: what each does, since when';
COMMENT ON COLUMN stream_agg.workers.pid
IS 'process id; NULL while a reader waits for its worker';
COMMENT ON COLUMN stream_agg.workers.kind
IS 'launcher (one per cluster), inspector (looks at the catalogs, and leaves) or reader';
COMMENT ON COLUMN stream_agg.workers.reader
IS 'number of the reader';
COMMENT ON COLUMN stream_agg.workers.state
IS 'what it does at the moment';
COMMENT ON COLUMN stream_agg.workers.since
IS 'start of the process, or of the waiting for one';
COMMENT ON COLUMN stream_agg.workers.last_error
IS 'latest error, until batches are committed again; for the owner of the database and pg_read_all_stats';
GRANT SELECT ON stream_agg.workers TO PUBLIC;
