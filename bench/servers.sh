# shellcheck shell=bash
#
# bench/servers.sh
#	  What the benchmarks share: a private PostgreSQL server and Kafka broker, a
#	  topic of known rows, what a view by window and user must hold, and what a
#	  process has used.
#
# NOTES
#	  To be sourced by bash in a folder under /tmp that bench/folder.sh has made,
#	  after tools/lib.sh and env.sh.  The caller sets a trap that stops what was
#	  started: sa_stop_servers "$folder".
#
folder=$PWD
results=$folder/results
partitions=4
keys=1000
size=150
disorder=5
spread_us=1800000000			# event time from the first to the last row
first_event=1700000100			# the start of a window, in the past for any clock
rate=${BENCH_RATE:-10000}
export PGHOST=$folder PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
export PGOPTIONS='-c client_min_messages=warning'

# What happens, for someone who waits; results are printed by who has called.
progress()
{
	sa_say "$*" >&2
}

fact()
{
	printf 'fact\t%s\t%s\n' "$1" "$2" >>"$results"
}

# The answer of one statement, unaligned.
ask()
{
	psql -X -q -A -t -v ON_ERROR_STOP=1 -c "$1"
}

# start_postgres [LINE…]: with these lines in postgresql.conf, too.
start_postgres()
{
	initdb -D data -U postgres -A trust -E UTF8 --no-locale >initdb.log 2>&1 ||
		{ cat initdb.log >&2; sa_die "initdb failed"; }
	cat >>data/postgresql.conf <<-END
		shared_preload_libraries = 'stream_agg'
		listen_addresses = ''
		unix_socket_directories = '$folder'
		unix_socket_permissions = 0700
		timezone = 'UTC'
		max_wal_size = 4GB
		shared_buffers = 1GB
		track_commit_timestamp = on
		$(printf '%s\n' "$@")
	END
	pg_ctl -D data -l postgres.log -w -s start ||
		{ tail -n 20 postgres.log >&2; sa_die "PostgreSQL did not start"; }
	ask "CREATE EXTENSION stream_agg" || exit 1
}

start_kafka()
{
	tools/kafka start "$folder/broker" || exit 1
	bootstrap=$(tools/kafka bootstrap "$folder/broker")
	ask "CREATE SERVER kafka FOREIGN DATA WRAPPER stream_agg
			OPTIONS (bootstrap_servers '$bootstrap')" || exit 1
	ask "CREATE USER MAPPING FOR CURRENT_USER SERVER kafka" || exit 1
}

# fill TOPIC ROWS [KEYS SPREAD_US]: makes a topic, with what it holds in the file
# TOPIC.manifest.
fill()
{
	tools/kafka admin "$folder/broker" create "$1" "$partitions" || exit 1
	sa_producer -b "$bootstrap" -t "$1" -m "$1.manifest" -n "$2" \
		--size "$size" --keys "${3:-$keys}" --disorder "$disorder" \
		--start "$first_event" --step-us $((${4:-$spread_us} / $2)) ||
		sa_die "the topic \"$1\" could not be filled"
	[ "$(wc -l <"$1.manifest")" -eq "$2" ] ||
		sa_die "not all rows of the topic \"$1\" were delivered"
}

# Loads the manifest of the topic "events", and computes from it what every window
# of every user must hold.
load_manifest()
{
	psql -X -q -v ON_ERROR_STOP=1 <<-END || sa_die "could not load the manifest"
		CREATE TABLE manifest (partition int, "offset" bigint, p bigint, s bigint,
			user_id text, page text, amount float8, event_time timestamptz, poison boolean);
		\\copy manifest FROM 'events.manifest'
		CREATE TABLE expected_windows AS
		SELECT window_start, window_end, user_id, count(*) AS n, avg(amount) AS average,
			max(amount) AS greatest
		FROM manifest, tumble(event_time, '5 minutes')
		GROUP BY window_start, window_end, user_id;
	END
	rm events.manifest
}

# check_windows RELATION: dies unless every window of every group is right; avg() up
# to rounding.
check_windows()
{
	local differ

	differ=$(ask "
		SELECT count(*) FROM expected_windows AS e
		FULL JOIN $1 AS v USING (window_start, window_end, user_id)
		WHERE (e.n, e.greatest) IS DISTINCT FROM (v.n, v.greatest)
			OR (abs(e.average - v.average) <= 1e-9 * e.average) IS NOT TRUE")
	[ "$differ" = 0 ] ||
		sa_die "WRONG RESULT: $differ groups of $1 differ from what was produced"
}

check_no_rejects()
{
	[ "$(ask "SELECT (SELECT count(*) FROM stream_agg.dead_letters),
		(SELECT count(*) FROM stream_agg.late_rows)")" = "0|0" ] ||
		sa_die "WRONG RESULT: there are dead letters or late rows"
}

# The machine, the versions and the topic, for the report.
write_facts()
{
	fact date "$(date -u +%F)"
	fact commit "$BENCH_COMMIT"
	fact processor "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
	fact cores "$(nproc)"
	fact memory "$(awk '/^MemTotal/ { printf "%.0f GB", $2 / 1048576 }' /proc/meminfo)"
	fact kernel "$(uname -sr)"
	fact PostgreSQL "$(ask 'SHOW server_version')"
	fact librdkafka "$(pkg-config --modversion rdkafka)"
	fact Kafka "$(basename "$(ls kafka/kafka_2*.jar)" .jar | sed 's/.*-//')"
	fact settings "max_wal_size = 4GB, shared_buffers = 1GB, track_commit_timestamp = on"
	fact rows "$BENCH_ROWS"
	fact runs "$BENCH_RUNS"
	fact size "$size"
	fact partitions "$partitions"
}

# sum_of_ticks FILE FIELD: of a file "stat" of /proc, this field and the next, which
# are times in user and in system mode, in seconds.
sum_of_ticks()
{
	awk -v hz="$(getconf CLK_TCK)" -v field="$2" \
		'{ sub(/.*\) /, ""); printf "%.2f", ($(field - 2) + $(field - 1)) / hz }' "/proc/$1"
}

# CPU seconds of a process: all its threads; the first one; children that have ended.
cpu_seconds()
{
	sum_of_ticks "$1/stat" 14
}

cpu_of_first_thread()
{
	sum_of_ticks "$1/task/$1/stat" 14
}

cpu_of_children()
{
	sum_of_ticks "$1/stat" 16
}

# memory_kb PID NAME: what /proc says of a process's memory by this name.
memory_kb()
{
	awk -v name="$2:" '$1 == name { print $2 }' "/proc/$1/status"
}

# kB of memory of a process's own, at the most.
private_kb()
{
	local peak shared

	peak=$(memory_kb "$1" VmHWM) && shared=$(memory_kb "$1" RssShmem) &&
		echo $((peak - shared))
}

# Waits until nothing of the run before is going on.
settle()
{
	for _ in $(seq 100); do
		[ "$(ask "SELECT count(*) FROM stream_agg.workers WHERE kind = 'reader'")" != 0 ] ||
			break
		sleep 0.1
	done
	ask "VACUUM" && ask "CHECKPOINT" && sync -f "$folder"
}

# One run of the consumer that does nothing.
measure_bare()
{
	local messages bytes seconds cpu peak

	settle
	read -r messages bytes seconds cpu peak < <(bench/bare_consumer "$bootstrap" events)
	[ "${messages:-}" = "$BENCH_ROWS" ] ||
		sa_die "WRONG RESULT: the bare consumer read ${messages:-no} messages"
	fact bytes "$bytes"
	printf 'run\tbare\t%s\t%s\t%s\t0\t0\n' "$seconds" "$cpu" "$peak" >>"$results"
	progress "  bare: $seconds s"
}
