# windows_of_users.py
#	  Counts, averages and greatest amounts by user and five minutes, from a
#	  topic into PostgreSQL by way of Pathway.
#
# Usage: windows_of_users.py BOOTSTRAP TOPIC CONNINFO INTERVAL_MS
#
# NOTES
#	  A snapshot table: after each mini-batch, of INTERVAL_MS, windows that have
#	  changed replace what was there.  Late rows are added to their window,
#	  however late: Pathway's cutoff knows the latest time of all partitions
#	  only, and would drop rows when there is a backlog.
#
import os
import sys
from datetime import timedelta

import pathway as pw

bootstrap, topic, conninfo, interval = sys.argv[1:]


class Row(pw.Schema):
    user_id: str
    amount: float
    event_time: str


rows = pw.io.kafka.read(
    {
        "bootstrap.servers": bootstrap,
        # Of this run alone: one of the same name may not have left its group yet.
        "group.id": f"pathway-{os.getpid()}",
        "auto.offset.reset": "earliest",
    },
    topic,
    schema=Row,
    format="json",
    autocommit_duration_ms=int(interval),
)
rows = rows.select(
    rows.user_id,
    rows.amount,
    at=rows.event_time.dt.strptime("%Y-%m-%dT%H:%M:%S.%fZ").dt.to_utc("UTC"),
)
windows = rows.windowby(
    rows.at,
    window=pw.temporal.tumbling(duration=timedelta(minutes=5)),
    instance=rows.user_id,
).reduce(
    window_start=pw.this._pw_window_start,
    window_end=pw.this._pw_window_end,
    user_id=pw.this._pw_instance,
    n=pw.reducers.count(),
    average=pw.reducers.avg(pw.this.amount),
    greatest=pw.reducers.max(pw.this.amount),
)
settings = dict(pair.split("=", 1) for pair in conninfo.split())
pw.io.postgres.write(
    windows,
    settings | {"password": os.environ["PGPASSWORD"]},
    "result",
    output_table_type="snapshot",
    primary_key=[windows.window_start, windows.user_id],
)
pw.run(monitoring_level=pw.MonitoringLevel.NONE)
