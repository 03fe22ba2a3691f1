#!/usr/bin/env bash
#
# bench/topic.d/measure.sh
#	  Runs the definition against the topic, several times, next to a consumer
#	  that does nothing; leaves the figures in the file "results".
#
# Usage: measure.sh [NAME=VALUE]…			properties of librdkafka
#
# NOTES
#	  Called by bench/topic in a folder under /tmp that holds a copy of what is
#	  needed, as the user who owns that folder.  Lines of "results", with tabs:
#
#		fact	NAME	VALUE
#		bare	RUN	SECONDS	CPU_SECONDS	PEAK_KB	MESSAGES	BYTES	OFFSETS
#		run		RUN	SECONDS	OFFSETS	CPU_READER	CPU_KAFKA	PEAK_KB	WAL_BYTES
#		sample	RUN	SECONDS	OFFSETS
#		view	RUN	VIEW	KIND	ROWS_IN	LATE	DEAD	P50_MS	P99_MS	OPEN_WINDOWS
#		table	RUN	VIEW	TABLE	INSERTED	UPDATED	HOT	BYTES
#		batch	RUN	VIEW	BUCKET	BATCHES			(of up to 2^(BUCKET / 2) µs)
#		dead	RUN	REASON	COUNT
#
#	  Progress is known by offsets, which are not quite messages where the topic
#	  is compacted or written in transactions.  The bare consumer passes as many
#	  offsets, and counts the messages.
#
#	  Each run has a database of its own, so that the definition may make what it
#	  likes.  Its clock starts at the commit of the definition; so the start of the
#	  worker and its connection to Kafka are in it, up to the first sample.
#
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tools/lib.sh
. ./env.sh
. bench/servers.sh

limit=$BENCH_ROWS
patience=60						# seconds without a row, after which it's given up
database=stream_agg_bench
properties=("$@")

# ----------------------------------------------------------------------------
# The definition
# ----------------------------------------------------------------------------

# The options of the server or of the user mapping: what is secret, or says who
# we are, goes into the mapping.
options_for()
{
	local property name value place

	for property in "${properties[@]}"; do
		name=${property%%=*}
		name=${name//./_}
		value=${property#*=}
		case $name in
			sasl_username | sasl_password | ssl_*_pem | ssl_key_* | ssl_certificate_* | \
				ssl_keystore_*) place=mapping ;;
			*) place=server ;;
		esac
		[ "$place" != "$1" ] || printf ", %s '%s'" "$name" "${value//\'/\'\'}"
	done
}

# psql in the database of a run.
run_psql()
{
	PGDATABASE= psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$conninfo dbname=$database" "$@"
}

# psql where databases are made.
admin()
{
	PGDATABASE= psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$conninfo" -c "$1"
}

drop_database()
{
	local streams

	[ "$(admin "SELECT count(*) FROM pg_database WHERE datname = '$database'")" = 1 ] || return 0
	# Its worker goes when the stream does.
	streams=$(run_psql -c "SELECT string_agg(ftrelid::regclass::text, ', ')
		FROM pg_foreign_table") && [ -z "$streams" ] ||
		run_psql -c "DROP FOREIGN TABLE $streams CASCADE"
	admin "DROP DATABASE $database WITH (FORCE)"
}

make_database()
{
	drop_database && admin "CREATE DATABASE $database TEMPLATE template0 ENCODING 'UTF8'" ||
		sa_die "the database \"$database\" could not be made"
	run_psql <<-END || sa_die "the server \"kafka\" could not be made"
		SET client_min_messages = warning;
		CREATE EXTENSION stream_agg;
		CREATE SERVER kafka FOREIGN DATA WRAPPER stream_agg
			OPTIONS (bootstrap_servers '${bootstrap//\'/\'\'}'$(options_for server));
		CREATE USER MAPPING FOR CURRENT_USER SERVER kafka
			$(options_for mapping | sed 's/^, \(.*\)$/OPTIONS (\1)/');
	END
}

# Runs the definition FILE and takes it back; leaves the stream and its topic in
# the variables.  Dies with what is wrong with it.
try_definition()
{
	local file=$1 found streams positions

	found=$(run_psql -F $'\t' 2>error <<-END
		BEGIN;
		\\o /dev/null
		\\i $file
		\\o
		SELECT count(DISTINCT s.stream), min(s.stream::text), min(s.topic),
			(SELECT count(*) FROM stream_agg.partitions)
		FROM stream_agg.streams s;
		ROLLBACK;
	END
	) || {
		sed -e "s|^psql:$file:\([0-9]*\): |line \1: |" -e 's|^psql:<stdin>:[0-9]*: ||' error >&2
		sa_die "the definition \"$BENCH_DEFINITION\" has an error, see above; correct it and try again"
	}
	IFS=$'\t' read -r streams stream topic positions <<<"$found"
	[ "$streams" != 0 ] ||
		sa_die "the definition \"$BENCH_DEFINITION\" makes no continuous view; it needs
CREATE FOREIGN TABLE … SERVER kafka and CREATE MATERIALIZED VIEW … WITH (stream_agg.continuous)"
	[ "$streams" = 1 ] ||
		sa_die "the definition \"$BENCH_DEFINITION\" has views over $streams streams;
measure one stream at a time"
	# Where to start is known at CREATE only when it is not the earliest row.
	[ "$positions" = 0 ] ||
		sa_die "the definition \"$BENCH_DEFINITION\" has the option \"start\"; leave it out,
so that the topic is read from its earliest row, as the bare consumer does"
}

# How many offsets there are to read, in the variable "target".
find_target()
{
	local offsets pairs=() property

	for property in "${properties[@]}"; do
		pairs+=(-X "$property")
	done
	offsets=$(sa_admin -b "$bootstrap" "${pairs[@]}" offsets "$topic" 2>error) || {
		grep -v '^%' error >&2
		case $(cat error) in
			*'Unknown topic'*) offsets= ;;
			*"No such configuration property"* | *"Invalid value"*)
				sa_die "--property: correct what librdkafka does not understand, see above" ;;
			*)
				sa_die "no answer from Kafka at $bootstrap: is the address right, is the broker up,
can this machine reach it, and what does it ask for (--property security.protocol=…)?"
				;;
		esac
	}
	[ -n "$offsets" ] || sa_die "there is no topic \"$topic\" at $bootstrap;
correct the option \"topic\" of \"$stream\", or make the topic"
	read -r partitions target < <(awk '{ n += $3 - $2 } END { print NR, n }' <<<"$offsets")
	[ "$target" -gt 0 ] || sa_die "the topic \"$topic\" is empty; there is nothing to measure"
	available=$target
	[ "$target" -le "$limit" ] || target=$limit
}

# ----------------------------------------------------------------------------
# Runs
# ----------------------------------------------------------------------------

measure_bare()
{
	local messages bytes seconds cpu peak passed

	read -r messages bytes seconds cpu peak passed < <(
		bench/bare_consumer -n "$target" "$bootstrap" "$topic" "${properties[@]}")
	[ "${passed:-0}" -ge "$target" ] ||
		sa_die "the bare consumer read ${passed:-none} of $target offsets"
	printf 'bare\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$seconds" "$cpu" "$peak" \
		"$messages" "$bytes" "$passed" >>"$results"
	progress "  bare consumer: $seconds s"
}

# Runs the definition, and watches until the target is reached; leaves the output
# in "watched".  Every look is a transaction of its own: a snapshot that is kept
# would keep PostgreSQL from reusing the space of old row versions.
watch_run()
{
	run_psql >watched 2>&1 <<-END
		\\o /dev/null
		BEGIN;
		\\i definition.sql
		COMMIT;
		SELECT set_config('bench.began', clock_timestamp()::text, false),
			set_config('bench.lsn', pg_current_wal_insert_lsn()::text, false);
		\\o
		DO \$\$
		DECLARE
			began timestamptz := current_setting('bench.began');
			moved timestamptz := began;
			passed bigint;
			before bigint := -1;
			state text := 'running';
		BEGIN
			LOOP
				SELECT coalesce(sum(next_offset - first_offset), 0) INTO passed
				FROM stream_agg.partitions;
				IF passed = before THEN
					SELECT s.state INTO state FROM stream_agg.streams s;
				END IF;
				IF passed <> before THEN
					moved := clock_timestamp();
					RAISE INFO 'sample % %', extract(epoch FROM moved - began), passed;
				END IF;
				EXIT WHEN passed >= $target OR state IN ('error', 'stopped')
					OR clock_timestamp() - moved > interval '$patience s';
				before := passed;
				COMMIT;
				PERFORM pg_sleep(0.02);
			END LOOP;
		END \$\$;
		SELECT 'wal ' || pg_current_wal_insert_lsn() - current_setting('bench.lsn')::pg_lsn;
		SELECT 'pid ' || min(pid) FROM stream_agg.workers WHERE kind = 'reader';
		SELECT 'state ' || state || coalesce(': ' || error, '') FROM stream_agg.streams;
	END
}

# watched_line WORD: what the last line of "watched" with this word says.
watched_line()
{
	sed -n "s/^\(.*INFO:  \)\?$1 //p" watched | tail -n 1
}

measure_run()
{
	local run=$1 seconds passed pid all first

	make_database
	settle_server
	watch_run || { cat watched >&2; sa_die "the run failed, see above"; }
	pid=$(watched_line pid)
	read -r seconds passed <<<"$(watched_line sample)"
	[ "${passed:-0}" -ge "$target" ] ||
		sa_die "$stream came to a halt after ${passed:-0} of $target rows;
its state is $(watched_line state)"
	if [ -r "/proc/$pid/task/$pid/stat" ]; then
		first=$(cpu_of_first_thread "$pid")
		all=$(awk -v a="$(cpu_seconds "$pid")" -v f="$first" 'BEGIN { printf "%.2f", a - f }')
	else
		all=- first=-
	fi
	printf 'run\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$run" "$seconds" "$passed" "$first" "$all" \
		"$(private_kb "$pid" 2>/dev/null || echo -)" "$(watched_line wal)" >>"$results"
	sed -n 's/^.*INFO:  sample //p' watched |
		awk -v OFS='\t' -v run="$run" '{ print "sample", run, $1, $2 }' >>"$results"
	progress "  $BENCH_DEFINITION: $seconds s"
}

# Waits until nothing of the run before is going on.
settle_server()
{
	admin "CHECKPOINT"
	[ -n "$BENCH_CONNINFO" ] || sync -f "$folder"
}

# What the views and their tables say of themselves.
write_counts()
{
	# The worker reports what it did to tables when it ends, at the latest.
	run_psql -c "SELECT stream_agg.pause('$stream')" >/dev/null || exit 1
	for _ in $(seq 100); do
		[ "$(run_psql -c "SELECT count(pid) FROM stream_agg.workers WHERE kind = 'reader'")" != 0 ] ||
			break
		sleep 0.1
	done
	run_psql -F $'\t' -v run="$1" <<-'END' >>"$results" || exit 1
		SELECT 'view', :run, view, kind, rows_in, rows_late, rows_dead,
			extract(epoch FROM batch_time_p50) * 1000, extract(epoch FROM batch_time_p99) * 1000,
			open_windows
		FROM stream_agg.views ORDER BY view::text;
		SELECT 'table', :run, v.view, t.oid::regclass, s.n_tup_ins, s.n_tup_upd, s.n_tup_hot_upd,
			pg_total_relation_size(t.oid)
		FROM stream_agg.continuous_view v, unnest(ARRAY[v.data, v.panes] || v.kept) AS t (oid)
			JOIN pg_stat_all_tables s ON s.relid = t.oid
		ORDER BY v.view::text, t.oid;
		SELECT 'batch', :run, g.view::regclass, b.bucket, b.n
		FROM stream_agg.progress g, unnest(g.batch_times) WITH ORDINALITY AS b (n, bucket)
		WHERE b.n > 0 ORDER BY g.view, b.bucket;
		-- A reason often ends with the value, which differs from message to message.
		SELECT 'dead', :run, translate(min(reason), E'\t\n', '  '), count(*)
		FROM stream_agg.dead_letters GROUP BY regexp_replace(reason, ': "[^"]*"$', '')
		ORDER BY count(*) DESC LIMIT 5;
	END
}

# The sample topic is known: dies unless the views hold what was produced.
check_sample()
{
	local query="SELECT count(*), sum(s), sum(amount::numeric),
		sum(hashtextextended(concat(user_id, page, event_time), s)) FROM"

	[ "$(run_psql -c "$query events_kept")" = "$(ask "$query manifest")" ] ||
		sa_die "WRONG RESULT: the load differs from what was produced"
	ask "DROP TABLE IF EXISTS events_by_user;
		CREATE TABLE events_by_user (LIKE expected_windows)" &&
		run_psql -c "COPY (SELECT window_start, window_end, user_id, n, average, greatest
				FROM events_by_user) TO STDOUT" |
		psql -X -q -v ON_ERROR_STOP=1 -c "\\copy events_by_user FROM STDIN" ||
		sa_die "the content of the views could not be compared"
	check_windows events_by_user
}

# ----------------------------------------------------------------------------
# The smoke test
# ----------------------------------------------------------------------------

# refused WHAT COMMAND…: dies unless a command dies, and says so.
refused()
{
	local what=$1
	shift

	! ( "$@" ) >refused 2>&1 || sa_die "no error: $*"
	grep -q "$what" refused || { cat refused >&2; sa_die "an error that does not say \"$what\""; }
}

try_all()
{
	make_database
	try_definition "$1"
	find_target
}

# What users get wrong.
check_errors()
{
	echo "CREATE FOREIGN TABLE t (a text) SERVER kafka; SELECT nonsense;" >wrong.sql
	refused 'line 1: ERROR:  column "nonsense" does not exist' try_all wrong.sql
	refused "has an error" try_all wrong.sql
	sed "s/topic 'events'/topic 'evnts'/" definition.sql >wrong.sql
	refused 'there is no topic "evnts" at' try_all wrong.sql
	sed 's/(stream_agg.continuous)/(stream_agg.continuous, stream_agg.start = latest)/' \
		definition.sql >wrong.sql
	refused 'has the option "start"' try_all wrong.sql
	echo "SELECT 1;" >wrong.sql
	refused "makes no continuous view" try_all wrong.sql
	bootstrap=127.0.0.1:1
	refused "no answer from Kafka at 127.0.0.1:1" try_all definition.sql
	bootstrap=$(tools/kafka bootstrap "$folder/broker")
	properties=(security.protocl=ssl)
	refused "does not understand\|could not be made" try_all definition.sql
	properties=()
}

end_all()
{
	[ -z "$BENCH_CONNINFO" ] || drop_database >/dev/null 2>&1
	sa_stop_servers "$folder"
}

trap end_all EXIT
trap 'exit 130' INT TERM HUP
: >"$results"
bootstrap=$BENCH_BOOTSTRAP
if [ -n "$BENCH_CONNINFO" ]; then
	conninfo=$BENCH_CONNINFO
	case $conninfo in *dbname*=*) ;; *) conninfo+=" dbname=postgres" ;; esac
	unset PGHOST PGPORT PGUSER
	[ "$(admin "SHOW shared_preload_libraries" | grep -c stream_agg)" = 1 ] ||
		sa_die "the server of --conninfo could not be used: is it up, and is stream_agg in its
shared_preload_libraries?"
else
	progress "starting PostgreSQL"
	conninfo="host=$folder port=$PGPORT user=$PGUSER dbname=$PGDATABASE"
	start_postgres
fi
if [ -z "$bootstrap" ]; then
	progress "starting Kafka, producing $BENCH_ROWS rows"
	start_kafka
	fill events "$BENCH_ROWS"
	[ -n "$BENCH_CONNINFO" ] || load_manifest
fi
[ "$BENCH_SMOKE" = no ] || check_errors
try_all definition.sql
write_facts 2>/dev/null
fact PostgreSQL "$(admin 'SHOW server_version')"
fact stream "$stream"
fact topic "$topic"
fact partitions "$partitions"
fact available "$available"
fact bootstrap "${BENCH_BOOTSTRAP:-a private Kafka}"
fact definition "$BENCH_DEFINITION"
# The broker's caches: not in a measured run.
bench/bare_consumer -n "$target" "$bootstrap" "$topic" "${properties[@]}" >/dev/null || exit 1
for run in $(seq "$BENCH_RUNS"); do
	progress "run $run of $BENCH_RUNS: $target rows"
	measure_bare "$run"
	measure_run "$run"
	write_counts "$run"
	[ -n "$BENCH_BOOTSTRAP$BENCH_CONNINFO" ] || check_sample
done
drop_database
