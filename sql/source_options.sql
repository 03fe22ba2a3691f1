-- Options of servers, user mappings, streams and their columns: what is taken,
-- what is refused, by whom, and where secrets may stand.
CREATE SCHEMA source_options;
SET search_path = source_options, public;

-- Servers take properties of the Kafka client, or none: then they are
-- in-database servers.
CREATE SERVER here FOREIGN DATA WRAPPER stream_agg;
CREATE SERVER kafka FOREIGN DATA WRAPPER stream_agg
	OPTIONS (bootstrap_servers 'k1:9092,k2:9092', security_protocol 'sasl_ssl',
		sasl_mechanism 'SCRAM-SHA-512', socket_timeout_ms '5000');
CREATE SERVER s FOREIGN DATA WRAPPER stream_agg OPTIONS (bootstrap_server 'k1:9092');
CREATE SERVER s FOREIGN DATA WRAPPER stream_agg OPTIONS (colour 'red');
CREATE SERVER s FOREIGN DATA WRAPPER stream_agg OPTIONS (group_id 'mine');
CREATE SERVER s FOREIGN DATA WRAPPER stream_agg OPTIONS (enable_auto_commit 'true');
CREATE SERVER s FOREIGN DATA WRAPPER stream_agg OPTIONS (security_protocol 'tls');
CREATE SERVER s FOREIGN DATA WRAPPER stream_agg OPTIONS (security_protocol 'sasl_ssl');
CREATE SERVER s FOREIGN DATA WRAPPER stream_agg OPTIONS (socket_timeout_ms '5');
CREATE SERVER s FOREIGN DATA WRAPPER stream_agg OPTIONS (socket_timeout_ms 'soon');
CREATE SERVER s FOREIGN DATA WRAPPER stream_agg OPTIONS (bootstrap_servers 'k1:9092,,k2');
CREATE SERVER s FOREIGN DATA WRAPPER stream_agg OPTIONS (bootstrap_servers '');
ALTER SERVER kafka OPTIONS (ADD sasl_passwort 'x');
CREATE FOREIGN DATA WRAPPER other HANDLER stream_agg.fdw_handler
	VALIDATOR stream_agg.fdw_validator OPTIONS (bootstrap_servers 'k1:9092');

-- Secrets: in a user mapping, nowhere else.
CREATE SERVER s FOREIGN DATA WRAPPER stream_agg OPTIONS (sasl_password 'secret');
CREATE SERVER s FOREIGN DATA WRAPPER stream_agg OPTIONS (ssl_key_pem 'secret');
CREATE SERVER s FOREIGN DATA WRAPPER stream_agg OPTIONS (ssl_key_password 'secret');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka
	OPTIONS (sasl_username 'app', sasl_password 'secret');
ALTER USER MAPPING FOR CURRENT_USER SERVER kafka OPTIONS (DROP sasl_password);
DROP USER MAPPING FOR CURRENT_USER SERVER kafka;
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka OPTIONS (sasl_username 'app');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka OPTIONS (bootstrap_servers 'k1:9092');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka OPTIONS (sasl_user 'app');

-- The second tier is for superusers, and so are brokers that no superuser has
-- allowed.
CREATE SERVER files FOREIGN DATA WRAPPER stream_agg
	OPTIONS (bootstrap_servers 'k1:9092', ssl_ca_location '/etc/ca.pem');
CREATE ROLE source_options_user;
GRANT USAGE ON FOREIGN DATA WRAPPER stream_agg TO source_options_user;
GRANT USAGE ON FOREIGN SERVER kafka TO source_options_user;
SET ROLE source_options_user;
CREATE SERVER mine FOREIGN DATA WRAPPER stream_agg OPTIONS (ssl_ca_location '/etc/ca.pem');
CREATE SERVER mine FOREIGN DATA WRAPPER stream_agg OPTIONS (debug 'all');
CREATE SERVER mine FOREIGN DATA WRAPPER stream_agg
	OPTIONS (enable_ssl_certificate_verification 'false');
CREATE SERVER mine FOREIGN DATA WRAPPER stream_agg OPTIONS (bootstrap_servers '10.0.0.1:22');
CREATE SERVER mine FOREIGN DATA WRAPPER stream_agg OPTIONS (fetch_wait_max_ms '10');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka OPTIONS (ssl_key_location '/etc/key.pem');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka
	OPTIONS (sasl_username 'me', sasl_password 'mine');
-- nobody else sees it
SELECT umoptions FROM pg_user_mappings WHERE srvname = 'kafka';
RESET ROLE;
CREATE ROLE source_options_other;
SET ROLE source_options_other;
SELECT umoptions FROM pg_user_mappings WHERE srvname = 'kafka';
RESET ROLE;
SET stream_agg.allowed_brokers = 'k1:9092, k2:9092';
SET ROLE source_options_user;
ALTER SERVER mine OPTIONS (ADD bootstrap_servers 'k2:9092');
ALTER SERVER mine OPTIONS (SET bootstrap_servers 'k3:9092');
SET stream_agg.allowed_brokers = '*';
RESET ROLE;
RESET stream_agg.allowed_brokers;

-- Streams.
CREATE FOREIGN TABLE t (a int) SERVER here
	OPTIONS (topic 't', format 'json', event_time 'a', max_out_of_orderness '30 s',
		idle_timeout '1 minute', timezone 'Europe/Berlin', max_future '1 day',
		on_error 'skip', flush_interval '1 s', batch_rows '1000', on_data_loss 'earliest',
		partitions '4');
DROP FOREIGN TABLE t;
CREATE FOREIGN TABLE t (a int) SERVER here OPTIONS (topik 't');
CREATE FOREIGN TABLE t (a int) SERVER here OPTIONS (bootstrap_servers 'k1:9092');
CREATE FOREIGN TABLE t (a int) SERVER here OPTIONS (format 'xml');
CREATE FOREIGN TABLE t (a int) SERVER here OPTIONS (on_error 'panic');
CREATE FOREIGN TABLE t (a int) SERVER here OPTIONS (on_data_loss 'latest');
CREATE FOREIGN TABLE t (a int) SERVER here OPTIONS (max_out_of_orderness '-1 s');
CREATE FOREIGN TABLE t (a int) SERVER here OPTIONS (max_out_of_orderness '1 month');
CREATE FOREIGN TABLE t (a int) SERVER here OPTIONS (max_out_of_orderness 'long');
CREATE FOREIGN TABLE t (a int) SERVER here OPTIONS (idle_timeout '100001 days');
CREATE FOREIGN TABLE t (a int) SERVER here OPTIONS (max_future '2500000000 hours');
CREATE FOREIGN TABLE t (a int) SERVER here OPTIONS (timezone 'Mars/Olympus');
CREATE FOREIGN TABLE t (a int) SERVER here OPTIONS (flush_interval '1 ms');
CREATE FOREIGN TABLE t (a int) SERVER here OPTIONS (batch_rows '0');
CREATE FOREIGN TABLE t (a int) SERVER here OPTIONS (batch_rows 'many');
CREATE FOREIGN TABLE t (a int) SERVER here OPTIONS (partitions '0');

-- Columns.
CREATE FOREIGN TABLE t (
	a text OPTIONS (path 'user.address.city'),
	k bytea OPTIONS (metadata 'key'), v jsonb OPTIONS (metadata 'value'),
	p int OPTIONS (metadata 'partition'), o bigint OPTIONS (metadata 'offset'),
	ts timestamptz OPTIONS (metadata 'timestamp'),
	n timestamptz OPTIONS (metadata 'processed_at'),
	t text OPTIONS (metadata 'topic'), h jsonb OPTIONS (metadata 'headers'),
	e timestamp OPTIONS (epoch 'ms')) SERVER here;
DROP FOREIGN TABLE t;
CREATE FOREIGN TABLE t (a int OPTIONS (paths 'a')) SERVER here;
CREATE FOREIGN TABLE t (a int OPTIONS (topic 'a')) SERVER here;
CREATE FOREIGN TABLE t (a int OPTIONS (path 'a..b')) SERVER here;
CREATE FOREIGN TABLE t (a int OPTIONS (path '')) SERVER here;
CREATE FOREIGN TABLE t (a int OPTIONS (metadata 'size')) SERVER here;
CREATE FOREIGN TABLE t (a int OPTIONS (epoch 'days')) SERVER here;

-- What needs both the table and its columns is checked when a view is created.
CREATE FOREIGN TABLE t (a int, ts text) SERVER here OPTIONS (event_time 'time');
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT * FROM t;
ALTER FOREIGN TABLE t OPTIONS (SET event_time 'ts');
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT * FROM t;
ALTER FOREIGN TABLE t OPTIONS (DROP event_time);
ALTER FOREIGN TABLE t ALTER COLUMN ts OPTIONS (ADD epoch 'ms');
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT * FROM t;
ALTER FOREIGN TABLE t ALTER COLUMN ts OPTIONS (DROP epoch);
ALTER FOREIGN TABLE t ALTER COLUMN a OPTIONS (ADD metadata 'timestamp');
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT * FROM t;
ALTER FOREIGN TABLE t ALTER COLUMN a OPTIONS (SET metadata 'partition');
CREATE MATERIALIZED VIEW v WITH (stream_agg.continuous) AS SELECT * FROM t;
-- a server does not go from in-database to Kafka under a view
ALTER SERVER here OPTIONS (ADD bootstrap_servers 'k1:9092');
ALTER SERVER here OPTIONS (ADD fetch_wait_max_ms '10');
DROP MATERIALIZED VIEW v;
ALTER SERVER here OPTIONS (ADD bootstrap_servers 'k1:9092');
ALTER SERVER here OPTIONS (DROP bootstrap_servers);
-- with Kafka, a stream has a topic
CREATE FOREIGN TABLE k (a int) SERVER kafka;
CREATE MATERIALIZED VIEW w WITH (stream_agg.continuous) AS SELECT * FROM k;

SET client_min_messages = warning;
DROP SCHEMA source_options CASCADE;
DROP SERVER here, kafka, files, mine CASCADE;
REVOKE ALL ON FOREIGN DATA WRAPPER stream_agg FROM source_options_user;
DROP ROLE source_options_user, source_options_other;
