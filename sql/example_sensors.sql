-- Made by tools/doc_examples from examples/sensors.sql; change that instead.
SET client_min_messages = warning;
DROP SERVER IF EXISTS plant CASCADE;
DROP SCHEMA IF EXISTS example_sensors CASCADE;
CREATE SCHEMA example_sensors;
SET search_path = example_sensors, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET IntervalStyle = 'postgres';
RESET client_min_messages;

--
-- Sensors: averages per minute, with gaps, broken messages and stragglers.
--
-- Shows: constraints on a stream, NULL as a group, dead letters and how to get
-- at what was in them, late rows, an aggregate without a window, the latest
-- values of a group, indexes on the table behind a view.
--
-- Runs without Kafka as it is.  With Kafka, give the server an address and
-- leave out the INSERTs.
--
CREATE SERVER plant FOREIGN DATA WRAPPER stream_agg;

-- A sensor sends {"sensor": "t1", "celsius": 20.5, "sent": 1772366400000}.
CREATE FOREIGN TABLE measurements (
    sensor  text,
    celsius float8 CHECK (celsius BETWEEN -90 AND 150),
    sent    timestamptz OPTIONS (epoch 'ms')
) SERVER plant OPTIONS (
    topic 'measurements', event_time 'sent', max_out_of_orderness '10 s'
);

CREATE MATERIALIZED VIEW minutes WITH (stream_agg.continuous) AS
SELECT window_start, sensor,
       count(*) AS messages, count(celsius) AS measured,
       avg(celsius) AS mean, min(celsius) AS low, max(celsius) AS high
FROM measurements, tumble(sent, '1 minute')
GROUP BY window_start, sensor;

-- The latest news of each sensor, for ever.
CREATE MATERIALIZED VIEW sensors WITH (stream_agg.continuous) AS
SELECT sensor, max(sent) AS last_seen, last(celsius, sent) AS latest,
       last_n(celsius, sent, 3) AS latest_three, count(*) AS messages
FROM measurements
GROUP BY sensor;

INSERT INTO measurements VALUES
    ('t1', 20.5, '2026-03-01 12:00:00Z'),
    ('t1', 21.5, '2026-03-01 12:00:30Z'),
    (NULL, 99.0, '2026-03-01 12:00:31Z'),     -- a sensor that does not know its name
    ('t2', NULL, '2026-03-01 12:00:40Z'),     -- alive, without a value
    ('t2', 20.0, '2026-03-01 12:01:05Z');

-- NULL is a group like any other; avg and count ignore values that are NULL.
SELECT * FROM minutes ORDER BY window_start, sensor;

-- Three messages that can't be used, between two that can.
INSERT INTO measurements VALUES
    ('t1', 22.5, '2026-03-01 12:01:10Z'),
    ('t1', 4000, '2026-03-01 12:01:11Z'),     -- not a temperature
    ('t1', 22.6, NULL),                       -- when?
    ('t1', 22.7, '2999-12-31 00:00:00Z'),     -- a clock that is wrong does not stop the plant's
    ('t1', 22.8, '2026-03-01 12:01:12Z');

SELECT "offset", sqlstate, reason FROM stream_agg.dead_letters
WHERE stream = 'measurements'::regclass ORDER BY "offset";

-- What was in them: the message, as it came.
SELECT "offset", m ->> 'sensor' AS sensor, m ->> 'celsius' AS celsius, m ->> 'sent' AS sent
FROM stream_agg.dead_letters, LATERAL (SELECT convert_from(value, 'UTF8')::jsonb AS m) AS message
WHERE stream = 'measurements'::regclass ORDER BY "offset";

-- The first minute is final; a straggler comes too late for it.
INSERT INTO measurements VALUES ('t3', 18.0, '2026-03-01 12:00:59Z');
SELECT row_data ->> 'sensor' AS sensor, event_time, window_start, lateness
FROM stream_agg.late_rows WHERE view = 'minutes'::regclass;

SELECT * FROM minutes WHERE is_final ORDER BY sensor;
SELECT * FROM sensors ORDER BY sensor;

-- The table behind a view is an ordinary one: index it for your queries, but
-- leave the columns alone that change with every batch.
CREATE INDEX ON stream_agg_data.minutes (window_start, sensor);
SELECT sensor, mean FROM minutes
WHERE window_start >= '2026-03-01 12:01Z' AND window_start < '2026-03-01 12:02Z'
ORDER BY sensor;

-- the end of examples/sensors.sql
RESET ROLE;
SET client_min_messages = warning;
DROP SERVER IF EXISTS plant CASCADE;
DROP SCHEMA IF EXISTS example_sensors CASCADE;
