# windows_of_users.py
#	  Counts, averages and greatest amounts by user and five minutes, from a
#	  topic into a table of ClickHouse, in this process (chDB).
#
# Usage: windows_of_users.py BOOTSTRAP TOPIC ROWS CONNINFO INTERVAL_MS
#
# NOTES
#	  A Kafka table, a materialized view and an AggregatingMergeTree, as in
#	  ClickHouse's own documents.  Reads until it has ROWS rows; then the windows
#	  are copied to PostgreSQL once, to be compared.
#
import os
import sys
import time

from chdb.session import Session

bootstrap, topic, rows, conninfo, interval = sys.argv[1:]
place = dict(pair.split("=", 1) for pair in conninfo.split())
session = Session("store")

for statement in (
    "CREATE DATABASE peer",
    f"""CREATE TABLE peer.events (user_id String, amount Float64, event_time DateTime64(3, 'UTC'))
        ENGINE = Kafka SETTINGS kafka_broker_list = '{bootstrap}', kafka_topic_list = '{topic}',
            kafka_group_name = 'chdb-{os.getpid()}', kafka_format = 'JSONEachRow',
            kafka_num_consumers = 1, kafka_flush_interval_ms = {interval},
            date_time_input_format = 'best_effort'""",
    """CREATE TABLE peer.windows (window_start DateTime('UTC'), user_id String,
            n SimpleAggregateFunction(sum, UInt64), total SimpleAggregateFunction(sum, Float64),
            greatest SimpleAggregateFunction(max, Float64))
        ENGINE = AggregatingMergeTree ORDER BY (window_start, user_id)""",
    """CREATE MATERIALIZED VIEW peer.fill TO peer.windows AS
        SELECT toDateTime(toStartOfInterval(event_time, INTERVAL 5 MINUTE), 'UTC') AS window_start,
            user_id, count() AS n, sum(amount) AS total, max(amount) AS greatest
        FROM peer.events GROUP BY window_start, user_id""",
):
    session.query(statement)

while int(session.query("SELECT sum(n) FROM peer.windows", "CSV").bytes() or 0) < int(rows):
    time.sleep(0.02)

session.query(
    f"""INSERT INTO FUNCTION postgresql('{place["host"]}:{place["port"]}', '{place["dbname"]}',
            'result', '{place["user"]}', '{os.environ["PGPASSWORD"]}')
        SELECT window_start, window_start + INTERVAL 5 MINUTE, user_id, sum(n),
            sum(total) / sum(n), max(greatest)
        FROM peer.windows GROUP BY window_start, user_id"""
)
