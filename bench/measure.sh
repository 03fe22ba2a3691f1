#!/usr/bin/env bash
#
# bench/measure.sh
#	  Runs the servers and every measurement of the benchmark; leaves the
#	  figures in the file "results".
#
# NOTES
#	  Called by bench/run in a folder under /tmp that holds a copy of what is
#	  needed, as the user who owns that folder.  Lines of "results", with tabs:
#
#		fact	NAME	VALUE
#		run		CASE	SECONDS	CPU_SECONDS	PEAK_KB	SHARED_KB	WAL_BYTES
#		latency	FLUSH_INTERVAL	ROWS	P50	P99	P99.9	MAX		(milliseconds)
#
#	  Each run has a stream and views of its own, so a worker of its own: what
#	  /proc says of the worker is about this run alone.  The clock runs from
#	  the commit of CREATE to the last commit of a row of a view; so the start of
#	  the worker and its connection to Kafka are in it.  What these take by
#	  themselves is measured with a topic of one row (the case "start").
#	  stream_agg.wait() is called when all is there: it has the worker ask the
#	  broker for the ends, which holds up a batch.
#
#	  The time of a row's visibility is the commit timestamp of the transaction
#	  that wrote it, which PostgreSQL takes just before it flushes the commit
#	  record; the time of its origin is its Kafka timestamp, at which it was
#	  handed to the producer.
#
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
. tools/lib.sh
. ./env.sh
. bench/servers.sh
. bench/targets.sh

columns="user_id text, page text, amount float8, event_time timestamptz, s bigint"

# ----------------------------------------------------------------------------
# Cases
# ----------------------------------------------------------------------------

# The query that boils a table of rows down to one.
row_summary()
{
	printf '%s' "SELECT count(*) AS n, sum(s) AS s, sum(amount::numeric) AS amount,
		sum(hashtextextended(concat(user_id, page, event_time), s)) AS hash FROM $1"
}

load_view()
{
	printf '%s' "CREATE MATERIALIZED VIEW load_view WITH (stream_agg.continuous) AS
		SELECT * FROM events;"
}

aggregate_view()
{
	printf '%s' "CREATE MATERIALIZED VIEW aggregate_view WITH (stream_agg.continuous) AS
		SELECT window_start, window_end, user_id, count(*) AS n, avg(amount) AS average,
			max(amount) AS greatest
		FROM events, tumble(event_time, '5 minutes')
		GROUP BY window_start, window_end, user_id;"
}

# Dies unless the load holds what was produced.
check_load()
{
	local expected actual

	expected=$(ask "TABLE expected_rows")
	actual=$(ask "$(row_summary load_view)")
	[ -n "$actual" ] && [ "$actual" = "$expected" ] ||
		sa_die "WRONG RESULT: the load holds $actual, but $expected were produced"
}

# What the views must hold.
make_expectations()
{
	load_manifest
	psql -X -q -v ON_ERROR_STOP=1 <<-END || sa_die "could not compute what to expect"
		CREATE TABLE expected_rows AS $(row_summary manifest);
		CREATE TABLE expected_minutes AS
		SELECT date_trunc('minute', event_time) AS minute, user_id, page, count(*) AS n,
			max(amount) AS greatest
		FROM manifest GROUP BY 1, 2, 3;
	END
}

# measure CASE TOPIC DDL: lets a new worker read the topic to its end.
measure()
{
	local answer rc done_ seconds wal pid rows=$BENCH_ROWS

	[ "$2" != one_row ] || rows=1
	settle
	answer=$(psql -X -q -A -t -F ' ' -v ON_ERROR_STOP=1 <<-END
		BEGIN;
		CREATE FOREIGN TABLE events ($columns) SERVER kafka OPTIONS (topic '$2',
			event_time 'event_time', max_out_of_orderness '$disorder s');
		$3
		COMMIT;
		SELECT clock_timestamp() AS began, pg_current_wal_insert_lsn() AS lsn \\gset
		DO \$\$
		BEGIN
			WHILE (SELECT coalesce(sum(next_offset), 0) FROM stream_agg.partitions
					WHERE stream = 'events'::regclass) < $rows LOOP
				COMMIT;	-- else its snapshot would keep old versions of rows
				PERFORM pg_sleep(0.02);
			END LOOP;
		END \$\$;
		SELECT stream_agg.wait('events', '30 min') AS done \\gset
		SELECT string_agg(format('SELECT max(pg_xact_commit_timestamp(xmin)) AS at FROM %s', t),
			' UNION ALL ') AS tables
		FROM stream_agg.continuous_view v, unnest(ARRAY[v.data, v.panes] || v.kept) AS t
		WHERE v.stream = 'events'::regclass AND t IS NOT NULL \\gset
		SELECT :'done', (SELECT extract(epoch FROM max(at) - :'began')::numeric(12,3)
				FROM (:tables) AS tables),
			pg_current_wal_insert_lsn() - :'lsn',
			(SELECT min(pid) FROM stream_agg.workers WHERE kind = 'reader');
	END
	)
	rc=$?
	read -r done_ seconds wal pid <<<"$answer"
	[ "$rc" -eq 0 ] && [ "$done_" = t ] && [ -n "$pid" ] ||
		sa_die "the case \"$1\" failed: $answer; $(tail -n 5 postgres.log)"
	printf 'run\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$seconds" "$(cpu_seconds "$pid")" \
		"$(memory_kb "$pid" VmHWM)" "$(memory_kb "$pid" RssShmem)" "$wal" >>"$results"
	progress "  $1: $seconds s"
}

drop_stream()
{
	ask "DROP FOREIGN TABLE events CASCADE" || exit 1
}

measure_throughput()
{
	# The broker's Java compiles what it runs often: not in a measured run.
	bench/bare_consumer "$bootstrap" events >/dev/null || exit 1
	for run in $(seq "$BENCH_RUNS"); do
		progress "run $run of $BENCH_RUNS"
		measure_bare
		measure start one_row "$(aggregate_view)"
		drop_stream
		measure aggregate events "$(aggregate_view)"
		check_windows aggregate_view
		check_no_rejects
		drop_stream
		measure load events "$(load_view)"
		check_load
		check_no_rejects
		drop_stream
		measure both events "$(load_view) $(aggregate_view)"
		check_load
		check_windows aggregate_view
		check_no_rejects
		drop_stream
	done
}

# ----------------------------------------------------------------------------
# Latency
# ----------------------------------------------------------------------------

# measure_latency INTERVAL: rows at a steady rate into a load that has caught up.
measure_latency()
{
	local topic=latency_$1 rows=$((rate * BENCH_SECONDS)) line

	settle
	tools/kafka admin "$folder/broker" create "$topic" "$partitions" || exit 1
	ask "CREATE FOREIGN TABLE events ($columns,
			produced_at timestamptz OPTIONS (metadata 'timestamp'))
		SERVER kafka OPTIONS (topic '$topic', event_time 'event_time',
			max_out_of_orderness '$disorder s', flush_interval '$1')" || exit 1
	ask "$(load_view)" || exit 1
	# A few rows first, so that the start of the worker is not in it.
	sa_producer -b "$bootstrap" -t "$topic" -n 100 --start now --size "$size" || exit 1
	[ "$(ask "SELECT stream_agg.wait('events', '60 s')")" = t ] || sa_die "no row arrived"
	sa_producer -b "$bootstrap" -t "$topic" --first 100 -n "$rows" --rate "$rate" \
		--start now --size "$size" --keys "$keys" || exit 1
	# Not by wait(): that has the worker ask the broker how far the topic goes,
	# which holds up the rows that are on their way.
	for _ in $(seq 300); do
		[ "$(ask 'SELECT count(*) FROM load_view')" -lt $((rows + 100)) ] || break
		sleep 0.2
	done
	line=$(psql -X -q -A -t -F $'\t' -v ON_ERROR_STOP=1 -c "
		SELECT count(*),
			percentile_disc(0.5) WITHIN GROUP (ORDER BY ms)::numeric(9,1),
			percentile_disc(0.99) WITHIN GROUP (ORDER BY ms)::numeric(9,1),
			percentile_disc(0.999) WITHIN GROUP (ORDER BY ms)::numeric(9,1),
			max(ms)::numeric(9,1)
		FROM (SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin) - produced_at)
				* 1000 AS ms
			FROM $(ask "SELECT stream_agg.data_table('load_view')") WHERE s >= 100) AS rows")
	[ "${line%%$'\t'*}" = "$rows" ] ||
		sa_die "WRONG RESULT: ${line%%$'\t'*} of $rows rows arrived"
	printf 'latency\t%s\t%s\n' "$1" "$line" >>"$results"
	progress "  latency with flush_interval $1: $(cut -f 2 <<<"$line") ms"
	drop_stream
}

# ----------------------------------------------------------------------------
# Kinds of windows and aggregates
# ----------------------------------------------------------------------------

# windows_view FUNCTION AGGREGATES: a view by window and user.
windows_view()
{
	printf '%s' "CREATE MATERIALIZED VIEW windows_view WITH (stream_agg.continuous) AS
		SELECT window_start, window_end, user_id, $2
		FROM events, $1 GROUP BY window_start, window_end, user_id;"
}

# Dies unless two queries give the same rows.
check_same()
{
	local differ

	differ=$(ask "SELECT count(*) FROM (($2) EXCEPT ALL ($3) UNION ALL (($3) EXCEPT ALL ($2))) AS d")
	[ "$differ" = 0 ] ||
		sa_die "WRONG RESULT: $differ rows of the case \"$1\" differ from what was produced"
}

# check_hop CASE SIZE: against windows that are made of the rows of a minute.
check_hop()
{
	check_same "$1" "SELECT window_start, user_id, n, greatest FROM windows_view" \
		"SELECT window_start, user_id, sum(n), max(greatest)
		FROM expected_minutes, hop(minute, '1 minute', '$2') GROUP BY window_start, user_id"
}

# The classic feature of fraud detection; of some users, since reading all takes long.
check_distinct()
{
	local users="user_id IN (SELECT user_id FROM expected_minutes GROUP BY 1 ORDER BY 1 LIMIT 10)"

	check_same "$1" "SELECT window_start, user_id, pages FROM windows_view WHERE $users" \
		"SELECT window_start, user_id, count(DISTINCT page)
		FROM expected_minutes, hop(minute, '1 minute', '1 hour') WHERE $users
		GROUP BY window_start, user_id"
}

# check_whole CASE COLUMNS EXPRESSION FUNCTION: against the same query over all rows.
check_whole()
{
	check_same "$1" "SELECT window_start, user_id, $2 FROM windows_view" \
		"SELECT window_start, user_id, $3 FROM manifest, $4 GROUP BY window_start, user_id"
}

check_sessions()
{
	check_same "$1" "SELECT window_start, window_end, user_id, n, greatest FROM windows_view" \
		"SELECT min(event_time), max(event_time) + interval '2 s', user_id, count(*), max(amount)
		FROM (SELECT *, sum(begins) OVER (PARTITION BY user_id ORDER BY event_time) AS session
			FROM (SELECT *, CASE WHEN event_time - lag(event_time) OVER (PARTITION BY user_id
					ORDER BY event_time) <= interval '2 s' THEN 0 ELSE 1 END AS begins
				FROM manifest) AS r) AS s
		GROUP BY user_id, session"
}

# measure_case CASE FUNCTION AGGREGATES CHECK…: one run of it.
measure_case()
{
	local name=$1 function=$2 aggregates=$3
	shift 3

	measure "$name" events "$(windows_view "$function" "$aggregates")"
	"$1" "$name" "${@:2}"
	check_no_rejects
	drop_stream
}

measure_windows()
{
	local both="count(*) AS n, max(amount) AS greatest"

	bench/bare_consumer "$bootstrap" events >/dev/null || exit 1
	for run in $(seq "$BENCH_RUNS"); do
		progress "run $run of $BENCH_RUNS"
		measure_bare
		measure start one_row "$(aggregate_view)"
		drop_stream
		measure_case tumble "tumble(event_time, '1 minute')" "$both" check_hop '1 minute'
		measure_case hop_1 "hop(event_time, '1 minute', '1 minute')" "$both" check_hop '1 minute'
		measure_case hop_10 "hop(event_time, '1 minute', '10 minutes')" "$both" \
			check_hop '10 minutes'
		measure_case hop_60 "hop(event_time, '1 minute', '1 hour')" "$both" check_hop '1 hour'
		measure_case session "session(event_time, '2 s')" "$both" check_sessions
		measure_case hop_distinct "hop(event_time, '1 minute', '1 hour')" \
			"count(DISTINCT page) AS pages" check_distinct
		measure_case distinct "tumble(event_time, '1 hour')" "count(DISTINCT s) AS n" \
			check_whole n 'count(DISTINCT s)' "tumble(event_time, '1 hour')"
		measure_case percentile "tumble(event_time, '1 hour')" \
			"percentile_disc(0.5) WITHIN GROUP (ORDER BY amount) AS median" check_whole median \
			'percentile_disc(0.5) WITHIN GROUP (ORDER BY amount)' "tumble(event_time, '1 hour')"
	done
}

trap 'sa_stop_servers "$folder"' EXIT
trap 'exit 130' INT TERM HUP
: >"$results"
progress "starting PostgreSQL and Kafka"
start_postgres
start_kafka
progress "producing $BENCH_ROWS rows"
fill events "$BENCH_ROWS"
fill one_row 1
make_expectations
write_facts
fact what "$BENCH_WHAT"
fact rate "$rate"
fact seconds "$BENCH_SECONDS"
case $BENCH_WHAT in
	windows) measure_windows; exit ;;
	targets) measure_targets; exit ;;
esac
measure_throughput
for interval in $BENCH_INTERVALS; do
	measure_latency "$interval"
done
