-- What sessions cost depends on the pieces of a batch, neither on how many
-- sessions a group has nor on how long they are.  With a cost that grows with
-- either of them this test would take hours.
CREATE SCHEMA session_many;
SET search_path = session_many, public;
SET TimeZone = 'UTC';
CREATE SERVER session_many FOREIGN DATA WRAPPER stream_agg;
CREATE PROCEDURE make(name text, out_of_orderness text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format($f$CREATE FOREIGN TABLE %1$s (k text, v int, t timestamptz)
		SERVER session_many OPTIONS (event_time 't', max_out_of_orderness '%2$s', batch_rows '10000')$f$, name, out_of_orderness);
	EXECUTE format($f$CREATE MATERIALIZED VIEW %1$s_sessions WITH (stream_agg.continuous, stream_agg.allowed_lateness = '400 days') AS
		SELECT k, window_start, window_end, count(*) AS n, sum(v) AS total, avg(v) AS mean
		FROM %1$s, session(t, '1 min') GROUP BY k, window_start, window_end$f$, name);
END
$$;
CALL make('ordered', '400 days');
CALL make('behind', '0');

-- one key with 100,000 sessions, in ten batches, the even ones first
INSERT INTO ordered SELECT 'many', 1, '2024-01-01'::timestamptz + i * interval '2 min' FROM generate_series(0, 99998, 2) i;
INSERT INTO ordered SELECT 'many', 1, '2024-01-01'::timestamptz + i * interval '2 min' FROM generate_series(1, 99999, 2) i;
-- the same, every row behind its watermark, in an order that has nothing to do with time
INSERT INTO behind VALUES ('first', 1, '2025-01-01');
INSERT INTO behind SELECT 'many', 1, '2024-01-01'::timestamptz + (i * 7919 % 100000) * interval '2 min' FROM generate_series(0, 99999) i;
SELECT count(*), sum(n), min(window_start), max(window_end) FROM ordered_sessions WHERE k = 'many';
SELECT count(*), sum(n), min(window_start), max(window_end) FROM behind_sessions WHERE k = 'many';

-- a row more reads a few blocks of the index, whichever session it is for
SELECT pg_stat_force_next_flush();
BEGIN;
INSERT INTO ordered SELECT 'many', 1, '2024-01-01 00:00:30'::timestamptz + i * interval '2 min' FROM unnest('{5, 50000, 99999}'::int[]) i;
SELECT pg_stat_get_xact_blocks_fetched(indexrelid) < 60 AS few_blocks, pg_stat_get_xact_tuples_returned(indexrelid) < 20 AS few_entries
FROM pg_index WHERE indrelid = stream_agg.data_table('ordered_sessions') AND indisunique;
COMMIT;
SELECT window_start, window_end, n FROM ordered_sessions WHERE k = 'many' AND n > 1 ORDER BY 1;

-- one session of 1,000,000 rows, in a hundred batches
INSERT INTO ordered SELECT 'long', i % 7, '2024-01-01'::timestamptz + i * interval '1 s' FROM generate_series(1, 1000000) i;
SELECT window_start, window_end, n, total, round(mean, 4) AS mean FROM ordered_sessions WHERE k = 'long';
-- one of 100,000 that are all behind: 50,000 sessions, and then what bridges them
INSERT INTO behind SELECT 'bridged', 1, '2024-01-01'::timestamptz + (i * 7919 % 50000) * interval '2 min' FROM generate_series(0, 49999) i;
SELECT count(*) FROM behind_sessions WHERE k = 'bridged';
INSERT INTO behind SELECT 'bridged', 1, '2024-01-01 00:01'::timestamptz + (i * 7919 % 50000) * interval '2 min' FROM generate_series(0, 49999) i;
SELECT window_start, window_end, n, total, mean, revision FROM stream_agg_data.behind_sessions WHERE k = 'bridged';

SET client_min_messages = warning;
DROP SCHEMA session_many CASCADE;
DROP SERVER session_many;
