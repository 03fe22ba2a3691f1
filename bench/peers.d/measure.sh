#!/usr/bin/env bash
#
# bench/peers.d/measure.sh
#	  Runs every peer on the same topic; leaves the figures in the file
#	  "results".
#
# NOTES
#	  Called by bench/peers in a folder under /tmp that holds a copy of what is
#	  needed, as the user who owns that folder.  Lines of "results", with tabs:
#
#		fact	NAME	VALUE
#		peer	NAME	TITLE	GUARANTEE
#		run		bare	SECONDS	CPU_SECONDS	PEAK_KB
#		run		NAME	SECONDS	CPU_PEER	CPU_POSTGRES	PEAK_KB
#		run		NAME.start	…			(the same with a topic of one row)
#		latency	NAME	INTERVAL	ROWS	P50	P99	MAX		(milliseconds)
#
#	  A peer has a database of its own for each run, and nothing else goes on.
#	  Its clock runs from the start of its command until a client that asks
#	  every 20 ms sees all rows in "result" (bench/peers.d/watch); then the
#	  windows are compared with what was produced.
#
#	  Latency: rows at a steady rate, and a client that asks for sum(n) every
#	  5 ms.  The i-th row is visible when the sum has reached i, and its origin
#	  is the i-th of the rows' Kafka timestamps: rows may be counted in another
#	  order, but the mean is the true one, and every row is on its way for
#	  as long as the sum lags behind.  The first seconds are left out, in which
#	  Java compiles.  The Kafka timestamps are read after the run, by stream_agg.
#
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tools/lib.sh
. ./env.sh
. bench/servers.sh

throughput_poll_ms=20
latency_poll_ms=5
time_limit=${BENCH_TIME_LIMIT:-600}	# seconds that a run may take
number=0						# of the run, for folders

# Lets the peers in over TCP, with a password that only their environment has.
open_postgres()
{
	PGPASSWORD=$(head -c 64 /dev/urandom | base64 | tr -dc 'A-Za-z0-9' | head -c 32)
	export PGPASSWORD
	ask "ALTER USER postgres PASSWORD '$PGPASSWORD'" || exit 1
	printf '%s\n' 'local all all trust' 'host all all 127.0.0.1/32 scram-sha-256' \
		>data/pg_hba.conf
	ask "SELECT pg_reload_conf()" >/dev/null || exit 1
}

# make_database PEER: an empty database "peer".
make_database()
{
	local setup=bench/peers.d/$1/setup.sql

	[ -f "$setup" ] || setup=bench/peers.d/result.sql
	settle
	ask "CREATE DATABASE peer" &&
		PGDATABASE=peer psql -X -q -v ON_ERROR_STOP=1 -f "$setup" || exit 1
}

drop_database()
{
	local teardown=bench/peers.d/$1/teardown.sql

	[ ! -f "$teardown" ] ||
		PGDATABASE=peer psql -X -q -v ON_ERROR_STOP=1 -f "$teardown" || exit 1
	ask "DROP DATABASE peer WITH (FORCE)" || exit 1
}

# watch_peer PEER TOPIC ROWS_TO_READ INTERVAL WATCH_ARGUMENT…: one run; prints
# the line of "watch".
watch_peer()
{
	local peer=$1 topic=$2 rows=$3 interval=$4 state
	shift 4

	state=$folder/state/$number
	mkdir -p "$state"
	PEER_HOME=$folder/peers/$peer PGDATABASE=peer bench/peers.d/watch "$@" -- \
		env -C "$state" "$folder/bench/peers.d/$peer/run" "$bootstrap" "$topic" "$rows" \
		"host=127.0.0.1 port=$PGPORT user=postgres dbname=peer" "$interval" 2>"$state.log" ||
		{ tail -n 30 "$state.log" >&2; return 1; }
}

# Dies unless the peer's windows are right.
check_peer()
{
	ask "DROP TABLE IF EXISTS got" &&
		ask "CREATE TABLE got (LIKE expected_windows)" &&
		PGDATABASE=peer ask "COPY (SELECT window_start, window_end, user_id, n, average, greatest
			FROM result) TO STDOUT" | ask "COPY got FROM STDIN" ||
		sa_die "the result of $1 could not be read"
	check_windows got
}

# about PEER NAME: a variable of what it says about itself.
about()
{
	(
		latency=yes
		# shellcheck source=bench/peers.d/stream_agg/about
		. "bench/peers.d/$1/about"
		printf '%s' "${!2}"
	)
}

# measure_peer PEER: a run over one row, and one over all.
measure_peer()
{
	local what topic rows line intervals

	read -r -a intervals <<<"$(about "$1" intervals)"
	for what in "$1.start one_row 1" "$1 events $BENCH_ROWS"; do
		read -r what topic rows <<<"$what"
		number=$((number + 1))
		make_database "$1"
		line=$(watch_peer "$1" "$topic" "$rows" "${intervals[0]}" \
			"$rows" "$throughput_poll_ms" "$time_limit") || sa_die "the peer $1 failed"
		[ "$topic" != events ] || check_peer "$1"
		printf 'run\t%s\t%s\n' "$what" "${line// /$'\t'}" >>"$results"
		progress "  $what: seconds, CPU of peer and PostgreSQL, peak kB: $line"
		drop_database "$1"
	done
}

# The Kafka timestamps of a topic, in the table "origin".
read_timestamps()
{
	ask "CREATE FOREIGN TABLE latency_rows (s bigint, event_time timestamptz,
			produced_at timestamptz OPTIONS (metadata 'timestamp'))
		SERVER kafka OPTIONS (topic '$1', event_time 'event_time',
			max_out_of_orderness '1 hour')" || exit 1
	ask "CREATE MATERIALIZED VIEW origin WITH (stream_agg.continuous) AS
		SELECT * FROM latency_rows" || exit 1
	[ "$(ask "SELECT stream_agg.wait('latency_rows', '60 s')")" = t ] ||
		sa_die "the topic $1 could not be read"
}

# measure_latency PEER INTERVAL
measure_latency()
{
	local topic=latency_$1_$2 first=100 skipped rows line pid

	skipped=$((first + rate * BENCH_WARM_UP))
	rows=$((skipped + rate * BENCH_SECONDS))
	number=$((number + 1))
	make_database "$1"
	tools/kafka admin "$folder/broker" create "$topic" "$partitions" || exit 1
	watch_peer "$1" "$topic" 0 "$2" "$rows" "$latency_poll_ms" "$time_limit" seen >/dev/null &
	pid=$!
	# A few rows first, so that its start is not in it.
	sa_producer -b "$bootstrap" -t "$topic" -n "$first" --start now --keys "$keys" \
		--size "$size" || exit 1
	for _ in $(seq 600); do
		[ "$(tail -n 1 seen 2>/dev/null | cut -f 2)" != "$first" ] || break
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	sa_producer -b "$bootstrap" -t "$topic" --first "$first" -n $((rows - first)) \
		--rate "$rate" --start now --keys "$keys" --size "$size" || exit 1
	wait "$pid" || sa_die "the peer $1 failed"
	read_timestamps "$topic"
	line=$(psql -X -q -A -t -F $'\t' -v ON_ERROR_STOP=1 <<-END
		CREATE TEMPORARY TABLE seen (at numeric, n bigint);
		\\copy seen FROM 'seen'
		SELECT count(*),
			percentile_disc(0.5) WITHIN GROUP (ORDER BY ms)::numeric(9,1),
			percentile_disc(0.99) WITHIN GROUP (ORDER BY ms)::numeric(9,1),
			max(ms)::numeric(9,1)
		FROM (SELECT extract(epoch FROM produced_at) AS origin,
				row_number() OVER (ORDER BY produced_at) AS i FROM origin) AS o,
			LATERAL (SELECT (min(at) - origin) * 1000 AS ms FROM seen WHERE n >= i) AS s
		WHERE i > $skipped;
	END
	)
	ask "DROP FOREIGN TABLE latency_rows CASCADE" || exit 1
	[ "${line%%$'\t'*}" = $((rows - skipped)) ] ||
		sa_die "WRONG RESULT: ${line%%$'\t'*} rows of $1 arrived, not $((rows - skipped))"
	printf 'latency\t%s\t%s\t%s\n' "$1" "$2" "$line" >>"$results"
	progress "  $1 every $2 ms: p50 $(cut -f 2 <<<"$line") ms, p99 $(cut -f 3 <<<"$line") ms"
	drop_database "$1"
}

trap 'sa_stop_servers "$folder"' EXIT
trap 'exit 130' INT TERM HUP
: >"$results"
progress "starting PostgreSQL and Kafka"
# Java's driver knows no Unix sockets.
PGPORT=$(sa_free_ports 1)
start_postgres "listen_addresses = '127.0.0.1'" "port = $PGPORT"
open_postgres
start_kafka
progress "producing $BENCH_ROWS rows"
fill events "$BENCH_ROWS"
fill one_row 1
load_manifest
write_facts
fact rate "$rate"
fact seconds "$BENCH_SECONDS"
for peer in $BENCH_PEERS; do
	printf 'peer\t%s\t%s\t%s\n' "$peer" "$(about "$peer" title)" \
		"$(about "$peer" guarantee)" >>"$results"
done

# The broker's Java compiles what it runs often: not in a measured run.
bench/bare_consumer "$bootstrap" events >/dev/null || exit 1
for run in $(seq "$BENCH_RUNS"); do
	progress "run $run of $BENCH_RUNS"
	measure_bare
	for peer in $BENCH_PEERS; do
		measure_peer "$peer"
	done
done
[ "$BENCH_SECONDS" -gt 0 ] || exit 0
for peer in $BENCH_PEERS; do
	[ "$(about "$peer" latency)" = yes ] || continue
	for interval in $(about "$peer" intervals); do
		measure_latency "$peer" "$interval"
		[ "$BENCH_INTERVALS" = all ] || break
	done
done
