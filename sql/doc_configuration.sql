-- Made by tools/doc_examples from doc/configuration.md; change that instead.
SET client_min_messages = warning;
DROP SERVER IF EXISTS oops CASCADE;
DROP SERVER IF EXISTS secured CASCADE;
DROP SERVER IF EXISTS configured CASCADE;
DROP SCHEMA IF EXISTS doc_configuration CASCADE;
CREATE SCHEMA doc_configuration;
SET search_path = doc_configuration, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET IntervalStyle = 'postgres';
RESET client_min_messages;

SHOW stream_agg.flush_interval;
SHOW stream_agg.synchronous_commit;

CREATE SERVER oops FOREIGN DATA WRAPPER stream_agg OPTIONS (bootstrap_server 'localhost:9092');
CREATE SERVER oops FOREIGN DATA WRAPPER stream_agg
    OPTIONS (bootstrap_servers 'localhost:9092', plugin_library_paths '/tmp/x.so');
CREATE SERVER oops FOREIGN DATA WRAPPER stream_agg
    OPTIONS (bootstrap_servers 'localhost:9092', sasl_password 'secret');

CREATE SERVER secured FOREIGN DATA WRAPPER stream_agg
    OPTIONS (bootstrap_servers 'broker:9093', security_protocol 'sasl_ssl', sasl_mechanism 'PLAIN');
CREATE USER MAPPING FOR CURRENT_USER SERVER secured OPTIONS (sasl_username 'app');
CREATE USER MAPPING FOR CURRENT_USER SERVER secured OPTIONS (sasl_username 'app', sasl_password 'secret');

CREATE SERVER configured FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE visits (
    visitor  text NOT NULL,
    city     text OPTIONS (path 'user.address.city'),
    seen_at  timestamptz OPTIONS (epoch 'ms'),
    message  jsonb OPTIONS (metadata 'value'),
    part     int OPTIONS (metadata 'partition'),
    "offset" bigint OPTIONS (metadata 'offset')
) SERVER configured OPTIONS (topic 'visits', event_time 'seen_at', max_out_of_orderness '1 minute',
                             idle_timeout '10 s', on_error 'skip', batch_rows '5000', partitions '4');

ALTER FOREIGN TABLE visits OPTIONS (SET on_error 'dead_letter', ADD flush_interval '2 s');
ALTER FOREIGN TABLE visits OPTIONS (ADD max_out_of_order '1 minute');

CREATE TABLE visit_log (id bigint GENERATED ALWAYS AS IDENTITY, visitor text, seen_at timestamptz);
CREATE MATERIALIZED VIEW visit_load WITH (stream_agg.continuous, stream_agg.into = 'visit_log') AS
SELECT visitor, seen_at FROM visits;
CREATE MATERIALIZED VIEW visit_hours WITH (stream_agg.continuous, stream_agg.emit = 'final', stream_agg.late = 'drop') AS
SELECT window_start, city, count(*) AS visits
FROM visits, tumble(seen_at, '1 hour')
GROUP BY window_start, city;

INSERT INTO visits (visitor, city, seen_at) VALUES ('ann', 'Bonn', '2026-03-01 12:10Z'), ('bob', 'Bonn', '2026-03-01 12:20Z'),
                                                   ('ann', 'Kiel', '2026-03-01 13:02Z');
SELECT * FROM visit_log;
SELECT * FROM visit_hours;

CREATE MATERIALIZED VIEW visits_per_visitor WITH (stream_agg.continuous) AS
SELECT visitor, count(*) AS visits FROM visits GROUP BY visitor;
CREATE MATERIALIZED VIEW recent_visitors WITH (stream_agg.continuous, stream_agg.state_ttl = '90 days') AS
SELECT visitor, count(*) AS visits FROM visits GROUP BY visitor;
CREATE MATERIALIZED VIEW visit_days WITH (stream_agg.continuous, stream_agg.retention = '400 days') AS
SELECT window_start, count(*) AS visits FROM visits, tumble(seen_at, '1 day') GROUP BY window_start;

CREATE MATERIALIZED VIEW visits_from WITH (stream_agg.continuous, stream_agg.start = '{"0": 17, "1": 4}') AS
SELECT visitor, seen_at FROM visits;
CREATE MATERIALIZED VIEW visits_wrong WITH (stream_agg.continuous, stream_agg.start = '{"0": "x"}') AS
SELECT visitor, seen_at FROM visits;

CREATE TABLE visitor (name text PRIMARY KEY);
CREATE TABLE deferred_log (visitor text REFERENCES visitor DEFERRABLE INITIALLY DEFERRED);
CREATE MATERIALIZED VIEW deferred WITH (stream_agg.continuous, stream_agg.into = 'deferred_log') AS
SELECT visitor FROM visits;

ALTER SERVER configured OPTIONS (ADD bootstrap_servers 'localhost:9092');

ALTER TABLE stream_agg_data.visit_hours SET (fillfactor = 50);

-- the end of doc/configuration.md
RESET ROLE;
SET client_min_messages = warning;
DROP SERVER IF EXISTS oops CASCADE;
DROP SERVER IF EXISTS secured CASCADE;
DROP SERVER IF EXISTS configured CASCADE;
DROP SCHEMA IF EXISTS doc_configuration CASCADE;
