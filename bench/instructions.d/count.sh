#!/usr/bin/env bash
#
# bench/instructions.d/count.sh
#	  Runs every case under callgrind; leaves the counts in the file "results".
#
# NOTES
#	  Called by bench/instructions in a folder under /tmp that holds a copy of
#	  what is needed, as the user who owns that folder.  Lines of "results",
#	  with tabs:
#
#		fact	NAME	VALUE
#		count	CASE	FUNCTION	INSTRUCTIONS PER ROW
#
#	  A single-user backend runs one statement over BENCH_ROWS rows, another one
#	  over twice as many.  The difference is what so many rows take: the start,
#	  the planning and the first look at every catalog cancel out.
#
#	  Rows that are decoded come from a mock of a broker, the others from an
#	  INSERT into an in-database stream.  The threads of librdkafka run under
#	  callgrind, too, but functions of ours only in the backend's own.
#
#	  Streams and views are made in an ordinary server: a single-user backend has
#	  no event triggers.  There the results are compared afterwards.
#
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tools/lib.sh
. ./env.sh
. bench/servers.sh
. bench/instructions.d/cases.sh

n=$BENCH_ROWS

restart_postgres()
{
	pg_ctl -D data -l postgres.log -w -s start ||
		{ tail -n 20 postgres.log >&2; sa_die "PostgreSQL did not start"; }
}

stop_postgres()
{
	pg_ctl -D data -m fast -w -s stop || sa_die "PostgreSQL did not stop"
}

# One command to the mock of a broker.
broker()
{
	local answer

	echo "$*" >&"${mock[1]}"
	read -r -u "${mock[0]}" answer && [ "$answer" = ok ] || sa_die "broker, $*: ${answer:-gone}"
}

start_broker()
{
	coproc mock { exec sa_mockbroker 1; }
	# shellcheck disable=SC2154
	echo "$mock_PID" >mock.pid
	disown "$mock_PID"
	read -r -u "${mock[0]}" bootstrap || sa_die "the mock of a broker did not start"
}

# A topic of each size.  Messages are small, and the mock forgets beyond 5 MB.
fill_topics()
{
	local rows

	for rows in $n $((2 * n)); do
		broker topic "decode_$rows" 4
		sa_producer -b "$bootstrap" -t "decode_$rows" -n "$rows" --size 100 --keys 1000 \
			--start "$start_s" --step-us "$step_us" || sa_die "the topic could not be filled"
	done
}

# Streams of each size, and views over them.
make_streams()
{
	local name rows

	{
		echo "CREATE SERVER here FOREIGN DATA WRAPPER stream_agg;
			CREATE SERVER kafka FOREIGN DATA WRAPPER stream_agg
				OPTIONS (bootstrap_servers '$bootstrap');
			CREATE USER MAPPING FOR CURRENT_USER SERVER kafka;"
		for name in $cases; do
			for rows in $n $((2 * n)); do
				if [ "$name" = decode ]; then
					echo "CREATE FOREIGN TABLE decode_$rows ($columns) SERVER kafka
						OPTIONS (topic 'decode_$rows', event_time 'event_time');"
				else
					echo "CREATE FOREIGN TABLE ${name}_$rows ($columns) SERVER here
						OPTIONS (event_time 'event_time', batch_rows '$batch_rows');
						CREATE MATERIALIZED VIEW ${name}_${rows}_view
						WITH (stream_agg.continuous) AS
						$(query_of "$name" "${name}_$rows");"
				fi
			done
		done
	} | psql -X -q -v ON_ERROR_STOP=1 || sa_die "the streams could not be made"
}

# The statement of a case, on one line, which is how a single-user backend reads.
statement_of()
{
	if [ "$1" = decode ]; then
		echo "SELECT 'rows: ' || count(*), count(q) FROM ($(query_of decode "decode_$2")) AS q"
	else
		echo "INSERT INTO $1_$2 $(rows_of "$2")"
	fi | tr '\n\t' '  '
}

# count_case CASE ROWS: what each function of the case took, into CASE_ROWS.counts.
count_case()
{
	local name=$1_$2 function taken

	statement_of "$1" "$2" >"$name.sql"
	valgrind --tool=callgrind --callgrind-out-file="$name.callgrind" \
		postgres --single -D data postgres <"$name.sql" >"$name.log" 2>&1 &&
		! grep -E 'ERROR|FATAL|PANIC' "$name.log" ||
		{ tail -n 20 "$name.log" >&2; sa_die "the case \"$1\" failed"; }
	[ "$1" != decode ] || grep -q "\"rows: $2\"" "$name.log" ||
		sa_die "WRONG RESULT: the topic does not have $2 rows"
	callgrind_annotate --inclusive=yes --threshold=100 "$name.callgrind" >"$name.functions" ||
		sa_die "callgrind_annotate failed"
	for function in $(functions_of "$1"); do
		# Lines of the list are "COUNT (PERCENT)  FILE:FUNCTION [LIBRARY]".
		taken=$(awk -v at=":$function" '!/=>/ { line = $0; sub(/ \[[^]]*\]$/, "", line)
				if (substr(line, length(line) - length(at) + 1) == at)
				{ gsub(/,/, "", $1); sum += $1 } }
			END { printf "%.0f", sum }' "$name.functions")
		[ "$taken" -gt 0 ] ||
			sa_die "the case \"$1\" never called $function();
has it another name now? Correct bench/instructions.d/cases.sh"
		printf '%s\t%s\n' "$function" "$taken"
	done >"$name.counts" || exit 1
}

# Dies unless every view holds what its query says about the same rows.
check_results()
{
	local name view differ

	for name in $cases; do
		[ "$name" != decode ] || continue
		view=${name}_$((2 * n))_view
		differ=$(psql -X -q -A -t -v ON_ERROR_STOP=1 <<-END
			CREATE TEMP TABLE rows AS $(rows_of $((2 * n)));
			CREATE TEMP VIEW expected AS $(expected_of "$name" rows);
			SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns
			FROM pg_attribute WHERE attrelid = '$view'::regclass
				AND attnum > 0 AND attname <> 'is_final' \\gset
			SELECT count(*) FROM ((SELECT :columns FROM $view EXCEPT ALL TABLE expected)
				UNION ALL (TABLE expected EXCEPT ALL SELECT :columns FROM $view)) AS d;
		END
		)
		[ "$differ" = 0 ] ||
			sa_die "WRONG RESULT: ${differ:-all} rows of the case \"$name\" differ"
	done
}

# What the counts depend on.
write_versions()
{
	local avx2=without

	! grep -qw avx2 /proc/cpuinfo || avx2=with
	fact versions "$(postgres --version | sed 's/.*) \([0-9]\)/PostgreSQL \1/; s/ (.*//'), $(
		)librdkafka $(pkg-config --modversion rdkafka), $(
		)simdjson $(pkg-config --modversion simdjson), $(
		)$(gcc --version | sed -n '1s/ (.*) / /p'), glibc $(getconf GNU_LIBC_VERSION |
			sed 's/.* //'), $(valgrind --version | tr - ' '), $(uname -m) $avx2 AVX2"
	fact rows "$n"
}

trap 'sa_stop_servers "$folder"' EXIT
trap 'exit 130' INT TERM HUP
: >"$results"
# As few others as possible that write; the last setting counts.
start_postgres "autovacuum = off" "fsync = off" "shared_buffers = 128MB"
start_broker
fill_topics
make_streams
stop_postgres
for name in $cases; do
	progress "  $name"
	count_case "$name" "$n" || exit 1
	count_case "$name" $((2 * n)) || exit 1
	paste "${name}_$n.counts" "${name}_$((2 * n)).counts" |
		awk -v OFS='\t' -v name="$name" -v n="$n" \
			'{ print "count", name, $1, sprintf("%.0f", ($4 - $2) / n) }' >>"$results"
done
write_versions
restart_postgres
check_results
