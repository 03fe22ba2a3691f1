#!/usr/bin/env bash
#
# bench/nexmark.d/measure.sh
#	  Runs the servers and the queries of Nexmark; leaves the figures in the
#	  file "results".
#
# NOTES
#	  Called by bench/nexmark in a folder under /tmp that holds a copy of what is
#	  needed, as the user who owns that folder.  Lines of "results", with tabs:
#
#		fact	NAME	VALUE
#		run		QUERY	SYSTEM	SECONDS	CPU_SECONDS	PEAK_KB
#
#	  SYSTEM is "here", "flink" (Flink, which writes to tables of the same
#	  server) or "files" (Flink, which writes CSV files).  The query "start" is
#	  q0 over a topic of a few events.
#
#	  A query is q*.sql for us and q*.flink.sql for Flink.  The first is also run
#	  as plain SQL over a table of the same events, in the schema "oracle", which
#	  says what is right; where plain SQL has another form, that is in
#	  q*.oracle.sql.  A run that does not give the same rows ends the benchmark.
#	  q12 has no Flink to compare with: at the end of its input Flink drops the
#	  windows by processing time that are open.
#
#	  Our clock runs from the commit of CREATE to the last commit of a row of a
#	  result, so the start of a worker is in it.  Flink's is that of bench/flink.
#	  CPU time is that of our worker, and of the JVM and the backends that it
#	  writes through.
#
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tools/lib.sh
. ./env.sh
. bench/servers.sh

parts=$folder/bench/nexmark.d
few=5							# events of the small topic, the last of which is a bid
parallelism=2
password=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')

# ----------------------------------------------------------------------------
# What is there before
# ----------------------------------------------------------------------------

# fill_topic TOPIC COUNT
fill_topic()
{
	tools/kafka admin "$folder/broker" create "$1" "$partitions" || exit 1
	( set -o pipefail
		"$parts/nexmark_events" messages "$2" "$NEXMARK_RATE" "$partitions" |
			sa_producer -b "$bootstrap" -t "$1" --raw ) ||
		sa_die "the topic \"$1\" could not be filled"
}

# The side input of q13, and what Flink writes to as a user of its own.
make_tables()
{
	psql -X -q -v ON_ERROR_STOP=1 -v password="$password" <<-'END' || exit 1
		CREATE TABLE side_input (key bigint PRIMARY KEY, value text NOT NULL);
		INSERT INTO side_input SELECT k, 'value of ' || k FROM generate_series(0, 9999) AS k;
		CREATE ROLE flink LOGIN PASSWORD :'password';
		GRANT SELECT ON side_input TO flink;
		CREATE SCHEMA stream;
		CREATE SCHEMA flink AUTHORIZATION flink;
		CREATE SCHEMA oracle;
	END
}

# The names of what a query makes.
relations()
{
	sed -n 's/^:create \([a-z0-9_]*\) .*/\1/p' "$parts/$1.sql"
}

# What is right, by plain SQL.
make_oracle()
{
	local query file

	"$parts/nexmark_events" rows "$BENCH_ROWS" "$NEXMARK_RATE" "$partitions" >events.rows ||
		exit 1
	PGOPTIONS="$PGOPTIONS -c search_path=oracle,public" \
		psql -X -q -v ON_ERROR_STOP=1 -f "$parts/oracle.sql" -f "$parts/kinds.sql" || exit 1
	rm events.rows
	# The run that measures the start is one of q0.
	for query in $(printf '%s\n' q0 $NEXMARK_QUERIES | sort -u); do
		file=$parts/$query.oracle.sql
		[ -f "$file" ] || file=$parts/$query.sql
		PGOPTIONS="$PGOPTIONS -c search_path=oracle,public -c work_mem=512MB" \
			psql -X -q -v ON_ERROR_STOP=1 -v create='CREATE TABLE' -v as=AS -f "$file" || exit 1
	done
}

# ----------------------------------------------------------------------------
# Comparing
# ----------------------------------------------------------------------------

# result QUERY RELATION: what is compared of it.
result()
{
	local columns

	if [ "$1" = q12 ]; then
		printf '%s' "SELECT bidder, sum(bid_count) FROM $2 GROUP BY bidder"
		return
	fi
	columns=$(ask "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum)
		FROM pg_attribute WHERE attrelid = 'oracle.${2#*.}'::regclass AND attnum > 0")
	printf '%s' "SELECT $columns FROM $2"
}

# check_result QUERY SCHEMA: dies unless it holds exactly what it should.  Two bags
# are the same when they are of one size and nothing of the one isn't in the other.
check_result()
{
	local relation actual expected differ

	for relation in $(relations "$1"); do
		actual=$(result "$1" "$2.$relation")
		expected=$(result "$1" "oracle.$relation")
		differ=$(PGOPTIONS="$PGOPTIONS -c work_mem=512MB" ask "
			SELECT (SELECT count(*) FROM ($expected) AS e) - (SELECT count(*) FROM ($actual) AS a),
				(SELECT count(*) FROM ($actual EXCEPT ALL $expected) AS d),
				EXISTS ($expected)")
		[ "$differ" = '0|0|t' ] ||
			sa_die "WRONG RESULT: $2.$relation differs from plain SQL" \
				"(rows missing|wrong|any expected: $differ)"
	done
}

# ----------------------------------------------------------------------------
# Measuring
# ----------------------------------------------------------------------------

# record NAME SYSTEM SECONDS CPU_SECONDS PEAK_KB
record()
{
	local IFS=$'\t'

	printf 'run\t%s\n' "$*" >>"$results"
	progress "  $1 $2: $3 s"
}

# measure_here NAME QUERY TOPIC EVENTS: lets a new worker read the topic to its end.
measure_here()
{
	local answer seconds pid event_time=date_time

	[ "$2" != q12 ] || event_time=processed_at
	settle
	answer=$(PGOPTIONS="$PGOPTIONS -c search_path=stream,public" \
		psql -X -q -A -t -F ' ' -v ON_ERROR_STOP=1 -v topic="$3" -v event_time="$event_time" \
		-v create='CREATE MATERIALIZED VIEW' -v as='WITH (stream_agg.continuous) AS' <<-END
		BEGIN;
		\\i $parts/stream.sql
		\\i $parts/kinds.sql
		\\i $parts/$2.sql
		COMMIT;
		SELECT clock_timestamp() AS began \\gset
		DO \$\$
		BEGIN
			WHILE (SELECT coalesce(sum(next_offset), 0) FROM stream_agg.partitions
					WHERE stream = 'nexmark'::regclass) < $4 LOOP
				PERFORM pg_sleep(0.02);
			END LOOP;
		END \$\$;
		SELECT CASE WHEN stream_agg.wait('nexmark', '10 min') THEN 'done' END AS done \\gset
		SELECT string_agg(format('SELECT max(pg_xact_commit_timestamp(xmin)) AS at FROM %s', t),
			' UNION ALL ') AS tables
		FROM stream_agg.continuous_view v, unnest(ARRAY[v.data, v.panes] || v.kept) AS t
		WHERE v.stream = 'nexmark'::regclass AND t IS NOT NULL \\gset
		SELECT (SELECT extract(epoch FROM max(at) - :'began')::numeric(12,3)
				FROM (:tables) AS tables),
			(SELECT min(pid) FROM stream_agg.workers WHERE kind = 'reader'), :'done';
	END
	) || sa_die "$1 failed: $(tail -n 5 postgres.log)"
	read -r seconds pid _ <<<"$answer"
	record "$1" here "$seconds" "$(cpu_seconds "$pid")" "$(private_kb "$pid")"
	[ "$1" = start ] || { check_result "$2" stream; check_no_rejects; }
	ask "DROP FOREIGN TABLE stream.nexmark CASCADE" || exit 1
}

# The key by which a query updates its result; nothing if it only adds to it.
updated_by()
{
	case $1 in
		q15) echo 'day' ;;
		q16) echo 'channel, day' ;;
		q17) echo 'auction, day' ;;
	esac
}

# sink SYSTEM RELATION: what Flink's table is made of.
sink()
{
	if [ "$1" = files ]; then
		printf '%s' "'connector' = 'filesystem', 'format' = 'csv',
			'path' = '$folder/flink_files/$2'"
	else
		printf '%s' "$(server), 'table-name' = '$2', 'sink.buffer-flush.max-rows' = '10000'"
	fi
}

# Flink's connection to the same server, with many rows in one INSERT.
server()
{
	local options='reWriteBatchedInserts=true&currentSchema=flink,public'

	printf '%s' "'connector' = 'jdbc', 'username' = 'flink', 'password' = '$password',
		'url' = 'jdbc:postgresql://127.0.0.1:$PGPORT/postgres?$options'"
}

# measure_flink NAME QUERY SYSTEM TOPIC
measure_flink()
{
	local relation keys=() before output seconds cpu peak postmaster

	settle
	for relation in $(relations "$2"); do
		ask "CREATE TABLE flink.$relation (LIKE oracle.$relation);
			ALTER TABLE flink.$relation OWNER TO flink" || exit 1
		[ -z "$(updated_by "$2")" ] ||
			ask "ALTER TABLE flink.$relation ADD PRIMARY KEY ($(updated_by "$2"))" || exit 1
		keys+=("$relation=$(sink "$3" "$relation")")
	done
	cat "$parts/source.flink.sql" "$parts/$2.flink.sql" >job.sql
	postmaster=$(head -n 1 data/postmaster.pid)
	before=$(cpu_of_children "$postmaster")
	output=$(FLINK_MEMORY=4g TMPDIR=$folder bench/flink/run job.sql "TOPIC=$4" \
		"BOOTSTRAP=$bootstrap" "PARALLELISM=$parallelism" \
		"SIDE_INPUT=$(server), 'table-name' = 'side_input'" "${keys[@]}" 2>flink.log) ||
		{ tail -n 30 flink.log >&2; sa_die "Flink failed in $1"; }
	read -r seconds cpu peak < <(awk '{ printf "%s ", $2 }' <<<"$output")
	cpu=$(awk -v jvm="$cpu" -v before="$before" -v after="$(cpu_of_children "$postmaster")" \
		'BEGIN { printf "%.2f", jvm + after - before }')
	record "$1" "$3" "$seconds" "$cpu" "$peak"
	for relation in $(relations "$2"); do
		[ "$3" = flink ] || cat "flink_files/$relation"/* |
			psql -X -q -v ON_ERROR_STOP=1 -c "COPY flink.$relation FROM STDIN (FORMAT csv)" ||
			exit 1
	done
	[ "$1" = start ] || check_result "$2" flink
	for relation in $(relations "$2"); do
		ask "DROP TABLE flink.$relation" || exit 1
	done
	rm -rf flink_files
}

measure_all()
{
	local run query

	for run in $(seq "$BENCH_RUNS"); do
		progress "run $run of $BENCH_RUNS"
		measure_here start q0 few "$few"
		[ "$NEXMARK_FLINK" = no ] || measure_flink start q0 flink few
		for query in $NEXMARK_QUERIES; do
			measure_here "$query" "$query" events "$BENCH_ROWS"
			[ "$NEXMARK_FLINK" = yes ] && [ -f "$parts/$query.flink.sql" ] || continue
			measure_flink "$query" "$query" flink events
			[ -n "$(updated_by "$query")" ] || measure_flink "$query" "$query" files events
		done
	done
}

trap 'sa_stop_servers "$folder"' EXIT
trap 'exit 130' INT TERM HUP

PGPORT=$(sa_free_ports 1)
# Nobody but Flink may come over TCP, which everyone on this machine can reach.
cat >pg_hba.conf <<-'END'
	local all all trust
	host postgres flink 127.0.0.1/32 scram-sha-256
END
start_postgres "port = $PGPORT" "listen_addresses = '127.0.0.1'" \
	"hba_file = '$folder/pg_hba.conf'"
start_kafka
progress "making $BENCH_ROWS events"
fill_topic events "$BENCH_ROWS"
fill_topic few "$few"
make_tables
make_oracle
write_facts
[ "$NEXMARK_FLINK" = no ] ||
	fact Flink "$(basename "$(ls flink/flink-clients-*.jar)" .jar | sed 's/.*-//')"
# The broker's Java compiles what it runs often: not in a measured run.
bench/bare_consumer "$bootstrap" events >/dev/null || exit 1
measure_all
sa_stop_servers "$folder"
