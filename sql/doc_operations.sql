-- Made by tools/doc_examples from doc/operations.md; change that instead.
SET client_min_messages = warning;
DROP SERVER IF EXISTS ops CASCADE;
DROP SERVER IF EXISTS ops_private CASCADE;
DROP SCHEMA IF EXISTS doc_operations CASCADE;
DROP ROLE IF EXISTS ops_analyst;
CREATE SCHEMA doc_operations;
SET search_path = doc_operations, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET IntervalStyle = 'postgres';
RESET client_min_messages;

CREATE EXTENSION IF NOT EXISTS stream_agg;

CREATE SERVER ops FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE jobs (id bigint, at timestamptz) SERVER ops OPTIONS (event_time 'at');
CREATE MATERIALIZED VIEW jobs_raw WITH (stream_agg.continuous) AS SELECT * FROM jobs;
INSERT INTO jobs VALUES (1, now()), (2, now() + interval '1 day');

SELECT state, lag, event_time_lag < '1 minute' AS up_to_date, error
FROM stream_agg.streams WHERE stream = 'jobs'::regclass;
SELECT view, state, rows_in, rows_late, rows_dead
FROM stream_agg.views WHERE stream = 'jobs'::regclass;
SELECT kind, state, last_error FROM stream_agg.workers WHERE kind = 'launcher';

SELECT stream_agg.pause('jobs');
SELECT view, state FROM stream_agg.views WHERE stream = 'jobs'::regclass;
SELECT stream_agg.resume('jobs');

CREATE ROLE ops_analyst;
GRANT USAGE ON FOREIGN DATA WRAPPER stream_agg TO ops_analyst;
SET ROLE ops_analyst;
CREATE SERVER ops_private FOREIGN DATA WRAPPER stream_agg OPTIONS (bootstrap_servers 'broker1:9092');
RESET ROLE;
SET stream_agg.allowed_brokers = 'broker1:9092, broker2:9092';
SET ROLE ops_analyst;
CREATE SERVER ops_private FOREIGN DATA WRAPPER stream_agg OPTIONS (bootstrap_servers 'broker1:9092');
RESET ROLE;
DROP SERVER ops_private;
REVOKE USAGE ON FOREIGN DATA WRAPPER stream_agg FROM ops_analyst;

-- the end of doc/operations.md
RESET ROLE;
SET client_min_messages = warning;
DROP SERVER IF EXISTS ops CASCADE;
DROP SERVER IF EXISTS ops_private CASCADE;
DROP SCHEMA IF EXISTS doc_operations CASCADE;
DROP ROLE IF EXISTS ops_analyst;
